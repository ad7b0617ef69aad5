//! Functions that are rarely hot: computed in double precision and rounded.

use super::super::f64 as wide;

macro_rules! through_f64 {
    ($($(#[$doc:meta])* $name:ident($($arg:ident),*);)*) => {
        $($(#[$doc])*
        #[inline(always)]
        pub fn $name($($arg: f32),*) -> f32 {
            wide::$name($($arg as f64),*) as f32
        })*
    };
}

through_f64! {
    /// Inverse sine.
    asin(x);
    /// Inverse cosine.
    acos(x);
    /// Inverse tangent.
    atan(x);
    /// Angle of the point (x, y).
    atan2(y, x);
    /// Hyperbolic sine.
    sinh(x);
    /// Hyperbolic cosine.
    cosh(x);
    /// Inverse hyperbolic sine.
    asinh(x);
    /// Inverse hyperbolic cosine.
    acosh(x);
    /// Inverse hyperbolic tangent.
    atanh(x);
    /// √(x² + y²).
    hypot(x, y);
    /// Cube root.
    cbrt(x);
    /// ln |Γ(x)|.
    lgamma(x);
    /// First derivative of ln Γ.
    digamma(x);
    /// Second derivative of ln Γ.
    trigamma(x);
}

/// Derivative number `order + 1` of ln Γ.
#[inline(always)]
pub fn polygamma(order: u32, x: f32) -> f32 {
    wide::polygamma(order, x as f64) as f32
}
