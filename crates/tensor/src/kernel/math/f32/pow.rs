//! Powers.

/// x to the power `exponent`, by C's rules: 0⁰ = NaN⁰ = 1, (−2)³ = −8.
#[inline(always)]
pub fn pow(x: f32, exponent: f32) -> f32 {
    libm::pow(x as f64, exponent as f64) as f32
}
