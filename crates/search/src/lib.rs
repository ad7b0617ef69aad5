//! Hyperparameter search: cross-validated, coarse to fine, in stages.
#![forbid(unsafe_code)]
