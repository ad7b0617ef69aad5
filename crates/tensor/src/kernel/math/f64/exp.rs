//! Exponentials and the hyperbolic tangent, branch-free, so that loops over them are vectorised.
//!
//! x = n·ln 2 + r with |r| ≤ ½ ln 2, Taylor's polynomial in r, and n put back into the exponent, as in `f32`.

use super::super::poly::long_poly64;

/// Adding it rounds to an integer, which the low bits of the sum then hold plus 2046: twice the
/// exponent bias, so that half of those bits are the exponent field of 2^(n/2).
const ROUND: f64 = 6_755_399_441_057_790.0; // 1.5·2⁵² + 2046

/// ln 2 to 33 bits, so that n·LN2_HIGH is exact, and the rest.
pub(super) const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
pub(super) const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// The sum that holds n in its low bits, and eʳ − 1.
#[inline(always)]
fn reduced(x: f64) -> (f64, f64) {
    let sum = x.mul_add(std::f64::consts::LOG2_E, ROUND);
    let n = sum - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    let q = long_poly64(
        r,
        [
            1.0 / 2.0,
            1.0 / 6.0,
            1.0 / 24.0,
            1.0 / 120.0,
            1.0 / 720.0,
            1.0 / 5_040.0,
            1.0 / 40_320.0,
            1.0 / 362_880.0,
            1.0 / 3_628_800.0,
            1.0 / 39_916_800.0,
            1.0 / 479_001_600.0,
            1.0 / 6_227_020_800.0,
        ],
    );
    (sum, q.mul_add(r * r, r))
}

/// Bounds x from both sides and leaves NaN alone.
#[inline(always)]
fn bound(x: f64, low: f64, high: f64) -> f64 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// eˣ. Error 1.01.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    // Beyond these the result is 0 or infinite.
    let (sum, rise) = reduced(bound(x, -746.0, 710.0));
    // In two steps, each by a normal number, so that only the second rounds or overflows.
    let bits = sum.to_bits();
    let half = bits >> 1;
    (1.0 + rise) * f64::from_bits(half << 52) * f64::from_bits(bits.wrapping_sub(half) << 52)
}

/// eˣ − 1. Error 1.83.
#[inline(always)]
pub fn expm1(x: f64) -> f64 {
    let (sum, rise) = reduced(bound(x, -40.0, 710.0));
    // Half of the result, because 2ⁿ⁻¹ stays finite where 2ⁿ does not.
    let s = f64::from_bits((sum.to_bits() << 52).wrapping_sub(1024 << 52));
    let y = 2.0 * s.mul_add(rise, s - 0.5);
    // Keeps the sign of zero, and the last bit of subnormal numbers.
    if x.abs() < 1e-17 { x } else { y }
}

/// Hyperbolic tangent. Error 2.6.
#[inline(always)]
pub fn tanh(x: f64) -> f64 {
    let fall = expm1(-2.0 * x.abs());
    (-fall / (2.0 + fall)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::within64;

    #[test]
    fn exponentials_are_accurate() {
        within64(1.5, super::exp, libm::exp);
        within64(2.0, super::expm1, libm::expm1);
        within64(3.0, super::tanh, libm::tanh);
    }
}
