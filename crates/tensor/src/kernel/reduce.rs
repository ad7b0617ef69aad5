//! Reductions: what they are, and how tiles are folded into accumulators.
//!
//! Accumulators are `f64` for every element type; four elements are joined before they are converted,
//! which takes longer than anything else here. The order of the additions is fixed here, lane by
//! lane, and does not depend on the width of the machine's vectors.

use super::isa::{Isa, multiversion};
use crate::Float;

/// What a reduction computes. Accumulators are `f64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The sum; 0 of nothing.
    Sum,
    /// The mean; NaN of nothing.
    Mean,
    /// The product; 1 of nothing.
    Prod,
    /// The largest value, NaN if there is one; −∞ of nothing.
    Max,
    /// The smallest value, NaN if there is one; ∞ of nothing.
    Min,
}

/// Runs an expression with the [`Combine`] of a reduction.
macro_rules! with_combine {
    ($reduction:expr, $combine:ident => $body:expr) => {
        match $reduction {
            Reduction::Sum | Reduction::Mean => {
                let $combine = Add;
                $body
            }
            Reduction::Prod => {
                let $combine = Multiply;
                $body
            }
            Reduction::Max => {
                let $combine = Larger;
                $body
            }
            Reduction::Min => {
                let $combine = Smaller;
                $body
            }
        }
    };
}

impl Reduction {
    /// What an accumulator starts from.
    pub(super) fn start(self) -> f64 {
        match self {
            Reduction::Sum | Reduction::Mean => 0.0,
            Reduction::Prod => 1.0,
            Reduction::Max => f64::NEG_INFINITY,
            Reduction::Min => f64::INFINITY,
        }
    }

    /// The result over `count` values from what they were folded to.
    pub(super) fn finish(self, folded: f64, count: usize) -> f64 {
        if self == Reduction::Mean { folded / count as f64 } else { folded }
    }

    /// Folds each of `rows` rows of `cols` elements, `step` apart, into an accumulator of its own.
    ///
    /// # Safety
    /// `x` must be readable for these rows, `acc` writable for `rows`.
    pub(super) unsafe fn fold_rows<T: Float>(
        self,
        isa: Isa,
        x: *const T,
        step: isize,
        rows: usize,
        cols: usize,
        acc: *mut f64,
    ) {
        // SAFETY: the caller's promise.
        unsafe { with_combine!(self, combine => fold_rows(isa, combine, x, step, rows, cols, acc)) }
    }

    /// Folds each of `rows` rows of `cols` elements into `cols` accumulators; `steps` are those
    /// from one row of `x` to the next, and from the accumulators of one row to those of the next
    /// (0 for the same).
    ///
    /// # Safety
    /// `x` must be readable for `rows` rows of `cols` elements, `acc` writable likewise.
    pub(super) unsafe fn fold_columns<T: Float>(
        self,
        isa: Isa,
        x: *const T,
        rows: usize,
        cols: usize,
        acc: *mut f64,
        steps: [isize; 2],
    ) {
        // SAFETY: the caller's promise.
        unsafe { with_combine!(self, combine => fold_columns(isa, combine, x, rows, cols, acc, steps)) }
    }

    /// Joins `n` accumulators with as many others.
    ///
    /// # Safety
    /// `acc` must be writable and `other` readable for `n` elements, without overlap.
    pub(super) unsafe fn join(self, isa: Isa, acc: *mut f64, other: *const f64, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { with_combine!(self, combine => fold_columns(isa, combine, other, 1, n, acc, [0, 0])) }
    }
}

/// How two values become one.
trait Combine: Copy {
    const START: f64;
    /// Whether elements may be joined before they are converted. What is not finite then is folded
    /// again one by one: a sum may be too large for an element.
    const EARLY: bool = true;
    /// Whether it is a comparison.
    const COMPARES: bool = false;
    fn combine<T: Float>(self, a: T, b: T) -> T;
}

#[derive(Clone, Copy)]
struct Add;
#[derive(Clone, Copy)]
struct Multiply;
#[derive(Clone, Copy)]
struct Larger;
#[derive(Clone, Copy)]
struct Smaller;

impl Combine for Add {
    const START: f64 = 0.0;
    #[inline(always)]
    fn combine<T: Float>(self, a: T, b: T) -> T {
        a + b
    }
}

impl Combine for Multiply {
    const START: f64 = 1.0;
    const EARLY: bool = false;
    #[inline(always)]
    fn combine<T: Float>(self, a: T, b: T) -> T {
        a * b
    }
}

impl Combine for Larger {
    const START: f64 = f64::NEG_INFINITY;
    const COMPARES: bool = true;
    #[inline(always)]
    fn combine<T: Float>(self, a: T, b: T) -> T {
        a.max_nan(b)
    }
}

