//! Functions that the processor has, or nearly; the same text for both precisions.

/// Defines them for one of the two.
macro_rules! plain {
    ($t:ident) => {
        /// |x|.
        #[inline(always)]
        pub fn abs(x: $t) -> $t {
            x.abs()
        }

        /// Magnitude of x with the sign of `sign`.
        #[inline(always)]
        pub fn copysign(x: $t, sign: $t) -> $t {
            x.copysign(sign)
        }

        /// √x, rounded right.
        #[inline(always)]
        pub fn sqrt(x: $t) -> $t {
            x.sqrt()
        }

        /// 1/√x.
        #[inline(always)]
        pub fn rsqrt(x: $t) -> $t {
            1.0 / x.sqrt()
        }

        /// Largest integer not above x.
        #[inline(always)]
        pub fn floor(x: $t) -> $t {
            x.floor()
        }

        /// Smallest integer not below x.
        #[inline(always)]
        pub fn ceil(x: $t) -> $t {
            x.ceil()
        }

        /// Integer part.
        #[inline(always)]
        pub fn trunc(x: $t) -> $t {
            x.trunc()
        }

        /// Nearest integer, ties to even.
        #[inline(always)]
        pub fn round_even(x: $t) -> $t {
            x.round_ties_even()
        }

        /// 1/(1 + e⁻ˣ). Error 1.2 in `f32`: a product with it, silu, stays below 2.5.
        #[inline(always)]
        pub fn sigmoid(x: $t) -> $t {
            sigmoid_of_tail(x, sigmoid_tail(x))
        }

        /// 1/(1 + e⁻ˣ) from its tail.
        #[inline(always)]
        pub fn sigmoid_of_tail(x: $t, tail: $t) -> $t {
            if x < 0.0 { tail } else { 1.0 - tail }
        }

        /// −1 or 1; x itself where it is ±0 or NaN.
        #[inline(always)]
        pub fn sign(x: $t) -> $t {
            let y = if x > 0.0 { 1.0 } else { x };
            if x < 0.0 { -1.0 } else { y }
        }

        /// The larger; NaN if either is.
        #[inline(always)]
        pub fn max_nan(a: $t, b: $t) -> $t {
            let y = if a > b { a } else { b };
            if a.is_nan() { a } else { y }
        }

        /// The smaller; NaN if either is.
        #[inline(always)]
        pub fn min_nan(a: $t, b: $t) -> $t {
            let y = if a < b { a } else { b };
            if a.is_nan() { a } else { y }
        }

        /// Remainder with the sign of the divisor: Python's `%`.
        #[inline(always)]
        pub fn remainder(x: $t, divisor: $t) -> $t {
            let r = fmod(x, divisor);
            let shifted = r + if (r < 0.0) != (divisor < 0.0) { divisor } else { 0.0 };
            if r == 0.0 { r.copysign(divisor) } else { shifted }
        }
    };
}
pub(super) use plain;
