//! The error function, its complement, and the normal distribution.

use super::super::poly::poly32;
use super::exp::{exp_coarse, scaled_exp};

/// erf x: an odd polynomial up to 1, then 1 − e^(−x·q(x)). Error 1.07.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let p = poly32(
        x * x,
        [0.128_379_17, -0.376_126_26, 0.112_835_79, -0.026_853_347, 0.005_187_162, -0.000_799_785_3, 7.806_903e-5],
    );
    let small = p.mul_add(x, x);
    // From here on erf rounds to 1.
    let a = if x.abs() > 3.93 { 3.93 } else { x.abs() };
    let q = poly32(
        a,
        [1.128_697_2, 0.634_958_3, 0.106_549_02, -0.024_025_403, 0.003_764_595_6, -0.000_352_312_78, 1.413_154_1e-5],
    );
    let large = 1.0 - exp_coarse(-a * q);
    if x.abs() < 1.0 { small } else { large.copysign(x) }
}

/// Φ(−s) = t·P(t − ½)·e^(−s²/2), where t = 1/(1 + 0.297·s) and P is a polynomial; c·a is 0.297·s, and the sum of `square`,
/// the second number far below the first, is s²/2.
#[inline(always)]
fn tail(a: f32, c: f32, square: (f32, f32)) -> f32 {
    let over = a.mul_add(c, 1.0);
    let t = 1.0 / over;
    let q = t - 0.5;
    let r = poly32(
        q,
        [
            0.327_983_8,
            0.349_341_1,
            0.231_070_82,
            0.038_938_243,
            -0.074_913_78,
            -0.041_531_72,
            0.033_031_76,
            0.022_811_52,
            -0.020_666_018,
        ],
    );
    let p = q.mul_add(r, 0.220_038_52);
    let p_low = q.mul_add(r, 0.220_038_52 - p);
    // What rounding took from t, relative to it, and the slope of ln(t·P) with respect to ln t.
    let lost = t.mul_add(-over, 1.0) - t * a.mul_add(c, 1.0 - over);
    let slope = t.mul_add(1.76, 0.93);
    let y = t * p;
    let y_low = y.mul_add(lost * slope, t.mul_add(p_low, t.mul_add(p, -y)));
    scaled_exp((y, y_low), (-square.0, -square.1))
}

/// 1 − erf x, with every digit of the tail. Error 1.7.
#[inline(always)]
pub fn erfc(x: f32) -> f32 {
    // From here on erfc rounds to 0.
    let a = if x.abs() > 10.1 { 10.1 } else { x.abs() };
    let square = a * a;
    let y = 2.0 * tail(a, 0.420_030_27, (square, a.mul_add(a, -square)));
    if x < 0.0 { 2.0 - y } else { y }
}

/// Φ(x) = erfc(−x/√2)/2, the distribution function of the normal distribution. Error 1.7.
#[inline(always)]
pub fn normal_cdf(x: f32) -> f32 {
    // From here on it rounds to 0 or 1.
    let a = if x.abs() > 14.28 { 14.28 } else { x.abs() };
    let square = a * a;
    let y = tail(a, 0.297_006_25, (0.5 * square, 0.5 * a.mul_add(a, -square)));
    if x > 0.0 { 1.0 - y } else { y }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::within;
    use super::super::super::f64 as wide;

    #[test]
    fn error_functions_are_accurate() {
        within(1.5, super::erf, libm::erf);
        within(2.0, super::erfc, libm::erfc);
        within(2.0, super::normal_cdf, wide::normal_cdf);
    }
}