impl Combine for Smaller {
    const START: f64 = f64::INFINITY;
    const COMPARES: bool = true;
    #[inline(always)]
    fn combine<T: Float>(self, a: T, b: T) -> T {
        a.min_nan(b)
    }
}

/// Rows that are folded one element after the other are shorter than this; rows from the second
/// length on have many accumulators, those between a few.
const SHORT: usize = 16;
const LONG: usize = 64;
/// Accumulators in one piece, which the compiler keeps in whole vectors.
const LANES: usize = 8;
/// Pieces for long rows and for columns.
const PIECES: usize = 4;
const WIDTH: usize = LANES * PIECES;

/// Elements that are joined at a time.
const EARLY: usize = 4;

/// Joins each column of four rows of elements.
#[inline(always)]
fn join_early<T: Float, C: Combine>(combine: C, rows: [[T; WIDTH]; EARLY]) -> [[T; LANES]; PIECES] {
    let mut joined = [[T::ZERO; LANES]; PIECES];
    for (j, to) in joined.as_flattened_mut().iter_mut().enumerate() {
        *to = combine.combine(combine.combine(rows[0][j], rows[1][j]), combine.combine(rows[2][j], rows[3][j]));
    }
    joined
}

/// Whether all accumulators are finite, and far from being not.
#[inline(always)]
fn are_finite([a, b, c, d]: &[[f64; LANES]; PIECES]) -> bool {
    let mut finite = true;
    for k in 0..LANES {
        finite &= ((a[k] + b[k]) + (c[k] + d[k])) * 0.0 == 0.0;
    }
    finite
}

/// Joins a piece of elements to a piece of accumulators.
#[inline(always)]
fn fold_lanes<T: Float, C: Combine>(combine: C, mut lanes: [f64; LANES], x: [T; LANES]) -> [f64; LANES] {
    for (lane, v) in lanes.iter_mut().zip(x) {
        *lane = combine.combine(*lane, v.to_f64());
    }
    lanes
}

multiversion! {
    /// As [`Reduction::fold_rows`].
    ///
    /// # Safety
    /// As for [`Reduction::fold_rows`].
    unsafe fn fold_rows[T: Float, C: Combine](
        combine: C, x: *const T, step: isize, rows: usize, cols: usize, acc: *mut f64,
    ) {
        let mut i = 0;
        while i < rows {
            // SAFETY: rows from `i` on and their accumulators, which the caller promises.
            unsafe {
                if cols < SHORT && i + LANES <= rows {
                    // Element by element, but several rows at a time.
                    let mut lanes = acc.add(i).cast::<[f64; LANES]>().read();
                    for j in 0..cols {
                        let x = std::array::from_fn(|r| *x.offset((i + r) as isize * step).add(j));
                        lanes = fold_lanes(combine, lanes, x);
                    }
                    acc.add(i).cast::<[f64; LANES]>().write(lanes);
                    i += LANES;
                    continue;
                }
                let row = std::slice::from_raw_parts(x.offset(i as isize * step), cols);
                let folded = if cols < LONG {
                    fold_row(combine, [[C::START; LANES]], row)
                } else {
                    fold_long_row(combine, row)
                };
                *acc.add(i) = combine.combine(*acc.add(i), folded);
                i += 1;
            }
        }
    }
}

/// One row, joined early as far as it goes.
#[inline(always)]
fn fold_long_row<T: Float, C: Combine>(combine: C, row: &[T]) -> f64 {
    let start = [[C::START; LANES]; PIECES];
    if C::COMPARES {
        // Nothing is rounded, so nothing is converted before the end.
        let mut found = [T::from_f64(C::START); WIDTH];
        let (chunks, rest) = row.as_chunks::<WIDTH>();
        for chunk in chunks {
            for (found, x) in found.iter_mut().zip(chunk) {
                *found = combine.combine(*found, *x);
            }
        }
        let mut lanes = start;
        for (lane, found) in lanes.as_flattened_mut().iter_mut().zip(found) {
            *lane = found.to_f64();
        }
        return fold_row(combine, lanes, rest);
    }
    if C::EARLY {
        let mut lanes = start;
        let (chunks, rest) = row.as_chunks::<{ WIDTH * EARLY }>();
        for chunk in chunks {
            let (rows, _) = chunk.as_chunks::<WIDTH>();
            let joined = join_early(combine, [rows[0], rows[1], rows[2], rows[3]]);
            for (lanes, x) in lanes.iter_mut().zip(joined) {
                *lanes = fold_lanes(combine, *lanes, x);
            }
        }
        let folded = fold_row(combine, lanes, rest);
        if folded.is_finite() {
            return folded;
        }
    }
    fold_row(combine, start, row)
}

