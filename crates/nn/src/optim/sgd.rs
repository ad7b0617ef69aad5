//! Stochastic gradient descent.

use wengert_autograd::Var;
use wengert_tensor::Float;

use super::options::options;
use super::{Descent, Memory, Rule};

/// Stochastic gradient descent, plain or with momentum.
///
/// p ← p − lr·g without momentum. With momentum μ (Polyak 1964) and dampening τ, v ← g at first,
/// v ← μ·v + (1 − τ)·g from then on, and p ← p − lr·v; Nesterov's (Sutskever et al., "On the
/// importance of initialization and momentum in deep learning", 2013) looks one step ahead:
/// p ← p − lr·(g + μ·v). All as PyTorch's `SGD`.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Optimizer, Sgd};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f32>::new("w", tensor![2.0]);
/// let mut optimizer = Sgd::new(&w, 0.25).momentum(0.5);
/// for expected in [1.5, 0.75] {
///     let tape = Tape::train(0);
///     optimizer.step(&(w.on(&tape) * 2.0).sum(..).backward())?;
///     assert_eq!(w.value(), tensor![expected]);
/// }
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub type Sgd<T = f32> = Descent<SgdRule, T>;

/// The equations of [`Sgd`].
#[derive(Clone, Debug, Default)]
pub struct SgdRule {
    /// μ.
    pub momentum: f64,
    /// τ.
    pub dampening: f64,
    /// Whether the momentum is Nesterov's.
    pub nesterov: bool,
}

impl Rule for SgdRule {
    const NAME: &'static str = "Sgd";

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        if self.momentum > 0.0 { vec![("momentum_buffer", 0.0)] } else { Vec::new() }
    }

    fn update<'t, T: Float>(&self, [p, g, lr]: [Var<'t, T>; 3], memory: &mut Memory<'t, T>) -> Var<'t, T> {
        if self.momentum == 0.0 {
            return p - g * lr;
        }
        let dampening = if memory.t == 1 { 0.0 } else { self.dampening };
        let v = memory["momentum_buffer"] * self.momentum + g * (1.0 - dampening);
        memory["momentum_buffer"] = v;
        p - if self.nesterov { g + v * self.momentum } else { v } * lr
    }
}

options! { Sgd by SgdRule {
    /// Plain descent on the parameters of `module` with learning rate `lr`.
    new;
    /// With momentum: a moving sum of gradients, each counting `momentum` times as much as the
    /// next.
    non_negative momentum;
    /// How much less than 1 a gradient counts once there is momentum.
    non_negative dampening;
} }

impl<T: Float> Sgd<T> {
    /// With Nesterov's momentum.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn nesterov(self, momentum: f64) -> Self {
        self.momentum(momentum).with(|rule| rule.nesterov = true)
    }
}
