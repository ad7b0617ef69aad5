//! ln Γ and its derivatives.

/// ln |Γ(x)|.
#[inline(always)]
pub fn lgamma(x: f64) -> f64 {
    libm::lgamma(x)
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

/// B₂ₖ/2k for k = 1, 2, …: the asymptotic series of digamma.
const DIGAMMA: [f64; 8] = [
    0.083_333_333_333_333_33,
    -0.008_333_333_333_333_333,
    0.003_968_253_968_253_968,
    -0.004_166_666_666_666_667,
    0.007_575_757_575_757_576,
    -0.021_092_796_092_796_094,
    0.083_333_333_333_333_33,
    -0.443_259_803_921_568_6,
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
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -1.0 / x;
    }
    if x < 0.0 {
        // ψ(x) = ψ(1 − x) − π/tan(πx), and the tangent has period 1.
        let turn = x - x.round_ties_even();
        if turn == 0.0 || x == f64::NEG_INFINITY {
            return f64::NAN;
        }
        return digamma(1.0 - x) - std::f64::consts::PI / libm::tan(std::f64::consts::PI * turn);
    }
    let apart = (x - ROOT.0) - ROOT.1;
    if apart.abs() < 0.125 {
        return apart * AT_ROOT.iter().rev().fold(0.0, |sum, c| sum * apart + c);
    }
    // ψ(x) = ψ(x + 1) − 1/x, up to where the series converges.
    let (mut y, mut sum) = (x, 0.0);
    while y < 10.0 {
        sum += 1.0 / y;
        y += 1.0;
    }
    if y == f64::INFINITY {
        return y;
    }
    let z = 1.0 / (y * y);
    let series = z * DIGAMMA.iter().rev().fold(0.0, |sum, c| sum * z + c);
    libm::log(y) - 0.5 / y - series - sum
}

/// Second derivative of ln Γ.
pub fn trigamma(x: f64) -> f64 {
    polygamma(1, x)
}

/// Derivative number `order + 1` of ln Γ: order 0 is digamma, 1 trigamma.
pub fn polygamma(order: u32, x: f64) -> f64 {
    if order == 0 {
        return digamma(x);
    }
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