/// One row: whole pieces into one after the other, then the lanes in a tree.
#[inline(always)]
fn fold_row<T: Float, C: Combine, const P: usize>(combine: C, mut lanes: [[f64; LANES]; P], row: &[T]) -> f64 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let (whole, tail) = chunks.as_chunks::<P>();
    for chunk in whole {
        for (lanes, x) in lanes.iter_mut().zip(chunk) {
            *lanes = fold_lanes(combine, *lanes, *x);
        }
    }
    for x in tail {
        lanes[0] = fold_lanes(combine, lanes[0], *x);
    }
    let mut pieces = P / 2;
    while pieces > 0 {
        for k in 0..pieces {
            lanes[k] = fold_lanes(combine, lanes[k], lanes[k + pieces]);
        }
        pieces /= 2;
    }
    let rest = rest.iter().fold(C::START, |acc, v| combine.combine(acc, v.to_f64()));
    let folded = if P == 1 && !C::COMPARES { fold_tree(combine, lanes[0]) } else { fold_apart(combine, &lanes[0]) };
    combine.combine(folded, rest)
}

/// [`fold_tree`] where the compiler would else cut all of a row's loops into the pairs of the tree.
#[inline(never)]
fn fold_apart<C: Combine>(combine: C, lanes: &[f64; LANES]) -> f64 {
    fold_tree(combine, *lanes)
}

#[inline(always)]
fn fold_tree<C: Combine>(combine: C, mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for j in 0..width {
            lanes[j] = combine.combine(lanes[j], lanes[j + width]);
        }
        width /= 2;
    }
    lanes[0]
}

