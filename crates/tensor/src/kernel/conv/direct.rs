//! Convolutions of groups of few channels: vectors go along the rows of the image.

use super::Convolution;
use super::along;
use super::padded::{Frame, SLACK};
use crate::Float;
use crate::kernel::isa::{Isa, multiversion};
use crate::kernel::matmul::tile::CHAIN;
use crate::kernel::parallel::{SharedMut, for_each, for_each_chunk};
use crate::kernel::scratch::Scratch;

/// Elements of a row that are computed at a time.
const LANES: usize = 16;
/// Elements of a task that is small.
const TASK: usize = 1 << 11;
/// Vectors of these that are computed at a time, of one channel: enough to hide the latency of an addition.
const VECTORS: usize = 4;
/// Elements of kernels whose gradients are summed at a time: two fifths, or five, are the usual kernels.
const TAPS: usize = 5;
/// Channels that are computed at a time.
pub(super) const TOGETHER: usize = 4;

/// See [`Convolution::forward`].
pub(super) fn forward<T: Float>(conv: &Convolution, x: &[T], w: &[T], y: &mut [T]) {
    let frame = frame(conv);
    let (starts, terms) = (starts(conv, &frame), conv.inputs * conv.taps());
    let (read, written) = (conv.inputs * conv.pixels(), conv.outputs * conv.places());
    let grid = Grid {
        rows: conv.output[0],
        cols: conv.output[1],
        from: conv.stride[0] * frame.width(),
        to: [conv.output[1], 1],
    };
    let many = (TASK / written).max(1);
    for_each_chunk(y, many * written, many * cost(conv), |task, y| {
        let mut memory = frame.memory::<T>(conv.inputs);
        for (i, y) in (task * many..).zip(y.chunks_mut(written)) {
            let padded = padded(&frame, conv.inputs, &x[i * read..][..read], &mut memory);
            let w = &w[i % conv.groups * conv.outputs * terms..];
            planes(conv.outputs, &grid, &starts, w, padded, y, conv.places());
        }
    });
}

/// See [`Convolution::input`]: one sum for each position within a stride.
pub(super) fn input<T: Float>(conv: &Convolution, g: &[T], w: &[T], x: &mut [T]) {
    let (frame, parts) = along::parts(conv);
    let mut passes = Vec::new();
    for [down, across] in parts {
        let taps = || down.taps.iter().flat_map(|&a| across.taps.iter().map(move |&b| (a, b)));
        let first = down.first * frame.width() + across.first;
        let starts: Vec<usize> = (0..conv.outputs)
            .flat_map(|o| taps().map(move |((_, i), (_, j))| o * frame.len() + first + i * frame.width() + j))
            .collect();
        // Of each input channel.
        let mut weights = Vec::with_capacity(conv.groups * conv.inputs * starts.len());
        for channel in 0..conv.groups * conv.inputs {
            for o in 0..conv.outputs {
                let kernel = (channel / conv.inputs * conv.outputs + o) * conv.inputs + channel % conv.inputs;
                let kernel = &w[kernel * conv.taps()..][..conv.taps()];
                weights.extend(taps().map(|((a, _), (b, _))| kernel[a * conv.kernel[1] + b]));
            }
        }
        let to = [conv.stride[0] * conv.image[1], conv.stride[1]];
        let grid = Grid { rows: down.count, cols: across.count, from: frame.width(), to };
        passes.push((grid, starts, weights, down.pixel * conv.image[1] + across.pixel));
    }
    let (read, written) = (conv.outputs * conv.places(), conv.inputs * conv.pixels());
    let many = (TASK / written).max(1);
    for_each_chunk(x, many * written, many * cost(conv), |task, x| {
        let mut memory = frame.memory::<T>(conv.outputs);
        for (i, x) in (task * many..).zip(x.chunks_mut(written)) {
            let padded = padded(&frame, conv.outputs, &g[i * read..][..read], &mut memory);
            for (grid, starts, weights, first) in &passes {
                let w = &weights[i % conv.groups * conv.inputs * starts.len()..];
                planes(conv.inputs, grid, starts, w, padded, &mut x[*first..], conv.pixels());
            }
        }
    });
}

