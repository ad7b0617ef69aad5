//! RMSprop.

use wengert_autograd::Var;
use wengert_tensor::Float;

use super::options::options;
use super::{Descent, Memory, Rule};

/// RMSprop: Tieleman & Hinton, lecture 6.5 of "Neural networks for machine learning" (2012);
/// centred as in Graves, "Generating sequences with recurrent neural networks" (2013).
///
/// v ← α·v + (1 − α)·g², r = √v + ε or, centred with ḡ ← α·ḡ + (1 − α)·g, r = √(v − ḡ²) + ε;
/// p ← p − lr·g/r or, with momentum μ, b ← μ·b + g/r, p ← p − lr·b, as PyTorch's `RMSprop`.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{RmsProp, Optimizer};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![3.0, -1.0]);
/// let mut optimizer = RmsProp::new(&w, 0.01).momentum(0.9);
/// let tape = Tape::train(0);
/// optimizer.step(&w.on(&tape).square().sum(..).backward())?;
/// // The first step is 1/√(1 − α) times as long as the learning rate.
/// assert!((w.value().at([0]) - 2.9).abs() < 1e-8 && (w.value().at([1]) + 0.9).abs() < 1e-8);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub type RmsProp<T = f32> = Descent<RmsPropRule, T>;

/// The equations of [`RmsProp`].
#[derive(Clone, Debug)]
pub struct RmsPropRule {
    /// α.
    pub alpha: f64,
    /// ε.
    pub eps: f64,
    /// μ.
    pub momentum: f64,
    /// Whether the variance is used in the place of the mean square.
    pub centered: bool,
}

impl Default for RmsPropRule {
    fn default() -> Self {
        Self { alpha: 0.99, eps: 1e-8, momentum: 0.0, centered: false }
    }
}

impl Rule for RmsPropRule {
    const NAME: &'static str = "RmsProp";

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        let mut tensors = vec![("square_avg", 0.0)];
        tensors.extend(self.centered.then_some(("grad_avg", 0.0)));
        tensors.extend((self.momentum > 0.0).then_some(("momentum_buffer", 0.0)));
        tensors
    }

    fn update<'t, T: Float>(&self, [p, g, lr]: [Var<'t, T>; 3], memory: &mut Memory<'t, T>) -> Var<'t, T> {
        let mut v = memory.average("square_avg", self.alpha, g * g);
        if self.centered {
            // Of equal gradients, rounding may leave less than nothing.
            v = (v - memory.average("grad_avg", self.alpha, g).square()).clamp_min(0.0);
        }
        let mut change = g / (v.sqrt() + self.eps);
        if self.momentum > 0.0 {
            change = memory["momentum_buffer"] * self.momentum + change;
            memory["momentum_buffer"] = change;
        }
        p - change * lr
    }
}

options! { RmsProp by RmsPropRule {
    /// RMSprop on the parameters of `module` with learning rate `lr`, α = 0.99 and ε = 1e-8.
    new;
    /// How much the moving means keep at each step.
    keeping alpha;
    /// What is added to the root of the mean square.
    non_negative eps;
    /// With momentum.
    non_negative momentum;
    /// Divides by the root of the variance of the gradients instead of their mean square.
    flag centered;
} }
