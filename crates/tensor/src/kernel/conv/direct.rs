//! Convolutions of groups of one or two channels: vectors go along the rows of the image.

use super::Convolution;
use super::padded::{Frame, SLACK};
use crate::Float;
use crate::kernel::isa::{Isa, multiversion};
use crate::kernel::parallel::{SharedMut, for_each, for_each_chunk};

/// Elements of a row that are computed at a time.
const LANES: usize = 16;

/// See [`Convolution::forward`].
pub(super) fn forward<T: Float>(conv: &Convolution, x: &[T], w: &[T], y: &mut [T]) {
    let frame = frame(conv);
    let (starts, step) = (starts(conv, &frame), conv.stride[0] * frame.width());
    let (read, written) = (conv.inputs * conv.pixels(), conv.outputs * conv.places());
    for_each_chunk(y, written, cost(conv), |i, y| {
        let mut memory = frame.memory::<T>(conv.inputs);
        let len = conv.inputs * frame.len() + SLACK;
        // SAFETY: there is room for so many elements.
        let padded = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), len) };
        frame.fill(&x[i * read..][..read], &mut padded[..len - SLACK]);
        // SAFETY: the instruction set is this machine's.
        unsafe { rows(Isa::get(), conv, step, &starts, padded, group(conv, i, w), y) };
    });
}

/// See [`Convolution::input`].
pub(super) fn input<T: Float>(conv: &Convolution, g: &[T], w: &[T], x: &mut [T]) {
    let frame = frame(conv);
    let (starts, step) = (starts(conv, &frame), conv.stride[0] * frame.width());
    let (read, written) = (conv.outputs * conv.places(), conv.inputs * conv.pixels());
    for_each_chunk(x, written, cost(conv), |i, x| {
        let mut memory = frame.memory::<T>(conv.inputs);
        // SAFETY: there is room for so many elements.
        let padded = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), conv.inputs * frame.len()) };
        padded.fill(T::ZERO);
        // SAFETY: the instruction set is this machine's.
        unsafe { scatter(Isa::get(), conv, step, &starts, &g[i * read..][..read], group(conv, i, w), padded) };
        frame.take(padded, x);
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
        w.fill(T::ZERO);
        let mut memory = frame.memory::<T>(conv.inputs);
        // SAFETY: there is room for so many elements.
        let padded = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), conv.inputs * frame.len()) };
        for image in 0..conv.batch {
            let i = image * conv.groups + group;
            frame.fill(&x[i * inner..][..inner], padded);
            // SAFETY: the instruction set is this machine's.
            unsafe { products(Isa::get(), conv, step, &starts, padded, &g[i * outer..][..outer], w) };
        }
    });
}

/// What the kernel meets at once lies side by side.
fn frame(conv: &Convolution) -> Frame {
    Frame { from: conv.image, size: conv.reach(), corner: conv.padding, apart: conv.stride[1] }
}

/// The estimated time of an image and group.
fn cost(conv: &Convolution) -> usize {
    conv.inputs * conv.outputs * conv.taps() * conv.places() / 8
}

/// The kernels of the group of image `i`.
fn group<'a, T>(conv: &Convolution, i: usize, w: &'a [T]) -> &'a [T] {
    let len = conv.outputs * conv.inputs * conv.taps();
    &w[i % conv.groups * len..][..len]
}

/// Where the elements of the kernels of all channels of a group begin.
fn starts(conv: &Convolution, frame: &Frame) -> Vec<usize> {
    let at = |i: usize| {
        let (c, a, b) = (i / conv.taps(), i % conv.taps() / conv.kernel[1], i % conv.kernel[1]);
        c * frame.len() + a * conv.dilation[0] * frame.width() + frame.column(b * conv.dilation[1])
    };
    (0..conv.inputs * conv.taps()).map(at).collect()
}

multiversion! {
    /// All output channels of a group; `padded` has [`SLACK`].
    ///
    /// # Safety
    /// None.
    unsafe fn rows[T: Float](conv: &Convolution, step: usize, starts: &[usize], padded: &[T], w: &[T], y: &mut [T]) {
        for (row, y) in y.chunks_exact_mut(conv.output[1]).enumerate() {
            let (o, i) = (row / conv.output[0], row % conv.output[0]);
            let (padded, w) = (&padded[i * step..], &w[o * starts.len()..]);
            for (j, y) in y.chunks_mut(LANES).enumerate() {
                let mut sums = [T::ZERO; LANES];
                for (start, &weight) in starts.iter().zip(w) {
                    let from: &[T; LANES] = padded[start + j * LANES..].first_chunk().expect("there is slack");
                    for l in 0..LANES {
                        sums[l] = weight.mul_add(from[l], sums[l]);
                    }
                }
                y.copy_from_slice(&sums[..y.len()]);
            }
        }
    }
}

multiversion! {
    /// Adds every cotangent, times the kernel, to where the kernel was.
    ///
    /// # Safety
    /// None.
    unsafe fn scatter[T: Float](conv: &Convolution, step: usize, starts: &[usize], g: &[T], w: &[T], padded: &mut [T]) {
        for (row, g) in g.chunks_exact(conv.output[1]).enumerate() {
            let (o, i) = (row / conv.output[0], row % conv.output[0]);
            for (start, &weight) in starts.iter().zip(&w[o * starts.len()..]) {
                let to = &mut padded[i * step + start..][..g.len()];
                to.iter_mut().zip(g).for_each(|(to, &g)| *to = weight.mul_add(g, *to));
            }
        }
    }
}

multiversion! {
    /// Adds the products of one image with its cotangents to `w`.
    ///
    /// # Safety
    /// None.
    unsafe fn products[T: Float](conv: &Convolution, step: usize, starts: &[usize], padded: &[T], g: &[T], w: &mut [T]) {
        let [height, width] = conv.output;
        for (at, w) in w.iter_mut().enumerate() {
            let (o, start) = (at / starts.len(), starts[at % starts.len()]);
            let mut sums = [T::ZERO; LANES];
            for i in 0..height {
                let from = &padded[i * step + start..][..width];
                let (g, g_rest) = g[(o * height + i) * width..][..width].as_chunks::<LANES>();
                let (x, x_rest) = from.as_chunks::<LANES>();
                for (g, x) in g.iter().zip(x) {
                    for l in 0..LANES {
                        sums[l] = g[l].mul_add(x[l], sums[l]);
                    }
                }
                for (sum, (&g, &x)) in sums.iter_mut().zip(g_rest.iter().zip(x_rest)) {
                    *sum = g.mul_add(x, *sum);
                }
            }
            let mut half = LANES / 2;
            while half > 0 {
                for l in 0..half {
                    sums[l] += sums[l + half];
                }
                half /= 2;
            }
            *w += sums[0];
        }
    }
}
