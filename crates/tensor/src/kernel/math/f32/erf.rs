//! The error function and its complement.

use super::exp::{exp_negative, scaled_exp};

/// erf x.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let a = x.abs();
    let z = x * x;
    let p = z.mul_add(7.806_903e-5, -0.000_799_785_3);
    let p = p.mul_add(z, 0.005_187_162);
    let p = p.mul_add(z, -0.026_853_347);
    let p = p.mul_add(z, 0.112_835_79);
    let p = p.mul_add(z, -0.376_126_26);
    let p = p.mul_add(z, 0.128_379_17);
    let small = p.mul_add(x, x);
    // −ln(erfc a)/a for 1 ≤ a ≤ 3.93, where erf becomes 1.
    let a = if a > 3.93 { 3.93 } else { a };
    let q = a.mul_add(1.413_154_1e-5, -0.000_352_312_78);
    let q = q.mul_add(a, 0.003_764_595_6);
    let q = q.mul_add(a, -0.024_025_403);
    let q = q.mul_add(a, 0.106_549_02);
    let q = q.mul_add(a, 0.634_958_3);
    let q = q.mul_add(a, 1.128_697_2);
    let large = 1.0 - exp_negative(-a * q);
    if x.abs() < 1.0 { small } else { large.copysign(x) }
}

/// 1 − erf x, with every digit of the tail.
#[inline(always)]
pub fn erfc(x: f32) -> f32 {
    let a = x.abs();
    let a = if a > 10.1 { 10.1 } else { a };
    // e^(a²)·erfc a = t·P(t).
    let d = a.mul_add(0.375, 1.0);
    let t = 1.0 / d;
    let p = t.mul_add(-0.031_755_93, 0.188_214_42);
    let p = p.mul_add(t, -0.428_101_4);
    let p = p.mul_add(t, 0.447_688_88);
    let p = p.mul_add(t, -0.271_449_77);
    let p = p.mul_add(t, 0.219_077_59);
    let p = p.mul_add(t, 0.081_449_93);
    let p = p.mul_add(t, 0.176_191_48);
    let p = p.mul_add(t, 0.195_449_04);
    let p = p.mul_add(t, 0.211_667_95);
    let p = p.mul_add(t, 0.211_567_8);
    let square = a * a;
    let lost = a.mul_add(a, -square);
    let y = scaled_exp(t * p, -square, -lost);
    if x < 0.0 { 2.0 - y } else { y }
}
