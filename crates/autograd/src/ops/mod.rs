//! The operations, a family a file. Each stands in one place: shape rule, lowering, vjp rule,
//! method of [`Var`](crate::Var), example and tests.

mod arith;
mod exp_log;
mod compare;
mod matmul;
mod movement;
mod reduce;

pub(crate) use arith::{Add, Div, Mul, Neg, Sub};
pub(crate) use movement::Detach;
