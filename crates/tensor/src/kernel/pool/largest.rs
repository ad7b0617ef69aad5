//! Where the largest elements of windows are.

use super::line::{LANES, Line, apart, filled, read, starts};
use super::{Spans, Windows};
use crate::Float;
use crate::kernel::isa::multiversion;

/// Less than any element.
#[inline(always)]
fn none<T: Float>() -> (T, u32) {
    (-T::INFINITY, u32::MAX)
}

/// Whether an element is larger than another; NaN is larger than all numbers.
#[inline(always)]
#[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN is taken")]
fn is_larger<T: Float>(x: T, other: T) -> bool {
    !(x <= other) & !other.is_nan()
}

/// Whether an element is taken in the place of another: the larger one, or the first of equal ones.
#[inline(always)]
fn is_better<T: Float>((x, at): (T, u32), (best, first): (T, u32)) -> bool {
    let equal = (x == best) | x.is_nan() & best.is_nan();
    is_larger(x, best) | equal & (at < first)
}

#[inline(always)]
fn take_better<T: Float>(best: &mut [T; LANES], first: &mut [u32; LANES], x: [T; LANES], at: [u32; LANES]) {
    for l in 0..LANES {
        let better = is_better((x[l], at[l]), (best[l], first[l]));
        best[l] = if better { x[l] } else { best[l] };
        first[l] = if better { at[l] } else { first[l] };
    }
}

multiversion! {
    /// Writes what is in `from` where the largest elements of `x` are, for as many images as `y` has.
    ///
    /// # Safety
    /// None.
    pub(super) unsafe fn take[T: Float](windows: &Windows, from: &[T], x: &[T], y: &mut [T]) {
        let [pixels, places] = windows.sizes();
        search(windows, x, y.len() / places, |image, i, at| {
            let (from, y) = (&from[image * pixels..], &mut y[image * places + i..][..at.len()]);
            y.iter_mut().zip(at).for_each(|(y, &at)| *y = from[at as usize]);
        });
    }
}

multiversion! {
    /// Adds elements of `g` to zeros where the largest elements of `x` are, for as many images as `to` has.
    ///
    /// # Safety
    /// None.
    pub(super) unsafe fn put[T: Float](windows: &Windows, g: &[T], x: &[T], to: &mut [T]) {
        let [pixels, places] = windows.sizes();
        to.fill(T::ZERO);
        search(windows, x, to.len() / pixels, |image, i, at| {
            let (g, to) = (&g[image * places + i..][..at.len()], &mut to[image * pixels..]);
            g.iter().zip(at).for_each(|(&g, &at)| to[at as usize] += g);
        });
    }
}

/// Calls `f` with the number of an image, that of the first window of a row, and where the largest elements of
/// the row's windows are in the image.
#[inline(always)]
fn search<T: Float>(windows: &Windows, x: &[T], images: usize, mut f: impl FnMut(usize, usize, &[u32])) {
    let [down, across] = &windows.0;
    let (line, [pixels, _]) = (Line::new(across), windows.sizes());
    let (mut memory, mut place_memory) = (line.memory::<T>(1), line.memory::<u32>(1));
    let (mut found_memory, mut end) = (line.memory::<u32>(1), [T::ZERO; LANES]);
    let (least, nowhere) = none::<T>();
    // SAFETY: there is room for a line, which is longer than it has windows.
    let (values, places, found) = unsafe {
        (
            filled(&mut memory, line.len, least),
            filled(&mut place_memory, line.len, nowhere),
            filled(&mut found_memory, line.len, nowhere),
        )
    };
    for image in 0..images {
        for i in 0..down.count {
            let x = &x[image * pixels..];
            for j in starts(across.length) {
                let rows = down.span(i);
                let start = |row: usize| row * across.length + j;
                let mut best = *read(x, start(rows.start), &mut end);
                let mut first = [start(rows.start) as u32; LANES];
                for row in rows.skip(1) {
                    let (x, start) = (read(x, start(row), &mut end), start(row) as u32);
                    for l in 0..LANES {
                        // Rows come in order: none replaces an equal element.
                        let better = is_larger(x[l], best[l]);
                        best[l] = if better { x[l] } else { best[l] };
                        first[l] = if better { start } else { first[l] };
                    }
                }
                for (l, first) in (0..).zip(&mut first) {
                    *first = first.wrapping_add(l);
                }
                values[line.before + j..][..LANES].copy_from_slice(&best);
                places[line.before + j..][..LANES].copy_from_slice(&first);
            }
            // A short row was followed by others.
            let behind = line.before + across.length;
            values[behind..][..LANES].fill(least);
            places[behind..][..LANES].fill(nowhere);
            match line.beside {
                Some(steps @ [1, _]) => beside::<1, T>(steps, across.count, values, places, found),
                Some(steps @ [2, _]) => beside::<2, T>(steps, across.count, values, places, found),
                Some(steps) => beside::<0, T>(steps, across.count, values, places, found),
                None => each(across, &line, values, places, found),
            }
            f(image, i * across.count, &found[..across.count]);
        }
    }
}

/// Windows side by side.
#[inline(always)]
fn beside<const STRIDE: usize, T: Float>(
    [stride, size]: [usize; 2],
    count: usize,
    values: &[T],
    places: &[u32],
    found: &mut [u32],
) {
    for j in (0..count).step_by(LANES) {
        let (mut best, mut first) = ([none::<T>().0; LANES], [none::<T>().1; LANES]);
        for k in 0..size {
            let at = j * stride + k;
            let x = apart::<STRIDE, T>(values, at, stride);
            take_better(&mut best, &mut first, x, apart::<STRIDE, u32>(places, at, stride));
        }
        found[j..][..LANES].copy_from_slice(&first);
    }
}

/// One window after the other, of which large ones are taken apart.
#[inline(always)]
fn each<T: Float>(across: &Spans, line: &Line, values: &[T], places: &[u32], found: &mut [u32]) {
    for (j, found) in found[..across.count].iter_mut().enumerate() {
        let window = line.window(across, j);
        let ((chunks, rest), (place_chunks, rest_places)) =
            (values[window.clone()].as_chunks::<LANES>(), places[window].as_chunks::<LANES>());
        let (mut largest, mut first) = ([none::<T>().0; LANES], [none::<T>().1; LANES]);
        for (&x, &at) in chunks.iter().zip(place_chunks) {
            take_better(&mut largest, &mut first, x, at);
        }
        let mut best = none();
        let lanes = largest.iter().zip(&first).take(chunks.len() * LANES);
        for (&x, &at) in lanes.chain(rest.iter().zip(rest_places)) {
            if is_better((x, at), best) {
                best = (x, at);
            }
        }
        *found = best.1;
    }
}
