//! Optimizers: how gradients change parameters.
//!
//! A step is recorded like any other expression. The new value of each parameter, and of the
//! buffers an optimizer keeps for it, are variables on the tape of the gradients; committing
//! the tape computes forward, backward and update in one run. What differs from step to step
//! (learning rate, bias corrections) enters as numbers, so that every step has the same plan.

mod adam;
mod sgd;

use std::fmt;

use wengert_autograd::{GradientError, Gradients, Param, Var};
use wengert_tensor::Float;

use crate::Module;

pub use adam::Adam;
pub use sgd::Sgd;

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
pub trait Optimizer<T: Float = f32> {
    /// Records the update of every parameter that is not frozen and commits the tape.
    ///
    /// # Errors
    /// If the tape is in evaluate mode, or a parameter has no gradient. Nothing has changed then.
    #[track_caller]
    fn step(&mut self, gradients: &Gradients<'_, T>) -> Result<(), StepError>;

    /// The learning rate.
    fn lr(&self) -> f64;

    /// Changes the learning rate from the next step on.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    fn set_lr(&mut self, lr: f64);
}

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

/// A parameter of the optimized module, its name there, and what the optimizer keeps for it.
struct Trained<T: Float, S> {
    name: String,
    param: Param<T>,
    state: S,
}

/// The parameters of `module`, with what `state` makes for each.
fn trained<T: Float, S>(module: &(impl Module<T> + ?Sized), state: impl Fn(&Param<T>) -> S) -> Vec<Trained<T, S>> {
    let params = module.params().into_iter();
    params.map(|(name, param)| Trained { name, state: state(&param), param }).collect()
}

/// What one parameter is updated from.
struct Update<'a, 't, T: Float, S> {
    param: &'a Param<T>,
    gradient: Var<'t, T>,
    state: &'a mut S,
}

/// The updates of a step; nothing is touched if one of them cannot be.
fn updates<'a, 't, T: Float, S>(
    trained: &'a mut [Trained<T, S>],
    gradients: &Gradients<'t, T>,
) -> Result<Vec<Update<'a, 't, T, S>>, StepError> {
    if !gradients.tape().is_training() {
        return Err(StepError::Evaluate);
    }
    let active = trained.iter_mut().filter(|trained| !trained.param.is_frozen());
    let updates = active.map(|Trained { name, param, state }| {
        let gradient = gradients.of(param, name)?;
        Ok(Update { param, gradient, state })
    });
    updates.collect()
}

/// `value`, refused unless it is finite and not negative.
#[track_caller]
fn non_negative(what: &str, value: f64) -> f64 {
    assert!(value >= 0.0 && value.is_finite(), "{what}: {value} is not a finite number from 0 up");
    value
}

#[cfg(test)]
mod tests;
