//! The operations, a family a file. Each stands in one place: shape rule, lowering, vjp rule,
//! method of [`Var`](crate::Var), example and tests.

use wengert_tensor::ShapeError;

#[macro_use]
mod macros;

mod arith;
mod chain;
mod compare;
mod conv;
mod diagonal;
mod einsum;
mod exp_log;
mod index;
mod join;
mod linalg;
mod logistic;
mod matmul;
mod movement;
mod order;
mod pad;
mod pool;
mod power;
mod reduce;
mod region;
mod round;
mod scan;
mod special;
mod statistics;
mod strided;
mod take;
#[cfg(test)]
mod testing;
mod trig;
mod window;

pub(crate) use arith::{Add, Div, Mul, Neg, Sub};
pub use conv::{Conv, PerAxis};
pub(crate) use movement::Detach;
pub use pool::Pool;

/// The value, or a panic that names the operation at the caller's line.
#[track_caller]
fn checked<R>(name: &str, result: Result<R, ShapeError>) -> R {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{name}: {error}"),
    }
}
