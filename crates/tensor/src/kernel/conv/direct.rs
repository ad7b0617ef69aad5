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
    for_each_chunk(y, written, cost(conv), |i, y| {
        let mut memory = frame.memory::<T>(conv.inputs);
        let padded = padded(&frame, conv.inputs, &x[i * read..][..read], &mut memory);
        let w = &w[i % conv.groups * conv.outputs * terms..];
        planes(conv.outputs, &grid, &starts, w, padded, y, conv.places());
    });
}

/// See [`Convolution::input`]: one sum for each position within a stride.
pub(super) fn input<T: Float>(conv: &Convolution, g: &[T], w: &[T], x: &mut [T]) {
    if w.iter().any(|w| !w.is_finite()) {
        return input_one_by_one(conv, g, w, x);
    }
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
    for_each_chunk(x, written, cost(conv), |i, x| {
        let mut memory = frame.memory::<T>(conv.outputs);
        let padded = padded(&frame, conv.outputs, &g[i * read..][..read], &mut memory);
        for (grid, starts, weights, first) in &passes {
            let w = &weights[i % conv.groups * conv.inputs * starts.len()..];
            planes(conv.inputs, grid, starts, w, padded, &mut x[*first..], conv.pixels());
        }
    });
}

/// As [`input`], for weights that are infinite or NaN, which must not meet zeros around the cotangents.
#[cold]
fn input_one_by_one<T: Float>(conv: &Convolution, g: &[T], w: &[T], x: &mut [T]) {
    let ([height, width], [down, across]) = (conv.image, conv.output);
    for_each_chunk(x, conv.pixels(), cost(conv) * 8, |channel, x| {
        x.fill(T::ZERO);
        let (i, c) = (channel / conv.inputs, channel % conv.inputs);
        for o in 0..conv.outputs {
            let g = &g[(i * conv.outputs + o) * conv.places()..][..conv.places()];
            let w = &w[((i % conv.groups * conv.outputs + o) * conv.inputs + c) * conv.taps()..][..conv.taps()];
            for (tap, &w) in w.iter().enumerate() {
                let (a, b) = (tap / conv.kernel[1] * conv.dilation[0], tap % conv.kernel[1] * conv.dilation[1]);
                for (r, s) in (0..down).flat_map(|r| (0..across).map(move |s| (r, s))) {
                    let row = (r * conv.stride[0] + a).wrapping_sub(conv.padding[0]);
                    let col = (s * conv.stride[1] + b).wrapping_sub(conv.padding[1]);
                    if row < height && col < width {
                        x[row * width + col] += w * g[r * across + s];
                    }
                }
            }
        }
    });
}

/// See [`Convolution::weight`].
pub(super) fn weight<T: Float>(conv: &Convolution, x: &[T], g: &[T], w: &mut [T]) {
    let frame = frame(conv);
    let (starts, step) = (starts(conv, &frame), conv.stride[0] * frame.width());
    let (inner, outer) = (conv.inputs * conv.pixels(), conv.outputs * conv.places());
    let len = conv.outputs * conv.inputs * conv.taps();
    let out = SharedMut::new(w);
    for_each(conv.groups, cost(conv) * conv.batch, |group| {
        // SAFETY: the kernels of a group are no other task's.
        let w = unsafe { out.slice(group * len..(group + 1) * len) };
        let mut memory = frame.memory::<T>(conv.inputs);
        let mut sums = vec![[[T::ZERO; LANES]; 2]; len];
        for image in 0..conv.batch {
            let i = image * conv.groups + group;
            let padded = padded(&frame, conv.inputs, &x[i * inner..][..inner], &mut memory);
            // SAFETY: the instruction set is this machine's.
            unsafe { products(Isa::get(), conv, step, &starts, padded, &g[i * outer..][..outer], &mut sums) };
        }
        for (w, [_, sums]) in w.iter_mut().zip(&mut sums) {
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

/// Images with their padding, and with [`SLACK`].
fn padded<'a, T: Float>(frame: &Frame, images: usize, from: &[T], memory: &'a mut Scratch) -> &'a [T] {
    let len = images * frame.len();
    // SAFETY: there is room for so many elements.
    let padded = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), len + SLACK) };
    frame.fill(from, &mut padded[..len]);
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
    /// Sums over the elements that begin at these places, times `w`; `padded` has [`SLACK`].
    ///
    /// # Safety
    /// None.
    unsafe fn rows[T: Float](grid: &Grid, starts: &[usize], w: &[T], padded: &[T], y: &mut [T]) {
        for i in 0..grid.rows {
            let padded = &padded[i * grid.from..];
            for j in (0..grid.cols).step_by(LANES) {
                let mut sums = [T::ZERO; LANES];
                for (start, &weight) in starts.iter().zip(w) {
                    let from: &[T; LANES] = padded[start + j..].first_chunk().expect("there is slack");
                    for l in 0..LANES {
                        sums[l] = weight.mul_add(from[l], sums[l]);
                    }
                }
                let y = &mut y[i * grid.to[0] + j * grid.to[1]..];
                let left = LANES.min(grid.cols - j);
                match grid.to[1] {
                    1 => y[..left].copy_from_slice(&sums[..left]),
                    step => y.iter_mut().step_by(step).zip(&sums[..left]).for_each(|(y, &sum)| *y = sum),
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
    /// Adds the products of one image with its cotangents to the second of each two sums, by way of the
    /// first, in as many lanes; `padded` has [`SLACK`].
    ///
    /// # Safety
    /// None.
    unsafe fn products[T: Float](
        conv: &Convolution, step: usize, starts: &[usize], padded: &[T], g: &[T], sums: &mut [[[T; LANES]; 2]],
    ) {
        let [height, width] = conv.output;
        for (row, g) in g.chunks_exact(width).enumerate() {
            let (o, i) = (row / height, row % height);
            let (padded, sums) = (&padded[i * step..], &mut sums[o * starts.len()..][..starts.len()]);
            let (chunks, rest) = g.as_chunks::<LANES>();
            for (j, g) in chunks.iter().enumerate() {
                for (start, [sums, _]) in starts.iter().zip(sums.iter_mut()) {
                    let x: &[T; LANES] = padded[start + j * LANES..].first_chunk().expect("there is slack");
                    for l in 0..LANES {
                        sums[l] = g[l].mul_add(x[l], sums[l]);
                    }
                }
            }
            if rest.is_empty() {
                continue;
            }
            let (mut last, mut inside) = ([T::ZERO; LANES], [T::ZERO; LANES]);
            last[..rest.len()].copy_from_slice(rest);
            inside[..rest.len()].fill(T::ONE);
            for (start, [sums, _]) in starts.iter().zip(sums.iter_mut()) {
                let x: [T; LANES] = *padded[start + chunks.len() * LANES..].first_chunk().expect("there is slack");
                for l in 0..LANES {
                    // What lies behind the row may be infinite.
                    let x = if inside[l] > T::ZERO { x[l] } else { T::ZERO };
                    sums[l] = last[l].mul_add(x, sums[l]);
                }
            }
        }
        for [image, all] in sums {
            for l in 0..LANES {
                all[l] += image[l];
            }
            *image = [T::ZERO; LANES];
        }
    }
}
