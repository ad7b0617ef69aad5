//! Hyperbolic sine and cosine, and the inverses of all three, in double precision.

use std::f64::consts::LN_2;

use super::super::f64 as wide;
use super::pow::log2_wide;

/// e^|x| − 1, and large enough where the result overflows.
#[inline(always)]
fn rise(x: f32) -> f64 {
    wide::expm1(if x.abs() > 100.0 { 100.0 } else { x.abs() as f64 })
}

/// sinh x. Error 0.5.
#[inline(always)]
pub fn sinh(x: f32) -> f32 {
    let rise = rise(x);
    ((0.5 * (rise + rise / (1.0 + rise))) as f32).copysign(x)
}

/// cosh x. Error 0.5.
#[inline(always)]
pub fn cosh(x: f32) -> f32 {
    let power = 1.0 + rise(x);
    (0.5 * (power + 1.0 / power)) as f32
}

/// asinh x, near 0 by its series. Error 0.51.
#[inline(always)]
pub fn asinh(x: f32) -> f32 {
    let a = x.abs() as f64;
    let large = LN_2 * log2_wide(a + a.mul_add(a, 1.0).sqrt());
    let small = (a * a * a).mul_add(-1.0 / 6.0, a);
    ((if a < 2e-3 { small } else { large }) as f32).copysign(x)
}

/// acosh x. Error 0.51.
#[inline(always)]
pub fn acosh(x: f32) -> f32 {
    let x = x as f64;
    let y = LN_2 * log2_wide(x + x.mul_add(x, -1.0).sqrt());
    if x < 1.0 { f32::NAN } else { y as f32 }
}

/// atanh x, near 0 by its series. Error 0.51.
#[inline(always)]
pub fn atanh(x: f32) -> f32 {
    let a = x.abs() as f64;
    let large = 0.5 * LN_2 * log2_wide((1.0 + a) / (1.0 - a));
    let small = (a * a * a).mul_add(1.0 / 3.0, a);
    let y = if a < 2e-3 { small } else { large };
    if a > 1.0 { f32::NAN } else { (y as f32).copysign(x) }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::within;

    #[test]
    fn hyperbolic_functions_are_accurate() {
        within(0.51, super::sinh, libm::sinh);
        within(0.51, super::cosh, libm::cosh);
        within(0.51, super::asinh, libm::asinh);
        within(0.51, super::acosh, |x| if x < 1.0 { f64::NAN } else { libm::acosh(x) });
        within(0.51, super::atanh, libm::atanh);
    }
}
