//! Lion.

use wengert_autograd::Var;
use wengert_tensor::Float;

use super::options::options;
use super::{Descent, Memory, Rule};

/// Lion: Chen et al., "Symbolic discovery of optimization algorithms" (2023), program 1.
///
/// p ← p − lr·sign(β₁·m + (1 − β₁)·g), m ← β₂·m + (1 − β₂)·g. Its weight decay is decoupled in
/// the paper, and its learning rate 3 to 10 times smaller than [`AdamW`](crate::AdamW)'s.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Lion, Optimizer};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![3.0, -1.0]);
/// let mut optimizer = Lion::new(&w, 0.1);
/// let tape = Tape::train(0);
/// optimizer.step(&w.on(&tape).square().sum(..).backward())?;
/// // Every step has the size of the learning rate.
/// assert_eq!(w.value(), tensor![2.9, -0.9]);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub type Lion<T = f32> = Descent<LionRule, T>;

/// The equations of [`Lion`].
#[derive(Clone, Debug)]
pub struct LionRule {
    /// β₁ and β₂.
    pub betas: [f64; 2],
}

impl Default for LionRule {
    fn default() -> Self {
        Self { betas: [0.9, 0.99] }
    }
}

impl Rule for LionRule {
    const NAME: &'static str = "Lion";

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        vec![("exp_avg", 0.0)]
    }

    fn update<'t, T: Float>(&self, [p, g, lr]: [Var<'t, T>; 3], memory: &mut Memory<'t, T>) -> Var<'t, T> {
        let towards = memory["exp_avg"] * self.betas[0] + g * (1.0 - self.betas[0]);
        memory.average("exp_avg", self.betas[1], g);
        p - towards.sign() * lr
    }
}

options! { Lion by LionRule {
    /// Lion on the parameters of `module` with learning rate `lr` and β = (0.9, 0.99).
    new with decoupled_weight_decay 0.0;
    /// How much of the moving mean of gradients counts in a step, and how much it keeps.
    betas betas;
} }
