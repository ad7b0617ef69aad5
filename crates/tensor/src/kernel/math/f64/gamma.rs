//! ln Γ and its derivatives, branch-free but for those of the second order and higher.
//!
//! From 3 on by Stirling's series, whose tails are polynomials in 1/x²; below 3 through the recurrence, and
//! below 0 through the reflection.

use super::super::poly::{long_poly64, poly64};
use super::ln;

/// ½ ln 2π − ½.
const STIRLING: f64 = 0.418_938_533_204_672_7;

/// How far x is from the nearest whole number, and sin(πx)/π up to the sign.
#[inline(always)]
fn turn(x: f64) -> (f64, f64) {
    let t = x - x.round_ties_even();
    let s = poly64(
        t * t,
        [
            1.0,
            -1.644_934_066_848_226_4,
            0.811_742_425_283_346_2,
            -0.190_751_824_121_675_32,
            0.026_147_847_807_942_586,
            -0.002_346_080_913_288_605,
            0.000_148_427_916_558_948_6,
            -6.972_267_256_919_181_5e-6,
            2.451_832_245_234_91e-7,
        ],
    );
    (t, t * s)
}

/// ln Γ(y) for y ≥ 0.
#[inline(always)]
fn positive(y: f64) -> f64 {
    // ln Γ(1 + p) for 0 ≤ p ≤ 1 has a zero at either end.
    let p = if y < 1.0 { y } else { y - 1.0 };
    let p = if y < 2.0 { p } else { y - 2.0 };
    let near = p
        * (p - 1.0)
        * long_poly64(
            p,
            [
                0.577_215_664_901_532_9,
                -0.245_251_368_522_567_7,
                0.155_434_265_861_727_54,
                -0.115_146_542_431_005_37,
                0.092_239_004_439_094_5,
                -0.077_318_095_086_542_37,
                0.066_730_840_230_698_04,
                -0.058_770_375_913_190_81,
                0.052_508_954_425_764_746,
                -0.047_318_416_469_267_69,
                0.042_584_587_755_910_22,
                -0.037_545_144_193_719_605,
                0.031_413_982_594_347_814,
                -0.023_902_072_490_358_365,
                0.015_752_314_276_491_736,
                -0.008_536_104_714_776_55,
                0.003_587_990_782_892_515,
                -0.001_084_096_080_802_254_7,
                0.000_207_834_480_568_474_4,
                -1.888_874_833_061_255_7e-5,
            ],
        );
    let of = if y < 2.0 { 1.0 } else { y - 1.0 };
    let of = if y < 1.0 { y } else { of };
    let ln = ln(if y < 3.0 { of } else { y });
    let near = if y < 1.0 { near - ln } else { near + ln };
    let over = 1.0 / y;
    let tail = long_poly64(
        over * over,
        [
            0.083_333_333_333_333_19,
            -0.002_777_777_777_495_221,
            0.000_793_650_703_538_711,
            -0.000_595_226_888_948_868_7,
            0.000_841_032_373_072_618_7,
            -0.001_890_317_564_964_654_8,
            0.005_750_292_821_531_706,
            -0.018_645_406_685_963_324,
            0.047_520_540_992_903_59,
            -0.062_705_227_472_849_98,
        ],
    );
    let far = (y - 0.5).mul_add(ln - 1.0, over.mul_add(tail, STIRLING));
    if y < 3.0 { near } else { far }
}

/// ln |Γ(x)|.
#[inline(always)]
pub fn lgamma(x: f64) -> f64 {
    let a = x.abs();
    // Γ(x)·Γ(1 − x) = π/sin πx.
    let right = positive(if x > 0.0 { x } else { 1.0 + a });
    let left = -ln(turn(a).1.abs()) - right;
    let y = if x > 0.0 { right } else { left };
    if a < f64::INFINITY { y } else { a }
}

/// Where digamma crosses zero, as a sum of two.
const ROOT: (f64, f64) = (1.461_632_144_968_362_2, 9.549_995_429_965_697e-17);

/// The derivatives of digamma at its root, each over its factorial.
const AT_ROOT: [f64; 16] = [
    0.967_672_245_447_621_2,
    -0.442_763_168_983_592_1,
    0.258_499_760_955_651,
    -0.163_942_705_442_406_52,
    0.107_824_050_691_262_37,
    -0.072_199_561_256_454_71,
    0.048_804_288_164_143_11,
    -0.033_161_126_474_847_36,
    0.022_597_648_232_218_104,
    -0.015_424_765_904_948_96,
    0.010_538_791_616_612_175,
    -0.007_204_534_386_356_869,
    0.004_926_781_395_729_853,
    -0.003_369_801_655_439_328,
    0.002_305_126_326_734_928,
    -0.001_576_936_771_430_197_2,
];

