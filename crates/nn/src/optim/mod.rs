//! Optimizers: how gradients change parameters.
//!
//! A step is recorded like any other expression. The new value of each parameter, and of the
//! buffers an optimizer keeps for it, are variables on the tape of the gradients; committing
//! the tape computes forward, backward and update in one run. What differs from step to step
//! (learning rate, bias corrections) enters as numbers, so that every step has the same plan.
//!
//! An optimizer is a file with a [`Rule`], its equations, and its options; [`Descent`] does the
//! rest.

mod accumulate;
mod adadelta;
mod adagrad;
mod adam;
mod average;
mod clip;
mod descent;
mod lbfgs;
mod line_search;
mod lion;
mod muon;
mod nadam;
mod options;
mod radam;
mod rmsprop;
mod rule;
mod sgd;

use std::fmt;

use wengert_autograd::{GradientError, Gradients};
use wengert_tensor::Float;

use crate::Stateful;

pub use accumulate::Accumulator;
pub use adadelta::{Adadelta, AdadeltaRule};
pub use adagrad::{Adagrad, AdagradRule};
pub use adam::{Adam, AdamRule, AdamW};
pub use average::WeightAverage;
pub use clip::Clip;
pub use descent::Descent;
pub use lbfgs::Lbfgs;
pub use lion::{Lion, LionRule};
pub use muon::{Muon, MuonRule};
pub use nadam::{NAdam, NAdamRule};
pub(crate) use options::non_negative;
pub use radam::{RAdam, RAdamRule};
pub use rmsprop::{RmsProp, RmsPropRule};
pub use rule::{Memory, Rule};
pub use sgd::{Sgd, SgdRule};

/// A rule that changes the parameters of a module by the gradients of a loss.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Optimizer, Sgd};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f32>::new("w", tensor![3.0]);
/// let mut optimizer: Box<dyn Optimizer> = Box::new(Sgd::new(&w, 0.25));
/// for step in 0..10 {
///     let tape = Tape::train(step);
///     let loss = (w.on(&tape) - 1.0).square().sum(..);
///     optimizer.step(&loss.backward())?;
///     optimizer.set_lr(0.5);
/// }
/// assert_eq!(w.value(), tensor![1.0]);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub trait Optimizer<T: Float = f32>: Stateful {
    /// Records the update of every parameter that is not frozen; committing the tape carries it
    /// out, together with whatever else is recorded by then.
    ///
    /// # Errors
    /// If the tape is in evaluate mode, or a parameter has no gradient. Nothing has changed then.
    #[track_caller]
    fn record(&mut self, gradients: &Gradients<'_, T>) -> Result<(), StepError>;

    /// Records the update and commits the tape: forward, backward and update are one run.
    ///
    /// # Errors
    /// As [`Optimizer::record`].
    #[track_caller]
    fn step(&mut self, gradients: &Gradients<'_, T>) -> Result<(), StepError> {
        self.record(gradients)?;
        gradients.tape().commit();
        Ok(())
    }

    /// The learning rate.
    fn lr(&self) -> f64;

    /// Changes the learning rate from the next step on.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    fn set_lr(&mut self, lr: f64);
}

/// A pointer is what it points to.
macro_rules! pointer {
    ($($pointer:ty),*) => {$(
        impl<T: Float, O: Optimizer<T> + ?Sized> Optimizer<T> for $pointer {
            fn record(&mut self, gradients: &Gradients<'_, T>) -> Result<(), StepError> {
                (**self).record(gradients)
            }

            fn lr(&self) -> f64 {
                (**self).lr()
            }

            fn set_lr(&mut self, lr: f64) {
                (**self).set_lr(lr);
            }
        }
    )*};
}
pointer!(Box<O>, &mut O);

/// Why a step was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// A parameter has no gradient.
    Gradient(GradientError),
    /// The tape of the loss is in evaluate mode.
    Evaluate,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gradient(error) => error.fmt(f),
            Self::Evaluate => f.write_str(
                "the loss was recorded on a tape in evaluate mode; record a training step on `Tape::train(seed)`",
            ),
        }
    }
}

impl std::error::Error for StepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Gradient(error) => Some(error),
            Self::Evaluate => None,
        }
    }
}

impl From<GradientError> for StepError {
    fn from(error: GradientError) -> Self {
        Self::Gradient(error)
    }
}

#[cfg(test)]
mod tests;