multiversion! {
    /// As [`Reduction::fold_columns`], for any elements.
    ///
    /// # Safety
    /// As for [`Reduction::fold_columns`].
    unsafe fn fold_columns[T: Float, C: Combine](
        combine: C, x: *const T, rows: usize, cols: usize, acc: *mut f64, steps: [isize; 2],
    ) {
        let (rows, [x_step, step]) = (rows as isize, steps);
        let mut j = 0;
        while j < cols {
            // SAFETY: columns `j` to `j + n` of each row and of their accumulators, which the
            // caller promises.
            unsafe {
                if step == 0 && j + WIDTH <= cols {
                    // The accumulators stay in registers from row to row.
                    let start = acc.add(j).cast::<[[f64; LANES]; PIECES]>().read();
                    let row = |i: isize| x.offset(i * x_step).add(j).cast::<[T; WIDTH]>().read();
                    let mut lanes = start;
                    let mut early = if C::EARLY { rows / EARLY as isize } else { 0 };
                    for i in 0..early {
                        let i = i * EARLY as isize;
                        let joined = join_early(combine, [row(i), row(i + 1), row(i + 2), row(i + 3)]);
                        for (lanes, x) in lanes.iter_mut().zip(joined) {
                            *lanes = fold_lanes(combine, *lanes, x);
                        }
                    }
                    if early > 0 && !are_finite(&lanes) {
                        (lanes, early) = (start, 0);
                    }
                    for i in early * EARLY as isize..rows {
                        for (lanes, x) in lanes.iter_mut().zip(row(i).as_chunks::<LANES>().0) {
                            *lanes = fold_lanes(combine, *lanes, *x);
                        }
                    }
                    acc.add(j).cast::<[[f64; LANES]; PIECES]>().write(lanes);
                    j += WIDTH;
                } else {
                    let n = if step == 0 { cols - j } else { cols };
                    for i in 0..rows {
                        let x = std::slice::from_raw_parts(x.offset(i * x_step).add(j), n);
                        let acc = std::slice::from_raw_parts_mut(acc.offset(i * step).add(j), n);
                        for (acc, x) in acc.iter_mut().zip(x) {
                            *acc = combine.combine(*acc, x.to_f64());
                        }
                    }
                    j += n;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Reduction; 4] = [Reduction::Sum, Reduction::Prod, Reduction::Max, Reduction::Min];

    fn naive(reduction: Reduction, acc: f64, v: f64) -> f64 {
        match reduction {
            Reduction::Sum | Reduction::Mean => acc + v,
            Reduction::Prod => acc * v,
            Reduction::Max => acc.max(v),
            Reduction::Min => acc.min(v),
        }
    }

    /// Integers small enough for every result to be exact, up to products of powers of two.
    fn matrix(rows: usize, cols: usize, reduction: Reduction) -> Vec<f32> {
        let value = |i: usize| match reduction {
            Reduction::Prod => [1.0, 2.0, -0.5, -1.0][i % 4],
            _ => ((i * 31) % 17) as f32 - 8.0,
        };
        (0..rows * cols).map(value).collect()
    }

    #[test]
    fn rows_and_columns_agree_with_loops_on_every_instruction_set() {
        for isa in Isa::all() {
            for (rows, cols) in [(1, 1), (3, 5), (9, 4), (20, 15), (2, 63), (5, 64), (3, 1000), (70, 33), (2, 0)] {
                for reduction in ALL {
                    let x = matrix(rows, cols, reduction);
                    let (mut by_row, mut by_col) = (vec![reduction.start(); rows], vec![reduction.start(); cols]);
                    let (mut each, start) = (vec![reduction.start(); rows * (cols + 1)], reduction.start());
                    // SAFETY: there is an accumulator for every row, column and element.
                    unsafe {
                        reduction.fold_rows(isa, x.as_ptr(), cols as isize, rows, cols, by_row.as_mut_ptr());
                        reduction.fold_columns(isa, x.as_ptr(), rows, cols, by_col.as_mut_ptr(), [cols as isize, 0]);
                        reduction.fold_columns(
                            isa,
                            x.as_ptr(),
                            rows,
                            cols,
                            each.as_mut_ptr(),
                            [cols as isize, cols as isize + 1],
                        );
                    }
                    let at = |i: usize, j: usize| f64::from(x[i * cols + j]);
                    for (i, &found) in by_row.iter().enumerate() {
                        let expected = (0..cols).fold(start, |acc, j| naive(reduction, acc, at(i, j)));
                        assert_eq!(found, expected, "{isa:?} {reduction:?} row {i} of {rows} by {cols}");
                    }
                    for (j, &found) in by_col.iter().enumerate() {
                        let expected = (0..rows).fold(start, |acc, i| naive(reduction, acc, at(i, j)));
                        assert_eq!(found, expected, "{isa:?} {reduction:?} column {j} of {rows} by {cols}");
                    }
                    for i in 0..rows {
                        assert!((0..cols).all(|j| each[i * (cols + 1) + j] == naive(reduction, start, at(i, j))));
                    }
                }
            }
        }
    }

    #[test]
    fn inexact_sums_have_the_same_bits_on_every_instruction_set() {
        let x: Vec<f64> = (0..5000).map(|i| (f64::from(i) * 0.7).sin()).collect();
        for cols in [3, 10, 50, 500, 5000] {
            let sums = Isa::all().map(|isa| {
                let (rows, mut acc) = (x.len() / cols, vec![0.0; x.len() / cols + cols]);
                // SAFETY: there are `rows` and `cols` accumulators.
                unsafe {
                    Reduction::Sum.fold_rows(isa, x.as_ptr(), cols as isize, rows, cols, acc.as_mut_ptr());
                    Reduction::Sum.fold_columns(
                        isa,
                        x.as_ptr(),
                        rows,
                        cols,
                        acc.as_mut_ptr().add(rows),
                        [cols as isize, 0],
                    );
                }
                acc.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            });
            let sums: Vec<_> = sums.collect();
            assert!(sums.windows(2).all(|pair| pair[0] == pair[1]), "rows of {cols}");
        }
    }

    #[test]
    fn sums_may_be_too_large_for_an_element_on_their_way() {
        let (rows, cols) = (9, 300);
        for isa in Isa::all() {
            let x: Vec<f32> = (0..rows * cols).map(|i| if i % cols % 2 == 0 { 3e38 } else { -2e38 }).collect();
            let (mut by_row, mut by_col) = (vec![0.0; rows], vec![0.0; cols]);
            // SAFETY: there is an accumulator for every row and column.
            unsafe {
                Reduction::Sum.fold_rows(isa, x.as_ptr(), cols as isize, rows, cols, by_row.as_mut_ptr());
                Reduction::Sum.fold_columns(isa, x.as_ptr(), rows, cols, by_col.as_mut_ptr(), [cols as isize, 0]);
            }
            let sum = |n: usize, v: f32| n as f64 * f64::from(v);
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs();
            assert!(by_row.iter().all(|&s| close(s, sum(cols / 2, 3e38) - sum(cols / 2, 2e38))), "{isa:?} {by_row:?}");
            assert!(by_col.iter().zip(&x).all(|(&s, &v)| close(s, sum(rows, v))), "{isa:?} {by_col:?}");
        }
    }

    #[test]
    fn extremes_keep_nan() {
        for at in 0..300 {
            let mut x = vec![1.0f32; 300];
            x[at] = f32::NAN;
            for reduction in [Reduction::Max, Reduction::Min] {
                let mut acc = [reduction.start()];
                // SAFETY: one row, one accumulator.
                unsafe { reduction.fold_rows(Isa::get(), x.as_ptr(), 0, 1, x.len(), acc.as_mut_ptr()) };
                assert!(acc[0].is_nan(), "{reduction:?} with NaN at {at}");
            }
        }
    }
}
