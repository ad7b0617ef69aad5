//! Polynomials, lowest coefficient first, with fused steps.

/// By Horner's rule, which has the fewest steps.
#[inline(always)]
pub(super) fn poly32<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut y = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        y = y.mul_add(x, coefficients[i]);
    }
    y
}

/// The same for `f64`.
#[inline(always)]
pub(super) fn poly64<const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    let mut y = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        y = y.mul_add(x, coefficients[i]);
    }
    y
}

/// By Horner's rule in x² over pairs of terms: one step more, but half as many wait for each
/// other, which pays where they are too many for the processor to find other work meanwhile.
#[inline(always)]
pub(super) fn long_poly64<const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    const { assert!(N & 1 == 0) };
    let square = x * x;
    let pair = |i: usize| coefficients[i + 1].mul_add(x, coefficients[i]);
    let mut y = pair(N - 2);
    for i in (0..N / 2 - 1).rev() {
        y = y.mul_add(square, pair(2 * i));
    }
    y
}
