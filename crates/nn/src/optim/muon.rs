//! Muon.

use wengert_autograd::Var;
use wengert_tensor::{Float, Shape};

use super::options::options;
use super::{Descent, Memory, Rule};

/// Muon: Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).
///
/// With momentum μ, b ← μ·b + (1 − μ)·g and u = μ·b + (1 − μ)·g (u = b if not Nesterov's),
/// made nearly orthogonal by the iteration X ← a·X + (b·A + c·A²)·X, A = X·Xᵀ, from
/// X = u/‖u‖; then p ← p − lr·√max(1, rows/columns)·X, as PyTorch's `Muon`, which however
/// iterates in `bfloat16`: its numbers are these to three digits.
///
/// It is for the matrices of hidden layers; give the other parameters to another optimizer:
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{AdamW, Layer, Linear, Muon, Optimizer, Selection};
/// use wengert_tensor::{Rng, Tensor};
///
/// let net = Linear::<f32>::new(4, 3, &mut Rng::seed(0));
/// let hidden = |name: &str| name == "weight";
/// let mut muon = Muon::new(&Selection::new(&net, hidden), 0.02);
/// let mut adam = AdamW::new(&Selection::new(&net, |name: &str| !hidden(name)), 1e-3);
///
/// let tape = Tape::train(0);
/// let gradients = net.forward(tape.var(Tensor::ones([2, 4]))).square().mean(..).backward();
/// muon.record(&gradients)?;
/// adam.step(&gradients)?; // both in one run
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
pub type Muon<T = f32> = Descent<MuonRule, T>;

/// The equations of [`Muon`].
#[derive(Clone, Debug)]
pub struct MuonRule {
    /// μ.
    pub momentum: f64,
    /// Whether the momentum is Nesterov's.
    pub nesterov: bool,
    /// The number of iterations.
    pub steps: usize,
    /// The smallest ‖u‖ that u is divided by.
    pub eps: f64,
    /// Whether steps are as long as Adam's.
    pub match_adamw: bool,
}

impl Default for MuonRule {
    fn default() -> Self {
        Self { momentum: 0.95, nesterov: true, steps: 5, eps: 1e-7, match_adamw: false }
    }
}

impl Rule for MuonRule {
    const NAME: &'static str = "Muon";

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        vec![("momentum_buffer", 0.0)]
    }

    fn refuses(&self, shape: &Shape) -> Option<&'static str> {
        (shape.len() != 2).then_some("is not a matrix; choose the matrices with `Selection`")
    }

    fn update<'t, T: Float>(&self, [p, g, lr]: [Var<'t, T>; 3], memory: &mut Memory<'t, T>) -> Var<'t, T> {
        let b = memory.average("momentum_buffer", self.momentum, g);
        let u = if self.nesterov { b * self.momentum + g * (1.0 - self.momentum) } else { b };
        let [rows, columns] = [p.shape()[0], p.shape()[1]].map(|size| size as f64);
        let longer =
            if self.match_adamw { 0.2 * rows.max(columns).sqrt() } else { (rows / columns.max(1.0)).max(1.0).sqrt() };
        p - self.orthogonal(u) * (lr * longer)
    }
}

options! { Muon by MuonRule {
    /// Muon on the parameters of `module`, matrices all, with learning rate `lr`, Nesterov's
    /// momentum of 0.95, 5 iterations and a decoupled weight decay of 0.1.
    new with decoupled_weight_decay 0.1;
    /// How much the moving mean of gradients keeps at each step.
    keeping momentum;
    /// What ‖u‖ is at least taken to be.
    non_negative eps;
    /// Takes steps p ← p − lr·0.2·√max(rows, columns)·X, whose elements are about as large as those
    /// of Adam, so that its learning rate serves: Liu et al., "Muon is scalable for LLM training"
    /// (2025), equation 4. PyTorch's `adjust_lr_fn="match_rms_adamw"`.
    flag match_adamw;
} }

impl<T: Float> Muon<T> {
    /// With plain momentum instead of Nesterov's.
    pub fn plain_momentum(self) -> Self {
        self.with(|rule| rule.nesterov = false)
    }

    /// The number of iterations; 5 unless told.
    pub fn iterations(self, steps: usize) -> Self {
        self.with(|rule| rule.steps = steps)
    }
}

impl MuonRule {
    /// The matrix with the singular vectors of `u`, and singular values near 1.
    #[track_caller]
    fn orthogonal<'t, T: Float>(&self, u: Var<'t, T>) -> Var<'t, T> {
        // Chosen to rise fastest near 0.
        let [a, b, c] = [3.4445, -4.7750, 2.0315];
        let shape = u.shape();
        let tall = shape[0] > shape[1];
        let mut x = if tall { u.t() } else { u };
        x = x / x.norm(.., 2.0).clamp_min(self.eps);
        for _ in 0..self.steps {
            let gram = x.matmul(x.t());
            x = x * a + (gram * b + gram.matmul(gram) * c).matmul(x);
        }
        if tall { x.t() } else { x }
    }
}