/// See [`Convolution::weight`]; NaN if the images or their cotangents are not finite.
pub(super) fn weight<T: Float>(conv: &Convolution, x: &[T], g: &[T], w: &mut [T]) {
    let (frame, [height, width]) = (frame(conv), conv.output);
    let rows = Frame { from: conv.output, size: [height, width.next_multiple_of(LANES)], corner: [0, 0], apart: 1 };
    let (starts, step) = (starts(conv, &frame), conv.stride[0] * frame.width());
    let (inner, outer) = (conv.inputs * conv.pixels(), conv.outputs * conv.places());
    let len = conv.outputs * conv.inputs * conv.taps();
    let out = SharedMut::new(w);
    for_each(conv.groups, cost(conv) * conv.batch, |group| {
        // SAFETY: the kernels of a group are no other task's.
        let w = unsafe { out.slice(group * len..(group + 1) * len) };
        let (mut memory, mut row_memory) = (frame.memory::<T>(conv.inputs), rows.memory::<T>(conv.outputs));
        let mut sums = vec![[T::ZERO; LANES]; len];
        for image in 0..conv.batch {
            let i = image * conv.groups + group;
            let padded = padded(&frame, conv.inputs, &x[i * inner..][..inner], &mut memory);
            let g = self::padded(&rows, conv.outputs, &g[i * outer..][..outer], &mut row_memory);
            // SAFETY: the instruction set is this machine's.
            unsafe { products(Isa::get(), rows.size, step, &starts, padded, g, &mut sums) };
        }
        for (w, sums) in w.iter_mut().zip(&mut sums) {
            let mut half = LANES / 2;
            while half > 0 {
                for l in 0..half {
                    sums[l] += sums[l + half];
                }
                half /= 2;
            }
            *w = sums[0];
        }
    });
}

/// Images with their padding, and with [`SLACK`] of zeros.
fn padded<'a, T: Float>(frame: &Frame, images: usize, from: &[T], memory: &'a mut Scratch) -> &'a [T] {
    let len = images * frame.len();
    // SAFETY: there is room for so many elements.
    let padded = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), len + SLACK) };
    frame.fill(from, &mut padded[..len]);
    padded[len..].fill(T::ZERO);
    padded
}

/// What the kernel meets at once lies side by side.
fn frame(conv: &Convolution) -> Frame {
    Frame { from: conv.image, size: conv.reach(), corner: conv.padding, apart: conv.stride[1] }
}

/// The estimated time of an image and group.
fn cost(conv: &Convolution) -> usize {
    conv.inputs * conv.outputs * conv.taps() * conv.places() / 8
}

/// Where the elements of the kernels of all channels of a group begin.
fn starts(conv: &Convolution, frame: &Frame) -> Vec<usize> {
    let at = |i: usize| {
        let (c, a, b) = (i / conv.taps(), i % conv.taps() / conv.kernel[1], i % conv.kernel[1]);
        c * frame.len() + a * conv.dilation[0] * frame.width() + frame.column(b * conv.dilation[1])
    };
    (0..conv.inputs * conv.taps()).map(at).collect()
}

/// What is computed, and from where to where.
struct Grid {
    rows: usize,
    cols: usize,
    /// From one row to the next in the padded images.
    from: usize,
    /// From one row and column to the next in what is written.
    to: [usize; 2],
}

/// All channels that are written, `plane` apart from one to the next; their weights follow one another.
#[rustfmt::skip]
fn planes<T: Float>(
    channels: usize, grid: &Grid, starts: &[usize], w: &[T], padded: &[T], y: &mut [T], plane: usize,
) {
    let isa = Isa::get();
    let weights = |o: usize| &w[o * starts.len()..][..starts.len()];
    // SAFETY: the instruction set is this machine's.
    unsafe {
        if channels < TOGETHER {
            return (0..channels).for_each(|o| rows(isa, grid, starts, weights(o), padded, &mut y[o * plane..]));
        }
        for o in (0..channels).step_by(TOGETHER) {
            // The last ones begin earlier, rather than being fewer.
            let o = o.min(channels - TOGETHER);
            let w = std::array::from_fn(|i| weights(o + i));
            rows_together(isa, grid, starts, w, padded, &mut y[o * plane..], plane);
        }
    }
}

multiversion! {
    /// Sums over the elements that begin at these places, times `w`, of several vectors at a time; `padded` has
    /// [`SLACK`].
    ///
    /// # Safety
    /// None.
    unsafe fn rows[T: Float](grid: &Grid, starts: &[usize], w: &[T], padded: &[T], y: &mut [T]) {
        let last = [grid.rows.saturating_sub(1), grid.cols.saturating_sub(1) / LANES * LANES];
        let reach = last[0] * grid.from + last[1] + starts.iter().max().unwrap_or(&0) + LANES;
        assert!(reach <= padded.len() && w.len() == starts.len(), "conv: elements behind the image");
        let mut next = [0, 0];
        while next[0] < grid.rows && grid.cols > 0 {
            // The last one several times, rather than fewer.
            let mut places = [last; VECTORS];
            for place in &mut places {
                if next[0] < grid.rows {
                    *place = next;
                }
                next = if next[1] < last[1] { [next[0], next[1] + LANES] } else { [next[0] + 1, 0] };
            }
            let mut sums = [[T::ZERO; LANES]; VECTORS];
            for (starts, w) in starts.chunks(CHAIN).zip(w.chunks(CHAIN)) {
                let mut chain = [[T::ZERO; LANES]; VECTORS];
                for (start, &weight) in starts.iter().zip(w) {
                    for v in 0..VECTORS {
                        let at = places[v][0] * grid.from + places[v][1] + start;
                        // SAFETY: no place and no element is behind the last ones, which are there.
                        let x = unsafe { padded.as_ptr().add(at).cast::<[T; LANES]>().read_unaligned() };
                        for l in 0..LANES {
                            chain[v][l] = weight.mul_add(x[l], chain[v][l]);
                        }
                    }
                }
                for v in 0..VECTORS {
                    for l in 0..LANES {
                        sums[v][l] += chain[v][l];
                    }
                }
            }
            for ([i, j], sums) in places.into_iter().zip(sums) {
                let y = &mut y[i * grid.to[0] + j * grid.to[1]..];
                let left = LANES.min(grid.cols - j);
                match grid.to {
                    // What is behind a row is written later.
                    [step, 1] if step == grid.cols && y.len() >= LANES => y[..LANES].copy_from_slice(&sums),
                    [_, 1] => y[..left].iter_mut().zip(&sums).for_each(|(y, &sum)| *y = sum),
                    [_, step] => y.iter_mut().step_by(step).zip(&sums[..left]).for_each(|(y, &sum)| *y = sum),
                }
            }
        }
    }
}

