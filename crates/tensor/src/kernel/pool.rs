//! Windows of images: their sums and their largest elements, and the adjoints of both.

mod largest;

use std::ops::Range;

use super::isa::{Isa, multiversion};
use super::parallel::for_each_chunk;
use crate::Float;

/// Windows along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    /// The size of the axis.
    pub length: usize,
    /// The number of windows.
    pub count: usize,
    /// Where they are.
    pub place: Place,
}

/// Where windows along an axis are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Window `i` begins with element `i·stride − padding`; what lies outside of the axis is no part
    /// of it.
    Steps {
        /// The size of a window.
        size: usize,
        /// From one window to the next.
        stride: usize,
        /// How far the first window reaches over the edge.
        padding: usize,
    },
    /// Window `i` of `n` is from `⌊i·length/n⌋` to `⌈(i + 1)·length/n⌉`.
    Bins,
}

impl Spans {
    /// The elements of window `i`.
    #[inline]
    pub fn span(&self, i: usize) -> Range<usize> {
        match self.place {
            Place::Steps { size, stride, padding } => {
                let first = i * stride;
                first.saturating_sub(padding)..(first + size).saturating_sub(padding).min(self.length)
            }
            Place::Bins => i * self.length / self.count..((i + 1) * self.length).div_ceil(self.count),
        }
    }
}

/// Windows over the rows and columns of images, each image by itself.
///
/// The largest element of a window is the first NaN, or else the first of the largest, row by row.
///
/// ```
/// use wengert_tensor::kernel::pool::{Place, Spans, Windows};
/// let one = Spans { length: 1, count: 1, place: Place::Bins };
/// let pairs = Place::Steps { size: 2, stride: 2, padding: 0 };
/// let windows = Windows([one, Spans { length: 4, count: 2, place: pairs }]);
/// let x = [1.0, 3.0, 2.0, 2.0];
/// let mut y = [0.0; 2];
/// windows.sum(&x, &mut y);
/// assert_eq!(y, [4.0, 4.0]);
/// windows.take_largest(&x, &x, &mut y);
/// assert_eq!(y, [3.0, 2.0]);
/// let mut back = [0.0; 4];
/// windows.put_largest(&y, &x, &mut back);
/// assert_eq!(back, [0.0, 3.0, 2.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows(
    /// Those of the rows, and those of the columns.
    pub [Spans; 2],
);

impl Windows {
    /// Writes to `y` what is in `from` where the largest element of each window of `x` is.
    ///
    /// # Panics
    /// If the slices have not sizes of the same number of images, or a window has no element.
    pub fn take_largest<T: Float>(&self, from: &[T], x: &[T], y: &mut [T]) {
        assert_eq!(from.len(), x.len(), "pool: elements to take");
        let [pixels, places] = self.check(x.len(), y.len());
        for_each_chunk(y, places, self.cost(), |i, y| {
            let [from, x] = [from, x].map(|all| &all[i * pixels..][..pixels]);
            largest::search(self, x, |j, values, at| {
                let y = &mut y[j..][..at.len()];
                if std::ptr::eq(from, x) {
                    return y.copy_from_slice(values);
                }
                y.iter_mut().zip(at).for_each(|(y, &at)| *y = from[at as usize]);
            });
        });
    }

    /// The adjoint of [`Windows::take_largest`]: adds each element of `g` to zeros where the largest
    /// element of its window of `x` is.
    ///
    /// # Panics
    /// As [`Windows::take_largest`].
    pub fn put_largest<T: Float>(&self, g: &[T], x: &[T], to: &mut [T]) {
        assert_eq!(to.len(), x.len(), "pool: elements to put");
        let [pixels, places] = self.check(x.len(), g.len());
        for_each_chunk(to, pixels, self.cost(), |i, to| {
            let (x, g) = (&x[i * pixels..][..pixels], &g[i * places..][..places]);
            to.fill(T::ZERO);
            largest::search(self, x, |j, _, at| {
                g[j..].iter().zip(at).for_each(|(&g, &at)| to[at as usize] += g);
            });
        });
    }

