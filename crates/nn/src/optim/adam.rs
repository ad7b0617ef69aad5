//! Adam, AdamW and AMSGrad.

use wengert_autograd::Var;
use wengert_tensor::Float;

use super::options::{bias_correction, options};
use super::{Descent, Memory, Rule};
use crate::Module;

/// Adam: Kingma & Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
///
/// With the step t: m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², and
/// p ← p − lr · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε), as PyTorch's `Adam`. Each parameter counts
/// its own steps, so one that was frozen for a while starts as a new one does.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Adam, Optimizer};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![3.0, -100.0]);
/// let mut optimizer = Adam::new(&w, 0.1);
/// let tape = Tape::train(0);
/// optimizer.step(&w.on(&tape).square().sum(..).backward())?;
/// // The first step has the size of the learning rate, whatever that of the gradient.
/// assert!((w.value().at([0]) - 2.9).abs() < 1e-8 && (w.value().at([1]) + 99.9).abs() < 1e-8);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
#[doc(alias = "AMSGrad")]
pub type Adam<T = f32> = Descent<AdamRule, T>;

/// Adam with decoupled weight decay: Loshchilov & Hutter, "Decoupled weight decay
/// regularization" (2019), algorithm 2. PyTorch's `AdamW`.
///
/// ```
/// use wengert_autograd::Param;
/// use wengert_nn::AdamW;
/// use wengert_tensor::tensor;
///
/// let w = Param::<f32>::new("w", tensor![3.0]);
/// let optimizer = AdamW::new(&w, 1e-3).weight_decay(0.1); // 0.01 unless told
/// ```
pub enum AdamW {}

impl AdamW {
    /// [`Adam`] on the parameters of `module` with learning rate `lr` and a decoupled weight
    /// decay of 0.01.
    ///
    /// # Panics
    /// If `lr` is negative or not finite.
    #[track_caller]
    #[expect(clippy::new_ret_no_self, reason = "it is Adam with another option")]
    pub fn new<T: Float>(module: &(impl Module<T> + ?Sized), lr: f64) -> Adam<T> {
        Adam::new(module, lr).decoupled_weight_decay(0.01)
    }
}

/// The equations of [`Adam`].
#[derive(Clone, Debug)]
pub struct AdamRule {
    /// β₁ and β₂.
    pub betas: [f64; 2],
    /// ε.
    pub eps: f64,
    /// Whether v never falls in the denominator.
    pub amsgrad: bool,
}

impl Default for AdamRule {
    fn default() -> Self {
        Self { betas: [0.9, 0.999], eps: 1e-8, amsgrad: false }
    }
}

impl Rule for AdamRule {
    const NAME: &'static str = "Adam";

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        let mut tensors = vec![("exp_avg", 0.0), ("exp_avg_sq", 0.0)];
        tensors.extend(self.amsgrad.then_some(("max_exp_avg_sq", 0.0)));
        tensors
    }

    fn update<'t, T: Float>(&self, [p, g, lr]: [Var<'t, T>; 3], memory: &mut Memory<'t, T>) -> Var<'t, T> {
        let [correct1, correct2] = self.betas.map(|beta| 1.0 / bias_correction(beta, memory.t));
        let m = memory.average("exp_avg", self.betas[0], g);
        let mut v = memory.average("exp_avg_sq", self.betas[1], g * g);
        if self.amsgrad {
            v = memory["max_exp_avg_sq"].maximum(v);
            memory["max_exp_avg_sq"] = v;
        }
        let root = v.sqrt() * correct2.sqrt() + self.eps;
        p - m / root * (lr * correct1)
    }
}

options! { Adam by AdamRule {
    /// Adam on the parameters of `module` with learning rate `lr`, β = (0.9, 0.999) and
    /// ε = 1e-8.
    new;
    /// How much the moving means of gradients and of their squares keep at each step.
    betas betas;
    /// What is added to the root of the mean square.
    non_negative eps;
    /// Divides by the largest mean square so far instead of the present one: Reddi et al., "On
    /// the convergence of Adam and beyond" (2018), algorithm 2.
    flag amsgrad;
} }
