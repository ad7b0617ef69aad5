//! Logarithms.
//!
//! x = 2ᵏ·(1 + f) with 1 + f between √½ and √2; ln(1 + f) = f + f²·Q(f). The two large terms,
//! k·ln 2 and f, are added exactly, because near x = 0.7 they cancel.

use super::super::poly::poly32;
use super::exp::{LN2_HIGH, LN2_LOW};

const ROOT_HALF: i32 = 0x3f35_04f3;

/// (k, f) of a positive normal number.
#[inline(always)]
fn split(x: f32) -> (f32, f32) {
    let offset = (x.to_bits() as i32).wrapping_sub(ROOT_HALF);
    let m = f32::from_bits((offset & 0x007f_ffff).wrapping_add(ROOT_HALF) as u32);
    ((offset >> 23) as f32, m - 1.0)
}

/// (k, f) of a positive number.
#[inline(always)]
fn split_any(x: f32) -> (f32, f32) {
    let small = x < f32::MIN_POSITIVE;
    let (k, f) = split(if small { x * 8_388_608.0 } else { x });
    (k - if small { 23.0 } else { 0.0 }, f)
}

/// k·ln 2 + ln(1 + f) + correction.
#[inline(always)]
fn combine(k: f32, f: f32, correction: f32) -> f32 {
    let q = poly32(
        f,
        [
            -0.499_999_88,
            0.333_333_22,
            -0.250_015_6,
            0.200_023_93,
            -0.166_104_51,
            0.141_723_72,
            -0.132_195_14,
            0.129_623_92,
            -0.077_572_33,
        ],
    );
    let high = k.mul_add(LN2_HIGH, f);
    let low = (k.mul_add(LN2_HIGH, -high) + f) + k.mul_add(LN2_LOW, correction);
    high + q.mul_add(f * f, low)
}

/// y where x has a logarithm; −∞ at 0, NaN below, and x itself for ∞ and NaN.
#[inline(always)]
fn patch(x: f32, y: f32) -> f32 {
    let y = if x < f32::INFINITY { y } else { x };
    let edge = if x == 0.0 { f32::NEG_INFINITY } else { f32::NAN };
    if x > 0.0 { y } else { edge }
}

/// ln x. Error 0.88.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    let (k, f) = split_any(x);
    patch(x, combine(k, f, 0.0))
}

/// ln(1 + x), from the logarithm of the rounded sum and what that lost. Error 0.96.
#[inline(always)]
pub fn ln1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let part = u - 1.0;
    let lost = (1.0 - (u - part)) + (x - part);
    let (k, f) = split(u);
    // lost/u, where 1/u is about 2⁻ᵏ·(1 − f + f²); that power is 0 where it would be subnormal.
    let exponent = (u.to_bits() as i32).wrapping_sub(ROOT_HALF) & !0x007f_ffff;
    let shrink = 0x3f80_0000i32.wrapping_sub(exponent);
    let shrink = f32::from_bits((if shrink < 0 { 0 } else { shrink }) as u32);
    let correction = lost * shrink * (f - 1.0).mul_add(f, 1.0);
    patch(u, combine(k, f, correction)).copysign(x)
}

/// (high + low)·f as a rounded product and the rest.
#[inline(always)]
fn product(high: f32, low: f32, f: f32) -> (f32, f32) {
    let p = f * high;
    (p, f.mul_add(low, f.mul_add(high, -p)))
}

/// log₂ x. Error 1.02.
#[inline(always)]
pub fn log2(x: f32) -> f32 {
    let (k, f) = split_any(x);
    let q = poly32(
        f,
        [
            -0.721_347_4,
            0.480_898,
            -0.360_693_96,
            0.288_581_3,
            -0.239_681_12,
            0.204_370_47,
            -0.190_361_57,
            0.187_361_69,
            -0.113_010_19,
        ],
    );
    let (p, rest) = product(std::f32::consts::LOG2_E, 1.925_963e-8, f);
    let high = k + p;
    let low = (p - (high - k)) + rest;
    patch(x, high + q.mul_add(f * f, low))
}

/// log₁₀ x. Error 0.9.
#[inline(always)]
pub fn log10(x: f32) -> f32 {
    let (k, f) = split_any(x);
    let q = poly32(
        f,
        [
            -0.217_147_2,
            0.144_764_72,
            -0.108_579_76,
            0.086_871_64,
            -0.072_15,
            0.061_520_766,
            -0.057_312_43,
            0.056_409_73,
            -0.034_012_076,
        ],
    );
    let (p, rest) = product(std::f32::consts::LOG10_E, -1.010_305e-8, f);
    let high = k.mul_add(std::f32::consts::LOG10_2, p);
    let low = (k.mul_add(std::f32::consts::LOG10_2, -high) + p) + k.mul_add(-1.432_098_9e-8, rest);
    patch(x, high + q.mul_add(f * f, low))
}

/// x·ln y, and 0 where x is 0 unless y is NaN.
#[inline(always)]
pub fn xlogy(x: f32, y: f32) -> f32 {
    let product = x * ln(y);
    if x == 0.0 && !y.is_nan() { 0.0 } else { product }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::within;

    #[test]
    fn logarithms_are_accurate() {
        within(1.0, super::ln, libm::log);
        within(1.0, super::ln1p, libm::log1p);
        within(1.02, super::log2, libm::log2);
        within(1.0, super::log10, libm::log10);
    }

    #[test]
    fn xlogy_of_zero_is_zero() {
        assert_eq!(super::xlogy(0.0, 0.0), 0.0);
        assert_eq!(super::xlogy(0.0, f32::INFINITY), 0.0);
        assert_eq!(super::xlogy(0.0, -1.0), 0.0);
        assert!(super::xlogy(0.0, f32::NAN).is_nan());
        assert_eq!(super::xlogy(2.0, 1.0), 0.0);
        assert_eq!(super::xlogy(2.0, 0.0), f32::NEG_INFINITY);
    }
}
