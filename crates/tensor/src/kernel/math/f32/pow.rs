//! Powers.

use super::super::poly::long_poly64;

/// Adding it rounds to an integer, which the low bits of the sum then hold.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5·2⁵²

/// log₂ a for a = 0, a normal number above it, ∞ or NaN, to 38 bits.
#[inline(always)]
pub(super) fn log2_wide(a: f64) -> f64 {
    const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    let offset = a.to_bits().wrapping_sub(ROOT_HALF);
    let mask = (1 << 52) - 1;
    let f = f64::from_bits((offset & mask).wrapping_add(ROOT_HALF)) - 1.0;
    // The exponent as a float: its bits above those of 1.5·2⁵² + 2¹¹, which keeps them positive.
    let k = f64::from_bits((offset >> 52 ^ 0x800).wrapping_add(0x4338_0000_0000_0000)) - (ROUND + 2048.0);
    let log = f.mul_add(
        long_poly64(
            f,
            [
                1.442_695_040_886_574_6,
                -0.721_347_520_327_502_9,
                0.480_898_348_802_711,
                -0.360_673_793_144_983_27,
                0.288_538_795_744_278_9,
                -0.240_446_433_203_406_6,
                0.206_107_122_315_855_4,
                -0.180_436_758_250_907_7,
                0.160_216_684_462_505_95,
                -0.142_498_573_481_087_58,
                0.130_275_432_528_041_33,
                -0.134_629_431_310_336_8,
                0.132_512_740_555_908_67,
                -0.069_739_670_679_872_05,
            ],
        ),
        k,
    );
    let log = if a == 0.0 { f64::NEG_INFINITY } else { log };
    if a < f64::INFINITY { log } else { a }
}

/// 2ᶻ, rounded once.
#[inline(always)]
fn exp2_wide(z: f64) -> f32 {
    let z = if z > 129.0 { 129.0 } else { z };
    let z = if z < -151.0 { -151.0 } else { z };
    let sum = z + ROUND;
    let p = long_poly64(
        z - (sum - ROUND),
        [
            1.0,
            0.693_147_180_728_452_5,
            0.240_226_511_981_425_8,
            0.055_504_103_534_549_03,
            0.009_618_027_255_285_686,
            0.001_333_392_256_177_625_4,
            0.000_154_692_906_822_369_53,
            1.520_192_071_451_556_3e-5,
        ],
    );
    let power = f64::from_bits((sum.to_bits() << 52).wrapping_add(1023 << 52));
    (p * power) as f32
}

/// x to the power `exponent`, by C's rules: 0⁰ = NaN⁰ = 1, (−2)³ = −8; 2^(exponent·log₂ |x|) in
/// double precision. Error 0.51.
#[inline(always)]
pub fn pow(x: f32, exponent: f32) -> f32 {
    let log = log2_wide(x.abs() as f64);
    // 1 to any power and any number to the power 0 are 1, even where the product would be NaN.
    let z = if log == 0.0 || exponent == 0.0 { 0.0 } else { exponent as f64 * log };
    let y = exp2_wide(z);
    let half = 0.5 * exponent;
    let whole = exponent == exponent.trunc();
    let odd = whole && half != half.trunc();
    let signed = if odd { y.copysign(x) } else { y };
    let real = whole || !(x < 0.0 && x > f32::NEG_INFINITY);
    if real { signed } else { f32::NAN }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::within2;

    #[test]
    fn powers_follow_c() {
        within2(0.6, super::pow, libm::pow);
        within2(0.6, |x, y| super::pow(x, y.floor()), |x, y| libm::pow(x, y.floor()));
    }
}
