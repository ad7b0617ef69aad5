//! Convolutions as products whose left operand is gathered from the image: the rows of `C` are
//! places of the output, its columns output channels, and the terms are the elements of all kernels
//! of a channel.

use std::ops::Range;

use super::Convolution;
use super::along;
use super::padded::Frame;
use super::terms::{Outside, Rows, Terms, runs};
use crate::Float;
use crate::kernel::isa::Isa;
use crate::kernel::matmul::block::Rights;
use crate::kernel::matmul::pack::View;
use crate::kernel::matmul::tile::{CHAIN, Left, Micro, Out, Right, TERMS};
use crate::kernel::parallel::{SharedMut, for_each, for_each_chunk, threads};
use crate::kernel::scratch::Scratch;
use crate::kernel::transpose::{SIDE, transpose};

/// Elements of `C` that are computed at a time, before they are transposed to channels first.
const BLOCK: usize = 1 << 15;
/// Rows of `C` that are enough for one product.
const TOGETHER: usize = 512;
/// Tasks for each thread that are enough.
const TASKS: usize = 4;
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
    /// Where the places begin in a padded image, along both axes.
    places: [Vec<usize>; 2],
    terms: Terms,
    /// The weights of each group.
    weights: Vec<Rights<T>>,
    /// The first place in the target, and the step to the next row and column of the grid.
    first: usize,
    step: [usize; 2],
}

impl<T> Pass<T> {
    /// The number of places of an image.
    fn count(&self) -> usize {
        self.places[0].len() * self.places[1].len()
    }

    /// The places of these numbers, counted on through images that are so far apart, in groups that
    /// need the same terms.
    fn group(&mut self, numbers: &Range<usize>, frame: &Frame, image: usize) -> Rows {
        let count = self.count();
        let (terms, [down, across]) = (&mut self.terms, &self.places);
        let kinds = [0, 1].map(|axis| runs(self.places[axis].len(), |i| terms.inside(axis, self.places[axis][i])));
        let mut rows = Rows::with_capacity(numbers.len());
        for (is, above) in &kinds[0] {
            for (js, before) in &kinds[1] {
                for of in numbers.start / count..numbers.end.div_ceil(count) {
                    for i in is.clone() {
                        let first = of * count + i * across.len();
                        let from = numbers.start.saturating_sub(first).clamp(js.start, js.end);
                        let end = numbers.end.saturating_sub(first).clamp(from, js.end);
                        for (j, col) in (from..end).zip(&across[from..end]) {
                            let at = of * image + down[i] * frame.step() + col;
                            rows.push(terms, [at as isize, (first + j - numbers.start) as isize], [*above, *before]);
                        }
                    }
                }
            }
        }
        rows.close(terms);
        rows
    }
}

/// See [`Convolution::forward`].
pub(super) fn forward<T: Float>(conv: &Convolution, x: &[T], w: &[T], y: &mut [T], outside: Outside) {
    let isa = Isa::get();
    let micro = T::micro(isa);
    let frame = Frame { from: conv.image, size: conv.reach(), corner: conv.padding, apart: [1, 1] };
    let terms = conv.terms();
    let weights = |group: usize| {
        let first = w[group * conv.outputs * terms..].as_ptr();
        let view = View { first, row: 1, col: terms as isize };
        // SAFETY: a group has `outputs` rows of so many terms, which are packed now.
        unsafe { Rights::new(isa, micro.width(conv.outputs), view, terms, conv.outputs, usize::MAX, true) }
    };
    let pass = Pass {
        places: grid(conv.output, conv.stride),
        terms: Terms::new(frame, conv.inputs, grid(conv.kernel, conv.dilation), outside),
        weights: (0..conv.groups).map(weights).collect(),
        first: 0,
        step: [conv.output[1], 1],
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

/// So many points along each axis, with these steps.
pub(super) fn grid(count: [usize; 2], step: [usize; 2]) -> [Vec<usize>; 2] {
    [0, 1].map(|axis| (0..count[axis]).map(|i| i * step[axis]).collect())
}

/// See [`Convolution::input`]: one product for each position within a stride.
pub(super) fn input<T: Float>(conv: &Convolution, g: &[T], w: &[T], x: &mut [T], outside: Outside) {
    let isa = Isa::get();
    let micro = T::micro(isa);
    let (frame, parts) = along::parts(conv);
    let mut passes = Vec::new();
    for [down, across] in parts {
        let taps: Vec<usize> = down
            .taps
            .iter()
            .flat_map(|&(a, _)| across.taps.iter().map(move |&(b, _)| a * conv.kernel[1] + b))
            .collect();
        let terms = conv.outputs * taps.len();
        let weights = |group: usize| {
            // Terms by input channels.
            let mut memory = Scratch::take(terms * conv.inputs * size_of::<T>());
            // SAFETY: there is room for so many elements, of which every bit pattern is one.
            let by_terms = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), terms * conv.inputs) };
            let first = group * conv.outputs;
            for_each_chunk(by_terms, taps.len() * conv.inputs, taps.len() * conv.inputs, |o, by_terms| {
                let kernels = &w[(first + o) * conv.terms()..][..conv.terms()];
                for (to, &tap) in by_terms.chunks_exact_mut(conv.inputs).zip(&taps) {
                    to.iter_mut().zip(kernels[tap..].iter().step_by(conv.taps())).for_each(|(to, &w)| *to = w);
                }
            });
            let view = View { first: by_terms.as_ptr(), row: conv.inputs as isize, col: 1 };
            // SAFETY: `by_terms` has so many rows and columns, which are packed now.
            unsafe { Rights::new(isa, micro.width(conv.inputs), view, terms, conv.inputs, usize::MAX, true) }
        };
        passes.push(Pass {
            places: [&down, &across].map(|part| (part.first..part.first + part.count).collect()),
            terms: Terms::new(
                frame,
                conv.outputs,
                [&down, &across].map(|part| part.taps.iter().map(|&(_, at)| at).collect()),
                outside,
            ),
            weights: (0..conv.groups).map(weights).collect(),
            first: down.pixel * conv.image[1] + across.pixel,
            step: [conv.stride[0] * conv.image[1], conv.stride[1]],
        });
    }
    let &Convolution { batch, groups, inputs, outputs, image, .. } = conv;
    Gather { isa, micro, batch, groups, channels: outputs, frame, outs: inputs, target: image, passes }.run(g, x);
}

