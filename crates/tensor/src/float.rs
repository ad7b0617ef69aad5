//! The floating-point elements, which the tape differentiates and the tile machine computes.

use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::Number;
use crate::kernel::{Gemm, Machine, Sequences, math};

macro_rules! float {
    ($($(#[$doc:meta])* $name:ident($($arg:ident),*);)*) => {
        /// `f32` or `f64`, with every elementary function that kernels are made of.
        ///
        /// The functions are branch-free where it pays, so that a loop over them is vectorised,
        /// and give the same bits on every machine.
        ///
        /// ```
        /// use wengert_tensor::Float;
        /// fn logistic<T: Float>(x: T) -> T {
        ///     T::ONE / (T::ONE + (-x).exp())
        /// }
        /// assert_eq!(logistic(0.0f32), 0.5);
        /// ```
        pub trait Float:
            Number + Gemm + Machine + Sequences
            + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
            + AddAssign + SubAssign + MulAssign
        {
            /// 0.
            const ZERO: Self;
            /// 1.
            const ONE: Self;
            /// Not a number.
            const NAN: Self;
            /// ∞.
            const INFINITY: Self;
            /// The largest finite value.
            const MAX: Self;
            /// The distance from 1 to the next larger value.
            const EPSILON: Self;
            /// Integers up to here are exact.
            const MAX_EXACT_INTEGER: usize;
            /// Whether it is NaN.
            fn is_nan(self) -> bool;
            /// Whether it is neither infinite nor NaN.
            fn is_finite(self) -> bool;
            /// `self * a + b` with one rounding.
            fn mul_add(self, a: Self, b: Self) -> Self;
            /// Derivative number `order + 1` of ln Γ: 0 is digamma, 1 trigamma.
            fn polygamma(self, order: u32) -> Self;
            /// 1 where `condition`, else 0: how masks are stored on the tape.
            #[inline(always)]
            fn mask(condition: bool) -> Self {
                if condition { Self::ONE } else { Self::ZERO }
            }
            $($(#[$doc])* fn $name(self $(, $arg: Self)*) -> Self;)*
        }
        float!(@impl f32 1 << 24; $($name($($arg),*);)*);
        float!(@impl f64 1 << 53; $($name($($arg),*);)*);
    };
    (@impl $t:ident $exact:expr; $($name:ident($($arg:ident),*);)*) => {
        impl Float for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAN: Self = $t::NAN;
            const INFINITY: Self = $t::INFINITY;
            const MAX: Self = $t::MAX;
            const EPSILON: Self = $t::EPSILON;
            const MAX_EXACT_INTEGER: usize = $exact;
            #[inline(always)]
            fn is_nan(self) -> bool { $t::is_nan(self) }
            #[inline(always)]
            fn is_finite(self) -> bool { $t::is_finite(self) }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self { $t::mul_add(self, a, b) }
            #[inline(always)]
            fn polygamma(self, order: u32) -> Self { math::$t::polygamma(order, self) }
            $(#[inline(always)]
            fn $name(self $(, $arg: Self)*) -> Self { math::$t::$name(self $(, $arg)*) })*
        }
    };
}

float! {
    /// |x|.
    abs();
    /// √x.
    sqrt();
    /// 1/√x.
    rsqrt();
    /// eˣ.
    exp();
    /// 2ˣ.
    exp2();
    /// eˣ − 1, accurate near 0.
    expm1();
    /// Natural logarithm.
    ln();
    /// ln(1 + x), accurate near 0.
    ln1p();
    /// Base-2 logarithm.
    log2();
    /// Base-10 logarithm.
    log10();
    /// Sine of radians.
    sin();
    /// Cosine of radians.
    cos();
    /// Tangent of radians.
    tan();
    /// Inverse sine, in radians.
    asin();
    /// Inverse cosine, in radians.
    acos();
    /// Inverse tangent, in radians.
    atan();
    /// Angle of the point (x, self), in radians.
    atan2(x);
    /// Hyperbolic sine.
    sinh();
    /// Hyperbolic cosine.
    cosh();
    /// Hyperbolic tangent.
    tanh();
    /// Inverse hyperbolic sine.
    asinh();
    /// Inverse hyperbolic cosine.
    acosh();
    /// Inverse hyperbolic tangent.
    atanh();
    /// 1/(1 + e⁻ˣ).
    sigmoid();
    /// 1/(1 + eˡˣˡ), which [`Float::sigmoid`] and its slope have in common.
    sigmoid_tail();
    /// [`Float::sigmoid`], given the tail.
    sigmoid_of_tail(tail);
    /// 1/(1 + e²ˡˣˡ), which [`Float::tanh`] and its slope have in common.
    tanh_tail();
    /// [`Float::tanh`], given the tail.
    tanh_of_tail(tail);
    /// ln(1 + eˣ).
    softplus();
    /// ln(eˣ + eʸ).
    log_add_exp(y);
    /// x·ln y, and 0 where x is 0 unless y is NaN.
    xlogy(y);
    /// The error function.
    erf();
    /// 1 − erf(x), accurate in the tail.
    erfc();
    /// Φ(x), the distribution function of the normal distribution, accurate in the tail.
    normal_cdf();
    /// ln |Γ(x)|.
    lgamma();
    /// √(x² + y²) without overflow.
    hypot(y);
    /// x to the power `exponent`, by C's rules.
    pow(exponent);
    /// Largest integer not above.
    floor();
    /// Smallest integer not below.
    ceil();
    /// Integer part.
    trunc();
    /// Nearest integer, ties to even.
    round_even();
    /// −1, 0 or 1; NaN for NaN.
    sign();
    /// The larger; NaN if either is.
    max_nan(other);
    /// The smaller; NaN if either is.
    min_nan(other);
    /// Remainder with the sign of the dividend (C's `fmod`).
    fmod(divisor);
    /// Remainder with the sign of the divisor (Python's `%`).
    remainder(divisor);
}
