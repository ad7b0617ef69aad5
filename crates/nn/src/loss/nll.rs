//! The negative log likelihood.

use wengert_autograd::Var;
use wengert_tensor::{Float, Tensor};

use super::classes::{Targets, checked_weights, classes_last};
use super::loss;

loss! {
    /// The negative log likelihood of given classes, −x\[class\] for each row of logarithms of
    /// probabilities: PyTorch's `NLLLoss`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Activation, Loss, Nll};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let logits = tape.var(tensor![[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]);
    /// let loss = Nll::new().of(logits.log_softmax(-1), &tensor![0, 2]);
    /// assert!((loss.item() - logits.cross_entropy(&tensor![0, 2]).item()).abs() < 1e-15);
    /// ```
    #[doc(alias = "NLLLoss")]
    Nll { ignore_index: Option<i64> = None, weights: Option<Vec<f64>> = None, axis: isize = -1 }
}

impl Nll {
    /// Rows of this class have the loss 0 and do not count in the mean, which is NaN if no row
    /// counts. None unless told; in PyTorch −100.
    pub fn ignore_index(self, class: i64) -> Self {
        Self { ignore_index: Some(class), ..self }
    }

    /// Multiplies the loss of a row by the weight of its class; the mean is over the weights.
    ///
    /// # Panics
    /// If a weight is negative or not finite.
    #[track_caller]
    pub fn class_weights(self, weights: impl Into<Vec<f64>>) -> Self {
        Self { weights: Some(checked_weights("nll", weights.into())), ..self }
    }

    /// Which axis is that of the classes; the last unless told, and 1 in PyTorch.
    pub fn class_axis(self, axis: isize) -> Self {
        Self { axis, ..self }
    }

    /// The loss of these logarithms of probabilities.
    ///
    /// # Panics
    /// If the classes have another shape than the rows, one of them is out of range, or there
    /// is not a weight for each class.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, x: Var<'t, T>, classes: &Tensor<i64>) -> Var<'t, T> {
        let x = classes_last("nll", x, self.axis);
        let targets = Targets::new("nll", &x.shape(), classes, self.ignore_index, self.weights.as_deref());
        targets.reduce(targets.weigh(-targets.pick(x)), self.reduction)
    }
}
