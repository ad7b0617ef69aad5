//! Functions of `f32`.

mod erf;
mod exp;
mod log;
mod pow;
mod sigmoid;
mod trig;
mod wide;

pub use erf::{erf, erfc};
pub use exp::{exp, exp2, expm1};
pub use log::{ln, ln1p, log2, log10, xlogy};
pub use pow::pow;
pub use sigmoid::{log_add_exp, sigmoid, softplus, tanh};
pub use trig::{cos, sin};
pub use wide::{
    acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, cosh, digamma, hypot, lgamma, polygamma, sinh, tan,
    trigamma,
};

super::plain::plain!(f32);
