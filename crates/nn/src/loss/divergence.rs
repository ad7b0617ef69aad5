//! The Kullback-Leibler divergence.

use wengert_autograd::{Operand, Var};
use wengert_tensor::Float;

use super::{beside, loss};
use crate::Reduction;

loss! {
    /// The divergence of the distribution with the logarithms `x` from the target,
    /// t·(ln t − x): Kullback & Leibler, "On information and sufficiency" (1951). PyTorch's
    /// `KLDivLoss`, whose mean over elements is rarely what is meant: see
    /// [`KlDiv::batch_mean`].
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Activation, KlDiv};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let logits = tape.var(tensor![[0.0, 0.0]]);
    /// let loss = KlDiv::new().batch_mean().of(logits.log_softmax(-1), &tensor![[1.0, 0.0]]);
    /// assert_eq!(loss.item(), 2f64.ln());
    /// ```
    #[doc(alias = "KLDivLoss")]
    KlDiv { log_target: bool = false, batch_mean: bool = false }
}

impl KlDiv {
    /// The target is given as logarithms too.
    pub fn log_target(self) -> Self {
        Self { log_target: true, ..self }
    }

    /// The sum over the size of the first axis instead of a mean over all elements: the mean
    /// divergence.
    pub fn batch_mean(self) -> Self {
        Self { batch_mean: true, ..self }
    }

    /// The loss of the logarithms `x` of probabilities.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, x: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        let t = beside("kl_div", x, target);
        // Where t is 0 the divergence is, whatever x.
        let loss = if self.log_target { t.exp() * (t - x) } else { t.xlogy(t) - t.eq(0.0).where_(0.0, t * x) };
        if self.batch_mean {
            let rows = x.shape().first().copied().unwrap_or(1);
            return Reduction::Sum.of(loss) / rows as f64;
        }
        self.reduction.of(loss)
    }
}
