//! Why a run failed.

use std::error::Error;
use std::fmt;

use wengert_nn::StepError;

use crate::{CheckpointError, DataError, History, NotFinite, ResumeError};

/// Why a run of [`Trainer::fit`](crate::Trainer::fit) failed, with what had happened by then.
pub struct TrainError {
    /// The reason.
    pub kind: TrainErrorKind,
    /// The run so far.
    pub history: Box<History>,
}

/// A reason for which a run fails.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrainErrorKind {
    /// A loss or a gradient is NaN or infinite. The model is as it was before that step.
    NotFinite(Box<NotFinite>),
    /// The optimizer could not take a step.
    Step(StepError),
    /// A batch could not be had.
    Data(DataError),
    /// The run cannot be resumed with this data.
    Resume(ResumeError),
    /// A checkpoint could not be written or read.
    Checkpoint(Box<CheckpointError>),
}

impl fmt::Display for TrainErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite(found) => f.write_str(&found.text),
            Self::Step(error) => error.fmt(f),
            Self::Data(error) => error.fmt(f),
            Self::Resume(error) => error.fmt(f),
            Self::Checkpoint(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "training stopped after {} steps: {}", self.history.steps, self.kind)
    }
}

/// Without the history: this is what a program prints that returns the error from `main`.
impl fmt::Debug for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrainError({self})")
    }
}

impl Error for TrainError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            TrainErrorKind::NotFinite(_) => None,
            TrainErrorKind::Step(error) => Some(error),
            TrainErrorKind::Data(error) => Some(error),
            TrainErrorKind::Resume(error) => Some(error),
            TrainErrorKind::Checkpoint(error) => Some(&**error),
        }
    }
}

macro_rules! from {
    ($($variant:ident $error:ty),*) => {$(
        impl From<$error> for TrainErrorKind {
            fn from(error: $error) -> Self {
                Self::$variant(error.into())
            }
        }
    )*};
}
from!(NotFinite NotFinite, Step StepError, Data DataError, Resume ResumeError, Checkpoint CheckpointError);
