//! Exponentials.
//!
//! Every one of them writes x = n·ln 2 + r with |r| ≤ ½ ln 2 (Cody and Waite's reduction), takes a
//! polynomial in r, and puts n back into the exponent.

use super::super::poly::poly32;

/// Adding it rounds to an integer, which the low bits of the sum then hold plus 254: twice the
/// exponent bias, so that half of those bits are the exponent field of 2^(n/2).
const ROUND: f32 = 12_583_166.0; // 1.5·2²³ + 254

/// ln 2 to 24 bits: n·LN2_HIGH is a multiple of 2⁻²⁴, so that x − n·LN2_HIGH is exact.
pub(super) const LN2_HIGH: f32 = std::f32::consts::LN_2;
/// The rest of ln 2.
pub(super) const LN2_LOW: f32 = -1.904_654_2e-9;

/// x = n·ln 2 + r: the sum that holds n in its low bits, n, and x − n·LN2_HIGH, which is exact.
#[inline(always)]
fn reduce(x: f32) -> (f32, f32, f32) {
    let sum = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = sum - ROUND;
    (sum, n, n.mul_add(-LN2_HIGH, x))
}

/// p·2ⁿ in two steps, each by a normal number, so that only the second rounds or overflows.
#[inline(always)]
fn scale(p: f32, sum: f32) -> f32 {
    let bits = sum.to_bits();
    let half = bits >> 1;
    let first = f32::from_bits(half << 23);
    let second = f32::from_bits(bits.wrapping_sub(half) << 23);
    p * first * second
}

/// 2^(n + offset), where that is a normal number.
#[inline(always)]
fn power_of_two(sum: f32, offset: i32) -> f32 {
    f32::from_bits((sum.to_bits() << 23).wrapping_add_signed((offset - 127) << 23))
}

/// eʳ for |r| ≤ ½ ln 2, to 28 bits.
#[inline(always)]
fn exp_reduced(r: f32) -> f32 {
    poly32(r, [1.0, 1.0, 0.499_999_94, 0.166_665_21, 0.041_668_29, 0.008_368_704, 0.001_381_894_5])
}

/// Bounds x from both sides and leaves NaN alone.
#[inline(always)]
fn bound(x: f32, low: f32, high: f32) -> f32 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// eˣ. Error 0.9.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Beyond these the result is 0 or infinite.
    let (sum, n, exact) = reduce(bound(x, -104.0, 89.0));
    scale(exp_reduced(n.mul_add(-LN2_LOW, exact)), sum)
}

/// eˣ for x ≤ 0.
#[inline(always)]
pub(super) fn exp_negative(x: f32) -> f32 {
    let (sum, n, exact) = reduce(if x < -104.0 { -104.0 } else { x });
    scale(exp_reduced(n.mul_add(-LN2_LOW, exact)), sum)
}

/// eˣ for x ≤ 0, and what rounding took from it.
#[inline(always)]
pub(super) fn exp_negative_pair(x: f32) -> (f32, f32) {
    let (sum, n, exact) = reduce(if x < -104.0 { -104.0 } else { x });
    let r = n.mul_add(-LN2_LOW, exact);
    let lost = n.mul_add(-LN2_LOW, exact - r);
    let q = poly32(r, [0.499_999_94, 0.166_665_21, 0.041_668_29, 0.008_368_704, 0.001_381_894_5]);
    let rest = q.mul_add(r * r, lost);
    let high = 1.0 + r;
    let p = high + (rest + (r - (high - 1.0)));
    let p_low = rest - (p - high) + (r - (high - 1.0));
    (scale(p, sum), scale(p_low, sum))
}

/// eˣ for x ≤ 0, which stops falling at x = −80: for sums with numbers near 1.
#[inline(always)]
pub(super) fn exp_coarse(x: f32) -> f32 {
    let (sum, n, exact) = reduce(if x < -80.0 { -80.0 } else { x });
    exp_reduced(n.mul_add(-LN2_LOW, exact)) * power_of_two(sum, 0)
}

/// a·eˣ for −104 ≤ x ≤ 0, each a sum of two numbers, the second far below the first.
#[inline(always)]
pub(super) fn scaled_exp(a: (f32, f32), x: (f32, f32)) -> f32 {
    let (sum, n, exact) = reduce(x.0);
    let r = exact + n.mul_add(-LN2_LOW, x.1);
    // w = eʳ − 1.
    let w = poly32(r, [0.5, 0.166_665_15, 0.041_666_377, 0.008_369_394, 0.001_394_292_1]).mul_add(r * r, r);
    let y = a.0 + a.0.mul_add(w, a.1.mul_add(w, a.1));
    // In two steps, of which only the second rounds.
    y * power_of_two(sum, 64) * (1.0 / (1u128 << 64) as f32)
}

/// 2ˣ. Error 0.9.
#[inline(always)]
pub fn exp2(x: f32) -> f32 {
    let x = bound(x, -151.0, 129.0);
    let sum = x + ROUND;
    let r = x - (sum - ROUND);
    let q = poly32(r, [LN2_LOW, 0.240_226_5, 0.055_503_603, 0.009_618_06, 0.001_339_130_1, 0.000_154_641_33]);
    scale(1.0 + r.mul_add(LN2_HIGH, q * r), sum)
}

/// eˣ − 1. Error 0.9.
#[inline(always)]
pub fn expm1(x: f32) -> f32 {
    let (sum, n, exact) = reduce(bound(x, -20.0, 89.0));
    let r = n.mul_add(-LN2_LOW, exact);
    let lost = n.mul_add(-LN2_LOW, exact - r);
    let q = poly32(r, [0.5, 0.166_666_67, 0.041_666_48, 0.008_333_208, 0.001_393_356_5, 0.000_199_442_57]);
    // Half of the result, because 2ⁿ⁻¹ stays finite where 2ⁿ does not: s·(1 + r + q·r²) − ½.
    let s = power_of_two(sum, -1);
    let t = s - 0.5;
    let high = s.mul_add(r, t);
    let low = s.mul_add(r, t - high) + ((s - t) - 0.5);
    let y = 2.0 * (high + s.mul_add(q.mul_add(r * r, lost), low));
    // Keeps the sign of zero, and the last bit of subnormal numbers.
    if x.abs() < 1e-8 { x } else { y }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::within;

    #[test]
    fn exponentials_are_accurate() {
        within(1.0, super::exp, libm::exp);
        within(1.0, super::exp2, libm::exp2);
        within(1.0, super::expm1, libm::expm1);
    }
}
