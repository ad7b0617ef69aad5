//! Elementwise functions, against functions of numbers.

use std::f64::consts::{LN_2, PI};

use wengert::prelude::*;

super::cases! {
    abs |t| t.map(|[x]| x.abs(), [-2.0..-0.5], |[x]| x.abs());
    sign |t| t.map(|[x]| x.sign(), [0.5..2.0], |[x]| x.signum());
    sqrt |t| t.map(|[x]| x.sqrt(), [0.5..3.0], |[x]| x.sqrt());
    rsqrt |t| t.map(|[x]| x.rsqrt(), [0.5..3.0], |[x]| 1.0 / x.sqrt());
    square |t| t.map(|[x]| x.square(), [-2.0..2.0], |[x]| x * x);
    recip |t| t.map(|[x]| x.recip(), [0.5..2.0], |[x]| 1.0 / x);
    exp |t| t.map(|[x]| x.exp(), [-2.0..2.0], |[x]| x.exp());
    exp2 |t| t.map(|[x]| x.exp2(), [-2.0..2.0], |[x]| x.exp2());
    expm1 |t| t.map(|[x]| x.expm1(), [-2.0..2.0], |[x]| x.exp_m1());
    ln |t| t.map(|[x]| x.ln(), [0.5..3.0], |[x]| x.ln());
    ln1p |t| t.map(|[x]| x.ln1p(), [-0.5..2.0], |[x]| x.ln_1p());
    log2 |t| t.map(|[x]| x.log2(), [0.5..3.0], |[x]| x.log2());
    log10 |t| t.map(|[x]| x.log10(), [0.5..3.0], |[x]| x.log10());
    sin |t| t.map(|[x]| x.sin(), [-3.0..3.0], |[x]| x.sin());
    cos |t| t.map(|[x]| x.cos(), [-3.0..3.0], |[x]| x.cos());
    tan |t| t.map(|[x]| x.tan(), [-1.0..1.0], |[x]| x.tan());
    asin |t| t.map(|[x]| x.asin(), [-0.8..0.8], |[x]| x.asin());
    acos |t| t.map(|[x]| x.acos(), [-0.8..0.8], |[x]| x.acos());
    atan |t| t.map(|[x]| x.atan(), [-2.0..2.0], |[x]| x.atan());
    sinh |t| t.map(|[x]| x.sinh(), [-2.0..2.0], |[x]| x.sinh());
    cosh |t| t.map(|[x]| x.cosh(), [-2.0..2.0], |[x]| x.cosh());
    tanh |t| t.map(|[x]| x.tanh(), [-2.0..2.0], |[x]| x.tanh());
    asinh |t| t.map(|[x]| x.asinh(), [-2.0..2.0], |[x]| x.asinh());
    acosh |t| t.map(|[x]| x.acosh(), [1.5..3.0], |[x]| x.acosh());
    atanh |t| t.map(|[x]| x.atanh(), [-0.8..0.8], |[x]| x.atanh());
    sigmoid |t| t.map(|[x]| x.sigmoid(), [-4.0..4.0], |[x]| 1.0 / (1.0 + (-x).exp()));
    logit |t| t.map(|[x]| x.logit(), [0.1..0.9], |[x]| (x / (1.0 - x)).ln());
    softplus |t| t.map(|[x]| x.softplus(), [-4.0..4.0], |[x]| x.exp().ln_1p());
    erf |t| t.map(|[x]| x.erf(), [-1.5..1.5], |[x]| erf(x));
    erfc |t| t.map(|[x]| x.erfc(), [-1.5..1.5], |[x]| 1.0 - erf(x));
    normal_cdf |t| t.map(|[x]| x.normal_cdf(), [-2.0..2.0], |[x]| 0.5 + 0.5 * erf(x / 2f64.sqrt()));
    lgamma |t| t.map(|[x]| x.lgamma(), [0.5..6.0], |[x]| ln_gamma(x));
    digamma |t| t.map(|[x]| x.digamma(), [0.5..6.0], |[x]| digamma(x));
    polygamma |t| t.map(|[x]| x.polygamma(1), [0.5..6.0], |[x]| trigamma(x));
    floor |t| t.map(|[x]| x.floor(), [1.2..1.8], |[x]| x.floor());
    ceil |t| t.map(|[x]| x.ceil(), [1.2..1.8], |[x]| x.ceil());
    round |t| t.map(|[x]| x.round(), [1.6..2.4], |[x]| x.round());
    trunc |t| t.map(|[x]| x.trunc(), [-1.8..-1.2], |[x]| x.trunc());
    is_nan |t| t.map(|[x]| x.is_nan(), [-2.0..2.0], |[_]| 0.0);
    is_finite |t| t.map(|[x]| x.is_finite(), [-2.0..2.0], |[_]| 1.0);
    is_infinite |t| t.map(|[x]| x.is_infinite(), [-2.0..2.0], |[_]| 0.0);
    nan_to_num |t| t.map(|[x]| x.nan_to_num(), [-2.0..2.0], |[x]| x);
    powf |t| t.map(|[x]| x.powf(2.5), [0.5..2.0], |[x]| x.powf(2.5));
    powi |t| t.map(|[x]| x.powi(-3), [0.5..2.0], |[x]| x.powi(-3));
    clamp |t| t.map(|[x]| x.clamp(-0.5, 0.5), [-0.4..0.4], |[x]| x.clamp(-0.5, 0.5));
    clamp_min |t| t.map(|[x]| x.clamp_min(0.5), [-2.0..0.4], |[_]| 0.5);
    clamp_max |t| t.map(|[x]| x.clamp_max(0.5), [-2.0..0.4], |[x]| x);

    hypot |t| {
        t.map(|[x, y]| x.hypot(y), [-2.0..2.0, 0.5..2.0], |[x, y]| x.hypot(y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).hypot(&tensor![1.0, 2.0, 3.0]));
    };
    atan2 |t| {
        t.map(|[x, y]| x.atan2(y), [-2.0..2.0, 0.5..2.0], |[x, y]| x.atan2(y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).atan2(&tensor![1.0, 2.0, 3.0]));
    };
    fmod |t| {
        t.map(|[x, y]| x.fmod(y), [-1.8..-1.2, 0.9..1.1], |[x, y]| x % y);
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).fmod(&tensor![1.0, 2.0, 3.0]));
    };
    remainder |t| {
        t.map(|[x, y]| x.remainder(y), [-1.8..-1.2, 0.9..1.1], |[x, y]| x.rem_euclid(y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).remainder(&tensor![1.0, 2.0, 3.0]));
    };
    logaddexp |t| {
        t.map(|[x, y]| x.logaddexp(y), [-2.0..2.0, -2.0..2.0], |[x, y]| (x.exp() + y.exp()).ln());
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).logaddexp(&tensor![1.0, 2.0, 3.0]));
    };
    xlogy |t| {
        t.map(|[x, y]| x.xlogy(y), [-2.0..2.0, 0.5..2.0], |[x, y]| x * y.ln());
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).xlogy(&tensor![1.0, 2.0, 3.0]));
    };
    pow |t| {
        t.map(|[x, y]| x.pow(y), [0.5..2.0, -2.0..2.0], |[x, y]| x.powf(y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).pow(&tensor![1.0, 2.0, 3.0]));
    };
    maximum |t| {
        t.map(|[x, y]| x.maximum(y), [-2.0..2.0, -2.0..2.0], |[x, y]| x.max(y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).maximum(&tensor![1.0, 2.0, 3.0]));
    };
    minimum |t| {
        t.map(|[x, y]| x.minimum(y), [-2.0..2.0, -2.0..2.0], |[x, y]| x.min(y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).minimum(&tensor![1.0, 2.0, 3.0]));
    };
    gt |t| {
        t.map(|[x, y]| x.gt(y), [0.0..1.0, 1.5..2.0], |[x, y]| f64::from(x > y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).gt(&tensor![1.0, 2.0, 3.0]));
    };
    ge |t| {
        t.map(|[x, y]| x.ge(y), [1.5..2.0, 0.0..1.0], |[x, y]| f64::from(x >= y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).ge(&tensor![1.0, 2.0, 3.0]));
    };
    lt |t| {
        t.map(|[x, y]| x.lt(y), [0.0..1.0, 1.5..2.0], |[x, y]| f64::from(x < y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).lt(&tensor![1.0, 2.0, 3.0]));
    };
    le |t| {
        t.map(|[x, y]| x.le(y), [1.5..2.0, 0.0..1.0], |[x, y]| f64::from(x <= y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).le(&tensor![1.0, 2.0, 3.0]));
    };
    eq |t| {
        t.map(|[x, y]| x.eq(y), [0.0..1.0, 1.5..2.0], |[x, y]| f64::from(x == y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).eq(&tensor![1.0, 2.0, 3.0]));
    };
    ne |t| {
        t.map(|[x, y]| x.ne(y), [0.0..1.0, 1.5..2.0], |[x, y]| f64::from(x != y));
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).ne(&tensor![1.0, 2.0, 3.0]));
    };
    gate |t| {
        t.map(|[x, p]| x.gate(p), [-2.0..2.0, 0.5..2.0], |[x, p]| x * p);
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).gate(&tensor![1.0, 2.0, 3.0]));
    };
    chain |t| {
        t.map(|[g, d]| g.chain(d), [0.5..2.0, -2.0..2.0], |[g, d]| g * d);
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).chain(&tensor![1.0, 2.0, 3.0]));
    };
    where_ |t| {
        let either = |[c, a, b]: [f64; 3]| if c > 0.0 { a } else { b };
        t.map(|[c, a, b]| c.gt(0.0).where_(a, b), [0.5..2.0, -2.0..2.0, -2.0..2.0], either);
        t.map(|[c, a, b]| c.gt(0.0).where_(a, b), [-2.0..-0.5, -2.0..2.0, -2.0..2.0], either);
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).where_(&tensor![1.0, 2.0, 3.0], 0.0));
    };
    masked_fill |t| {
        let filled = |[x, c]: [f64; 2]| if c > 0.0 { 7.0 } else { x };
        t.map(|[x, c]| x.masked_fill(c.gt(0.0), 7.0), [-2.0..2.0, -2.0..-0.5], filled);
        t.refuses(|tape| tape.var(tensor![1.0, 2.0]).masked_fill(&tensor![1.0, 0.0, 1.0], 7.0));
    };
    mask |t| {
        let [n] = t.sizes();
        let chosen: Vec<bool> = (0..n).map(|i| i % 2 == 0).collect();
        let expected: Vec<f64> = chosen.iter().map(|&chosen| f64::from(chosen)).collect();
        let tape = Tape::<f64>::new();
        t.equal(tape.mask(&chosen.into()).value(), expected.into());
    };
}

