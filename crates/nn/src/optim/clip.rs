//! Gradient clipping.

use wengert_autograd::{Gradients, Param, Var};
use wengert_tensor::Float;

use super::non_negative;
use crate::Module;

/// Clipping, as methods of [`Gradients`]: recorded like everything else, and carried out by the
/// optimizer's step.
///
/// Parameters without a gradient are passed by; the optimizer names them.
pub trait Clip<'t, T: Float>: Sized {
    /// The 2-norm of the gradients of all parameters of `module`, as of one vector.
    #[track_caller]
    fn norm(&self, module: &(impl Module<T> + ?Sized)) -> Var<'t, T>;

    /// Shortens the gradients of all parameters of `module`, as one vector, to the norm `max` if
    /// they are longer: Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent
    /// neural networks" (2013), algorithm 1. They are multiplied by max/(norm + 1e-6) if that is
    /// below 1, as PyTorch's `clip_grad_norm_` does; a norm of NaN makes all of them NaN.
    ///
    /// ```
    /// use wengert_autograd::{Param, Tape};
    /// use wengert_nn::{Clip, Optimizer, Sgd};
    /// use wengert_tensor::tensor;
    ///
    /// let w = Param::<f64>::new("w", tensor![0.0, 0.0]);
    /// let tape = Tape::train(0);
    /// let gradients = (w.on(&tape) * &tensor![3.0, 4.0]).sum(..).backward();
    /// assert_eq!(gradients.norm(&w).item(), 5.0);
    /// Sgd::new(&w, 1.0).step(&gradients.clip_norm(&w, 1.0))?;
    /// w.value().assert_close(&tensor![-0.6, -0.8], 1e-6, 0.0);
    /// # Ok::<(), wengert_nn::StepError>(())
    /// ```
    /// # Panics
    /// If `max` is negative or not finite.
    #[doc(alias = "clip_grad_norm_")]
    #[track_caller]
    fn clip_norm(self, module: &(impl Module<T> + ?Sized), max: f64) -> Self;

    /// [`Clip::clip_norm`] for gradients whose norm was recorded already, to be looked at as well.
    ///
    /// # Panics
    /// If `max` is negative or not finite.
    #[track_caller]
    fn clip_norm_from(self, norm: Var<'t, T>, module: &(impl Module<T> + ?Sized), max: f64) -> Self;

    /// Limits every element of the gradients of `module`'s parameters to ±`limit`.
    ///
    /// ```
    /// use wengert_autograd::{Param, Tape};
    /// use wengert_nn::Clip;
    /// use wengert_tensor::tensor;
    ///
    /// let w = Param::<f64>::new("w", tensor![0.0, 0.0]);
    /// let tape = Tape::train(0);
    /// let gradients = (w.on(&tape) * &tensor![-3.0, 0.25]).sum(..).backward().clip_value(&w, 0.5);
    /// assert_eq!(gradients.get(&w).unwrap().value(), tensor![-0.5, 0.25]);
    /// ```
    /// # Panics
    /// If `limit` is negative or not finite.
    #[doc(alias = "clip_grad_value_")]
    #[track_caller]
    fn clip_value(self, module: &(impl Module<T> + ?Sized), limit: f64) -> Self;
}

impl<'t, T: Float> Clip<'t, T> for Gradients<'t, T> {
    fn norm(&self, module: &(impl Module<T> + ?Sized)) -> Var<'t, T> {
        let mut norms = Vec::new();
        for (_, g) in found(self, module) {
            norms.push(g.norm(.., 2.0));
        }
        if norms.is_empty() { self.tape().scalar(0.0) } else { Var::stack(&norms, 0).norm(.., 2.0) }
    }

    fn clip_norm(self, module: &(impl Module<T> + ?Sized), max: f64) -> Self {
        let norm = self.norm(module);
        self.clip_norm_from(norm, module, max)
    }

    fn clip_norm_from(mut self, norm: Var<'t, T>, module: &(impl Module<T> + ?Sized), max: f64) -> Self {
        let max = non_negative("clip_norm", "max", max);
        let shorter = (max / (norm + 1e-6)).minimum(1.0);
        for (param, g) in found(&self, module) {
            self.set(&param, g * shorter);
        }
        self
    }

    fn clip_value(mut self, module: &(impl Module<T> + ?Sized), limit: f64) -> Self {
        let limit = non_negative("clip_value", "limit", limit);
        for (param, g) in found(&self, module) {
            self.set(&param, g.clamp(-limit, limit));
        }
        self
    }
}

/// The parameters of `module` that have a gradient.
fn found<'t, T: Float>(
    gradients: &Gradients<'t, T>,
    module: &(impl Module<T> + ?Sized),
) -> Vec<(Param<T>, Var<'t, T>)> {
    let params = module.params().into_values();
    params.filter_map(|param| gradients.get(&param).map(|gradient| (param, gradient))).collect()
}
