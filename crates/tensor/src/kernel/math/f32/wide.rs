//! Functions that are computed in double precision and rounded.

use super::super::f64 as wide;

/// √(x² + y²).
#[inline(always)]
pub fn hypot(x: f32, y: f32) -> f32 {
    let (a, b) = (x as f64, y as f64);
    let root = a.mul_add(a, b * b).sqrt() as f32;
    if x.is_infinite() | y.is_infinite() { f32::INFINITY } else { root }
}

/// Remainder with the sign of the dividend: C's `fmod`. In double precision a quotient below 2²⁸ has the right
/// integer part, and what is taken off is exact.
#[inline(always)]
pub fn fmod(x: f32, divisor: f32) -> f32 {
    let n = (x as f64 / divisor as f64).trunc();
    let usual = n.abs() < (1 << 28) as f64 && divisor.is_finite();
    if usual { ((x as f64 - n * divisor as f64) as f32).copysign(x) } else { fmod_by_steps(x, divisor) }
}

/// As [`fmod`], for any numbers. A call, which is only made where it is needed.
#[cold]
#[inline(never)]
fn fmod_by_steps(x: f32, divisor: f32) -> f32 {
    x % divisor
}

/// ln |Γ(x)|.
#[inline(always)]
pub fn lgamma(x: f32) -> f32 {
    wide::lgamma(x as f64) as f32
}

/// Derivative number `order + 1` of ln Γ.
#[inline(always)]
pub fn polygamma(order: u32, x: f32) -> f32 {
    wide::polygamma(order, x as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{within, within2};

    #[test]
    fn rounded_once() {
        within2(0.51, super::hypot, libm::hypot);
        within2(0.0, super::fmod, libm::fmod);
        within(0.51, super::lgamma, libm::lgamma);
    }
}
