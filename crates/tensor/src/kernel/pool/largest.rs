//! The largest elements of windows, and where they are: first along each row of the image, then over
//! the rows of each window, so that the first of equal elements is found, row by row.

use std::ops::Range;

use super::{Place, Spans, Windows};
use crate::Float;
use crate::kernel::isa::{Isa, multiversion};
use crate::kernel::scratch::Scratch;

/// Windows that are computed at a time; arrays are longer by so much, which is written and not read.
const LANES: usize = 16;
/// Elements of the results along rows that there are at a time.
const BAND: usize = 1 << 12;

/// Calls `f` with the number of a window, and the largest elements of it and the next with where they
/// are in the image `x`.
pub(super) fn search<T: Float>(windows: &Windows, x: &[T], mut f: impl FnMut(usize, &[T], &[u32])) {
    let [down, across] = &windows.0;
    let cols = across.count;
    if cols == 0 || down.count == 0 {
        return;
    }
    let together = (BAND / (cols * down.span(0).len())).max(1);
    for first in (0..down.count).step_by(together) {
        let band = first..(first + together).min(down.count);
        let rows = down.span(first).start..down.span(band.end - 1).end;
        let lines = Lines::new(across, rows.len());
        let (along, found) = (rows.len() * cols + LANES, band.len() * cols + LANES);
        let mut values = Scratch::take((along + found + lines.sorted()) * size_of::<T>());
        let mut places = Scratch::take((along + found) * size_of::<u32>());
        // SAFETY: there is room for so many elements of both.
        let (values, places) = unsafe {
            let values = std::slice::from_raw_parts_mut(values.start().cast::<T>(), along + found + lines.sorted());
            (values, std::slice::from_raw_parts_mut(places.start().cast::<u32>(), along + found))
        };
        let (sorted, values) = values.split_at_mut(lines.sorted());
        let ((row_values, values), (row_places, places)) = (values.split_at_mut(along), places.split_at_mut(along));
        // SAFETY: the instruction set is this machine's.
        unsafe {
            along_rows(Isa::get(), across, &lines, rows.clone(), x, sorted, row_values, row_places);
            over_rows(Isa::get(), windows, band.clone(), rows.start, row_values, row_places, values, places);
        }
        f(first * cols, &values[..band.len() * cols], &places[..band.len() * cols]);
    }
}

/// Rows of an image as what is searched at a time.
struct Lines {
    /// How many there are.
    count: usize,
    /// The elements of each, and its windows.
    length: usize,
    windows: usize,
    /// Its elements are sorted by their remainder with respect to the stride, so that the same
    /// elements of windows side by side lie side by side: room for those of each remainder.
    room: usize,
    stride: usize,
}

impl Lines {
    fn new(across: &Spans, rows: usize) -> Self {
        let Place::Steps { size, stride, padding } = across.place else {
            return Lines { count: rows, length: across.length, windows: across.count, room: 0, stride: 1 };
        };
        // Windows that fill a row go on in the next.
        let joined = stride == size && padding == 0 && across.count * size == across.length;
        let (count, factor) = if joined { (1, rows) } else { (rows, 1) };
        let (length, windows) = (factor * across.length, factor * across.count);
        let length = length.min((windows - 1) * stride + size - padding);
        Lines { count, length, windows, room: windows + size / stride + 2 * LANES, stride }
    }

    /// Elements of a sorted line.
    fn sorted(&self) -> usize {
        self.room * self.stride
    }
}

/// Takes another element where it is larger, or the first NaN.
#[inline(always)]
fn take_larger<T: Float>(best: &mut [T; LANES], at: &mut [u32; LANES], x: [T; LANES], places: [u32; LANES]) {
    for l in 0..LANES {
        #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN is taken")]
        let better = !(x[l] <= best[l]) & !best[l].is_nan();
        best[l] = if better { x[l] } else { best[l] };
        at[l] = if better { places[l] } else { at[l] };
    }
}

