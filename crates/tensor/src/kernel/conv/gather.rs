//! Convolutions as products whose left operand is gathered from the image: the rows of `C` are
//! places of the output, its columns output channels, and the terms are the elements of all kernels
//! of a channel.

use std::ops::Range;

use super::Convolution;
use super::padded::Frame;
use crate::Float;
use crate::kernel::isa::Isa;
use crate::kernel::matmul::block::Rights;
use crate::kernel::matmul::pack::View;
use crate::kernel::matmul::tile::{CHAIN, Left, Micro, Out, TERMS};
use crate::kernel::parallel::{SharedMut, for_each, for_each_chunk, threads};
use crate::kernel::scratch::Scratch;
use crate::kernel::transpose::{SIDE, transpose};

/// Elements of `C` that are computed at a time, before they are transposed to channels first.
const BLOCK: usize = 1 << 15;
/// Rows of `C` that are enough for one product.
const TOGETHER: usize = 256;
/// Elements of padded images that there are at a time, for each thread.
const SET: usize = 1 << 18;

/// Products of every image with the same weights.
struct Gather<T> {
    isa: Isa,
    micro: Micro<T>,
    batch: usize,
    groups: usize,
    /// Channels of a group that are read.
    channels: usize,
    frame: Frame,
    /// Channels of a group that are written.
    outs: usize,
    /// Rows and columns of what is written.
    target: [usize; 2],
    passes: Vec<Pass<T>>,
}

/// One product an image and group: its places are a grid within the target.
struct Pass<T> {
    /// Offsets of the places in a padded image, and then of the same places in the next ones.
    rows: Vec<isize>,
    /// Offsets of the terms.
    steps: Vec<isize>,
    /// The weights of each group.
    weights: Vec<Rights<T>>,
    /// The first place in the target, the step to the next row and column of the grid, and how
    /// many of both there are.
    first: usize,
    step: [usize; 2],
    across: usize,
    down: usize,
}

impl<T> Pass<T> {
    /// The number of places of an image.
    fn places(&self) -> usize {
        self.across * self.down
    }
}

/// See [`Convolution::forward`].
pub(super) fn forward<T: Float>(conv: &Convolution, x: &[T], w: &[T], y: &mut [T]) {
    let isa = Isa::get();
    let micro = T::micro(isa);
    let frame = Frame { from: conv.image, size: conv.reach(), corner: conv.padding, apart: 1 };
    let terms = conv.inputs * conv.taps();
    let weights = |group: usize| {
        let first = w[group * conv.outputs * terms..].as_ptr();
        let view = View { first, row: 1, col: terms as isize };
        // SAFETY: a group has `outputs` rows of so many terms, which are packed now.
        unsafe { Rights::new(isa, micro.width(conv.outputs), view, terms, conv.outputs, usize::MAX, true) }
    };
    let pass = Pass {
        rows: grid(conv.output, conv.stride, frame.size[1]).collect(),
        steps: steps(conv, &frame),
        weights: (0..conv.groups).map(weights).collect(),
        first: 0,
        step: [conv.output[1], 1],
        across: conv.output[1],
        down: conv.output[0],
    };
    let &Convolution { batch, groups, inputs, outputs, output, .. } = conv;
    let gather = Gather {
        isa,
        micro,
        batch,
        groups,
        channels: inputs,
        frame,
        outs: outputs,
        target: output,
        passes: vec![pass],
    };
    gather.run(x, y);
}

/// Where the elements of the kernels are in a padded image.
pub(super) fn steps(conv: &Convolution, frame: &Frame) -> Vec<isize> {
    let taps = grid(conv.kernel, conv.dilation, frame.size[1]);
    let taps: Vec<isize> = taps.collect();
    (0..conv.inputs).flat_map(|c| taps.iter().map(move |tap| (c * frame.len()) as isize + tap)).collect()
}

/// Offsets of the points of a grid, with these steps, in rows of `width`.
pub(super) fn grid([rows, cols]: [usize; 2], step: [usize; 2], width: usize) -> impl Iterator<Item = isize> {
    (0..rows).flat_map(move |i| (0..cols).map(move |j| (i * step[0] * width + j * step[1]) as isize))
}

