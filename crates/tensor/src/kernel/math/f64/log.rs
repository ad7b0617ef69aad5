//! The natural logarithm, branch-free.
//!
//! x = 2ᵏ·(1 + f) with 1 + f between √½ and √2, and ln(1 + f) from a polynomial in s² with s = f/(2 + f):
//! the coefficients and the order of the additions are those of FreeBSD's `e_log.c`.

use super::super::poly::poly64;
use super::exp::{LN2_HIGH, LN2_LOW};

/// The bits of √½.
const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;

/// ln x. Error 0.82.
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    let small = x < f64::MIN_POSITIVE;
    let bits = (if small { x * 18_014_398_509_481_984.0 } else { x }).to_bits(); // 2⁵⁴
    let offset = bits.wrapping_sub(ROOT_HALF);
    let f = f64::from_bits((offset & 0x000f_ffff_ffff_ffff).wrapping_add(ROOT_HALF)) - 1.0;
    // k + 1024 as the low bits of 2⁵² + k + 1024.
    let k = f64::from_bits(offset.wrapping_add(1024 << 52) >> 52 | 0x4330_0000_0000_0000) - 4_503_599_627_371_520.0;
    let k = if small { k - 54.0 } else { k };
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z * poly64(
        z,
        [
            6.666_666_666_666_735e-1,
            3.999_999_999_940_942e-1,
            2.857_142_874_366_239e-1,
            2.222_219_843_214_978_4e-1,
            1.818_357_216_161_805e-1,
            1.531_383_769_920_937_3e-1,
            1.479_819_860_511_658_6e-1,
        ],
    );
    let half = 0.5 * f * f;
    let y = k * LN2_HIGH - ((half - (s * (half + r) + k * LN2_LOW)) - f);
    let y = if x < f64::INFINITY { y } else { x };
    let edge = if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    if x > 0.0 { y } else { edge }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::within64;

    #[test]
    fn the_logarithm_is_accurate() {
        within64(1.5, super::ln, libm::log);
    }
}
