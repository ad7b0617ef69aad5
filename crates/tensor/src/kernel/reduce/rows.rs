//! Folding each row of a tile into an accumulator of its own.

use super::{Combine, EARLY, LANES, fold_lanes};
use crate::Float;
use crate::kernel::isa::multiversion;

/// Accumulators of a long row.
const LONG: usize = 2 * LANES;
/// Elements that are compared at a time.
const WIDTH: usize = 2 * LONG;

multiversion! {
    /// As [`Reduction::fold_rows`](super::Reduction::fold_rows).
    ///
    /// # Safety
    /// As for [`Reduction::fold_rows`](super::Reduction::fold_rows).
    pub(super) unsafe fn fold_rows[T: Float, C: Combine](
        combine: C, x: *const T, step: isize, rows: usize, cols: usize, acc: *mut f64,
    ) {
        for i in (0..rows).step_by(LANES) {
            // SAFETY: rows from `i` on and their accumulators, which the caller promises.
            unsafe {
                let (x, acc) = (x.offset(i as isize * step), acc.add(i));
                let rows = LANES.min(rows - i);
                if cols < LANES && rows == LANES {
                    // Element by element, but several rows at a time.
                    let mut lanes = acc.cast::<[f64; LANES]>().read();
                    for j in 0..cols {
                        let x = std::array::from_fn(|r| *x.offset(r as isize * step).add(j));
                        lanes = fold_lanes(combine, lanes, x);
                    }
                    acc.cast::<[f64; LANES]>().write(lanes);
                    continue;
                }
                let row = |r: usize| std::slice::from_raw_parts(x.offset(r as isize * step), cols);
                let mut lanes = [[C::START; LANES]; LANES];
                let mut rest = [C::START; LANES];
                for r in 0..rows {
                    (lanes[r], rest[r]) = fold_row(combine, row(r));
                }
                fold_trees(combine, &mut lanes[..rows]);
                for r in 0..rows {
                    let mut folded = combine.combine(lanes[r][0], rest[r]);
                    if C::EARLY && !C::COMPARES && !folded.is_finite() {
                        folded = fold_late(combine, row(r));
                    }
                    *acc.add(r) = combine.combine(*acc.add(r), folded);
                }
            }
        }
    }
}

/// One row: its accumulators, and that of the elements after its whole pieces. What was joined early is not
/// to be trusted if it is not finite.
#[inline(always)]
fn fold_row<T: Float, C: Combine>(combine: C, row: &[T]) -> ([f64; LANES], f64) {
    let mut lanes = [C::START; LONG];
    let rest;
    if C::COMPARES {
        // Nothing is rounded, so nothing is converted before the end. Where there is NaN, the sum is, too.
        let (mut found, mut sums) = ([T::from_f64(C::START); WIDTH], [T::ZERO; WIDTH]);
        let chunks;
        (chunks, rest) = row.as_chunks::<WIDTH>();
        for x in chunks {
            for j in 0..WIDTH {
                found[j] = combine.combine_numbers(found[j], x[j]);
                sums[j] += x[j];
            }
        }
        if !chunks.is_empty() {
            for j in 0..LONG {
                let both = combine.combine_numbers(found[j], found[j + LONG]).to_f64();
                lanes[j] = if (sums[j] + sums[j + LONG]).is_nan() { f64::NAN } else { both };
            }
        }
    } else if C::EARLY {
        // Through memory as it lies: no other order is as fast.
        let chunks;
        (chunks, rest) = row.as_chunks::<{ EARLY * LONG }>();
        for x in chunks {
            let mut joined = [T::ZERO; LONG];
            for j in 0..LONG {
                let (a, b) = (combine.combine(x[j], x[j + LONG]), combine.combine(x[j + 2 * LONG], x[j + 3 * LONG]));
                joined[j] = combine.combine(a, b);
            }
            for j in 0..LONG {
                lanes[j] = combine.combine(lanes[j], joined[j].to_f64());
            }
        }
    } else {
        let chunks;
        (chunks, rest) = row.as_chunks::<LONG>();
        for x in chunks {
            for j in 0..LONG {
                lanes[j] = combine.combine(lanes[j], x[j].to_f64());
            }
        }
    }
    let mut folded = [C::START; LANES];
    for j in 0..LANES {
        folded[j] = combine.combine(lanes[j], lanes[j + LANES]);
    }
    let (pieces, tail) = rest.as_chunks::<LANES>();
    for x in pieces {
        folded = fold_lanes(combine, folded, *x);
    }
    let mut is_nan = false;
    for lane in folded {
        is_nan |= lane.is_nan();
    }
    if C::COMPARES && is_nan {
        return ([C::START; LANES], fold_late(combine, row));
    }
    (folded, tail.iter().fold(C::START, |acc, v| combine.combine(acc, v.to_f64())))
}

/// Folds the lanes of each row into the first. In a function of its own, as the compiler would else cut
/// the loops over a row into the pairs of this one.
#[inline(never)]
fn fold_trees<C: Combine>(combine: C, rows: &mut [[f64; LANES]]) {
    for lanes in rows {
        let mut width = LANES / 2;
        while width > 0 {
            for j in 0..width {
                lanes[j] = combine.combine_numbers(lanes[j], lanes[j + width]);
            }
            width /= 2;
        }
    }
}

/// One row, element by element.
#[cold]
#[inline(never)]
fn fold_late<T: Float, C: Combine>(combine: C, row: &[T]) -> f64 {
    let mut lanes = [C::START; LANES];
    let (pieces, tail) = row.as_chunks::<LANES>();
    for x in pieces {
        lanes = fold_lanes(combine, lanes, *x);
    }
    let folded = lanes.into_iter().fold(C::START, |acc, lane| combine.combine(acc, lane));
    tail.iter().fold(folded, |acc, v| combine.combine(acc, v.to_f64()))
}
