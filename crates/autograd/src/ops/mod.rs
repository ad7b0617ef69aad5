//! The operations, a family a file. Each stands in one place: shape rule, lowering, vjp rule,
//! method of [`Var`](crate::Var), example and tests.
//!
//! What can be composed of others is; the primitives are few:
//!
//! - *maps*, the elementwise functions (`arith` to `trig`, `compare`);
//! - *reduces*: sum, mean, product, largest and smallest (`reduce`);
//! - *views*: reshape, expand, permute, detach (`movement`), slices (`region`), `window`s;
//! - *kernels*: adjoints of slices and windows, `scan`, concatenation (`join`), indices of an axis
//!   and their adjoint (`take`), `matmul`, convolutions (`convolve`), largest elements of windows
//!   (`pool`), and the factorisations of `linalg`.
//!
//! A vjp rule multiplies cotangents with [`chain`](crate::Var::chain), for which 0 · ∞ is 0, and
//! selects with `where_` instead of multiplying with masks. Derivatives at kinks and poles follow
//! one list of conventions; the tests named `conventions` hold them.

use smallvec::SmallVec;
use wengert_tensor::{Axes, Float, Shape, ShapeError};

use crate::Var;

#[macro_use]
mod macros;

mod arith;
mod chain;
mod compare;
mod conv;
mod convolve;
mod diagonal;
mod einsum;
mod exp_log;
mod index;
mod interpolate;
mod join;
mod linalg;
mod logistic;
mod matmul;
mod movement;
mod order;
mod pad;
mod pixel;
mod pool;
mod power;
mod reduce;
mod region;
mod round;
mod scan;
mod special;
mod split;
mod statistics;
mod strided;
mod take;
#[cfg(test)]
pub(crate) mod testing;
mod trig;
mod window;

pub(crate) use arith::{Add, Div, Mul, Neg, Sub};
pub use conv::{Conv, PerAxis};
pub use interpolate::Interpolation;
pub(crate) use matmul::Matmul;
pub(crate) use movement::{Detach, Permute};
pub use pool::Pool;
pub(crate) use region::Place;

/// The value, or a panic that names the operation at the caller's line.
#[track_caller]
pub(crate) fn checked<R>(name: &str, result: Result<R, ShapeError>) -> R {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{name}: {error}"),
    }
}

/// A panic if what the operation makes of `from` has more elements than can be addressed.
#[track_caller]
fn addressed(name: &str, made: &Shape, from: &Shape) {
    if let Err(error) = made.checked_count() {
        panic!("{name}: {error} (made of {from})");
    }
}

/// An empty list with room for `count`, which a user's number asks for.
#[track_caller]
fn room<I>(name: &str, count: usize, shape: &Shape) -> Vec<I> {
    let mut list = Vec::new();
    let fits = list.try_reserve_exact(count).is_ok();
    assert!(fits, "{name}: cannot allocate a list of {count} (shape {shape})");
    list
}

impl<T: Float> Var<'_, T> {
    /// `axis` counted from the front, or a panic that names the operation.
    #[track_caller]
    fn axis(self, name: &str, axis: isize) -> usize {
        checked(name, self.shape().axis(axis))
    }

    /// These axes counted from the front, ascending.
    #[track_caller]
    fn axes(self, name: &str, axes: impl Into<Axes>) -> SmallVec<[usize; 4]> {
        checked(name, axes.into().resolve(&self.shape()))
    }

    /// This and its axis counted from the front; a scalar is a line of one element.
    #[track_caller]
    fn line(self, name: &str, axis: isize) -> (Self, usize) {
        match self.rank() {
            0 if matches!(axis, 0 | -1) => (self.unsqueeze(0), 0),
            _ => (self, self.axis(name, axis)),
        }
    }
}
