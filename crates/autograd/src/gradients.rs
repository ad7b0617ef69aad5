//! What a backward pass found, by parameter.

use std::fmt;

use indexmap::IndexMap;
use wengert_tensor::Float;

use crate::state::{Slot, StateId};
use crate::{Param, Tape, Var};

/// The gradients of a loss with respect to the parameters on its tape, as variables.
///
/// Made by [`Var::backward`], consumed by an optimizer's `step`. Nothing accumulates: two
/// losses are two of these, and their sum is the gradient of the sum.
#[derive(Clone)]
pub struct Gradients<'t, T: Float = f32> {
    loss: Var<'t, T>,
    by_param: IndexMap<StateId, Option<Var<'t, T>>>,
}

impl<'t, T: Float> Gradients<'t, T> {
    pub(crate) fn new(loss: Var<'t, T>, by_param: IndexMap<StateId, Option<Var<'t, T>>>) -> Self {
        Self { loss, by_param }
    }

    /// The loss that was differentiated.
    pub fn loss(&self) -> Var<'t, T> {
        self.loss
    }

    /// The tape of the loss.
    pub fn tape(&self) -> &'t Tape<T> {
        self.loss.tape()
    }

    /// The gradient of `param`, or why there is none.
    ///
    /// `name` is what a model calls the parameter; pass the parameter's own name if it belongs
    /// to none.
    pub fn of(&self, param: &Param<T>, name: &str) -> Result<Var<'t, T>, GradientError> {
        match self.by_param.get(&param.slot().id()) {
            Some(Some(gradient)) => Ok(*gradient),
            _ if param.is_frozen() => Err(GradientError::Frozen { param: name.to_owned() }),
            found => Err(GradientError::Unreached { param: name.to_owned(), on_tape: found.is_some() }),
        }
    }

    /// The gradient of `param`, if the loss depends on it.
    pub fn get(&self, param: &Param<T>) -> Option<Var<'t, T>> {
        self.of(param, param.name()).ok()
    }

    /// Replaces the gradient of `param`, for clipping and other transformations.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn set(&mut self, param: &Param<T>, gradient: Var<'t, T>) {
        let (want, got) = (param.shape(), gradient.shape());
        assert!(want == got, "set: a gradient of shape {got} for {} of shape {want}", param.name());
        self.by_param.insert(param.slot().id(), Some(gradient));
    }
}

impl<T: Float> fmt::Debug for Gradients<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reached = self.by_param.values().flatten().count();
        write!(f, "Gradients({:?}, {reached} of {} parameters)", self.loss, self.by_param.len())
    }
}

/// Why a parameter has no gradient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GradientError {
    /// The loss does not depend on it.
    Unreached {
        /// The parameter's name in its model.
        param: String,
        /// Whether the parameter was used on the loss's tape at all.
        on_tape: bool,
    },
    /// It is frozen.
    Frozen {
        /// The parameter's name in its model.
        param: String,
    },
}

impl fmt::Display for GradientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached { param, on_tape: false } => write!(
                f,
                "parameter `{param}` has no gradient: it was not used on the tape of this loss; use it in the model's forward, or freeze it"
            ),
            Self::Unreached { param, on_tape: true } => write!(
                f,
                "parameter `{param}` has no gradient: it was used on the tape, but the loss does not depend on it (is there a detach, or is its result dropped?); freeze it if that is meant"
            ),
            Self::Frozen { param } => write!(f, "parameter `{param}` has no gradient: it is frozen"),
        }
    }
}

impl std::error::Error for GradientError {}

impl<T: Float> Tape<T> {
    /// The trainable parameters on this tape, with the entries that entry `of` read them from.
    pub(crate) fn trainable(&self, of: u32) -> Vec<(Slot<T>, u32)> {
        let state = self.state.borrow();
        state.values().filter(|s| s.slot.is_trainable()).map(|s| (s.slot.clone(), s.before(of))).collect()
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::tensor;

    use crate::{Param, Tape};

    #[test]
    fn a_loss_from_before_a_step_is_differentiated_at_the_values_it_read() {
        let w = Param::<f64>::new("w", tensor![3.0]);
        let tape = Tape::train(0);
        let loss = w.on(&tape).square().sum(..);
        let gradient = |loss: crate::Var<'_, f64>| loss.backward().of(&w, "w").expect("reached").value();
        assert_eq!(gradient(loss), tensor![6.0]);
        w.assign(w.on(&tape) - 1.0);
        tape.commit();
        assert_eq!(gradient(loss), tensor![6.0]);
        assert_eq!(gradient(w.on(&tape).square().sum(..)), tensor![4.0]);
    }
}
