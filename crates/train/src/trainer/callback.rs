//! What is done between steps.

use std::ops::ControlFlow;

use serde_json::Value;

use crate::History;

/// Something to be done after steps or epochs: looking, writing, ending the run.
///
/// [`Trainer::after_step`](crate::Trainer::after_step) and
/// [`Trainer::after_epoch`](crate::Trainer::after_epoch) take closures; implement this for what
/// has a state that a checkpoint should hold.
///
/// ```
/// use std::ops::ControlFlow;
/// use wengert_train::{Callback, History};
///
/// /// Ends a run when the loss of a step is below a limit.
/// struct Below(f64);
///
/// impl Callback for Below {
///     fn after_step(&mut self, history: &History) -> ControlFlow<String> {
///         match history.loss.last() {
///             Some(loss) if loss < self.0 => ControlFlow::Break(format!("the loss is below {}", self.0)),
///             _ => ControlFlow::Continue(()),
///         }
///     }
/// }
/// ```
pub trait Callback {
    /// After every step: go on, or end the run for this reason.
    fn after_step(&mut self, history: &History) -> ControlFlow<String> {
        _ = history;
        ControlFlow::Continue(())
    }

    /// After every epoch, with its entry in the history: go on, or end the run for this reason.
    fn after_epoch(&mut self, history: &History) -> ControlFlow<String> {
        _ = history;
        ControlFlow::Continue(())
    }

    /// What a checkpoint should hold of it.
    fn state(&self) -> Value {
        Value::Null
    }

    /// Takes on a state of [`Callback::state`].
    ///
    /// # Errors
    /// If it is not such a state. Nothing has changed then.
    fn restore(&mut self, state: &Value) -> Result<(), String> {
        _ = state;
        Ok(())
    }
}

/// A closure that is called after every step.
pub(super) struct AfterStep<F>(pub(super) F);

impl<F: FnMut(&History) -> ControlFlow<String>> Callback for AfterStep<F> {
    fn after_step(&mut self, history: &History) -> ControlFlow<String> {
        (self.0)(history)
    }
}

/// A closure that is called after every epoch.
pub(super) struct AfterEpoch<F>(pub(super) F);

impl<F: FnMut(&History) -> ControlFlow<String>> Callback for AfterEpoch<F> {
    fn after_epoch(&mut self, history: &History) -> ControlFlow<String> {
        (self.0)(history)
    }
}
