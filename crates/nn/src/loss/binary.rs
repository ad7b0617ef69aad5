//! Binary cross entropy.

use wengert_autograd::{Operand, Var};
use wengert_tensor::{Float, Tensor};

use super::{beside, loss, weighted};

loss! {
    /// The binary cross entropy of probabilities, −t·ln p − (1 − t)·ln(1 − p), whose logarithms
    /// are at least −100: PyTorch's `BCELoss`. A logarithm that was cut off has no gradient, where
    /// PyTorch's is 10¹²: what predicts exactly 0 or 1 and is wrong stays so; start from logits instead.
    ///
    /// Recording it computes `p`, to see whether it holds probabilities.
    /// [`BceWithLogits`] need not, and is more accurate. The gradient is that of the loss, also
    /// within 1e-12 of 0 and 1, where PyTorch's is smaller.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::Bce;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let p = tape.var(tensor![0.5, 0.0]);
    /// assert_eq!(Bce::new().of(p, &tensor![0.0, 1.0]).item(), (2f64.ln() + 100.0) / 2.0);
    /// ```
    #[doc(alias = "BCELoss")]
    Bce { weight: Option<Tensor<f64>> = None }
}

impl Bce {
    /// Multiplies the losses by weights that broadcast to their shape.
    pub fn weight(self, weight: impl Into<Tensor<f64>>) -> Self {
        Self { weight: Some(weight.into()), ..self }
    }

    /// The loss of the probabilities `p`.
    ///
    /// # Panics
    /// If the shapes differ, or one of `p` is not from 0 to 1.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, p: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        let t = beside("bce", p, target);
        let wrong = p.value().iter().find(|p| !(0.0..=1.0).contains(&p.to_f64()));
        assert!(wrong.is_none(), "bce: a prediction of {} is not from 0 to 1", wrong.unwrap_or(T::ZERO));
        // Selected before and after, so that no derivative is infinite at the ends.
        let above = p.gt((-100.0f64).exp());
        let log = above.where_(above.where_(p, 1.0).ln(), -100.0);
        let below = p.lt(1.0);
        let log_rest = below.where_((-below.where_(p, 0.0)).ln1p(), -100.0);
        let loss = -(t * log + (1.0 - t) * log_rest);
        self.reduction.of(weighted("bce", loss, self.weight.as_ref()))
    }
}

loss! {
    /// The binary cross entropy of logits, −t·ln σ(x) − (1 − t)·ln σ(−x), without overflow or
    /// loss of accuracy: PyTorch's `BCEWithLogitsLoss`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::BceWithLogits;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![0.0, -1000.0]);
    /// assert_eq!(BceWithLogits::new().of(x, &tensor![0.0, 1.0]).item(), (2f64.ln() + 1000.0) / 2.0);
    /// ```
    #[doc(alias = "BCEWithLogitsLoss")]
    BceWithLogits { weight: Option<Tensor<f64>> = None, pos_weight: Option<Tensor<f64>> = None }
}

impl BceWithLogits {
    /// Multiplies the losses by weights that broadcast to their shape.
    pub fn weight(self, weight: impl Into<Tensor<f64>>) -> Self {
        Self { weight: Some(weight.into()), ..self }
    }

    /// Multiplies the part of the target that is true by weights that broadcast to the shape of
    /// the logits: above 1 for a class that is rare.
    pub fn pos_weight(self, weight: impl Into<Tensor<f64>>) -> Self {
        Self { pos_weight: Some(weight.into()), ..self }
    }

    /// The loss of the logits `x`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, x: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        let t = beside("bce_with_logits", x, target);
        let positive = weighted("bce_with_logits", t * (-x).softplus(), self.pos_weight.as_ref());
        let loss = positive + (1.0 - t) * x.softplus();
        self.reduction.of(weighted("bce_with_logits", loss, self.weight.as_ref()))
    }
}
