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
    fn stop(&self, trial: &Curve<'_>, others: &[Curve<'_>]) -> Option<String>;
}

/// What a trial has reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve<'a> {
    /// The number of the trial.
    pub number: usize,
    /// The step that the trial which is judged has just reported.
    pub step: i64,
    /// Whether it ended, rather than being stopped or still running.
    pub is_complete: bool,
    // As reported: every report of a trial would copy all of every other's.
    reported: &'a BTreeMap<i64, f64>,
    sign: f64,
}

impl<'a> Curve<'a> {
    pub(crate) fn new(
        number: usize,
        reported: &'a BTreeMap<i64, f64>,
        sign: f64,
        step: i64,
        is_complete: bool,
    ) -> Self {
        Self { number, step, is_complete, reported, sign }
    }

    /// The score after a step.
    pub fn at(&self, step: i64) -> Option<f64> {
        self.reported.get(&step).map(|score| self.sign * score)
    }

    /// The steps that it reported, in order, and the scores after them.
    pub fn scores(&self) -> impl DoubleEndedIterator<Item = (i64, f64)> {
        self.reported.iter().map(|(&step, &score)| (step, self.sign * score))
    }

    /// The best score up to a step.
    fn best_to(&self, to: i64) -> Option<f64> {
        let until = self.scores().take_while(|(step, _)| *step <= to);
        until.map(|(_, score)| score).filter(|score| !score.is_nan()).reduce(f64::min)
    }
}
