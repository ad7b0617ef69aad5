//! Functions of e⁻ˡˣˡ, which never overflows: tanh, the logistic sigmoid and its integral.

use super::exp::{exp, exp_negative};
use super::max_nan;

/// tanh x.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let z = x * x;
    let p = z.mul_add(-0.005_714_063_5, 0.020_648_062);
    let p = p.mul_add(z, -0.053_742_774);
    let p = p.mul_add(z, 0.133_314_83);
    let p = p.mul_add(z, -0.333_332_84);
    let small = (p * z).mul_add(x, x);
    let e = exp_negative(-2.0 * x.abs());
    let large = 1.0 - 2.0 * e / (1.0 + e);
    if x.abs() < 0.625 { small } else { large.copysign(x) }
}

/// 1/(1 + e⁻ˣ).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// ln(1 + e) for 0 ≤ e ≤ 1.
#[inline(always)]
fn ln1p_unit(e: f32) -> f32 {
    let q = e.mul_add(0.002_071_693, -0.013_641_732);
    let q = q.mul_add(e, 0.042_038_202);
    let q = q.mul_add(e, -0.083_181_89);
    let q = q.mul_add(e, 0.124_776_51);
    let q = q.mul_add(e, -0.161_351_87);
    let q = q.mul_add(e, 0.198_998_05);
    let q = q.mul_add(e, -0.249_889_08);
    let q = q.mul_add(e, 0.333_327_17);
    let q = q.mul_add(e, -0.499_999_88);
    q.mul_add(e * e, e)
}

/// ln(1 + eˣ).
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + ln1p_unit(exp(-x.abs()))
}

/// ln(eᵃ + eᵇ).
#[inline(always)]
pub fn log_add_exp(a: f32, b: f32) -> f32 {
    // Equal infinities would differ by NaN.
    let apart = if a == b { 0.0 } else { (a - b).abs() };
    max_nan(a, b) + ln1p_unit(exp(-apart))
}
