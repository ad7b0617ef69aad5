//! Tensors: values with a shape, views of them, and the kernels that compute on them.
//!
//! This crate knows nothing of gradients; `wengert-autograd` records operations on these
//! values and differentiates them.
#![deny(unsafe_code)]

mod arith;
mod combine;
mod compare;
mod construct;
mod display;
mod element;
mod elementwise;
mod error;
mod extreme;
mod float;
#[allow(unsafe_code)]
pub mod kernel;
mod layout;
mod literal;
mod map;
mod operators;
mod order;
mod product;
mod random;
mod reduce;
mod shape;
mod sizes;
mod slice;
#[allow(unsafe_code)]
mod storage;
mod tensor;
#[cfg(test)]
mod testing;
mod views;

pub use arith::Number;
pub use element::Element;
pub use error::ShapeError;
pub use float::Float;
pub use layout::{Layout, Offsets, Strides};
pub use literal::Nested;
pub use random::{Label, Rng};
#[doc(hidden)]
pub use reduce::mean_scale;
pub use shape::{Axes, Shape, broadcast};
pub use sizes::Sizes;
pub use slice::Slice;
pub use storage::MemoryUse;
pub use tensor::Tensor;
