//! Logarithms.
//!
//! x = 2ᵏ·(1 + f) with 1 + f between √½ and √2; ln(1 + f) = f + f²·Q(f).

use super::exp::{LN2_HI, LN2_LO};

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

/// Q(f) for the natural logarithm, to 28 bits of it (own minimax fit).
#[inline(always)]
fn tail(f: f32) -> f32 {
    let q = f.mul_add(-0.077_572_33, 0.129_623_92);
    let q = q.mul_add(f, -0.132_195_14);
    let q = q.mul_add(f, 0.141_723_72);
    let q = q.mul_add(f, -0.166_104_51);
    let q = q.mul_add(f, 0.200_023_93);
    let q = q.mul_add(f, -0.250_015_6);
    let q = q.mul_add(f, 0.333_333_22);
    q.mul_add(f, -0.499_999_88)
}

/// The values where there is no logarithm: −∞ at 0, NaN below, and x itself for ∞ and NaN.
#[inline(always)]
fn patch(x: f32, y: f32) -> f32 {
    let y = if x < f32::INFINITY { y } else { x };
    let edge = if x == 0.0 { f32::NEG_INFINITY } else { f32::NAN };
    if x > 0.0 { y } else { edge }
}

/// ln x.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    let (k, f) = split_any(x);
    let high = k.mul_add(LN2_HI, f);
    let low = k.mul_add(LN2_LO, k.mul_add(LN2_HI, -high) + f);
    patch(x, high + tail(f).mul_add(f * f, low))
}

/// ln(1 + x).
#[inline(always)]
pub fn ln1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let part = u - 1.0;
    let lost = (1.0 - (u - part)) + (x - part);
    let (k, f) = split(u);
    let offset = (u.to_bits() as i32).wrapping_sub(ROOT_HALF) & !0x007f_ffff;
    let shrink = 0x3f80_0000i32.wrapping_sub(offset);
    let shrink = f32::from_bits((if shrink < 0 { 0 } else { shrink }) as u32);
    let correction = lost * shrink * (f - 1.0).mul_add(f, 1.0);
    let high = k.mul_add(LN2_HI, f);
    let low = k.mul_add(LN2_LO, k.mul_add(LN2_HI, -high) + f);
    patch(u, high + tail(f).mul_add(f * f, low + correction)).copysign(x)
}

/// log₂ x.
#[inline(always)]
pub fn log2(x: f32) -> f32 {
    const HIGH: f32 = std::f32::consts::LOG2_E;
    const LOW: f32 = 1.925_963_1e-8;
    let (k, f) = split_any(x);
    let q = f.mul_add(-0.113_010_19, 0.187_361_69);
    let q = q.mul_add(f, -0.190_361_57);
    let q = q.mul_add(f, 0.204_370_47);
    let q = q.mul_add(f, -0.239_681_12);
    let q = q.mul_add(f, 0.288_581_3);
    let q = q.mul_add(f, -0.360_693_96);
    let q = q.mul_add(f, 0.480_898);
    let q = q.mul_add(f, -0.721_347_4);
    let p = f * HIGH;
    let high = k + p;
    let low = f.mul_add(LOW, f.mul_add(HIGH, -p)) + (p - (high - k));
    patch(x, high + q.mul_add(f * f, low))
}

/// log₁₀ x.
#[inline(always)]
pub fn log10(x: f32) -> f32 {
    const HIGH: f32 = std::f32::consts::LOG10_E;
    const LOW: f32 = -1.010_305e-8;
    const K_HIGH: f32 = std::f32::consts::LOG10_2;
    const K_LOW: f32 = -1.432_095_2e-9;
    let (k, f) = split_any(x);
    let q = f.mul_add(-0.034_012_076, 0.056_409_73);
    let q = q.mul_add(f, -0.057_312_43);
    let q = q.mul_add(f, 0.061_520_766);
    let q = q.mul_add(f, -0.072_15);
    let q = q.mul_add(f, 0.086_871_64);
    let q = q.mul_add(f, -0.108_579_76);
    let q = q.mul_add(f, 0.144_764_72);
    let q = q.mul_add(f, -0.217_147_2);
    let p = f * HIGH;
    let high = k.mul_add(K_HIGH, p);
    let low = f.mul_add(LOW, f.mul_add(HIGH, -p)) + (k.mul_add(K_HIGH, -high) + p);
    patch(x, high + q.mul_add(f * f, k.mul_add(K_LOW, low)))
}

/// x·ln y, and 0 where x is 0 unless y is NaN.
#[inline(always)]
pub fn xlogy(x: f32, y: f32) -> f32 {
    let product = x * ln(y);
    if x == 0.0 && !y.is_nan() { 0.0 } else { product }
}
