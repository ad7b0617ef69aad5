//! Watching a model learn: what to check before, what to look at meanwhile, and what the findings
//! mean.

pub mod before;
mod diagnosis;
mod during;
mod layers;
mod range_test;
mod spread;

pub use diagnosis::{Cause, Diagnosis, Finding, Severity};
pub use during::Watch;
pub use layers::layer_of;
pub use range_test::{RangeTest, RatePoint, Rates};
#[cfg(test)]
mod tests;
