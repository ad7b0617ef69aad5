//! Folding the rows of a tile into an accumulator for each column.

use super::{Combine, EARLY, LANES, fold_lanes};
use crate::Float;
use crate::kernel::isa::multiversion;

/// Pieces of columns whose accumulators are in registers.
const PIECES: usize = 4;
const WIDTH: usize = LANES * PIECES;

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

multiversion! {
    /// As [`Reduction::fold_columns`](super::Reduction::fold_columns), for any elements.
    ///
    /// # Safety
    /// As for [`Reduction::fold_columns`](super::Reduction::fold_columns).
    pub(super) unsafe fn fold_columns[T: Float, C: Combine](
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

multiversion! {
    /// The quotients of `n` accumulators by `terms`.
    ///
    /// # Safety
    /// `acc` must be readable and `to` writable for `n` elements.
    pub(super) unsafe fn finish[T: Float](acc: *const f64, to: *mut T, n: usize, terms: f64) {
        // SAFETY: the caller's promise.
        let (acc, to) = unsafe { (std::slice::from_raw_parts(acc, n), std::slice::from_raw_parts_mut(to, n)) };
        for (to, acc) in to.iter_mut().zip(acc) {
            *to = T::from_f64(acc / terms);
        }
    }
}
