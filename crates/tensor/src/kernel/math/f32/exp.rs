//! Exponentials.
//!
//! Every one of them writes x = n·ln 2 + r with |r| ≤ ½ ln 2 (Cody and Waite's reduction), takes a
//! polynomial in r, and puts n back into the exponent.

/// Adding it rounds to an integer, which the low bits of the sum then hold plus 254: twice the
/// exponent bias, so that half of those bits are the exponent field of 2^(n/2).
const ROUND: f32 = 12_583_166.0; // 1.5·2²³ + 254

/// ln 2 to 24 bits: n·LN2_HI is a multiple of 2⁻²⁴, so that x − n·LN2_HI is exact.
pub(super) const LN2_HI: f32 = 0.693_147_2;
/// The rest of ln 2.
pub(super) const LN2_LO: f32 = -1.904_654_3e-9;

/// x = n·ln 2 + r: (the sum that holds n, n, r, what r lost in rounding).
#[inline(always)]
fn reduce(x: f32) -> (f32, f32, f32, f32) {
    let sum = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = sum - ROUND;
    let exact = n.mul_add(-LN2_HI, x);
    let r = n.mul_add(-LN2_LO, exact);
    (sum, n, r, n.mul_add(-LN2_LO, exact - r))
}

/// p·2ⁿ in two steps, each a normal number, so that only the second rounds or overflows.
#[inline(always)]
fn scale(p: f32, sum: f32) -> f32 {
    let bits = sum.to_bits();
    let half = bits >> 1;
    let first = f32::from_bits(half << 23);
    let second = f32::from_bits(bits.wrapping_sub(half) << 23);
    p * first * second
}

/// 2ⁿ, for |n| ≤ 126.
#[inline(always)]
fn power_of_two(sum: f32) -> f32 {
    f32::from_bits((sum.to_bits() << 23).wrapping_sub(127 << 23))
}

/// (eʳ − 1 − r)/r² to 28 bits of eʳ (own minimax fit).
#[inline(always)]
fn tail(r: f32) -> f32 {
    let q = r.mul_add(0.001_394_292_1, 0.008_369_394);
    let q = q.mul_add(r, 0.041_666_377);
    let q = q.mul_add(r, 0.166_665_15);
    q.mul_add(r, 0.5)
}

/// Bounds x from both sides and leaves NaN alone.
#[inline(always)]
fn bound(x: f32, low: f32, high: f32) -> f32 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// eˣ.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Beyond these the result is 0 or infinite.
    let (sum, _, r, _) = reduce(bound(x, -104.0, 89.0));
    scale(1.0 + tail(r).mul_add(r * r, r), sum)
}

/// eˣ for −80 ≤ x ≤ 0, below which it stays at e⁻⁸⁰: for sums with numbers near 1.
#[inline(always)]
pub(super) fn exp_negative(x: f32) -> f32 {
    let (sum, _, r, _) = reduce(if x < -80.0 { -80.0 } else { x });
    (1.0 + tail(r).mul_add(r * r, r)) * power_of_two(sum)
}

/// scale·e^(x + low), for |low| far below |x| ≤ 104 and x ≤ 0.
#[inline(always)]
pub(super) fn scaled_exp(factor: f32, x: f32, low: f32) -> f32 {
    let (sum, _, r, lost) = reduce(x);
    let r2 = r + (lost + low);
    let w = tail(r2).mul_add(r2 * r2, r2);
    scale(factor.mul_add(w, factor), sum)
}

/// 2ˣ.
#[inline(always)]
pub fn exp2(x: f32) -> f32 {
    let x = bound(x, -151.0, 129.0);
    let sum = x + ROUND;
    let r = x - (sum - ROUND);
    let q = r.mul_add(0.000_154_641_33, 0.001_339_130_1);
    let q = q.mul_add(r, 0.009_618_06);
    let q = q.mul_add(r, 0.055_503_603);
    let q = q.mul_add(r, 0.240_226_5);
    let w = r.mul_add(LN2_HI, q.mul_add(r, LN2_LO) * r);
    scale(1.0 + w, sum)
}

/// eˣ − 1.
#[inline(always)]
pub fn expm1(x: f32) -> f32 {
    let (sum, n, r, lost) = reduce(bound(x, -20.0, 89.0));
    let _ = n;
    let q = r.mul_add(0.000_199_442_57, 0.001_393_356_5);
    let q = q.mul_add(r, 0.008_333_208);
    let q = q.mul_add(r, 0.041_666_48);
    let q = q.mul_add(r, 0.166_666_67);
    let q = q.mul_add(r, 0.5);
    // 2ⁿ⁻¹ stays finite where 2ⁿ does not.
    let s = f32::from_bits((sum.to_bits() << 23).wrapping_sub(128 << 23));
    let t = s - 0.5;
    let high = s.mul_add(r, t);
    let low = s.mul_add(r, t - high);
    let y = 2.0 * (high + s.mul_add(q.mul_add(r * r, lost), low));
    // Keeps the sign of zero, and the last bit of subnormal numbers.
    if x.abs() < 1e-8 { x } else { y }
}
