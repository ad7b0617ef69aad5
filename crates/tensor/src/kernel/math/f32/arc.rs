//! Inverse sine, cosine and tangent.

use std::f32::consts::{FRAC_PI_2, PI};

use super::super::poly::poly32;

/// What rounding took from ½π.
const HALF_PI_LOW: f32 = -4.371_139e-8;

/// (asin √z − √z)/(z·√z) for z ≤ ¼.
#[inline(always)]
fn asin_rest(z: f32) -> f32 {
    poly32(z, [0.166_667_52, 0.074_953_094, 0.045_469_16, 0.024_184_668, 0.042_158_58])
}

/// For a = |x|: what √z·(1 + z·rest) is the inverse sine of, z, and √z. From ½ on it is half of ½π − asin a.
#[inline(always)]
fn fold(a: f32) -> (f32, f32) {
    let z = if a < 0.5 { a * a } else { 0.5 - 0.5 * a };
    (z, if a < 0.5 { a } else { z.sqrt() })
}

/// asin x. Error 1.6.
#[inline(always)]
pub fn asin(x: f32) -> f32 {
    let a = x.abs();
    let (z, root) = fold(a);
    let rest = asin_rest(z) * z;
    let large = FRAC_PI_2 - (2.0 * root - rest.mul_add(-2.0 * root, HALF_PI_LOW));
    (if a < 0.5 { rest.mul_add(root, root) } else { large }).copysign(x)
}

/// acos x. Error 1.1.
#[inline(always)]
pub fn acos(x: f32) -> f32 {
    let a = x.abs();
    let (z, root) = fold(a);
    let rest = asin_rest(z) * z;
    let y = rest.mul_add(root, root);
    let near = FRAC_PI_2 - (y.copysign(x) - HALF_PI_LOW);
    let far = if x < 0.0 { PI - (2.0 * y - 2.0 * HALF_PI_LOW) } else { 2.0 * y };
    if a < 0.5 { near } else { far }
}

/// atan t for 0 ≤ t ≤ 1.
#[inline(always)]
fn atan_unit(t: f32) -> f32 {
    let z = t * t;
    let rest = poly32(
        z,
        [
            -0.333_333,
            0.199_985_3,
            -0.142_640_43,
            0.109_511_87,
            -0.084_006_794,
            0.057_912_64,
            -0.031_135_341,
            0.010_892_898,
            -0.001_788_992_1,
        ],
    );
    (rest * z).mul_add(t, t)
}

/// atan x. Error 1.3.
#[inline(always)]
pub fn atan(x: f32) -> f32 {
    let a = x.abs();
    let y = atan_unit(if a > 1.0 { 1.0 / a } else { a });
    (if a > 1.0 { FRAC_PI_2 - (y - HALF_PI_LOW) } else { y }).copysign(x)
}

/// The angle of the point (x, y), between −π and π. Error 1.7.
#[inline(always)]
pub fn atan2(y: f32, x: f32) -> f32 {
    let (a, b) = (x.abs(), y.abs());
    let steep = b > a;
    let (low, high) = if steep { (a, b) } else { (b, a) };
    // Both 0, or both infinite.
    let ratio = if low == high { 1.0 } else { low / high };
    let angle = atan_unit(if high == 0.0 { 0.0 } else { ratio });
    let (start, start_low) = if steep { (FRAC_PI_2, HALF_PI_LOW) } else { (0.0, 0.0) };
    let left = x.is_sign_negative();
    let (start, start_low) = if left & !steep { (PI, 2.0 * HALF_PI_LOW) } else { (start, start_low) };
    let turned = if left != steep { -angle } else { angle };
    let angle = (start + (turned + start_low)).copysign(y);
    if x.is_nan() | y.is_nan() { f32::NAN } else { angle }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{within, within2};

    #[test]
    fn angles_are_accurate() {
        within(1.7, super::asin, libm::asin);
        within(1.5, super::acos, libm::acos);
        within(1.5, super::atan, libm::atan);
        within2(1.8, super::atan2, libm::atan2);
    }
}
