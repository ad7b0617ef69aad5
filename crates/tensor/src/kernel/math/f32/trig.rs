//! Sine, cosine and tangent, right for every finite number.
//!
//! In double precision: x/π = n + f with |f| ≤ ½, then a polynomial in f. The reduction is exact
//! enough for the nearest approach of an `f32` to a multiple of π.

use super::super::poly::poly64;

/// Adding it rounds to an integer, whose parity is then the lowest bit.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5·2⁵²

/// 1/π as the sum of two, up to what makes an even number of half turns of x.
///
/// From 2⁵⁰ on x is a multiple of 2²⁷, from 2⁷⁷ on of 2⁵⁴, and so on. Taking 2²⁷/π, 2⁵⁴/π … modulo
/// 2 beforehand leaves products below 2⁵⁰, whose fractions a double still holds.
#[inline(always)]
fn half_turns(x: f32) -> (f64, f64) {
    const A: f32 = (1u64 << 50) as f32;
    const B: f32 = A * (1 << 27) as f32;
    const C: f32 = B * (1 << 27) as f32;
    let a = x.abs();
    let high = if a < C { 3.583_247_455_607_534e-17 } else { -2.717_092_053_871_875_3e-25 };
    let high = if a < B { -2.059_884_560_395_826_4e-9 } else { high };
    let low = if a < C { -1.072_143_628_289_300_4e-33 } else { 1.942_949_353_759_341_2e-41 };
    let low = if a < B { 1.418_811_008_893_263_3e-25 } else { low };
    // The pair that matters has a positive low part, to keep the sign of zero.
    let high = if a < A { 0.318_309_886_183_790_64 } else { high };
    let low = if a < A { 3.583_247_455_607_534e-17 } else { low };
    (high, low)
}

/// (sum, f) with x/π = n + f up to an even number, where the sum holds n.
#[inline(always)]
fn reduce(x: f32) -> (f64, f64) {
    let (high, low) = half_turns(x);
    let x = x as f64;
    let sum = x.mul_add(high, ROUND);
    (sum, x.mul_add(low, x.mul_add(high, -(sum - ROUND))))
}

/// sin πf for |f| ≤ ½, to 35 bits.
#[inline(always)]
fn sine(f: f64) -> f64 {
    f * poly64(
        f * f,
        [
            3.141_592_653_523_177_5,
            -5.167_712_762_079_101,
            2.550_163_239_015_509_6,
            -0.599_251_314_053_653,
            0.082_046_398_679_065_12,
            -0.007_022_024_419_724_793,
        ],
    )
}

/// (−1)ⁿ·y, where the sum holds n.
#[inline(always)]
fn alternate(y: f64, sum: f64) -> f32 {
    f64::from_bits(y.to_bits() ^ (sum.to_bits() << 63)) as f32
}

/// sin x. Error 0.51, and 0.52 from 10¹² on.
#[inline(always)]
pub fn sin(x: f32) -> f32 {
    let (sum, f) = reduce(x);
    alternate(sine(f), sum)
}

/// cos x = sin(x + ½π). Error 0.51, and 0.72 from 10¹² on.
#[inline(always)]
pub fn cos(x: f32) -> f32 {
    let (high, low) = half_turns(x);
    let x = x as f64;
    let sum = x.mul_add(high, 0.5) + ROUND;
    let f = x.mul_add(low, x.mul_add(high, 0.5 - (sum - ROUND)));
    alternate(sine(f), sum)
}

/// tan x = sin x/sin(½π − x). Error 0.52.
#[inline(always)]
pub fn tan(x: f32) -> f32 {
    let (_, f) = reduce(x);
    (sine(f) / sine(0.5 - f.abs())) as f32
}

#[cfg(test)]
mod tests {
    use super::super::super::check::within;

    #[test]
    fn sines_are_accurate_at_any_size() {
        within(1.0, super::sin, libm::sin);
        within(1.0, super::cos, libm::cos);
        within(1.0, super::tan, libm::tan);
        // The multiple of ½π that an f32 comes nearest to.
        let x = f32::from_bits(0x6f79_be45);
        assert_eq!(super::cos(x), libm::cos(x as f64) as f32);
    }
}
