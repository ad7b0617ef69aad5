//! Products and linear systems, against sums over indices.

use wengert::prelude::*;

use crate::trial::{Trial, at, by_index};

fn product(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    let (rows, inner, columns) = (a.shape()[0], a.shape()[1], b.shape()[1]);
    by_index(&[rows, columns], |i| (0..inner).map(|k| at(a, &[i[0], k]) * at(b, &[k, i[1]])).sum())
}

/// A matrix far from a singular one.
fn regular(t: &mut Trial, n: usize) -> Tensor<f64> {
    let x = t.tensor(&[n, n]);
    &x + &(Tensor::eye(n) * 4.0)
}

/// A symmetric matrix with positive eigenvalues, far from each other.
fn positive(t: &mut Trial, n: usize) -> Tensor<f64> {
    let x = t.tensor(&[n, n]) * 0.3;
    by_index(&[n, n], |i| at(&x, i) + at(&x, &[i[1], i[0]]) + if i[0] == i[1] { 2.0 + 2.0 * i[0] as f64 } else { 0.0 })
}

/// By Laplace's expansion of the first row.
fn determinant(x: &Tensor<f64>) -> f64 {
    let n = x.shape()[0];
    if n == 0 {
        return 1.0;
    }
    let minor =
        |column: usize| by_index(&[n - 1, n - 1], |i| at(x, &[i[0] + 1, if i[1] < column { i[1] } else { i[1] + 1 }]));
    (0..n).map(|k| if k % 2 == 0 { 1.0 } else { -1.0 } * at(x, &[0, k]) * determinant(&minor(k))).sum()
}

super::cases! {
    matmul |t| {
        let [a, b, c] = t.sizes();
        let (x, y) = (t.tensor(&[a, b]), t.tensor(&[b, c]));
        t.op(|[x, y]| x.matmul(y), [&x, &y], product(&x, &y));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).matmul(&Tensor::zeros([2, 3])));
    };
    dot |t| {
        let [n] = t.sizes();
        let (x, y) = (t.tensor(&[n]), t.tensor(&[n]));
        t.op(|[x, y]| x.dot(y), [&x, &y], Tensor::scalar(x.iter().zip(y.iter()).map(|(x, y)| x * y).sum()));
        t.refuses(|tape| tape.var(Tensor::zeros([2])).dot(&Tensor::zeros([3])));
    };
    outer |t| {
        let [a, b] = t.sizes();
        let (x, y) = (t.tensor(&[a]), t.tensor(&[b]));
        t.op(|[x, y]| x.outer(y), [&x, &y], by_index(&[a, b], |i| at(&x, &i[..1]) * at(&y, &i[1..])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).outer(&Tensor::zeros([3])));
    };
    einsum |t| {
        let [a, b, c] = t.sizes();
        let (x, y) = (t.tensor(&[a, b, c]), t.tensor(&[c, a]));
        let expected = by_index(&[b, a], |i| (0..c).map(|k| at(&x, &[i[1], i[0], k]) * at(&y, &[k, i[1]])).sum());
        t.op(|[x, y]| Var::einsum("abc,ca->ba", &[x, y]), [&x, &y], expected);
        t.refuses(|tape| Var::einsum("ab->c", &[tape.var(Tensor::zeros([2, 3]))]));
    };
    solve |t| {
        let [n, k] = t.sizes();
        let (a, x) = (regular(t, n), t.tensor(&[n, k]));
        t.op(|[a, b]| a.solve(b), [&a, &product(&a, &x)], x);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).solve(&Tensor::zeros([2])));
    };
    solve_lower |t| {
        let [n, k] = t.sizes();
        let (a, x) = (regular(t, n), t.tensor(&[n, k]));
        let lower = by_index(&[n, n], |i| if i[1] <= i[0] { at(&a, i) } else { 0.0 });
        t.op(|[a, b]| a.solve_lower(b), [&a, &product(&lower, &x)], x);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).solve_lower(&Tensor::zeros([2])));
    };
    solve_upper |t| {
        let [n, k] = t.sizes();
        let (a, x) = (regular(t, n), t.tensor(&[n, k]));
        let upper = by_index(&[n, n], |i| if i[1] >= i[0] { at(&a, i) } else { 0.0 });
        t.op(|[a, b]| a.solve_upper(b), [&a, &product(&upper, &x)], x);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).solve_upper(&Tensor::zeros([2])));
    };
    inverse |t| {
        let [n] = t.sizes();
        let a = regular(t, n);
        t.op(|[a]| a.matmul(a.inverse()), [&a], Tensor::eye(n));
        t.op(|[a]| a.inverse().inverse(), [&a], a.clone());
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).inverse());
    };
    det |t| {
        let [n] = t.sizes();
        let a = regular(t, n);
        t.op(|[a]| a.det(), [&a], Tensor::scalar(determinant(&a)));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).det());
    };
    logdet |t| {
        let [n] = t.sizes();
        let a = positive(t, n);
        t.op(|[a]| a.logdet(), [&a], Tensor::scalar(determinant(&a).ln()));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).logdet());
    };
    slogdet |t| {
        let [n] = t.sizes();
        let a = regular(t, n) * -1.0;
        let expected = determinant(&a);
        t.op(|[a]| a.slogdet().1, [&a], Tensor::scalar(expected.abs().ln()));
        t.op(|[a]| a.slogdet().0, [&a], Tensor::scalar(expected.signum()));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).slogdet().0);
    };
    cholesky |t| {
        let [n] = t.sizes();
        let a = positive(t, n);
        t.op(|[a]| a.cholesky().square().sum(-1), [&a], by_index(&[n], |i| at(&a, &[i[0], i[0]])));
        t.op(|[a]| a.cholesky().matmul(a.cholesky().t()) * a.cholesky(), [&a], {
            let l = Tape::new().var(&a).cholesky().value();
            assert!(by_index(&[n, n], |i| if i[1] > i[0] { at(&l, i) } else { 0.0 }) == Tensor::zeros([n, n]));
            &a * &l
        });
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).cholesky());
    };
    eigh |t| {
        let [n] = t.sizes();
        let a = positive(t, n);
        t.op(|[a]| a.eigh().0.sum(-1), [&a], Tensor::scalar((0..n).map(|i| at(&a, &[i, i])).sum()));
        t.op(|[a]| {
            let (values, vectors) = a.eigh();
            vectors.matmul(values.square().diag()).matmul(vectors.t())
        }, [&a], product(&a, &a));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).eigh().0);
    };
}
