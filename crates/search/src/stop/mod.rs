//! When a trial is not worth its time.

mod halving;
mod median;

use std::collections::BTreeMap;
use std::fmt::Debug;

pub use halving::Halving;
pub use median::Median;

/// A rule that stops trials which are behind others of the same stage.
///
/// It is asked whenever a trial reports. Lower scores are better; the search turns them round if
/// higher ones are.
pub trait StopRule: Debug + Send + Sync {
    /// Why this trial should stop, if it should.
    fn stop(&self, trial: &Curve, others: &[Curve]) -> Option<String>;
}

/// What a trial has reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The number of the trial.
    pub number: usize,
    /// Its scores by step.
    pub scores: BTreeMap<i64, f64>,
    /// The step that it has just reported.
    pub step: i64,
    /// Whether it ended, rather than being stopped or still running.
    pub is_complete: bool,
}

impl Curve {
    /// The best score up to a step.
    fn best_to(&self, step: i64) -> Option<f64> {
        self.scores.range(..=step).map(|(_, &score)| score).filter(|score| !score.is_nan()).reduce(f64::min)
    }
}
