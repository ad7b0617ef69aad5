//! Errors of the functions of `f32`, in units in the last place, against the same functions of
//! `f64`, and what they are promised to stay below.

use wengert::prelude::*;

/// A function in both precisions, where it is looked at, and how far it may be off.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    single: for<'t> fn(Var<'t, f32>) -> Var<'t, f32>,
    double: for<'t> fn(Var<'t, f64>) -> Var<'t, f64>,
    pub(crate) from: f32,
    pub(crate) to: f32,
    pub(crate) bound: f64,
}

macro_rules! rows {
    ($($name:ident [$from:expr, $to:expr] $bound:literal;)*) => {
        [$(Row {
            name: stringify!($name),
            single: |x| x.$name(),
            double: |x| x.$name(),
            from: $from,
            to: $to,
            bound: $bound,
        }),*]
    };
}

const INF: f32 = f32::INFINITY;

pub(crate) const ROWS: [Row; 35] = rows! {
    exp [-INF, INF] 1.0;
    exp2 [-INF, INF] 1.0;
    expm1 [-INF, INF] 1.0;
    ln [0.0, INF] 1.0;
    ln1p [-1.0, INF] 1.0;
    log2 [0.0, INF] 1.02;
    log10 [0.0, INF] 1.0;
    tanh [-INF, INF] 1.5;
    sigmoid [-INF, INF] 2.0;
    softplus [-INF, INF] 2.0;
    logsigmoid [-INF, INF] 2.0;
    erf [-INF, INF] 1.5;
    erfc [-INF, INF] 2.0;
    silu [-10.0, 10.0] 2.5;
    silu [-87.0, INF] 2.5;
    gelu [-3.0, INF] 3.0;
    gelu [-INF, -3.0] 128.0;
    gelu_tanh [-3.0, INF] 20.0;
    mish [-87.0, INF] 4.0;
    softsign [-INF, INF] 2.0;
    normal_cdf [-INF, INF] 2.0;
    sqrt [0.0, INF] 0.5;
    rsqrt [0.0, INF] 1.5;
    sin [-INF, INF] 1.0;
    cos [-INF, INF] 1.0;
    tan [-INF, INF] 1.0;
    asin [-1.0, 1.0] 0.51;
    acos [-1.0, 1.0] 0.51;
    atan [-INF, INF] 0.51;
    sinh [-INF, INF] 0.51;
    cosh [-INF, INF] 0.51;
    asinh [-INF, INF] 0.51;
    acosh [1.0, INF] 0.51;
    atanh [-1.0, 1.0] 0.51;
    lgamma [0.0, INF] 0.51;
};

/// The largest error that was found, and where.
#[derive(Clone, Copy)]
pub(crate) struct Worst {
    pub(crate) error: f64,
    pub(crate) at: f32,
}

/// |got − want| in units in the last place of an `f32` near `want`; 0 where that is not normal,
/// unless it should be a number and is none.
fn ulps(got: f32, want: f64) -> f64 {
    let normal = (f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX)).contains(&want.abs());
    if !normal {
        return if got.is_nan() && !want.is_nan() { f64::INFINITY } else { 0.0 };
    }
    let error = (f64::from(got) - want).abs() / 2f64.powi(want.abs().log2().floor() as i32 - 23);
    if error.is_nan() { f64::INFINITY } else { error }
}

/// Numbers by their bits, every `stride`-th one, and a quarter as many evenly between −20 and 20,
/// where most of what a network computes lies.
fn samples(stride: u32) -> impl Iterator<Item = f32> {
    let count = u32::MAX / stride;
    let by_bits = (0..=count).map(move |i| f32::from_bits(i * stride)).filter(|x| x.is_finite());
    by_bits.chain((0..count / 4).map(move |i| (f64::from(i) / f64::from(count / 4) * 40.0 - 20.0) as f32))
}

/// The largest error at every `stride`-th number.
pub(crate) fn worst(row: &Row, stride: u32) -> Worst {
    let mut worst = Worst { error: 0.0, at: 0.0 };
    let mut inside = samples(stride).filter(|x| (row.from..=row.to).contains(x));
    loop {
        let x: Tensor<f32> = inside.by_ref().take(1 << 16).collect();
        if x.count() == 0 {
            return worst;
        }
        let (single, double) = (Tape::new(), Tape::new());
        let got = (row.single)(single.var(&x)).value();
        let want = (row.double)(double.var(x.cast::<f64>())).value();
        for ((at, got), want) in x.iter().zip(got.iter()).zip(want.iter()) {
            let error = ulps(got, want);
            if error > worst.error {
                worst = Worst { error, at };
            }
        }
    }
}
