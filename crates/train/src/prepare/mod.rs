//! What is done to features before a model sees them, fitted on training rows alone.

mod standardize;

pub use standardize::Standardize;