multiversion! {
    /// As [`rows`] for several channels, so that each vector is loaded once for all. For one channel this
    /// takes a fifth longer than the above.
    ///
    /// # Safety
    /// None.
    unsafe fn rows_together[T: Float](
        grid: &Grid, starts: &[usize], w: [&[T]; TOGETHER], padded: &[T], y: &mut [T], plane: usize,
    ) {
        for i in 0..grid.rows {
            let padded = &padded[i * grid.from..];
            for j in (0..grid.cols).step_by(LANES) {
                // Here, too, the last ones begin earlier.
                let j = j.min(grid.cols.saturating_sub(LANES));
                let mut sums = [[T::ZERO; LANES]; TOGETHER];
                let mut left = w;
                for starts in starts.chunks(CHAIN) {
                    let mut chain = [[T::ZERO; LANES]; TOGETHER];
                    for (t, start) in starts.iter().enumerate() {
                        let from: &[T; LANES] = padded[start + j..].first_chunk().expect("there is slack");
                        for o in 0..TOGETHER {
                            for l in 0..LANES {
                                chain[o][l] = left[o][t].mul_add(from[l], chain[o][l]);
                            }
                        }
                    }
                    for o in 0..TOGETHER {
                        for l in 0..LANES {
                            sums[o][l] += chain[o][l];
                        }
                        left[o] = &left[o][starts.len()..];
                    }
                }
                for (o, sums) in sums.iter().enumerate() {
                    let y = &mut y[o * plane + i * grid.to[0] + j * grid.to[1]..];
                    let sums = &sums[..LANES.min(grid.cols)];
                    match grid.to[1] {
                        1 => y[..sums.len()].copy_from_slice(sums),
                        step => y.iter_mut().step_by(step).zip(sums).for_each(|(y, &sum)| *y = sum),
                    }
                }
            }
        }
    }
}

multiversion! {
    /// Adds the products of one image with its cotangents, in rows of whole vectors, to `sums`, in as many lanes; what
    /// is behind a row of the image meets zeros. `padded` has [`SLACK`].
    ///
    /// # Safety
    /// None.
    unsafe fn products[T: Float](
        size: [usize; 2], step: usize, starts: &[usize], padded: &[T], g: &[T], sums: &mut [[T; LANES]],
    ) {
        let [height, width] = size;
        let reach = (height - 1) * step + width + starts.iter().max().unwrap_or(&0);
        assert!(reach <= padded.len() && width.is_multiple_of(LANES), "conv: elements behind the image");
        for (g, sums) in g.chunks_exact(height * width).zip(sums.chunks_exact_mut(starts.len())) {
            for (starts, sums) in starts.chunks(TAPS).zip(sums.chunks_mut(TAPS)) {
                // The last one several times, rather than fewer.
                let mut taps = [starts[starts.len() - 1]; TAPS];
                taps[..starts.len()].copy_from_slice(starts);
                let mut own = [[T::ZERO; LANES]; TAPS];
                for (i, g) in g.chunks_exact(width).enumerate() {
                    for (j, g) in g.as_chunks::<LANES>().0.iter().enumerate() {
                        for t in 0..TAPS {
                            let at = i * step + j * LANES + taps[t];
                            // SAFETY: no row and no element is behind the last ones, which are there.
                            let x = unsafe { padded.as_ptr().add(at).cast::<[T; LANES]>().read_unaligned() };
                            for l in 0..LANES {
                                own[t][l] = g[l].mul_add(x[l], own[t][l]);
                            }
                        }
                    }
                }
                for (all, own) in sums.iter_mut().zip(&own) {
                    for l in 0..LANES {
                        all[l] += own[l];
                    }
                }
            }
        }
    }
}
