//! Functions of e⁻ˡˣˡ, which never overflows: tanh, the logistic sigmoid and its integral.

use super::super::poly::poly32;
use super::exp::{exp_coarse, exp_negative, exp_negative_pair};
use super::max_nan;

/// One step towards a/(1 + e) from a first guess and an approximate 1/(1 + e), without rounding
/// the divisor. A vector division would take longer than all the rest of these functions.
#[inline(always)]
fn improve(a: f32, e: f32, guess: f32, reciprocal: f32) -> f32 {
    guess.mul_add(-e, a - guess).mul_add(reciprocal, guess)
}

/// e/(1 + e) for 0 ≤ e ≤ 1.
#[inline(always)]
fn share(e: f32) -> f32 {
    let reciprocal = reciprocal(e);
    improve(e, e, e * reciprocal, reciprocal)
}

/// About 1/(1 + e) for 0 ≤ e ≤ 1.
#[inline(always)]
fn reciprocal(e: f32) -> f32 {
    let guess = poly32(e, [0.989_899, -0.808_080_7, 0.323_232_14]);
    (1.0 + e).mul_add(-guess, 1.0).mul_add(guess, guess)
}

/// tanh x. Error 1.12.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    tanh_of_tail(x, share(exp_coarse(-2.0 * x.abs())))
}

/// 1/(1 + e²ˡˣˡ), without loss where it is small.
#[inline(always)]
pub fn tanh_tail(x: f32) -> f32 {
    share(exp_negative(-2.0 * x.abs()))
}

/// tanh x: a polynomial up to 0.625, then 1 − 2 · the tail.
#[inline(always)]
pub fn tanh_of_tail(x: f32, tail: f32) -> f32 {
    let z = x * x;
    let p = poly32(z, [-0.333_332_84, 0.133_314_83, -0.053_742_774, 0.020_648_062, -0.005_714_063_5]);
    let small = (p * z).mul_add(x, x);
    let large = tail.mul_add(-2.0, 1.0);
    // The sign of zero, too.
    (if x.abs() < 0.625 { small } else { large }).copysign(x)
}

/// 1/(1 + eˡˣˡ).
#[inline(always)]
pub fn sigmoid_tail(x: f32) -> f32 {
    let (e, e_low) = exp_negative_pair(-x.abs());
    let reciprocal = reciprocal(e);
    let guess = e * reciprocal;
    let rest = guess.mul_add(-e, e - guess) + guess.mul_add(-e_low, e_low);
    rest.mul_add(reciprocal, guess)
}

/// ln(1 + e) for 0 ≤ e ≤ 1.
#[inline(always)]
fn ln1p_unit(e: f32) -> f32 {
    let q = poly32(
        e,
        [
            -0.499_999_88,
            0.333_327_17,
            -0.249_889_08,
            0.198_998_05,
            -0.161_351_87,
            0.124_776_51,
            -0.083_181_89,
            0.042_038_202,
            -0.013_641_732,
            0.002_071_693,
        ],
    );
    q.mul_add(e * e, e)
}

/// ln(1 + eˣ). Error 1.86.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + ln1p_unit(exp_negative(-x.abs()))
}

/// ln(eᵃ + eᵇ), through the difference of the two.
#[inline(always)]
pub fn log_add_exp(a: f32, b: f32) -> f32 {
    // Equal infinities would differ by NaN.
    let apart = if a == b { 0.0 } else { (a - b).abs() };
    max_nan(a, b) + ln1p_unit(exp_negative(-apart))
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{within, within2};
    use super::super::super::f64 as wide;

    #[test]
    fn sigmoids_are_accurate() {
        within(1.5, super::tanh, libm::tanh);
        within(2.0, crate::kernel::math::f32::sigmoid, wide::sigmoid);
        within(2.0, super::softplus, wide::softplus);
    }

    #[test]
    fn log_add_exp_knows_infinities() {
        const INF: f32 = f32::INFINITY;
        assert_eq!(super::log_add_exp(INF, INF), INF);
        assert_eq!(super::log_add_exp(-INF, -INF), -INF);
        assert_eq!(super::log_add_exp(-INF, 3.0), 3.0);
        assert_eq!(super::log_add_exp(3.0, INF), INF);
        assert!(super::log_add_exp(INF, f32::NAN).is_nan());
        // Where both are positive nothing cancels.
        within2(2.0, |a, b| super::log_add_exp(a.abs(), b.abs()), |a, b| wide::log_add_exp(a.abs(), b.abs()));
    }
}
