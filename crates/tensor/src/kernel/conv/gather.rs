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
    /// Offsets of the places in a padded image.
    rows: Vec<isize>,
    /// Offsets of the terms.
    steps: Vec<isize>,
    /// The weights of each group.
    weights: Vec<Rights<T>>,
    /// The first place in the target, the step to the next row and column of the grid, and its
    /// number of columns.
    first: usize,
    step: [usize; 2],
    across: usize,
}

/// See [`Convolution::forward`].
pub(super) fn forward<T: Float>(conv: &Convolution, x: &[T], w: &[T], y: &mut [T]) {
    let isa = Isa::get();
    let micro = T::micro(isa);
    let frame = Frame { from: conv.image, size: conv.reach(), corner: conv.padding };
    let terms = conv.inputs * conv.taps();
    let weights = |group: usize| {
        let first = w[group * conv.outputs * terms..].as_ptr();
        let view = View { first, row: 1, col: terms as isize };
        // SAFETY: a group has `outputs` rows of so many terms, which are packed now.
        unsafe { Rights::new(isa, micro, view, terms, conv.outputs, usize::MAX, true) }
    };
    let pass = Pass {
        rows: grid(conv.output, conv.stride, frame.size[1]).collect(),
        steps: steps(conv, &frame),
        weights: (0..conv.groups).map(weights).collect(),
        first: 0,
        step: [conv.output[1], 1],
        across: conv.output[1],
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
                unsafe { Rights::new(isa, micro, view, terms, conv.inputs, usize::MAX, true) }
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
    fn run(&self, from: &[T], to: &mut [T]) {
        let (read, pixels) = (self.channels * self.frame.from[0] * self.frame.from[1], self.target[0] * self.target[1]);
        let (padded, written) = (self.channels * self.frame.len(), self.outs * pixels);
        let images = self.batch * self.groups;
        let places = (BLOCK / self.outs).clamp(SIDE, 8 * SIDE) / SIDE * SIDE;
        let chunks: Vec<(&Pass<T>, Range<usize>)> = self
            .passes
            .iter()
            .flat_map(|pass| {
                let rows = pass.rows.len();
                (0..rows).step_by(places).map(move |first| (pass, first..(first + places).min(rows)))
            })
            .collect();
        let out = SharedMut::new(to);
        let work: usize = self.passes.iter().map(|pass| pass.rows.len() * pass.steps.len() * self.outs).sum();
        let cost = work / (160 / size_of::<T>()) + padded;
        let fill = |image: usize, to: &mut [T]| self.frame.fill(&from[image * read..][..read], to);
        let block = |padded: *const T, image: usize, (pass, places): &(&Pass<T>, Range<usize>)| {
            // SAFETY: each chunk of an image is computed once, by one task; all offsets are inside of
            // a padded image.
            unsafe { self.chunk(pass, image, padded, places.clone(), out.as_mut_ptr().add(image * written)) };
        };
        if images >= 4 * threads() || threads() == 1 {
            for_each(images, cost, |image| {
                let mut memory = self.frame.memory::<T>(self.channels);
                // SAFETY: there is room for so many elements.
                let to = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), padded) };
                fill(image, to);
                chunks.iter().for_each(|chunk| block(to.as_ptr(), image, chunk));
            });
        } else {
            let mut memory = self.frame.memory::<T>(images * self.channels);
            // SAFETY: there is room for so many elements.
            let all = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), images * padded) };
            for_each_chunk(all, padded, padded, fill);
            let all = &*all;
            for_each(images * chunks.len(), cost / chunks.len().max(1), |i| {
                let image = i / chunks.len();
                block(all[image * padded..].as_ptr(), image, &chunks[i % chunks.len()]);
            });
        }
    }

    /// Computes some places of all channels, and writes them to `to`.
    ///
    /// # Safety
    /// The offsets must be inside of `padded`, and `to` have room for the channels of a group.
    unsafe fn chunk(&self, pass: &Pass<T>, image: usize, padded: *const T, places: Range<usize>, to: *mut T) {
        let (m, k, n) = (places.len(), pass.steps.len(), self.outs);
        let mut memory = Scratch::take(m * n * size_of::<T>());
        let block = memory.start().cast::<T>();
        let weights = &pass.weights[image % self.groups];
        let most = k.max(1).div_ceil(k.max(1).div_ceil(TERMS)).next_multiple_of(CHAIN);
        // SAFETY: the caller's promise; the block has room for `m` rows of `n`.
        unsafe {
            if k == 0 {
                std::slice::from_raw_parts_mut(block, m * n).fill(T::ZERO);
            }
            for j in (0..n).step_by(self.micro.cols) {
                for p in (0..k).step_by(most) {
                    let left = Left::Gathered {
                        first: padded,
                        rows: pass.rows[places.clone()].as_ptr(),
                        steps: pass.steps[p..].as_ptr(),
                    };
                    let out = Out { first: block.add(j), step: n, add: p > 0 };
                    self.micro.panel(m, most.min(k - p), self.micro.cols.min(n - j), left, weights.panel(j, p), out);
                }
            }
            self.write(pass, places, block, to);
        }
    }

    /// Writes a block, whose rows are places, to the target, whose rows are channels.
    ///
    /// # Safety
    /// As for [`Gather::chunk`].
    unsafe fn write(&self, pass: &Pass<T>, places: Range<usize>, block: *const T, to: *mut T) {
        let (n, pixels) = (self.outs, self.target[0] * self.target[1]);
        let dense = pass.step == [pass.across, 1];
        for j in (0..n).step_by(SIDE) {
            let channels = SIDE.min(n - j);
            for p in places.clone().step_by(SIDE) {
                let count = SIDE.min(places.end - p);
                // SAFETY: the caller's promise.
                unsafe {
                    let from = block.add((p - places.start) * n + j);
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