/// By its series, which converges fast for |x| < 2.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..60 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / PI.sqrt()
}

/// Stirling's series at x + 20, and the recurrence back.
fn ln_gamma(x: f64) -> f64 {
    let back: f64 = (0..20).map(|k| (x + f64::from(k)).ln()).sum();
    let y = x + 20.0;
    let series = 1.0 / (12.0 * y) - 1.0 / (360.0 * y.powi(3)) + 1.0 / (1260.0 * y.powi(5)) - 1.0 / (1680.0 * y.powi(7));
    (y - 0.5) * y.ln() - y + 0.5 * (LN_2 + PI.ln()) + series - back
}

fn digamma(x: f64) -> f64 {
    let back: f64 = (0..20).map(|k| 1.0 / (x + f64::from(k))).sum();
    let y = x + 20.0;
    y.ln() - 0.5 / y - 1.0 / (12.0 * y * y) + 1.0 / (120.0 * y.powi(4)) - 1.0 / (252.0 * y.powi(6)) - back
}

fn trigamma(x: f64) -> f64 {
    let forth: f64 = (0..20).map(|k| 1.0 / (x + f64::from(k)).powi(2)).sum();
    let y = x + 20.0;
    forth + 1.0 / y + 0.5 / (y * y) + 1.0 / (6.0 * y.powi(3)) - 1.0 / (30.0 * y.powi(5)) + 1.0 / (42.0 * y.powi(7))
}
