//! A training run as data: what reports draw and the diagnosis reads.

mod curve;
pub(crate) mod number;
mod snapshot;
mod thinned;

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::before::Checks;

pub use curve::{Curve, Point};
pub use snapshot::{Distribution, Histogram, LayerStats, NormStats, ParamStats, Snapshot};
pub use thinned::{Dated, Thinned};

/// What happened in a training run, of bounded size however long it was.
///
/// It is data: `serde` writes and reads it, NaN and infinities included, and what is read is what
/// was written, to the last bit.
///
/// ```
/// use wengert_train::History;
///
/// let mut history = History::new(7);
/// for step in 0..3 {
///     history.loss.push(step, 1.0 / (step + 1) as f64);
/// }
/// let again = History::from_json(&history.to_json())?;
/// assert_eq!(again.loss.last(), Some(1.0 / 3.0));
/// assert_eq!(again, history);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The seed of the run.
    pub seed: u64,
    /// What the model learns.
    pub task: Task,
    /// The number of training examples.
    pub examples: u64,
    /// The number of examples in a step.
    pub batch: u64,
    /// The number of elements of all parameters.
    pub params: u64,
    /// What was found before training.
    pub checks: Checks,
    /// The number of steps taken.
    pub steps: u64,
    /// The loss of each step, on the batch it learnt from, before it learnt.
    pub loss: Curve,
    /// The learning rate of each step.
    pub lr: Curve,
    /// The 2-norm of all gradients as one vector, of each step, before they were clipped.
    pub gradient_norm: Curve,
    /// What each epoch brought.
    pub epochs: Thinned<Epoch>,
    /// The inside of the model now and then.
    pub snapshots: Thinned<Snapshot>,
    /// The best epoch so far by the monitored metric.
    pub best: Option<Best>,
    /// Events, in words: the last [`History::MOST_NOTES`].
    pub notes: Vec<Note>,
    /// How it ended; none while it runs or if it was interrupted.
    pub end: Option<End>,
}

impl History {
    /// So many notes are kept.
    pub const MOST_NOTES: usize = 256;

    /// The history of a run with this seed that has not begun.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            task: Task::Other,
            examples: 0,
            batch: 0,
            params: 0,
            checks: Checks::default(),
            steps: 0,
            loss: Curve::default(),
            lr: Curve::default(),
            gradient_norm: Curve::default(),
            epochs: Thinned::new(1),
            snapshots: Thinned::new(1),
            best: None,
            notes: Vec::new(),
            end: None,
        }
    }

    /// Notes an event at the present step.
    pub fn note(&mut self, text: impl Into<String>) {
        if self.notes.len() == Self::MOST_NOTES {
            self.notes.remove(0);
        }
        self.notes.push(Note { step: self.steps, text: text.into() });
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a history has nothing that JSON has not")
    }

    /// From the JSON of [`History::to_json`].
    ///
    /// # Errors
    /// If it is not that of a history.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json.as_bytes())
    }
}

/// What a model learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Task {
    /// Which of several classes.
    Classification {
        /// How many there are.
        classes: u64,
    },
    /// Numbers.
    Regression,
    /// Something that only its loss knows.
    Other,
}

/// One pass over the training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, from 1.
    pub epoch: u64,
    /// The number of steps by its end.
    pub step: u64,
    /// The seconds of training by its end, those before a stop included.
    pub seconds: f64,
    /// The learning rate of its last step.
    pub lr: f64,
    /// Metrics by name, `loss` first: means over its steps, each with the parameters and in the
    /// mode (dropout, batch norm) in which it trained.
    #[serde(with = "number::map")]
    pub train: IndexMap<String, f64>,
    /// The same metrics of the validation data at its end, in evaluate mode; empty without such data.
    #[serde(with = "number::map")]
    pub validation: IndexMap<String, f64>,
}

/// One line: the number, the metrics of the training data, those of the validation data.
impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {:3}", self.epoch)?;
        for (mut before, metrics) in [("  ", &self.train), ("; validation: ", &self.validation)] {
            for (name, value) in metrics {
                write!(f, "{before}{name} {value:.4}")?;
                before = ", ";
            }
        }
        write!(f, "; {:.1} s", self.seconds)
    }
}

impl Dated for Epoch {
    fn date(&self) -> u64 {
        self.epoch
    }
}

/// The best epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its number, from 1.
    pub epoch: u64,
    /// The number of steps by its end.
    pub step: u64,
    /// The metric that says so.
    pub metric: String,
    /// Its value.
    #[serde(with = "number")]
    pub value: f64,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The number of steps taken by then.
    pub step: u64,
    /// What happened.
    pub text: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// All epochs are done.
    Finished,
    /// A callback or early stopping ended it, for this reason.
    Stopped(String),
    /// A step gave a number that is none.
    NotFinite(NotFinite),
    /// It failed for another reason.
    Failed(String),
}

/// Where the first NaN or infinity came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotFinite {
    /// The number of the step, from 0.
    pub step: u64,
    /// What was not finite: `loss` or `gradient norm`.
    pub what: String,
    /// Its value.
    #[serde(with = "number")]
    pub value: f64,
    /// The operation that gave the first such value, if it was found.
    pub op: Option<String>,
    /// The layer in which or next to which it was, by its path in the model.
    pub layer: Option<String>,
    /// The line of the program that recorded the operation, as `file:line:column`.
    pub line: Option<String>,
    /// All of it in words.
    pub text: String,
}

#[cfg(test)]
mod tests;