    /// The sum of each window of `x`.
    ///
    /// # Panics
    /// As [`Windows::take_largest`].
    pub fn sum<T: Float>(&self, x: &[T], y: &mut [T]) {
        let [pixels, places] = self.check(x.len(), y.len());
        for_each_chunk(y, places, self.cost(), |i, y| {
            y.fill(T::ZERO);
            // SAFETY: the instruction set is this machine's.
            unsafe { sums(Isa::get(), self, &x[i * pixels..][..pixels], y) };
        });
    }

    /// The adjoint of [`Windows::sum`]: adds each element of `g` to every element of its window.
    ///
    /// # Panics
    /// As [`Windows::take_largest`].
    pub fn spread<T: Float>(&self, g: &[T], x: &mut [T]) {
        let [pixels, places] = self.check(x.len(), g.len());
        for_each_chunk(x, pixels, self.cost(), |i, x| {
            x.fill(T::ZERO);
            // SAFETY: the instruction set is this machine's.
            unsafe { spread(Isa::get(), self, &g[i * places..][..places], x) };
        });
    }

    /// The elements of an image, and its windows.
    fn check(&self, x: usize, y: usize) -> [usize; 2] {
        let [pixels, places] = [self.0.map(|axis| axis.length), self.0.map(|axis| axis.count)].map(|[a, b]| a * b);
        let filled =
            |axis: &Spans| axis.count == 0 || !axis.span(0).is_empty() && !axis.span(axis.count - 1).is_empty();
        assert!(self.0.iter().all(filled) || y == 0, "pool: a window without elements: {self:?}");
        assert!(u32::try_from(pixels).is_ok(), "pool: images of {pixels} elements are too large");
        let (pixels, places) = (pixels.max(1), places.max(1));
        assert!(x.div_ceil(pixels) == y.div_ceil(places), "pool: {x} elements and {y} windows: {self:?}");
        [pixels, places]
    }

    /// The estimated time of an image.
    fn cost(&self) -> usize {
        let covered = |axis: &Spans| match axis.place {
            Place::Steps { size, .. } => axis.count * size,
            Place::Bins => axis.count + axis.length,
        };
        self.0.iter().map(covered).product()
    }

    /// The elements of windows `j` to `j + count` of row `i`, in the order in which they lie in each:
    /// calls `f` with which of the windows have such an element, where that of the first is, and how
    /// far it is from there to the next one's.
    #[inline(always)]
    fn each_run(&self, [i, j]: [usize; 2], count: usize, mut f: impl FnMut(Range<usize>, usize, usize)) {
        let [down, across] = &self.0;
        for row in down.span(i) {
            let row = row * across.length;
            match across.place {
                Place::Steps { size, stride, padding } => {
                    for k in 0..size {
                        // The windows whose element `k` is at `pixel` or further on.
                        let from = |pixel: usize| pixel.saturating_sub(k).div_ceil(stride).saturating_sub(j).min(count);
                        let lanes = from(padding)..from(across.length + padding);
                        if !lanes.is_empty() {
                            f(lanes.clone(), row + (j + lanes.start) * stride + k - padding, stride);
                        }
                    }
                }
                Place::Bins => {
                    for l in 0..count {
                        across.span(j + l).for_each(|at| f(l..l + 1, row + at, 1));
                    }
                }
            }
        }
    }
}

/// Calls `f` with the number of each of `count` elements, `step` apart from `first` on, and the element.
/// The usual steps are constants, for which there are vector instructions.
#[inline(always)]
fn every<T: Copy>(x: &[T], first: usize, step: usize, count: usize, mut f: impl FnMut(usize, T)) {
    match step {
        1 => x[first..][..count].iter().enumerate().for_each(|(l, &x)| f(l, x)),
        2 => (0..count).zip(x[first..].iter().step_by(2)).for_each(|(l, &x)| f(l, x)),
        _ => (0..count).zip(x[first..].iter().step_by(step)).for_each(|(l, &x)| f(l, x)),
    }
}

