//! Sums of windows, and their largest elements.

use std::ops::Range;

use super::line::{LANES, Line, apart, filled, read, starts, write};
use super::{Spans, Windows};
use crate::Float;
use crate::kernel::isa::multiversion;

/// What becomes of the elements of a window.
pub(super) trait Fold: Copy + Sync {
    /// The most elements that are folded in one chain.
    const CHAIN: usize;
    /// Of no element.
    fn start<T: Float>(self) -> T;
    fn with<T: Float>(self, all: T, x: T) -> T;
}

#[derive(Clone, Copy)]
pub(super) struct Sum;

impl Fold for Sum {
    /// Sums of many would lose digits.
    const CHAIN: usize = 32;
    #[inline(always)]
    fn start<T: Float>(self) -> T {
        T::ZERO
    }
    #[inline(always)]
    fn with<T: Float>(self, all: T, x: T) -> T {
        all + x
    }
}

/// The largest, or NaN if there is one.
#[derive(Clone, Copy)]
pub(super) struct Largest;

impl Fold for Largest {
    const CHAIN: usize = usize::MAX;
    #[inline(always)]
    fn start<T: Float>(self) -> T {
        -T::INFINITY
    }
    #[inline(always)]
    fn with<T: Float>(self, all: T, x: T) -> T {
        let larger = if x > all { x } else { all };
        if x.is_nan() { x } else { larger }
    }
}

multiversion! {
    /// Folds the windows of as many images as `y` has; `x` may go on.
    ///
    /// # Safety
    /// None.
    pub(super) unsafe fn fold[T: Float, F: Fold](fold: F, windows: &Windows, x: &[T], y: &mut [T]) {
        let [down, across] = &windows.0;
        let (line, [pixels, places]) = (Line::new(across), windows.sizes());
        let (mut memory, mut end) = (line.memory::<T>(1), [T::ZERO; LANES]);
        // SAFETY: there is room for a line.
        let values = unsafe { filled(&mut memory, line.len, fold.start()) };
        for image in 0..y.len() / places {
            for i in 0..down.count {
                let x = &x[image * pixels..];
                for j in starts(across.length) {
                    let all = all_of(fold, down.span(i), |row| *read(x, row * across.length + j, &mut end));
                    values[line.before + j..][..LANES].copy_from_slice(&all);
                }
                // A short row was followed by others.
                values[line.before + across.length..][..LANES].fill(fold.start());
                let at = image * places + i * across.count;
                match line.beside {
                    Some([1, size]) => beside::<1, T, F>(fold, size, across.count, values, &mut y[at..]),
                    Some([2, size]) => beside::<2, T, F>(fold, size, across.count, values, &mut y[at..]),
                    _ => each(fold, across, &line, values, &mut y[at..]),
                }
            }
        }
    }
}

/// Folds the lanes at each of these places.
#[inline(always)]
fn all_of<T: Float, F: Fold>(fold: F, places: Range<usize>, mut at: impl FnMut(usize) -> [T; LANES]) -> [T; LANES] {
    if places.len() > F::CHAIN {
        return in_chains(fold, places, at);
    }
    let mut all = [fold.start(); LANES];
    for place in places {
        all = with(fold, all, &at(place));
    }
    all
}

/// Folds the lanes at each of many places. Not inlined, since that would make the loops over few of them slower.
#[inline(never)]
fn in_chains<T: Float, F: Fold>(fold: F, places: Range<usize>, mut at: impl FnMut(usize) -> [T; LANES]) -> [T; LANES] {
    places.clone().step_by(F::CHAIN).fold([fold.start(); LANES], |all, start| {
        let chain = start..places.end.min(start + F::CHAIN);
        with(fold, all, &chain.fold([fold.start(); LANES], |all, place| with(fold, all, &at(place))))
    })
}

#[inline(always)]
fn with<T: Float>(fold: impl Fold, mut all: [T; LANES], x: &[T; LANES]) -> [T; LANES] {
    for l in 0..LANES {
        all[l] = fold.with(all[l], x[l]);
    }
    all
}

/// Windows side by side, with this step between them. What is behind the last one is written, if there is room.
#[inline(always)]
fn beside<const STRIDE: usize, T: Float, F: Fold>(fold: F, size: usize, count: usize, line: &[T], y: &mut [T]) {
    for j in (0..count).step_by(LANES) {
        write(y, j, &all_of(fold, 0..size, |k| apart::<STRIDE, T>(line, j * STRIDE + k, STRIDE)));
    }
}

/// One window after the other, of which large ones are taken apart.
#[inline(always)]
fn each<T: Float, F: Fold>(fold: F, across: &Spans, line: &Line, values: &[T], y: &mut [T]) {
    for (j, y) in y[..across.count].iter_mut().enumerate() {
        let (chunks, rest) = values[line.window(across, j)].as_chunks::<LANES>();
        let mut all = all_of(fold, 0..chunks.len(), |k| chunks[k]);
        *y = rest.iter().fold(fold.start(), |all, &x| fold.with(all, x));
        if !chunks.is_empty() {
            let mut half = LANES / 2;
            while half > 0 {
                for l in 0..half {
                    all[l] = fold.with(all[l], all[l + half]);
                }
                half /= 2;
            }
            *y = fold.with(all[0], *y);
        }
    }
}
