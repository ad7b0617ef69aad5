//! Tensors: values with a shape, views of them, and the kernels that compute on them.
//!
//! This crate knows nothing of gradients; `wengert-autograd` records operations on these
//! values and differentiates them.
#![deny(unsafe_code)]

mod element;
mod error;
mod float;
#[allow(unsafe_code)]
pub mod kernel;
mod layout;
mod shape;
#[allow(unsafe_code)]
mod storage;
mod tensor;

pub use element::Element;
pub use error::ShapeError;
pub use float::Float;
pub use layout::{Layout, Offsets, Strides};
pub use shape::{Axes, Shape, broadcast, resolve_axis};
pub use storage::MemoryUse;
pub use tensor::Tensor;
