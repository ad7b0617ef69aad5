//! Windows of images: their sums and their largest elements, and the adjoints of both.
//!
//! All go over the rows of a row of windows first, a vector of columns at a time, and then along the one line
//! that is left (`line`).

mod fold;
mod largest;
mod line;
mod spread;

use std::ops::Range;

use super::isa::Isa;
use super::parallel::for_each_chunk;
use crate::Float;

/// Steps of a task that is small.
const TASK: usize = 1 << 13;

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
        if std::ptr::eq(from, x) {
            return self.fold(fold::Largest, x, y);
        }
        self.each_task(y, places, |images, y| {
            // SAFETY: the instruction set is this machine's.
            unsafe { largest::take(Isa::get(), self, &from[images * pixels..], &x[images * pixels..], y) };
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
        self.each_task(to, pixels, |images, to| {
            // SAFETY: the instruction set is this machine's.
            unsafe { largest::put(Isa::get(), self, &g[images * places..], &x[images * pixels..], to) };
        });
    }

    /// The sum of each window of `x`.
    ///
    /// # Panics
    /// As [`Windows::take_largest`].
    pub fn sum<T: Float>(&self, x: &[T], y: &mut [T]) {
        self.check(x.len(), y.len());
        self.fold(fold::Sum, x, y);
    }

    /// The adjoint of [`Windows::sum`]: adds each element of `g` to every element of its window.
    ///
    /// # Panics
    /// As [`Windows::take_largest`].
    pub fn spread<T: Float>(&self, g: &[T], x: &mut [T]) {
        let [pixels, places] = self.check(x.len(), g.len());
        self.each_task(x, pixels, |images, x| {
            // SAFETY: the instruction set is this machine's.
            unsafe { spread::spread(Isa::get(), self, &g[images * places..], x) };
        });
    }

    fn fold<T: Float>(&self, fold: impl fold::Fold, x: &[T], y: &mut [T]) {
        let [pixels, places] = self.sizes();
        self.each_task(y, places, |images, y| {
            // SAFETY: the instruction set is this machine's.
            unsafe { fold::fold(Isa::get(), fold, self, &x[images * pixels..], y) };
        });
    }

    /// Calls `f` with the number of the first of some images and their part of `out`, of which each has so many
    /// elements.
    fn each_task<T: Send>(&self, out: &mut [T], each: usize, f: impl Fn(usize, &mut [T]) + Sync) {
        let covered = |axis: &Spans| match axis.place {
            Place::Steps { size, .. } => axis.count * size,
            Place::Bins => axis.count + axis.length,
        };
        let [down, across] = &self.0;
        let work = covered(down) * across.length + down.count * covered(across);
        let many = (TASK / work.max(1)).max(1);
        for_each_chunk(out, many * each, many * work / 4, |task, out| f(task * many, out));
    }

    /// The elements of an image, and its windows.
    fn sizes(&self) -> [usize; 2] {
        [self.0.map(|axis| axis.length), self.0.map(|axis| axis.count)].map(|[a, b]| (a * b).max(1))
    }

    /// The same, if so many elements and windows are of one number of images.
    fn check(&self, x: usize, y: usize) -> [usize; 2] {
        let filled =
            |axis: &Spans| axis.count == 0 || !axis.span(0).is_empty() && !axis.span(axis.count - 1).is_empty();
        assert!(self.0.iter().all(filled) || y == 0, "pool: a window without elements: {self:?}");
        let [pixels, places] = self.sizes();
        assert!(u32::try_from(pixels).is_ok(), "pool: images of {pixels} elements are too large");
        assert!(x.div_ceil(pixels) == y.div_ceil(places), "pool: {x} elements and {y} windows: {self:?}");
        [pixels, places]
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
            (13, 2, steps(9, 4, 0)),
            (20, 20, steps(5, 1, 2)),
            (40, 1, steps(40, 40, 0)),
            (26, 5, steps(4, 6, 1)),
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
                let [mut taken, mut sums, mut largest] = [(); 3].map(|()| vec![0.0; 2 * places]);
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
                    (taken[at], largest[at]) = (numbers[best], x[best]);
                    put[best] += g[at];
                }
                for threads in [1, 3] {
                    with_threads(threads, || {
                        let [mut y, mut to] = [vec![f64::NAN; 2 * places], vec![f64::NAN; 2 * pixels]];
                        windows.take_largest(&numbers, &x, &mut y);
                        assert_eq!(y, taken, "{windows:?}");
                        windows.take_largest(&x, &x, &mut y);
                        let same = |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan();
                        assert!(y.iter().zip(&largest).all(same), "{windows:?}");
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

    /// As of all sums: the relative error is at most 10⁻⁶.
    #[test]
    fn sums_of_large_windows_keep_their_digits() {
        for [rows, cols] in [[1, 300], [1, 1000], [1, 5000], [250, 250], [3000, 1], [1000, 40]] {
            // One window alone, and some beside each other.
            for count in [1, 6] {
                let place = |size| Place::Steps { size, stride: 1, padding: 0 };
                let down = Spans { length: rows, count: 1, place: place(rows) };
                let across = Spans { length: cols + count - 1, count, place: place(cols) };
                let mut sums = vec![0.0; count];
                Windows([down, across]).sum(&vec![0.1f32; rows * across.length], &mut sums);
                let expected = f64::from(0.1f32) * (rows * cols) as f64;
                for sum in sums {
                    assert!((f64::from(sum) / expected - 1.0).abs() <= 1e-6, "{rows} by {cols}: {sum}, not {expected}");
                }
            }
        }
    }
}
