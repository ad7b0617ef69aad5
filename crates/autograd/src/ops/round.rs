//! Rounding: functions whose derivative is 0 wherever they have one.

use wengert_tensor::Float;

use crate::Var;

unary! {
    /// The largest integer not above x. Its derivative is 0.
    floor = Floor(x) { x.floor() };
    at -1.5 => -2.0, 0.0;
    on 0.1, 0.9;

    /// The smallest integer not below x. Its derivative is 0.
    ceil = Ceil(x) { x.ceil() };
    at -1.5 => -1.0, 0.0;
    on 0.1, 0.9;

    /// The nearest integer, ties to the even one. Its derivative is 0.
    round = Round(x) { x.round_even() };
    at 2.5 => 2.0, 0.0;
    on 0.6, 1.4;

    /// The integer part. Its derivative is 0.
    #[doc(alias = "fix")]
    trunc = Trunc(x) { x.trunc() };
    at -1.5 => -1.0, 0.0;
    on 0.1, 0.9;
}
