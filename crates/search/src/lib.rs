//! Hyperparameter search: cross-validated, coarse to fine, in stages.
#![forbid(unsafe_code)]

mod sampler;
mod space;

pub use sampler::*;
pub use space::*;
