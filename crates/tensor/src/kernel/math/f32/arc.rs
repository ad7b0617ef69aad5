//! Inverse sine, cosine and tangent, in double precision.

use std::f64::consts::{FRAC_PI_2, PI};

use super::super::poly::poly64;

/// asin √z for z ≤ ¼, given √z, to 35 bits.
#[inline(always)]
fn asin_root(z: f64, root: f64) -> f64 {
    let rest = poly64(
        z,
        [
            0.166_666_671_804_794_36,
            0.074_999_488_788_034_04,
            0.044_659_977_400_097_896,
            0.030_112_458_800_542_946,
            0.024_605_136_681_061_204,
            0.007_508_149_328_781_171,
            0.034_647_936_051_688_96,
        ],
    );
    (rest * z).mul_add(root, root)
}

/// asin |x| up to ½, and (½π − asin |x|)/2, which is the inverse sine of √(½ − ½·|x|), above.
#[inline(always)]
fn asin_or_rest(x: f32) -> f64 {
    let a = x.abs() as f64;
    let z = if a < 0.5 { a * a } else { 0.5 - 0.5 * a };
    asin_root(z, if a < 0.5 { a } else { z.sqrt() })
}

/// asin x. Error 0.51.
#[inline(always)]
pub fn asin(x: f32) -> f32 {
    let y = asin_or_rest(x);
    let y = if x.abs() < 0.5 { y } else { FRAC_PI_2 - 2.0 * y };
    (y as f32).copysign(x)
}

/// acos x. Error 0.51.
#[inline(always)]
pub fn acos(x: f32) -> f32 {
    let y = asin_or_rest(x);
    let near = FRAC_PI_2 - y.copysign(x as f64);
    let far = if x < 0.0 { PI - 2.0 * y } else { 2.0 * y };
    (if x.abs() < 0.5 { near } else { far }) as f32
}

/// atan t for 0 ≤ t ≤ 1, to 33 bits.
#[inline(always)]
fn atan_unit(t: f64) -> f64 {
    let z = t * t;
    let rest = poly64(
        z,
        [
            -0.333_333_321_334_376_76,
            0.199_999_272_260_663_58,
            -0.142_841_668_922_957_2,
            0.110_945_004_912_451_38,
            -0.089_854_222_287_774_29,
            0.072_593_833_894_556_86,
            -0.054_514_840_804_631_655,
            0.034_474_401_069_064_92,
            -0.016_298_259_677_187_04,
            0.004_925_815_856_908_557,
            -0.000_697_851_617_593_882_6,
        ],
    );
    (rest * z).mul_add(t, t)
}

/// atan x. Error 0.51.
#[inline(always)]
pub fn atan(x: f32) -> f32 {
    let a = x.abs() as f64;
    let y = atan_unit(if a > 1.0 { 1.0 / a } else { a });
    (if a > 1.0 { FRAC_PI_2 - y } else { y } as f32).copysign(x)
}

/// The angle of the point (x, y), between −π and π. Error 0.51.
#[inline(always)]
pub fn atan2(y: f32, x: f32) -> f32 {
    let (a, b) = (x.abs() as f64, y.abs() as f64);
    let steep = b > a;
    let (low, high) = if steep { (a, b) } else { (b, a) };
    // Both 0, or both infinite.
    let ratio = if low == high { 1.0 } else { low / high };
    let angle = atan_unit(if high == 0.0 { 0.0 } else { ratio });
    let angle = if steep { FRAC_PI_2 - angle } else { angle };
    let angle = if x.is_sign_negative() { PI - angle } else { angle };
    if x.is_nan() | y.is_nan() { f32::NAN } else { (angle as f32).copysign(y) }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{within, within2};

    #[test]
    fn angles_are_accurate() {
        within(0.51, super::asin, libm::asin);
        within(0.51, super::acos, libm::acos);
        within(0.51, super::atan, libm::atan);
        within2(0.51, super::atan2, libm::atan2);
    }
}
