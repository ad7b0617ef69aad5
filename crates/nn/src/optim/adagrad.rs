//! Adagrad.

use wengert_autograd::Var;
use wengert_tensor::Float;

use super::options::options;
use super::{Descent, Memory, Rule};

/// Adagrad: Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and
/// stochastic optimization" (2011).
///
/// s ← s + g², p ← p − lr/(1 + (t − 1)·η) · g/(√s + ε), as PyTorch's `Adagrad`.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Adagrad, Optimizer};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![3.0, -1.0]);
/// let mut optimizer = Adagrad::new(&w, 0.1);
/// let tape = Tape::train(0);
/// optimizer.step(&w.on(&tape).square().sum(..).backward())?;
/// // The first step has the size of the learning rate.
/// assert!((w.value().at([0]) - 2.9).abs() < 1e-8 && (w.value().at([1]) + 0.9).abs() < 1e-8);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub type Adagrad<T = f32> = Descent<AdagradRule, T>;

/// The equations of [`Adagrad`].
#[derive(Clone, Debug)]
pub struct AdagradRule {
    /// η.
    pub lr_decay: f64,
    /// What s starts with.
    pub initial_accumulator: f64,
    /// ε.
    pub eps: f64,
}

impl Default for AdagradRule {
    fn default() -> Self {
        Self { lr_decay: 0.0, initial_accumulator: 0.0, eps: 1e-10 }
    }
}

impl Rule for AdagradRule {
    const NAME: &'static str = "Adagrad";

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        vec![("sum", self.initial_accumulator)]
    }

    fn update<'t, T: Float>(&self, [p, g, lr]: [Var<'t, T>; 3], memory: &mut Memory<'t, T>) -> Var<'t, T> {
        let s = memory["sum"] + g * g;
        memory["sum"] = s;
        let slower = 1.0 + (memory.t - 1) as f64 * self.lr_decay;
        p - g / (s.sqrt() + self.eps) * (lr / slower)
    }
}

options! { Adagrad by AdagradRule {
    /// Adagrad on the parameters of `module` with learning rate `lr`, no decay of it, and
    /// ε = 1e-10.
    new;
    /// How fast the learning rate falls: at step t it is divided by 1 + (t − 1)·η.
    non_negative lr_decay;
    /// What the sums of squares start with.
    non_negative initial_accumulator;
    /// What is added to the root of the sum of squares.
    non_negative eps;
} }