/// B₂ₖ/(2k)! for k = 1, 2, …: Euler and Maclaurin's series.
const EULER_MACLAURIN: [f64; 12] = [
    0.083_333_333_333_333_33,
    -0.001_388_888_888_888_889,
    3.306_878_306_878_307e-5,
    -8.267_195_767_195_768e-7,
    2.087_675_698_786_81e-8,
    -5.284_190_138_687_493e-10,
    1.338_253_653_068_467_9e-11,
    -3.389_680_296_322_582_7e-13,
    8.586_062_056_277_845e-15,
    -2.174_868_698_558_062e-16,
    5.509_002_828_360_229_5e-18,
    -1.395_446_468_581_252_3e-19,
];

/// Derivative of ln Γ: −∞ at 0, ∞ at −0, NaN at the other poles.
#[inline(always)]
fn digamma(x: f64) -> f64 {
    // ψ(x) = ψ(1 − x) − π/tan πx.
    let y = if x < 0.0 { 1.0 - x } else { x };
    let apart = (y - ROOT.0) - ROOT.1;
    let near = apart * long_poly64(apart, AT_ROOT);
    // ψ(y) = ψ(y + 3) − 1/y − 1/(y + 1) − 1/(y + 2).
    let before = 3.0f64.mul_add(y * (y + 2.0), 2.0) / (y * (y + 1.0) * (y + 2.0));
    let z = if y < 3.0 { y + 3.0 } else { y };
    let over = 1.0 / z;
    let tail = long_poly64(
        over * over,
        [
            0.083_333_333_333_256_74,
            -0.008_333_333_297_679_2,
            0.003_968_248_184_671_658,
            -0.004_166_196_473_889_897,
            0.007_553_334_003_702_671,
            -0.020_407_625_583_774_406,
            0.069_089_743_951_784_84,
            -0.230_211_825_135_842_76,
            0.571_672_359_653_115_2,
            -0.717_259_563_909_539_9,
        ],
    );
    let far = ln(z) - over * over.mul_add(tail, 0.5);
    let right = if y < 3.0 { far - before } else { far };
    let right = if apart.abs() < 0.125 { near } else { right };
    let (t, sine) = turn(x);
    let cosine = poly64(
        t * t,
        [
            1.0,
            -4.934_802_200_544_677,
            4.058_712_126_416_504,
            -1.335_262_768_843_152,
            0.235_330_630_119_550_44,
            -0.025_806_888_617_619_476,
            0.001_929_555_578_562_617,
            -0.000_104_564_579_851_759_88,
            4.147_365_084_480_966e-6,
        ],
    );
    let left = if sine == 0.0 { f64::NAN } else { right - cosine / sine };
    let y = if x < 0.0 { left } else { right };
    if x == 0.0 { -1.0 / x } else { y }
}

/// Second derivative of ln Γ.
#[inline(always)]
fn trigamma(x: f64) -> f64 {
    // ψ′(x) = π²/sin² πx − ψ′(1 − x).
    let y = if x > 0.0 { x } else { 1.0 - x };
    // ψ′(y) = ψ′(y + 3) + 1/y² + 1/(y + 1)² + 1/(y + 2)².
    let (a, b, c) = (y, y + 1.0, y + 2.0);
    let (ab, bc, ca) = (a * b, b * c, c * a);
    let before = ab.mul_add(ab, bc.mul_add(bc, ca * ca)) / (ab * ab * c * c);
    let z = if y < 3.0 { y + 3.0 } else { y };
    let over = 1.0 / z;
    let tail = long_poly64(
        over * over,
        [
            0.166_666_666_666_627_52,
            -0.033_333_333_307_346_995,
            0.023_809_517_779_619_392,
            -0.033_332_626_083_907_15,
            0.075_708_246_231_905_64,
            -0.250_868_736_479_827_5,
            1.095_740_342_840_821_7,
            -5.455_372_753_840_236,
            25.833_438_945_815_256,
            -97.301_923_360_610_77,
            241.568_865_010_911_2,
            -285.827_045_128_029_4,
        ],
    );
    let far = over * over.mul_add(over.mul_add(tail, 0.5), 1.0);
    let right = if y < 3.0 { far + before } else { far };
    let sine = turn(x).1;
    if x > 0.0 { right } else { 1.0 / (sine * sine) - right }
}

/// Derivative number `order + 1` of ln Γ: order 0 is digamma, 1 trigamma.
#[inline(always)]
pub fn polygamma(order: u32, x: f64) -> f64 {
    match order {
        0 => digamma(x),
        1 => trigamma(x),
        _ => higher(order, x),
    }
}