multiversion! {
    /// The largest elements of the parts of windows that lie in each of these rows.
    ///
    /// # Safety
    /// None.
    #[allow(clippy::too_many_arguments)]
    unsafe fn along_rows[T: Float](
        across: &Spans, lines: &Lines, rows: Range<usize>, x: &[T], sorted: &mut [T], values: &mut [T], places: &mut [u32],
    ) {
        let Place::Steps { size, stride, padding } = across.place else {
            return along_bins(across, rows, x, values, places);
        };
        sorted.fill(-T::INFINITY);
        for line in 0..lines.count {
            let start = (rows.start + line) * across.length;
            sort(&x[start..][..lines.length], stride, padding, lines.room, sorted);
            for first in (0..lines.windows).step_by(LANES) {
                let mut best = [-T::INFINITY; LANES];
                let mut at = [0; LANES];
                let (origin, step) = ((first * stride) as u32, stride as u32);
                for (l, at) in at.iter_mut().enumerate() {
                    *at = start as u32 + (origin + l as u32 * step).max(padding as u32) - padding as u32;
                }
                let (mut remainder, mut next) = (0, first);
                for k in 0..size {
                    let x = *sorted[remainder * lines.room + next..].first_chunk().expect("there is room");
                    let mut places = [(start as u32 + origin + k as u32).wrapping_sub(padding as u32); LANES];
                    for (l, place) in places.iter_mut().enumerate() {
                        *place = place.wrapping_add(l as u32 * step);
                    }
                    take_larger(&mut best, &mut at, x, places);
                    remainder += 1;
                    if remainder == stride {
                        (remainder, next) = (0, next + 1);
                    }
                }
                let to = line * lines.windows + first;
                values[to..][..LANES].copy_from_slice(&best);
                places[to..][..LANES].copy_from_slice(&at);
            }
        }
    }
}

/// Sorts a line with so many elements before it by the remainders with respect to the stride.
#[inline(always)]
fn sort<T: Float>(line: &[T], stride: usize, padding: usize, room: usize, to: &mut [T]) {
    let start = |first: usize| (first + padding) % stride * room + (first + padding) / stride;
    match stride {
        1 => to[padding..][..line.len()].copy_from_slice(line),
        2 => {
            let [even, odd] = [start(0), start(1)];
            let (chunks, rest) = line.as_chunks::<{ 2 * LANES }>();
            let mut last = [-T::INFINITY; 2 * LANES];
            last[..rest.len()].copy_from_slice(rest);
            for (i, chunk) in chunks.iter().chain([&last]).enumerate() {
                let mut parts = [[T::ZERO; LANES]; 2];
                for l in 0..LANES {
                    parts[0][l] = chunk[2 * l];
                    parts[1][l] = chunk[2 * l + 1];
                }
                to[even + i * LANES..][..LANES].copy_from_slice(&parts[0]);
                to[odd + i * LANES..][..LANES].copy_from_slice(&parts[1]);
            }
        }
        _ => {
            for first in 0..stride.min(line.len()) {
                let from = line[first..].iter().step_by(stride);
                to[start(first)..].iter_mut().zip(from).for_each(|(to, &x)| *to = x);
            }
        }
    }
}

/// As [`along_rows`], for windows of different sizes.
#[inline(always)]
fn along_bins<T: Float>(across: &Spans, rows: Range<usize>, x: &[T], values: &mut [T], places: &mut [u32]) {
    let mut to = values.iter_mut().zip(places);
    for row in rows {
        for (span, (value, place)) in (0..across.count).map(|j| across.span(j)).zip(&mut to) {
            let first = row * across.length + span.start;
            (*value, *place) = (x[first], first as u32);
            for (k, &x) in x[first..][..span.len()].iter().enumerate() {
                if x > *value || x.is_nan() && !value.is_nan() {
                    (*value, *place) = (x, (first + k) as u32);
                }
            }
        }
    }
}

multiversion! {
    /// The largest elements of windows, given those of their rows from `above` on.
    ///
    /// # Safety
    /// None.
    #[allow(clippy::too_many_arguments)]
    unsafe fn over_rows[T: Float](
        windows: &Windows, band: Range<usize>, above: usize, row_values: &[T], row_places: &[u32], values: &mut [T], places: &mut [u32],
    ) {
        let [down, across] = &windows.0;
        let cols = across.count;
        for (i, to) in band.zip((0..).step_by(cols)) {
            let span = down.span(i);
            for j in (0..cols).step_by(LANES) {
                let at = |row: usize| (row - above) * cols + j;
                let mut best: [T; LANES] = *row_values[at(span.start)..].first_chunk().expect("there is room");
                let mut place: [u32; LANES] = *row_places[at(span.start)..].first_chunk().expect("there is room");
                for row in span.start + 1..span.end {
                    let x = *row_values[at(row)..].first_chunk().expect("there is room");
                    take_larger(&mut best, &mut place, x, *row_places[at(row)..].first_chunk().expect("there is room"));
                }
                values[to + j..][..LANES].copy_from_slice(&best);
                places[to + j..][..LANES].copy_from_slice(&place);
            }
        }
    }
}