/// See [`Convolution::input`]: pixel `u` (with padding) and element `a` of the kernel meet in place
/// `(u − a·dilation) / stride`, if that is a whole number. So for each remainder of `u` there is a
/// product over the elements that have it too.
pub(super) fn input<T: Float>(conv: &Convolution, g: &[T], w: &[T], x: &mut [T]) {
    let isa = Isa::get();
    let micro = T::micro(isa);
    let along = [0, 1].map(|i| Along::new(conv, i));
    let frame = Frame {
        from: conv.output,
        size: [0, 1].map(|i| along[i].zeros + along[i].places.max(conv.output[i])),
        corner: along.each_ref().map(|along| along.zeros),
        apart: 1,
    };
    let mut passes = Vec::new();
    for r in 0..conv.stride[0].min(conv.image[0]) {
        for s in 0..conv.stride[1].min(conv.image[1]) {
            let [down, across] = [along[0].part(r), along[1].part(s)];
            let mut taps: Vec<(usize, isize)> = Vec::new();
            for &(a, i) in &down.taps {
                taps.extend(
                    across.taps.iter().map(|&(b, j)| (a * conv.kernel[1] + b, (i * frame.size[1] + j) as isize)),
                );
            }
            let terms = conv.outputs * taps.len();
            let weights = |group: usize| {
                // Terms by input channels.
                let mut by_terms = vec![T::ZERO; terms * conv.inputs];
                let first = group * conv.outputs;
                for_each_chunk(&mut by_terms, taps.len() * conv.inputs, taps.len() * conv.inputs, |o, by_terms| {
                    for (by_terms, &(tap, _)) in by_terms.chunks_exact_mut(conv.inputs).zip(&taps) {
                        for (c, weight) in by_terms.iter_mut().enumerate() {
                            *weight = w[((first + o) * conv.inputs + c) * conv.taps() + tap];
                        }
                    }
                });
                let view = View { first: by_terms.as_ptr(), row: conv.inputs as isize, col: 1 };
                // SAFETY: `by_terms` has so many rows and columns, which are packed now.
                unsafe { Rights::new(isa, micro.width(conv.inputs), view, terms, conv.inputs, usize::MAX, true) }
            };
            passes.push(Pass {
                rows: grid([down.count, across.count], [1, 1], frame.size[1])
                    .map(|at| at + (down.first * frame.size[1] + across.first) as isize)
                    .collect(),
                steps: (0..conv.outputs)
                    .flat_map(|o| taps.iter().map(move |&(_, at)| (o * frame.len()) as isize + at))
                    .collect(),
                weights: (0..conv.groups).map(weights).collect(),
                first: down.pixel * conv.image[1] + across.pixel,
                step: [conv.stride[0] * conv.image[1], conv.stride[1]],
                across: across.count,
                down: down.count,
            });
        }
    }
    let &Convolution { batch, groups, inputs, outputs, image, .. } = conv;
    Gather { isa, micro, batch, groups, channels: outputs, frame, outs: inputs, target: image, passes }.run(g, x);
}

/// What [`input`] needs to know of one axis.
struct Along {
    image: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
    /// Zeros before the places, for elements that reach before the first.
    zeros: usize,
    /// Places that are read, with those behind the last.
    places: usize,
}

/// The pixels of one remainder.
struct Part {
    /// The first of them, and how many there are, one stride apart.
    pixel: usize,
    count: usize,
    /// The first place, in a padded image, that the first pixel could meet.
    first: usize,
    /// Elements of the kernel, and how many places after `first` the first pixel meets each.
    taps: Vec<(usize, usize)>,
}

impl Along {
    fn new(conv: &Convolution, i: usize) -> Self {
        let (stride, dilation) = (conv.stride[i], conv.dilation[i]);
        let zeros = (conv.kernel[i].max(1) - 1) * dilation / stride;
        let places = (conv.image[i] + conv.padding[i]) / stride + 1;
        Along {
            image: conv.image[i],
            kernel: conv.kernel[i],
            stride,
            dilation,
            padding: conv.padding[i],
            zeros,
            places,
        }
    }

    /// The pixels `pixel`, `pixel + stride` … of the image.
    fn part(&self, pixel: usize) -> Part {
        let u = pixel + self.padding;
        let (place, remainder) = (u / self.stride, u % self.stride);
        let meets = |a: &usize| a * self.dilation % self.stride == remainder;
        // Element `a` meets place `u/stride − a·dilation/stride`, both without remainder.
        let at = |a: usize| (a, self.zeros - a * self.dilation / self.stride);
        Part {
            pixel,
            count: (self.image - pixel).div_ceil(self.stride),
            first: place,
            taps: (0..self.kernel).filter(meets).map(at).collect(),
        }
    }
}

