//! Eliminations of row-major `f64` matrices, a block of rows at a time, so that nearly all of the work is
//! matrix products (Golub and Van Loan, *Matrix Computations*, sections 3.1.4, 3.4 and 4.2.5).

use std::ops::Range;

use wengert_tensor::kernel::matmul::{Mat, matmul};

/// Rows of a block.
const BLOCK: usize = 32;

/// `to ← to + factor · from`.
fn add_multiple(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

/// Subtracts the product of `a`, of `terms` columns, and `b` from the given columns of whole rows of `width`.
fn subtract_product(rows: &mut [f64], width: usize, columns: Range<usize>, terms: usize, a: Mat<f64>, b: Mat<f64>) {
    let (m, n) = (rows.len() / width.max(1), columns.len());
    if m * n * terms == 0 {
        return;
    }
    let mut product = vec![0.0; m * n];
    matmul(1, m, terms, n, a, b, &mut product);
    for (row, product) in rows.chunks_exact_mut(width).zip(product.chunks_exact(n)) {
        add_multiple(&mut row[columns.clone()], -1.0, product);
    }
}

/// Overwrites the `n × k` matrix `b` with the solution of `a·x = b` for a lower or an upper triangular `a`,
/// whose other triangle is not looked at.
pub(super) fn substitute(a: &[f64], b: &mut [f64], n: usize, upper: bool) {
    let k = b.len() / n.max(1);
    let starts = (0..n).step_by(BLOCK);
    let mut block = |start: usize| {
        let end = (start + BLOCK).min(n);
        let (before, rest) = b.split_at_mut(start * k);
        let (rows, after) = rest.split_at_mut((end - start) * k);
        let (first, terms, known) = if upper { (end, n - end, &*after) } else { (0, start, &*before) };
        let factors = Mat { offset: start * n + first, ..Mat::row_major(a, n) };
        subtract_product(rows, k, 0..k, terms, factors, Mat::row_major(known, k));
        let mut row = |i: usize| {
            let others = if upper { i + 1..end } else { start..i };
            for j in others {
                let places = [i, j].map(|r| (r - start) * k..(r - start + 1) * k);
                let [to, from] = rows.get_disjoint_mut(places).expect("two rows");
                add_multiple(to, -a[i * n + j], from);
            }
            rows[(i - start) * k..][..k].iter_mut().for_each(|x| *x /= a[i * n + i]);
        };
        if upper { (start..end).rev().for_each(&mut row) } else { (start..end).for_each(&mut row) }
    };
    if upper { starts.rev().for_each(&mut block) } else { starts.for_each(&mut block) }
}

/// Overwrites a symmetric matrix, of which only the lower triangle is looked at, with its Cholesky factor.
/// The root of what is not positive is NaN, or 0 and divides to ∞.
pub(super) fn factor(l: &mut [f64], n: usize) {
    for start in (0..n).step_by(BLOCK) {
        let end = (start + BLOCK).min(n);
        // What the columns before take from these.
        let done: Vec<f64> = l[start * n..].chunks_exact(n).flat_map(|row| &row[..start]).copied().collect();
        let left = Mat::row_major(&done, start);
        let above = left.transposed();
        subtract_product(&mut l[start * n..], n, start..end, start, left, above);
        // The transpose of the factor of the block on the diagonal.
        let mut corner = [[0.0; BLOCK]; BLOCK];
        for (i, row) in l[start * n..].chunks_exact_mut(n).enumerate() {
            let row = &mut row[start..end];
            for column in 0..i.min(end - start) {
                row[column] /= corner[column][column];
                let x = row[column];
                if i < BLOCK {
                    corner[column][i] = x;
                }
                let last = i.min(end - start - 1);
                add_multiple(&mut row[column + 1..=last], -x, &corner[column][column + 1..=last]);
            }
            if let Some(pivot) = row.get_mut(i) {
                *pivot = pivot.sqrt();
                corner[i][i] = *pivot;
            }
        }
    }
    (0..n).for_each(|i| l[i * n + i + 1..(i + 1) * n].fill(0.0));
}

/// Overwrites the `n × n` matrix `a` with its factors, L below the diagonal and U from it on, and
/// applies the same row operations to the `n × k` matrix `b`. The sign of the row permutation.
pub(super) fn eliminate(a: &mut [f64], b: &mut [f64], n: usize) -> f64 {
    let k = b.len() / n.max(1);
    let mut sign = 1.0;
    for start in (0..n).step_by(BLOCK) {
        let end = (start + BLOCK).min(n);
        for column in start..end {
            let size = |row: usize| a[row * n + column].abs();
            let is_better = |row: usize, best: usize| size(row) > size(best) || size(row).is_nan();
            let pivot = (column + 1..n).fold(column, |best, row| if is_better(row, best) { row } else { best });
            if pivot != column {
                (0..n).for_each(|j| a.swap(pivot * n + j, column * n + j));
                (0..k).for_each(|j| b.swap(pivot * k + j, column * k + j));
                sign = -sign;
            }
            let (done, below) = a.split_at_mut((column + 1) * n);
            let top = &done[column * n..];
            if top[column] == 0.0 {
                continue;
            }
            for row in below.chunks_exact_mut(n) {
                row[column] /= top[column];
                let factor = row[column];
                add_multiple(&mut row[column + 1..end], -factor, &top[column + 1..end]);
            }
        }
        // The rest of these rows, and of those below.
        let factors: Vec<f64> = a[start * n..].chunks_exact(n).flat_map(|row| &row[start..end]).copied().collect();
        subtract_above(&factors, end - start, &mut a[start * n..], n, end..n);
        subtract_above(&factors, end - start, &mut b[start * k..], k, 0..k);
    }
    sign
}

/// Subtracts from each row what L, the first columns of which are given, takes of the rows above it, in
/// the given columns of whole rows of `width`.
fn subtract_above(factors: &[f64], size: usize, rows: &mut [f64], width: usize, columns: Range<usize>) {
    let (block, below) = rows.split_at_mut(size * width);
    for i in 1..size {
        let (above, row) = block.split_at_mut(i * width);
        for (above, factor) in above.chunks_exact(width.max(1)).zip(&factors[i * size..]) {
            add_multiple(&mut row[columns.clone()], -factor, &above[columns.clone()]);
        }
    }
    let left = Mat { offset: size * size, ..Mat::row_major(factors, size) };
    let above = Mat { offset: columns.start, ..Mat::row_major(block, width) };
    subtract_product(below, width, columns, size, left, above);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wengert_tensor::{Rng, Tensor};

    fn matrix(rows: usize, columns: usize, seed: u64) -> Tensor<f64> {
        Tensor::uniform([rows, columns], -1.0..1.0, &mut Rng::seed(seed))
    }

    fn triangle(x: &Tensor<f64>, upper: bool, diagonal: bool) -> Tensor<f64> {
        let n = x.shape()[0];
        let is_in = |i, j| if i == j { diagonal } else { (i < j) == upper };
        let all = x.iter().enumerate().map(|(at, v)| if is_in(at / n, at % n) { v } else { 0.0 });
        Tensor::from_vec(all.collect(), [n, n])
    }

    fn overwritten(x: &Tensor<f64>, f: impl FnOnce(&mut [f64])) -> Tensor<f64> {
        let mut all = x.to_vec();
        f(&mut all);
        Tensor::from_vec(all, x.shape())
    }

    #[test]
    fn nan_is_not_lost_below_a_zero() {
        for n in [2, 40] {
            let mut a = Tensor::<f64>::eye(n).to_vec();
            (a[0], a[n]) = (0.0, f64::NAN);
            eliminate(&mut a, &mut [], n);
            assert!(a[n * n - 1].is_nan() || a[0].is_nan());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Of sizes around those of blocks.
        #[test]
        fn what_is_solved_multiplies_back(n in 0usize..100, k in 0usize..4, seed in 0u64..99) {
            let (x, b) = (matrix(n, n, seed), matrix(n, k, seed + 1));
            let dominant = &x + &Tensor::eye(n) * (n as f64 + 1.0);
            for upper in [false, true] {
                let y = overwritten(&b, |b| substitute(&dominant.to_vec(), b, n, upper));
                triangle(&dominant, upper, true).matmul(&y).assert_close(&b, 1e-12, 1e-12);
            }
            let product = x.matmul(&x.t()) + Tensor::eye(n);
            let root = overwritten(&product, |l| factor(l, n));
            root.matmul(&root.t()).assert_close(&product, 1e-12, 1e-12);
            prop_assert!(root.bits_eq(&triangle(&root, false, true)));

            let mut factors = x.to_vec();
            let mut y = b.to_vec();
            let sign = eliminate(&mut factors, &mut y, n);
            prop_assert!(sign.abs() == 1.0);
            let u = Tensor::from_vec(factors, [n, n]);
            // Pivots are the largest of their columns.
            prop_assert!(triangle(&u, false, false).iter().all(|factor| factor.abs() <= 1.0));
            substitute(&u.to_vec(), &mut y, n, true);
            let residual = &x.matmul(&Tensor::from_vec(y.clone(), [n, k])) - &b;
            let largest = y.iter().fold(1.0, |most: f64, y| most.max(y.abs()));
            prop_assert!(residual.iter().all(|r| r.abs() <= 1e-12 * largest), "{residual}");
        }
    }
}
