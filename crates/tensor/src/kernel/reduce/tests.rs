//! Folds against loops.

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