/// As [`polygamma`], from order 2 on.
fn higher(order: u32, x: f64) -> f64 {
    let odd = order % 2 == 1;
    if x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return if odd { 0.0 } else { -0.0 };
    }
    if x > 0.0 {
        let y = power_sum(order, x);
        return if odd { y } else { -y };
    }
    let part = x.ceil() - x;
    if part == 0.0 {
        return match (odd, x == 0.0) {
            (true, _) => f64::INFINITY,
            (false, true) => f64::NEG_INFINITY.copysign(-1.0 / x),
            (false, false) => f64::NAN,
        };
    }
    // The terms n!/(x + k)ⁿ⁺¹ with x + k > 0, and those before, whose distances from 0 are
    // `part`, `part` + 1, …, −x.
    let after = power_sum(order, 1.0 - part);
    let before = power_sum(order, part) - power_sum(order, 1.0 - x);
    if odd { after + before } else { before - after }
}

/// n!·Σ 1/(x + k)ⁿ⁺¹ over k ≥ 0, for x > 0.
fn power_sum(order: u32, x: f64) -> f64 {
    let n = order as f64;
    // Summed by terms up to where the rest converges.
    let (mut y, mut sum) = (x, 0.0);
    while y < n + 12.0 {
        let term = factorial_over_power(order, y);
        sum += term;
        if term < 1e-18 * sum {
            return sum;
        }
        y += 1.0;
    }
    let z = 1.0 / (y * y);
    let (mut factor, mut series) = (1.0, 0.0);
    for (k, c) in EULER_MACLAURIN.iter().enumerate() {
        let k = 2.0 * k as f64;
        factor *= (n + k) * (n + k + 1.0) * z;
        series += c * factor;
    }
    sum + factorial_over_power(order, y) * (y / n + 0.5 + series * y / n)
}

/// n!/xⁿ⁺¹, without overflow on the way.
fn factorial_over_power(order: u32, x: f64) -> f64 {
    if order <= 170 {
        (1..=order).fold(1.0 / x, |product, i| product * (i as f64 / x))
    } else {
        let n = order as f64;
        libm::exp(libm::lgamma(n + 1.0) - (n + 1.0) * libm::log(x))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::close;
    use super::*;

    #[test]
    fn digamma_has_its_digits() {
        close(digamma(0.1), -10.423_754_940_411_076);
        close(digamma(1.0), -0.577_215_664_901_532_9);
        close(digamma(1.25), -0.227_453_533_376_265_4);
        close(digamma(1.5), 0.036_489_973_978_576_52);
        close(digamma(7.5), 1.946_757_484_246_086_8);
        close(digamma(1e6), 13.815_510_057_964_191);
        close(digamma(-0.5), 0.036_489_973_978_576_52);
        close(digamma(-3.75), -1.692_388_598_311_330_3);
        close(digamma(-20.125), 10.611_077_432_912_594);
    }

    #[test]
    fn polygamma_has_its_digits() {
        close(trigamma(0.1), 101.433_299_150_792_75);
        close(trigamma(1.0), 1.644_934_066_848_226_4);
        close(trigamma(50.0), 0.020_201_333_226_697_126);
        close(trigamma(-0.5), 8.934_802_200_544_68);
        close(trigamma(-7.25), 19.610_354_539_293_27);
        close(polygamma(2, 0.25), -129.327_739_937_536_92);
        close(polygamma(2, 30.0), -0.001_148_765_203_728_6);
        close(polygamma(2, -1.25), 123.721_366_783_662_36);
        close(polygamma(3, 0.5), 97.409_091_034_002_44);
        close(polygamma(3, -2.5), 194.747_876_219_187_62);
        close(polygamma(4, 3.0), -0.136_266_123_440_878_23);
        close(polygamma(10, 2.0), -1_793.311_606_628_713);
        close(polygamma(40, 9.5), -67_962_068.053_023_36);
    }

    #[test]
    fn lgamma_has_its_digits() {
        close(lgamma(1e-5), 11.512_919_692_895_826);
        close(lgamma(0.5), 0.572_364_942_924_700_1);
        close(lgamma(1.5), -0.120_782_237_635_245_22);
        close(lgamma(1e10), 220_258_509_288.810_58);
        close(lgamma(-2.25), 0.555_501_545_020_647_5);
    }

    #[test]
    fn poles_and_limits() {
        const INF: f64 = f64::INFINITY;
        assert_eq!([digamma(0.0), digamma(-0.0), digamma(INF), lgamma(0.0)], [-INF, INF, INF, INF]);
        assert_eq!([trigamma(0.0), trigamma(-1.0), trigamma(INF), polygamma(2, 0.0)], [INF, INF, 0.0, -INF]);
        for x in [-1.0, -INF, f64::NAN] {
            assert!(digamma(x).is_nan() && polygamma(2, x).is_nan(), "{x}");
        }
        assert!(digamma(1.461_632_144_968_362_2).abs() < 1e-15);
    }
}
