//! Hyperparameter search: cross-validated, coarse to fine, in stages.
#![forbid(unsafe_code)]

mod journal;
mod sampler;
mod space;

pub use journal::{JournalError, Record, State, Study};
pub use sampler::*;
pub use space::*;
