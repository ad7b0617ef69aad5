//! RAdam.

use wengert_autograd::Var;
use wengert_tensor::Float;

use super::options::{bias_correction, options};
use super::{Descent, Memory, Rule};

/// RAdam: Liu et al., "On the variance of the adaptive learning rate and beyond" (2020),
/// algorithm 2.
///
/// With m̂ and v of [`Adam`](crate::Adam), ρ∞ = 2/(1 − β₂) − 1 and ρ = ρ∞ − 2t·β₂ᵗ/(1 − β₂ᵗ): while
/// ρ ≤ 5, p ← p − lr·m̂; then p ← p − lr·r·m̂·√(1 − β₂ᵗ)/(√v + ε) with
/// r = √((ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ)), as PyTorch's `RAdam`.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{RAdam, Optimizer};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![3.0, -1.0]);
/// let mut optimizer = RAdam::new(&w, 0.1);
/// let tape = Tape::train(0);
/// optimizer.step(&w.on(&tape).square().sum(..).backward())?;
/// // The first steps are plain descent with momentum.
/// assert!((w.value().at([0]) - 2.4).abs() < 1e-12);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub type RAdam<T = f32> = Descent<RAdamRule, T>;

/// The equations of [`RAdam`].
#[derive(Clone, Debug)]
pub struct RAdamRule {
    /// β₁ and β₂.
    pub betas: [f64; 2],
    /// ε.
    pub eps: f64,
}

impl Default for RAdamRule {
    fn default() -> Self {
        Self { betas: [0.9, 0.999], eps: 1e-8 }
    }
}

impl Rule for RAdamRule {
    const NAME: &'static str = "RAdam";

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        vec![("exp_avg", 0.0), ("exp_avg_sq", 0.0)]
    }

    fn update<'t, T: Float>(&self, [p, g, lr]: [Var<'t, T>; 3], memory: &mut Memory<'t, T>) -> Var<'t, T> {
        let [left1, left2] = self.betas.map(|beta| bias_correction(beta, memory.t));
        let m = memory.average("exp_avg", self.betas[0], g) / left1;
        let v = memory.average("exp_avg_sq", self.betas[1], g * g);
        let limit = 2.0 / (1.0 - self.betas[1]) - 1.0;
        let rho = limit - 2.0 * memory.t as f64 * (1.0 - left2) / left2;
        if rho <= 5.0 {
            return p - m * lr;
        }
        let r = ((rho - 4.0) * (rho - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * rho)).sqrt();
        p - m / (v.sqrt() + self.eps) * (lr * (r * left2.sqrt()))
    }
}

options! { RAdam by RAdamRule {
    /// RAdam on the parameters of `module` with learning rate `lr`, β = (0.9, 0.999) and
    /// ε = 1e-8.
    new;
    /// How much the moving means of gradients and of their squares keep at each step.
    betas betas;
    /// What is added to the root of the mean square.
    non_negative eps;
} }