impl<T: Float> Gather<T> {
    fn run(mut self, from: &[T], to: &mut [T]) {
        let (read, padded) =
            (self.channels * self.frame.from[0] * self.frame.from[1], self.channels * self.frame.len());
        // Small images are computed together, for there are no narrow tiles then.
        let places = self.passes.iter().map(|pass| pass.rows.len()).max().unwrap_or(1);
        let together = (TOGETHER / places.max(1)).clamp(1, self.batch);
        for pass in &mut self.passes {
            let image = |i: usize| pass.rows.iter().map(move |at| at + (i * self.groups * padded) as isize);
            pass.rows = (0..together).flat_map(image).collect();
        }
        let block = (BLOCK / self.outs).clamp(4 * SIDE, 8 * SIDE) / SIDE * SIDE;
        let blocks: Vec<(&Pass<T>, Range<usize>)> = self
            .passes
            .iter()
            .flat_map(|pass| {
                let rows = pass.rows.len();
                (0..rows).step_by(block).map(move |first| (pass, first..(first + block).min(rows)))
            })
            .collect();
        let work: usize = self.passes.iter().map(|pass| pass.rows.len() * pass.steps.len() * self.outs).sum();
        let cost = work / (160 / size_of::<T>()) / blocks.len().max(1);
        // Padded images that the caches hold.
        let set =
            (SET * threads() / (self.groups * padded).max(1)).next_multiple_of(together).clamp(together, self.batch);
        let mut memory = self.frame.memory::<T>(set * self.groups * self.channels);
        let out = SharedMut::new(to);
        for first in (0..self.batch).step_by(set) {
            let count = set.min(self.batch - first);
            let len = count * self.groups * padded;
            // SAFETY: there is room for so many elements.
            let images = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), len) };
            for_each_chunk(images, padded.max(1), padded, |i, to| {
                self.frame.fill(&from[(first * self.groups + i) * read..][..read], to);
            });
            let images = &*images;
            for_each(count.div_ceil(together) * self.groups * blocks.len(), cost, |i| {
                let (pass, rows) = &blocks[i % blocks.len()];
                let (group, image) = (i / blocks.len() % self.groups, i / blocks.len() / self.groups * together);
                let rows = rows.start..rows.end.min(pass.places() * (count - image));
                if rows.is_empty() {
                    return;
                }
                let from = images[(image * self.groups + group) * padded..].as_ptr();
                // SAFETY: the offsets are inside of the images; no place is in two blocks.
                unsafe { self.block(pass, from, rows, &out, [first + image, group]) };
            });
        }
    }

    /// Computes some places of all channels of a group, of images from the given one on.
    ///
    /// # Safety
    /// The offsets must be readable from `from` on, and the places must be no other task's.
    unsafe fn block(&self, pass: &Pass<T>, from: *const T, rows: Range<usize>, to: &SharedMut<'_, T>, at: [usize; 2]) {
        let (m, k, n) = (rows.len(), pass.steps.len(), self.outs);
        let mut memory = Scratch::take(m * n * size_of::<T>());
        let block = memory.start().cast::<T>();
        let weights = &pass.weights[at[1]];
        let most = k.max(1).div_ceil(k.max(1).div_ceil(TERMS)).next_multiple_of(CHAIN);
        // SAFETY: the caller's promise; the block has room for `m` rows of `n`.
        unsafe {
            if k == 0 {
                std::slice::from_raw_parts_mut(block, m * n).fill(T::ZERO);
            }
            for j in (0..n).step_by(weights.cols) {
                for p in (0..k).step_by(most) {
                    let left = Left::Gathered {
                        first: from,
                        rows: pass.rows[rows.clone()].as_ptr(),
                        steps: pass.steps[p..].as_ptr(),
                    };
                    let out = Out { first: block.add(j), step: n, add: p > 0 };
                    self.micro.panel(m, most.min(k - p), weights.cols.min(n - j), left, weights.panel(j, p), out);
                }
            }
        }
        // As many rows of the block at a time as are of one image.
        let (places, pixels) = (pass.places(), self.target[0] * self.target[1]);
        let mut row = rows.start;
        while row < rows.end {
            let (image, place) = (at[0] + row / places, row % places);
            let count = (places - place).min(rows.end - row);
            let channel = (image * self.groups + at[1]) * n;
            // SAFETY: rows of the block, and places in the target of this task.
            unsafe {
                let from = block.add((row - rows.start) * n);
                self.write(pass, from, place..place + count, to.as_mut_ptr().add(channel * pixels));
            }
            row += count;
        }
    }

    /// Writes rows of a block, which are places, to the target, whose rows are channels.
    ///
    /// # Safety
    /// `from` must have a row for each place, and `to` be the first channel of a target that has them.
    unsafe fn write(&self, pass: &Pass<T>, from: *const T, places: Range<usize>, to: *mut T) {
        let (n, pixels) = (self.outs, self.target[0] * self.target[1]);
        let dense = pass.step == [pass.across, 1];
        for j in (0..n).step_by(SIDE) {
            let channels = SIDE.min(n - j);
            for p in places.clone().step_by(SIDE) {
                let count = SIDE.min(places.end - p);
                // SAFETY: the caller's promise.
                unsafe {
                    let from = from.add((p - places.start) * n + j);
                    let to = to.add(j * pixels + pass.first);
                    if dense {
                        transpose(self.isa, from, n as isize, to.add(p), pixels as isize, channels, count);
                        continue;
                    }
                    let at = |p: usize| p / pass.across * pass.step[0] + p % pass.across * pass.step[1];
                    for i in 0..count {
                        let place = at(p + i);
                        for c in 0..channels {
                            *to.add(c * pixels + place) = *from.add(i * n + c);
                        }
                    }
                }
            }
        }
    }
}
