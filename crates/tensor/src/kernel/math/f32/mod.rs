//! Functions of `f32`.

mod arc;
mod erf;
mod exp;
mod hyperbolic;
mod log;
mod pow;
mod sigmoid;
mod trig;
mod wide;

pub use arc::{acos, asin, atan, atan2};
pub use erf::{erf, erfc, normal_cdf};
pub use exp::{exp, exp2, expm1};
pub use hyperbolic::{acosh, asinh, atanh, cosh, sinh};
pub use log::{ln, ln1p, log2, log10, xlogy};
pub use pow::pow;
pub use sigmoid::{log_add_exp, sigmoid_tail, softplus, tanh, tanh_of_tail, tanh_tail};
pub use trig::{cos, sin, tan};
pub use wide::{fmod, hypot, lgamma, polygamma};

super::plain::plain!(f32);

#[cfg(test)]
mod tests {
    #[test]
    fn maximum_propagates_nan_from_both_sides() {
        use super::{max_nan, min_nan};
        for f in [max_nan, min_nan] {
            assert!(f(f32::NAN, 1.0).is_nan());
            assert!(f(1.0, f32::NAN).is_nan());
        }
        assert_eq!((max_nan(1.0, 2.0), max_nan(2.0, 1.0)), (2.0, 2.0));
        assert_eq!((min_nan(1.0, 2.0), min_nan(2.0, f32::NEG_INFINITY)), (1.0, f32::NEG_INFINITY));
    }

    #[test]
    fn remainders_follow_python_and_c() {
        use super::{fmod, remainder};
        assert_eq!([(-7.0, 3.0), (7.0, -3.0), (7.0, 3.0)].map(|(a, b)| remainder(a, b)), [2.0, -2.0, 1.0]);
        assert_eq!([(-7.0, 3.0), (7.0, -3.0), (7.0, 3.0)].map(|(a, b)| fmod(a, b)), [-1.0, 1.0, 1.0]);
        assert!(remainder(6.0, -3.0).is_sign_negative());
        assert_eq!(remainder(-1.0, f32::INFINITY), f32::INFINITY);
        assert!(remainder(1.0, 0.0).is_nan() && fmod(1.0, 0.0).is_nan());
    }

    #[test]
    fn plain_functions() {
        use super::{round_even, rsqrt, sign};
        assert_eq!([0.5, 1.5, 2.5, -0.5].map(round_even), [0.0, 2.0, 2.0, -0.0]);
        assert_eq!([-3.0, 0.0, 5.0].map(sign), [-1.0, 0.0, 1.0]);
        assert!(sign(f32::NAN).is_nan());
        assert_eq!([4.0, 0.0, f32::INFINITY].map(rsqrt), [0.5, f32::INFINITY, 0.0]);
    }
}
