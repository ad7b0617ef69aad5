//! The error function, its complement, and the normal distribution.

use std::f32::consts::FRAC_1_SQRT_2;

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

/// e^(−a²)·G/(1 + 2a), where G varies between 1 and 1.29 and is a polynomial in ca/(1 + ca); a and
/// its square are sums of two numbers, the second far below the first.
#[inline(always)]
fn tail(a: (f32, f32), square: (f32, f32)) -> f32 {
    let c = 0.343_75 * a.0;
    let (c1, a1) = (1.0 + c, a.0.mul_add(2.0, 1.0));
    let both = 1.0 / (c1 * a1);
    let v = c * (both * a1);
    let q = v - 0.335_937_5;
    let r = poly32(
        q,
        [
            -0.065_880_984,
            -1.163_352,
            2.970_163_3,
            -4.007_383_3,
            3.075_729_8,
            -0.789_595,
            -0.772_644_3,
            0.575_934_47,
            0.206_546_53,
            -0.271_627_6,
        ],
    );
    let g = q.mul_add(r, 1.286_643_9);
    let g_low = q.mul_add(r, 1.286_643_9 - g);
    // 1/(1 + 2a) as a sum of two: the rounded one times 1 + what is left of 1 after multiplying.
    let high = both * c1;
    let left = a.0.mul_add(2.0, 1.0 - a1) + 2.0 * a.1;
    let low = high * (high.mul_add(-a1, 1.0) - high * left);
    scaled_exp((g, g_low), (high, low), (-square.0, -square.1))
}

/// 1 − erf x, with every digit of the tail. Error 1.8.
#[inline(always)]
pub fn erfc(x: f32) -> f32 {
    // From here on erfc rounds to 0.
    let a = if x.abs() > 10.1 { 10.1 } else { x.abs() };
    let square = a * a;
    let y = tail((a, 0.0), (square, a.mul_add(a, -square)));
    if x < 0.0 { 2.0 - y } else { y }
}

/// Φ(x) = erfc(−x/√2)/2, the distribution function of the normal distribution. The tail magnifies
/// what rounding takes away from x/√2, but its square x²/2 is exact as a sum of two. Near 0, its
/// series. Error 1.6.
#[inline(always)]
pub fn normal_cdf(x: f32) -> f32 {
    // From here on it rounds to 0 or 1.
    let size = if x.abs() > 14.28 { 14.28 } else { x.abs() };
    let a = size * FRAC_1_SQRT_2;
    let a_low = size.mul_add(FRAC_1_SQRT_2, -a) + size * 1.210_161_7e-8;
    let square = size * size;
    let y = 0.5 * tail((a, a_low), (0.5 * square, 0.5 * size.mul_add(size, -square)));
    let p =
        poly32(square, [0.398_942_3, -0.066_490_38, 0.009_973_557, -0.001_187_328_2, 0.000_115_434_69, -9.444_656e-6]);
    let near = x.mul_add(p, 0.5);
    let far = if x > 0.0 { 1.0 - y } else { y };
    if size < 0.5 { near } else { far }
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
