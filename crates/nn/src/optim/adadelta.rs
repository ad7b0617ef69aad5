//! Adadelta.

use wengert_autograd::Var;
use wengert_tensor::Float;

use super::options::options;
use super::{Descent, Memory, Rule};

/// Adadelta: Zeiler, "Adadelta: an adaptive learning rate method" (2012), algorithm 1.
///
/// v ← ρ·v + (1 − ρ)·g², Δ = g·√(u + ε)/√(v + ε), u ← ρ·u + (1 − ρ)·Δ², p ← p − lr·Δ, as
/// PyTorch's `Adadelta`.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Adadelta, Optimizer};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![3.0, -1.0]);
/// let mut optimizer = Adadelta::new(&w, 1.0);
/// let tape = Tape::train(0);
/// optimizer.step(&w.on(&tape).square().sum(..).backward())?;
/// // It starts slowly: the mean square of its changes is 0 so far.
/// assert!((w.value().at([0]) - 2.99684).abs() < 1e-5);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub type Adadelta<T = f32> = Descent<AdadeltaRule, T>;

/// The equations of [`Adadelta`].
#[derive(Clone, Debug)]
pub struct AdadeltaRule {
    /// ρ.
    pub rho: f64,
    /// ε.
    pub eps: f64,
}

impl Default for AdadeltaRule {
    fn default() -> Self {
        Self { rho: 0.9, eps: 1e-6 }
    }
}

impl Rule for AdadeltaRule {
    const NAME: &'static str = "Adadelta";

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        vec![("square_avg", 0.0), ("acc_delta", 0.0)]
    }

    fn update<'t, T: Float>(&self, [p, g, lr]: [Var<'t, T>; 3], memory: &mut Memory<'t, T>) -> Var<'t, T> {
        let v = memory.average("square_avg", self.rho, g * g);
        let change = g * (memory["acc_delta"] + self.eps).sqrt() / (v + self.eps).sqrt();
        memory.average("acc_delta", self.rho, change * change);
        p - change * lr
    }
}

options! { Adadelta by AdadeltaRule {
    /// Adadelta on the parameters of `module` with learning rate `lr` (1 in the paper), ρ = 0.9
    /// and ε = 1e-6.
    new;
    /// How much the moving means of squares keep at each step.
    keeping rho;
    /// What is added to the mean squares.
    non_negative eps;
} }