impl<T: Float> Gather<T> {
    fn run(mut self, from: &[T], to: &mut [T]) {
        let (read, padded) =
            (self.channels * self.frame.from[0] * self.frame.from[1], self.channels * self.frame.len());
        // Small images are computed together, for there are few narrow tiles then.
        let places = self.passes.iter().map(Pass::count).max().unwrap_or(1);
        let together = (TOGETHER / places.max(1)).clamp(1, self.batch);
        let together = self.batch.div_ceil(self.batch.div_ceil(together));
        let block = (BLOCK / self.outs).clamp(4 * SIDE, 8 * SIDE) / SIDE * SIDE;
        let mut blocks: Vec<(usize, Range<usize>, Rows)> = Vec::new();
        for (i, pass) in self.passes.iter_mut().enumerate() {
            let rows = together * pass.count();
            for first in (0..rows).step_by(block) {
                let numbers = first..(first + block).min(rows);
                let rows = pass.group(&numbers, &self.frame, self.groups * padded);
                blocks.push((i, numbers, rows));
            }
        }
        let work: usize = self.passes.iter().map(|pass| pass.count() * pass.terms.count()).sum();
        let cost = together * work * self.outs / (160 / size_of::<T>()) / blocks.len().max(1);
        // Padded images that the caches hold; of those that are computed together the last may be missing.
        let set =
            (SET * threads() / (self.groups * padded * together).max(1)).max(1).min(self.batch.div_ceil(together))
                * together;
        let mut memory = self.frame.memory::<T>(set * self.groups * self.channels);
        let out = SharedMut::new(to);
        for first in (0..self.batch).step_by(set) {
            let count = set.min(self.batch - first);
            // SAFETY: there is room for so many elements.
            let images =
                unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), set * self.groups * padded) };
            for_each_chunk(&mut images[..count * self.groups * padded], padded.max(1), padded, |i, to| {
                self.frame.fill(&from[(first * self.groups + i) * read..][..read], to);
            });
            let images = &*images;
            let count_of_blocks = count.div_ceil(together) * self.groups * blocks.len();
            // Few blocks are cut into parts of their channels, so that all threads have some.
            let wanted = if threads() == 1 { 1 } else { (TASKS * threads()).div_ceil(count_of_blocks.max(1)) };
            let width = self.micro.width(self.outs);
            let part = self.outs.div_ceil(width).div_ceil(wanted) * width;
            let parts = self.outs.div_ceil(part);
            for_each(count_of_blocks * parts, cost / parts, |i| {
                let (i, first_channel) = (i / parts, i % parts * part);
                let channels = first_channel..self.outs.min(first_channel + part);
                let (pass, numbers, rows) = &blocks[i % blocks.len()];
                let pass = &self.passes[*pass];
                let (group, image) = (i / blocks.len() % self.groups, i / blocks.len() / self.groups * together);
                let numbers = numbers.start..numbers.end.min(pass.count() * (count - image));
                if numbers.is_empty() {
                    return;
                }
                let from = images[(image * self.groups + group) * padded..].as_ptr();
                // SAFETY: the offsets are inside of the images; no place is in two blocks.
                unsafe { self.block(pass, from, rows, numbers, channels, &out, [first + image, group]) };
            });
        }
    }

    /// Computes some places of whole panels of channels of a group, of images from the given one on, and writes
    /// those of these numbers.
    ///
    /// # Safety
    /// The offsets must be readable from `from` on, and the places of these channels must be no other task's.
    #[allow(clippy::too_many_arguments)]
    unsafe fn block(
        &self,
        pass: &Pass<T>,
        from: *const T,
        rows: &Rows,
        numbers: Range<usize>,
        channels: Range<usize>,
        to: &SharedMut<'_, T>,
        at: [usize; 2],
    ) {
        let n = channels.len();
        let mut memory = Scratch::take(rows.count() * n * size_of::<T>());
        let block = memory.start().cast::<T>();
        let weights = &pass.weights[at[1]];
        for j in (0..n).step_by(weights.cols) {
            let cols = weights.cols.min(n - j);
            rows.each(&pass.terms, |rows, terms| {
                let (right, to) = (weights.panel(channels.start + j, 0), block.wrapping_add(j));
                // SAFETY: the caller's promise; the block has room for all rows of `n`.
                unsafe { gathered(&self.micro, from, rows, terms, right, to, n, cols, false) };
            });
        }
        // As many rows of the block at a time as are of one image.
        let (places, pixels) = (pass.count(), self.target[0] * self.target[1]);
        let mut row = numbers.start;
        while row < numbers.end {
            let (image, place) = (at[0] + row / places, row % places);
            let count = (places - place).min(numbers.end - row);
            let channel = (image * self.groups + at[1]) * self.outs + channels.start;
            // SAFETY: rows of the block, and places in the target of this task.
            unsafe {
                let from = block.add((row - numbers.start) * n);
                self.write(pass, from, n, place..place + count, to.as_mut_ptr().add(channel * pixels));
            }
            row += count;
        }
    }

    /// Writes rows of `n` channels of a block, which are places, to the target, whose rows are channels.
    ///
    /// # Safety
    /// `from` must have a row for each place, and `to` be the first channel of a target that has them.
    unsafe fn write(&self, pass: &Pass<T>, from: *const T, n: usize, places: Range<usize>, to: *mut T) {
        let pixels = self.target[0] * self.target[1];
        let across = pass.places[1].len();
        let dense = pass.step == [across, 1];
        // Places of a grid with gaps are brought in order first: a channel is written from one end to the other.
        let mut memory = Scratch::take(if dense { 0 } else { SIDE * SIDE * size_of::<T>() });
        let mut ordered = [0; SIDE];
        for p in places.clone().step_by(SIDE) {
            let count = SIDE.min(places.end - p);
            for (i, at) in ordered[..if dense { 0 } else { count }].iter_mut().enumerate() {
                *at = (p + i) / across * pass.step[0] + (p + i) % across * pass.step[1];
            }
            for j in (0..n).step_by(SIDE) {
                let channels = SIDE.min(n - j);
                // SAFETY: the caller's promise; there is room for all channels and places of a side.
                unsafe {
                    let from = from.add((p - places.start) * n + j);
                    let to = to.add(j * pixels + pass.first);
                    if dense {
                        transpose(self.isa, from, n as isize, to.add(p), pixels as isize, channels, count);
                        continue;
                    }
                    let side = memory.start().cast::<T>();
                    transpose(self.isa, from, n as isize, side, SIDE as isize, channels, count);
                    for c in 0..channels {
                        for (i, at) in ordered[..count].iter().enumerate() {
                            *to.add(c * pixels + at) = *side.add(c * SIDE + i);
                        }
                    }
                }
            }
        }
    }
}

/// Rows of `C` that need the same terms, in columns `cols` of `step`, written or added to.
///
/// # Safety
/// The offsets must be readable from `from` on, and all terms of `right`; there must be such rows of `C`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(super) unsafe fn gathered<T: Float>(
    micro: &Micro<T>,
    from: *const T,
    rows: &[[isize; 2]],
    terms: &[[isize; 2]],
    right: Right<T>,
    to: *mut T,
    step: usize,
    cols: usize,
    add: bool,
) {
    if terms.is_empty() && !add {
        for row in rows {
            // SAFETY: the caller's promise.
            unsafe { std::slice::from_raw_parts_mut(to.offset(row[1] * step as isize), cols).fill(T::ZERO) };
        }
    }
    let most = terms.len().div_ceil(terms.len().div_ceil(TERMS).max(1)).next_multiple_of(CHAIN);
    for (i, terms) in terms.chunks(most.max(1)).enumerate() {
        let left = Left::Gathered { first: from, rows: rows.as_ptr(), steps: terms.as_ptr() };
        let out = Out { first: to, step, add: add || i > 0 };
        // SAFETY: the caller's promise.
        unsafe { micro.panel(rows.len(), terms.len(), cols, left, right, out) };
    }
}
