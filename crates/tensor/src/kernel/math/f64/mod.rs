//! Functions of `f64`.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

mod exp;
mod gamma;
mod log;

pub use exp::{exp, expm1, tanh};
pub use gamma::{lgamma, polygamma};
pub use log::ln;

super::plain::plain!(f64);

macro_rules! from_libm {
    ($($(#[$doc:meta])* $name:ident($($arg:ident),*) = $source:ident;)*) => {
        $($(#[$doc])*
        #[inline(always)]
        pub fn $name($($arg: f64),*) -> f64 {
            libm::$source($($arg),*)
        })*
    };
}

from_libm! {
    /// 2ˣ.
    exp2(x) = exp2;
    /// ln(1 + x).
    ln1p(x) = log1p;
    /// log₂ x.
    log2(x) = log2;
    /// log₁₀ x.
    log10(x) = log10;
    /// sin x.
    sin(x) = sin;
    /// cos x.
    cos(x) = cos;
    /// Tangent of radians.
    tan(x) = tan;
    /// Inverse sine.
    asin(x) = asin;
    /// Inverse cosine.
    acos(x) = acos;
    /// Inverse tangent.
    atan(x) = atan;
    /// Angle of the point (x, y).
    atan2(y, x) = atan2;
    /// Hyperbolic sine.
    sinh(x) = sinh;
    /// Hyperbolic cosine.
    cosh(x) = cosh;
    /// Inverse hyperbolic sine.
    asinh(x) = asinh;
    /// Inverse hyperbolic cosine.
    acosh(x) = acosh;
    /// Inverse hyperbolic tangent.
    atanh(x) = atanh;
    /// √(x² + y²) without overflow.
    hypot(x, y) = hypot;
    /// The error function.
    erf(x) = erf;
    /// 1 − erf x, with every digit of the tail.
    erfc(x) = erfc;
    /// x to the power `exponent`, by C's rules: 0⁰ = NaN⁰ = 1, (−2)³ = −8.
    pow(x, exponent) = pow;
}

/// Remainder with the sign of the dividend: C's `fmod`.
#[inline(always)]
pub fn fmod(x: f64, divisor: f64) -> f64 {
    x % divisor
}

/// 1/(1 + eˡˣˡ).
#[inline(always)]
pub fn sigmoid_tail(x: f64) -> f64 {
    let e = exp(-x.abs());
    e / (1.0 + e)
}

/// 1/(1 + e²ˡˣˡ).
#[inline(always)]
pub fn tanh_tail(x: f64) -> f64 {
    sigmoid_tail(x + x)
}

/// tanh x, which needs no tail here.
#[inline(always)]
pub fn tanh_of_tail(x: f64, _: f64) -> f64 {
    tanh(x)
}

/// ln(1 + eˣ).
#[inline(always)]
pub fn softplus(x: f64) -> f64 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + ln1p(exp(-x.abs()))
}

/// ln(eᵃ + eᵇ).
#[inline(always)]
pub fn log_add_exp(a: f64, b: f64) -> f64 {
    // Equal infinities would differ by NaN.
    let apart = if a == b { 0.0 } else { (a - b).abs() };
    max_nan(a, b) + ln1p(exp(-apart))
}

/// x·ln y, and 0 where x is 0 unless y is NaN.
#[inline(always)]
pub fn xlogy(x: f64, y: f64) -> f64 {
    let product = x * ln(y);
    if x == 0.0 && !y.is_nan() { 0.0 } else { product }
}

/// Φ(x), the distribution function of the normal distribution. The tail magnifies what rounding
/// takes away from x/√2, so the slope there puts it back.
#[inline(always)]
pub fn normal_cdf(x: f64) -> f64 {
    // 1/√2 as an `f64` is too large by this much.
    const LOST: f64 = 4.833_646_656_726_457e-17;
    // From here on it is 0 or 1.
    let size = if x.abs() > 40.0 { 40.0 } else { x.abs() };
    let z = size * FRAC_1_SQRT_2;
    let lost = size.mul_add(FRAC_1_SQRT_2, -z) - size * LOST;
    let tail = 0.5 * (erfc(z) - FRAC_2_SQRT_PI * exp(-(z * z)) * lost);
    if x > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::super::check::close;
    use super::*;

    #[test]
    fn sigmoids_keep_their_digits() {
        close(sigmoid(-30.0), 9.357_622_968_839_29e-14);
        close(sigmoid(0.25), 0.562_176_500_885_798_1);
        close(sigmoid(-700.0), 9.859_676_543_759_77e-305);
        close(softplus(-30.0), 9.357_622_968_839_737e-14);
        close(softplus(0.25), 0.825_939_419_878_843_6);
        close(softplus(-700.0), 9.859_676_543_759_77e-305);
        assert_eq!((softplus(1000.0), softplus(-1000.0)), (1000.0, 0.0));
        assert_eq!((sigmoid(1000.0), sigmoid(-1000.0)), (1.0, 0.0));
        assert_eq!(log_add_exp(f64::NEG_INFINITY, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert_eq!(log_add_exp(1000.0, 1000.0), 1000.0 + std::f64::consts::LN_2);
        assert_eq!(xlogy(0.0, 0.0), 0.0);
    }

    #[test]
    fn the_normal_distribution_keeps_its_digits() {
        close(normal_cdf(-38.0), 2.885_428_36e-316);
        close(normal_cdf(-10.0), 7.619_853_024_160_526e-24);
        close(normal_cdf(-0.1), 0.460_172_162_722_971);
        close(normal_cdf(2.0), 0.977_249_868_051_820_8);
        assert_eq!((normal_cdf(-1000.0), normal_cdf(0.0), normal_cdf(1000.0)), (0.0, 0.5, 1.0));
    }

    #[test]
    fn libm_is_accurate_enough() {
        close(expm1(1e-5), 1.000_005_000_016_666_7e-5);
        close(ln1p(1e-5), 9.999_950_000_333_332e-6);
        close(tanh(0.5), 0.462_117_157_260_009_76);
        close(erf(0.5), 0.520_499_877_813_046_5);
        close(erfc(25.0), 8.300_172_571_196_522e-274);
        close(sin(1e10), -0.487_506_025_087_510_7);
        close(cosh(3.0), 10.067_661_995_777_765);
        assert_eq!([pow(0.0, 0.0), pow(f64::NAN, 0.0), pow(-2.0, 3.0)], [1.0, 1.0, -8.0]);
    }
}
