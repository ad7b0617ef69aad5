//! Polynomials, lowest coefficient first, by Horner's rule with fused steps.

/// For `f32`.
#[inline(always)]
pub(super) fn poly32<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut y = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        y = y.mul_add(x, coefficients[i]);
    }
    y
}

/// For `f64`.
#[inline(always)]
pub(super) fn poly64<const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    let mut y = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        y = y.mul_add(x, coefficients[i]);
    }
    y
}
