//! Tolerances in double precision.

use wengert::Conv;
use wengert::prelude::*;

use crate::table::TABLE;
use crate::{at, at_point, off};

/// Calls the function of that name.
fn function<'t>(name: &str, x: Var<'t, f64>) -> Var<'t, f64> {
    macro_rules! by_name {
        ($($f:ident)*) => {
            match name {
                $(stringify!($f) => x.$f(),)*
                _ => panic!("{name} is not one of the list"),
            }
        };
    }
    by_name! {
        exp exp2 expm1 ln ln1p log2 log10 sin cos tan asin acos atan sinh cosh asinh acosh atanh tanh sigmoid
        softplus erf erfc sqrt rsqrt recip square lgamma digamma
    }
}

#[test]
fn elementary_functions_to_14_digits() {
    for (name, points) in TABLE {
        for &[x, value, slope] in points {
            let [y, dy] = at_point(|x| function(name, x), x);
            assert!(off(y, value) <= 1e-14, "{name}({x:?}) is {y:?}, not {value:?}");
            assert!(off(dy, slope) <= 1e-14, "{name}'({x:?}) is {dy:?}, not {slope:?}");
        }
    }
}

/// Numbers of 30 bits between −1 and 1, whose sums and products of integers are exact.
fn fractions(shape: impl Into<Shape>, seed: u64) -> Tensor<f64> {
    let uniform: Tensor<f64> = Tensor::uniform(shape, -1.0..1.0, &mut Rng::seed(seed));
    uniform.map(|x| (x * SCALE).round() / SCALE)
}

const SCALE: f64 = (1u64 << 30) as f64;

fn integers(x: &Tensor<f64>) -> Vec<i128> {
    x.iter().map(|x| (x * SCALE) as i128).collect()
}

#[test]
fn reductions_to_13_digits() {
    let (n, x) = (100_000, fractions([100_000], 1) + 0.125);
    let sum = integers(&x).iter().sum::<i128>() as f64 / SCALE;
    let squares = integers(&x).iter().map(|x| x * x).sum::<i128>() as f64 / (SCALE * SCALE);
    let scatter = (n * integers(&x).iter().map(|x| x * x).sum::<i128>() - integers(&x).iter().sum::<i128>().pow(2))
        as f64
        / (SCALE * SCALE);
    let tape = Tape::new();
    let v = tape.var(&x);
    assert!(off(v.sum(..).item(), sum) <= 1e-13);
    assert!(off(v.mean(..).item(), sum / n as f64) <= 1e-13);
    assert!(off(v.norm(.., 2.0).item(), squares.sqrt()) <= 1e-13);
    assert!(off(v.var(.., 1).item(), scatter / n as f64 / (n - 1) as f64) <= 1e-13);
    assert!(off(x.var(.., 1).item(), scatter / n as f64 / (n - 1) as f64) <= 1e-13);
    assert!(off(tape.var(Tensor::full([1000], 1.25)).prod(..).ln().item(), 1000.0 * 1.25f64.ln()) <= 1e-13);
}

/// eᵏ/Σeᵏ for k = 0 … n − 1 is a geometric series.
#[test]
fn softmax_to_13_digits() {
    let n = 50;
    let total = (f64::from(n).exp_m1() / 1f64.exp_m1()).ln();
    let x: Tensor<f64> = Tensor::range(0.0..f64::from(n));
    let tape = Tape::new();
    let v = tape.var(&x);
    assert!(off(v.logsumexp(..).item(), total) <= 1e-13);
    let logs = x.map(|k| k - total);
    v.log_softmax(0).value().assert_close(&logs, 1e-13, 0.0);
    v.softmax(0).value().assert_close(&logs.map(f64::exp), 1e-13, 0.0);
    let loss = v.unsqueeze(0).cross_entropy(&tensor![3]);
    assert!(off(loss.item(), total - 3.0) <= 1e-13);
}

#[test]
fn products_to_13_digits() {
    for k in [1, 64, 4096] {
        let (a, b) = (fractions([3, k], 2), fractions([k, 2], 3));
        let (rows, columns) = (integers(&a), integers(&b.t()));
        let dot = |i: usize, j: usize| -> i128 {
            rows[i * k..][..k].iter().zip(&columns[j * k..][..k]).map(|(a, b)| a * b).sum()
        };
        let exact: Vec<f64> = (0..6).map(|at| dot(at / 2, at % 2) as f64 / (SCALE * SCALE)).collect();
        let tolerance = 1e-13 * (k as f64).sqrt();
        let product = Tape::new().var(&a).matmul(&b).value();
        product.assert_close(&Tensor::from_vec(exact.clone(), [3, 2]), 0.0, tolerance);
        // The same sums as a convolution whose kernel covers the signal.
        let tape = Tape::new();
        let (signals, kernels) = (tape.var(a.reshape([3, 1, k])), b.t().reshape([2, 1, k]));
        let y = signals.conv1d(&kernels, Conv::new()).value();
        y.assert_close(&Tensor::from_vec(exact, [3, 2, 1]), 0.0, tolerance);
    }
}

/// The Hilbert matrix 1/(i + j − 1), whose inverse is of integers (Choi 1983), has condition
/// 1.5·10⁷ for six rows.
#[test]
fn linear_algebra_to_its_condition() {
    let (n, condition) = (6usize, 1.5e7);
    let binomial = |n: usize, k: usize| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64).round();
    let of = |f: &dyn Fn(usize, usize) -> f64| -> Tensor<f64> {
        let values: Tensor<f64> = (0..n * n).map(|at| f(at / n + 1, at % n + 1)).collect();
        values.reshape([n, n])
    };
    let hilbert = of(&|i, j| 1.0 / (i + j - 1) as f64);
    let inverse = of(&|i, j| {
        let sign = if (i + j) % 2 == 0 { 1.0 } else { -1.0 };
        sign * (i + j - 1) as f64
            * binomial(n + i - 1, n - j)
            * binomial(n + j - 1, n - i)
            * binomial(i + j - 2, i - 1).powi(2)
    });
    let determinant = 1.0 / 186_313_420_339_200_000.0;
    let [found, _] = at(|a| a.inverse(), hilbert.clone());
    found.assert_close(&inverse, 1e-12 * condition, 0.0);
    let [det, slope] = at(|a| a.det(), hilbert.clone());
    assert!(off(det.item(), determinant) <= 1e-12 * condition);
    slope.assert_close(&(&inverse.t() * determinant), 1e-12 * condition, 0.0);
    let [product, _] = at(|a| a.cholesky().matmul(a.cholesky().t()), hilbert.clone());
    product.assert_close(&hilbert, 1e-14, 0.0);
}

/// The mean and the deviation of 1 … n are known.
#[test]
fn normalisation_to_12_digits() {
    let n = 101;
    let x = Tensor::range(0.0..f64::from(n)).reshape([101, 1]);
    let deviation = ((f64::from(n * n) - 1.0) / 12.0).sqrt();
    let norm = BatchNorm::<f64>::new(1).eps(0.0);
    let y = norm.forward(Tape::train(0).var(&x)).value();
    let expected = x.map(|x| (x - 50.0) / deviation);
    y.assert_close(&expected, 1e-12, 1e-15);
}