multiversion! {
    /// Adds up windows onto `y`.
    ///
    /// # Safety
    /// None.
    unsafe fn sums[T: Float](windows: &Windows, x: &[T], y: &mut [T]) {
        let [rows, cols] = windows.0.map(|axis| axis.count);
        for i in 0..rows {
            let y = &mut y[i * cols..][..cols];
            windows.each_run([i, 0], cols, |lanes, first, step| {
                let count = lanes.len();
                let y = &mut y[lanes];
                every(x, first, step, count, |l, x| y[l] += x);
            });
        }
    }
}

multiversion! {
    /// Adds elements of `g` onto windows.
    ///
    /// # Safety
    /// None.
    unsafe fn spread[T: Float](windows: &Windows, g: &[T], x: &mut [T]) {
        let [rows, cols] = windows.0.map(|axis| axis.count);
        for i in 0..rows {
            let g = &g[i * cols..][..cols];
            windows.each_run([i, 0], cols, |lanes, first, step| {
                let g = &g[lanes];
                match step {
                    1 => x[first..].iter_mut().zip(g).for_each(|(x, &g)| *x += g),
                    2 => x[first..].iter_mut().step_by(2).zip(g).for_each(|(x, &g)| *x += g),
                    _ => x[first..].iter_mut().step_by(step).zip(g).for_each(|(x, &g)| *x += g),
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::parallel::with_threads;

    /// Every window by itself, for windows of all kinds.
    #[test]
    fn by_the_definition() {
        let steps = |size, stride, padding| Place::Steps { size, stride, padding };
        let axes = [
            (7, 3, steps(2, 2, 0)),
            (1, 1, steps(1, 1, 0)),
            (10, 4, steps(3, 2, 0)),
            (70, 35, steps(2, 2, 0)),
            (12, 4, steps(3, 3, 0)),
            (150, 149, steps(2, 1, 0)),
            (150, 51, steps(3, 3, 2)),
            (9, 5, steps(3, 2, 1)),
            (5, 2, steps(4, 4, 3)),
            (7, 3, Place::Bins),
            (4, 9, Place::Bins),
        ]
        .map(|(length, count, place)| Spans { length, count, place });
        for down in axes {
            for across in axes {
                let windows = Windows([down, across]);
                let (pixels, places) = (down.length * across.length, down.count * across.count);
                let x: Vec<f64> =
                    (0..2 * pixels).map(|i| if i % 29 == 28 { f64::NAN } else { (i * 7 % 11) as f64 }).collect();
                let numbers: Vec<f64> = (0..2 * pixels).map(|i| i as f64).collect();
                let g: Vec<f64> = (0..2 * places).map(|i| (i % 5) as f64).collect();
                let [mut taken, mut sums] = [vec![0.0; 2 * places], vec![0.0; 2 * places]];
                let [mut put, mut spread] = [vec![0.0; 2 * pixels], vec![0.0; 2 * pixels]];
                for at in 0..2 * places {
                    let (image, i, j) = (at / places * pixels, at % places / across.count, at % across.count);
                    let pixels = down.span(i).flat_map(|r| across.span(j).map(move |c| image + r * across.length + c));
                    let mut best = pixels.clone().next().unwrap();
                    for pixel in pixels {
                        sums[at] += numbers[pixel];
                        spread[pixel] += g[at];
                        if x[pixel] > x[best] || x[pixel].is_nan() && !x[best].is_nan() {
                            best = pixel;
                        }
                    }
                    taken[at] = numbers[best];
                    put[best] += g[at];
                }
                for threads in [1, 3] {
                    with_threads(threads, || {
                        let [mut y, mut to] = [vec![f64::NAN; 2 * places], vec![f64::NAN; 2 * pixels]];
                        windows.take_largest(&numbers, &x, &mut y);
                        assert_eq!(y, taken, "{windows:?}");
                        windows.put_largest(&g, &x, &mut to);
                        assert_eq!(to, put, "{windows:?}");
                        windows.sum(&numbers, &mut y);
                        assert_eq!(y, sums, "{windows:?}");
                        windows.spread(&g, &mut to);
                        assert_eq!(to, spread, "{windows:?}");
                    });
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "pool: 3 elements and 2 windows")]
    fn a_wrong_size_is_refused() {
        let axis = Spans { length: 1, count: 1, place: Place::Bins };
        Windows([axis, axis]).sum(&[0.0; 3], &mut [0.0; 2]);
    }
}
