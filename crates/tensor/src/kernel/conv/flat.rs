//! Convolutions as sums over shifted images: where pixels of one remainder with respect to the stride lie side by
//! side, all places of an output, row after row, are one array that each term adds a part of the padded image to.
//! Between the rows are places that are computed, and not written.

use super::Convolution;
use super::along;
use super::gather::gathered;
use super::padded::Frame;
use crate::Float;
use crate::kernel::isa::Isa;
use crate::kernel::matmul::pack::copy;
use crate::kernel::matmul::tile::Right;
use crate::kernel::parallel::{SharedMut, for_each, for_each_chunk};
use crate::kernel::scratch::Scratch;

/// Places of all images of which products are computed here: about as many as vectors of one tile have.
pub(super) const FEW: usize = 56;
/// Channels of a task of products: few enough for their weights to stay in the second-level cache.
const ROWS: usize = 16;

/// Sums from the channels of a group to others, whether of the image or of its cotangent.
pub(super) struct Flat {
    /// The number of images.
    pub(super) batch: usize,
    pub(super) groups: usize,
    /// Channels of a group that are read, and elements of each.
    pub(super) read: [usize; 2],
    /// Channels of a group that are written, and elements of each.
    pub(super) written: [usize; 2],
    /// Weights from one written channel to the next, and from one group to the next.
    pub(super) weights: [usize; 2],
    pub(super) frame: Frame,
    pub(super) passes: Vec<Pass>,
}

/// Some places of what is written.
pub(super) struct Pass {
    /// Rows and columns.
    pub(super) count: [usize; 2],
    /// Where the weight of each term is, and where the pixel is that it meets in the first place.
    pub(super) terms: Vec<[isize; 2]>,
    /// The first place in a channel that is written, and the step to the next row and column.
    pub(super) first: usize,
    pub(super) step: [usize; 2],
}

impl Flat {
    /// See [`Convolution::forward`].
    pub(super) fn forward(conv: &Convolution) -> Flat {
        let frame = Frame { from: conv.image, size: conv.reach(), corner: conv.padding, apart: conv.stride };
        let at = |i: usize| {
            let (c, a, b) = (i / conv.taps(), i % conv.taps() / conv.kernel[1], i % conv.kernel[1]);
            [i, c * frame.len() + frame.place([a * conv.dilation[0], b * conv.dilation[1]])].map(|at| at as isize)
        };
        let terms = conv.terms();
        let pass =
            Pass { count: conv.output, terms: (0..terms).map(at).collect(), first: 0, step: [conv.output[1], 1] };
        Flat {
            batch: conv.batch,
            groups: conv.groups,
            read: [conv.inputs, conv.pixels()],
            written: [conv.outputs, conv.places()],
            weights: [terms, conv.outputs * terms],
            frame,
            passes: vec![pass],
        }
    }

    /// See [`Convolution::input`]: one sum for each position within a stride.
    pub(super) fn input(conv: &Convolution) -> Flat {
        let (frame, parts) = along::parts(conv);
        let pass = |[down, across]: [along::Part; 2]| {
            let first = down.first * frame.step() + across.first;
            let taps = || down.taps.iter().flat_map(|&a| across.taps.iter().map(move |&b| (a, b)));
            let term = |o: usize, ((a, i), (b, j)): ((usize, usize), (usize, usize))| {
                let weight = o * conv.terms() + a * conv.kernel[1] + b;
                [weight, o * frame.len() + first + i * frame.step() + j].map(|at| at as isize)
            };
            Pass {
                count: [down.count, across.count],
                terms: (0..conv.outputs).flat_map(|o| taps().map(move |tap| term(o, tap))).collect(),
                first: down.pixel * conv.image[1] + across.pixel,
                step: [conv.stride[0] * conv.image[1], conv.stride[1]],
            }
        };
        Flat {
            batch: conv.batch,
            groups: conv.groups,
            read: [conv.outputs, conv.places()],
            written: [conv.inputs, conv.pixels()],
            weights: [conv.taps(), conv.outputs * conv.terms()],
            frame,
            passes: parts.into_iter().map(pass).collect(),
        }
    }

    /// All of it as products whose left operand is the weights, where they are: for so few places that packing
    /// them would take long.
    pub(super) fn products<T: Float>(&self, from: &[T], w: &[T], to: &mut [T]) {
        let ([read, pixels], [written, places]) = (self.read, self.written);
        let (padded, images) = (read * self.frame.len(), self.batch * self.groups);
        let micro = T::micro(Isa::get());
        let mut memory = self.frame.memory::<T>(images * read);
        // SAFETY: there is room for so many elements.
        let frames = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), images * padded) };
        for_each_chunk(frames, padded.max(1), padded, |i, to| {
            self.frame.fill(&from[i * read * pixels..][..read * pixels], to)
        });
        let (frames, out, blocks) = (&*frames, SharedMut::new(to), written.div_ceil(ROWS));
        let work: usize = self.passes.iter().map(|pass| pass.terms.len() * pass.len(&self.frame)).sum();
        for_each(images * blocks, ROWS.min(written) * work / (160 / size_of::<T>()), |task| {
            let (image, channels) = (task / blocks, task % blocks * ROWS..written.min((task % blocks + 1) * ROWS));
            let w = w[image % self.groups * self.weights[1] + channels.start * self.weights[0]..].as_ptr();
            let rows: Vec<[isize; 2]> =
                (0..channels.len()).map(|o| [o * self.weights[0], o].map(|at| at as isize)).collect();
            for pass in &self.passes {
                let n = pass.len(&self.frame);
                let mut memory = Scratch::take(rows.len() * n * size_of::<T>());
                let (block, width) = (memory.start().cast::<T>(), micro.width(n));
                for j in (0..n).step_by(width) {
                    let cols = width.min(n - j);
                    let first = frames[image * padded + j..].as_ptr();
                    // SAFETY: all terms of all places are in the padded image, and in the weights of these
                    // channels; the block has room for their rows.
                    unsafe {
                        let right = Right { first, step: 1, ahead: 0 };
                        gathered(&micro, w, &rows, &pass.terms, right, block.add(j), n, cols, false);
                    }
                }
                for (o, channel) in channels.clone().enumerate() {
                    // SAFETY: a row of the block, and places of a channel that are no other task's.
                    unsafe {
                        let to = out.as_mut_ptr().add((image * written + channel) * places + pass.first);
                        pass.write(block.add(o * n), self.frame.step(), pass.count[0], to);
                    }
                }
            }
        });
    }
}

impl Pass {
    /// Places that are computed, with those between the rows.
    pub(super) fn len(&self, frame: &Frame) -> usize {
        let [rows, cols] = self.count;
        if rows * cols == 0 { 0 } else { (rows - 1) * frame.step() + cols }
    }

    /// Writes some rows of what was computed, which are `step` apart there.
    ///
    /// # Safety
    /// They must be there, and there must be room for them.
    #[inline(always)]
    pub(super) unsafe fn write<T: Float>(&self, from: *const T, step: usize, rows: usize, to: *mut T) {
        let cols = self.count[1];
        for i in 0..rows {
            // SAFETY: the caller's promise.
            unsafe {
                let (from, to) = (from.add(i * step), to.add(i * self.step[0]));
                if self.step[1] == 1 {
                    copy(from, to, cols);
                } else {
                    for j in 0..cols {
                        *to.add(j * self.step[1]) = *from.add(j);
                    }
                }
            }
        }
    }
}
