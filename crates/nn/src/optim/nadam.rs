//! NAdam.

use wengert_autograd::Var;
use wengert_tensor::Float;

use super::options::{bias_correction, options};
use super::{Descent, Memory, Rule};

/// NAdam: Dozat, "Incorporating Nesterov momentum into Adam" (2016).
///
/// With m and v of [`Adam`](crate::Adam), μₜ = β₁·(1 − ½·0.96^(t·ψ)) and v̂ = v/(1 − β₂ᵗ):
/// p ← p − lr·((1 − μₜ)/(1 − μ₁…μₜ)·g + μₜ₊₁/(1 − μ₁…μₜ₊₁)·m)/(√v̂ + ε), as PyTorch's `NAdam`.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{NAdam, Optimizer};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![3.0, -1.0]);
/// let mut optimizer = NAdam::new(&w, 0.1);
/// let tape = Tape::train(0);
/// optimizer.step(&w.on(&tape).square().sum(..).backward())?;
/// assert!(w.value().at([0]) < 3.0 && w.value().at([1]) > -1.0);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub type NAdam<T = f32> = Descent<NAdamRule, T>;

/// The equations of [`NAdam`].
#[derive(Clone, Debug)]
pub struct NAdamRule {
    /// β₁ and β₂.
    pub betas: [f64; 2],
    /// ε.
    pub eps: f64,
    /// ψ.
    pub momentum_decay: f64,
}

impl Default for NAdamRule {
    fn default() -> Self {
        Self { betas: [0.9, 0.999], eps: 1e-8, momentum_decay: 4e-3 }
    }
}

impl Rule for NAdamRule {
    const NAME: &'static str = "NAdam";

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        vec![("exp_avg", 0.0), ("exp_avg_sq", 0.0)]
    }

    /// μ₁…μₜ.
    fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![("mu_product", 1.0)]
    }

    fn update<'t, T: Float>(&self, [p, g, lr]: [Var<'t, T>; 3], memory: &mut Memory<'t, T>) -> Var<'t, T> {
        let mu = |t: u64| self.betas[0] * (1.0 - 0.5 * Float::pow(0.96, t as f64 * self.momentum_decay));
        let (now, next) = (mu(memory.t), mu(memory.t + 1));
        let product = *memory.number("mu_product") * now;
        *memory.number("mu_product") = product;
        let m = memory.average("exp_avg", self.betas[0], g);
        let v = memory.average("exp_avg_sq", self.betas[1], g * g);
        let root = (v / bias_correction(self.betas[1], memory.t)).sqrt() + self.eps;
        p - (g * ((1.0 - now) / (1.0 - product)) + m * (next / (1.0 - product * next))) / root * lr
    }
}

options! { NAdam by NAdamRule {
    /// NAdam on the parameters of `module` with learning rate `lr`, β = (0.9, 0.999), ε = 1e-8
    /// and ψ = 0.004.
    new;
    /// How much the moving means of gradients and of their squares keep at each step.
    betas betas;
    /// What is added to the root of the mean square.
    non_negative eps;
    /// How fast the momentum grows to its full size.
    non_negative momentum_decay;
} }
