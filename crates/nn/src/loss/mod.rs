//! Losses: what training makes small.

mod cross_entropy;

use wengert_autograd::{Operand, Var};
use wengert_tensor::{Float, Tensor};

pub use cross_entropy::{CrossEntropy, Reduction};

/// Losses as methods of [`Var`].
pub trait Loss<'t, T: Float>: Sized {
    /// The mean cross entropy between the softmax of these logits, over the last axis, and one
    /// class for each row; [`CrossEntropy`] has options.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_nn::Loss;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let logits = tape.var(tensor![[0.0, 0.0], [1000.0, 0.0]]);
    /// let loss = logits.cross_entropy(&tensor![1, 0]);
    /// assert!((loss.item() - 2f64.ln() / 2.0).abs() < 1e-15);
    /// ```
    /// # Panics
    /// If the classes have another shape than the rows, or one of them is out of range.
    #[track_caller]
    fn cross_entropy(self, classes: &Tensor<i64>) -> Var<'t, T>;

    /// The mean squared error: the mean of (x − target)² over all elements.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_nn::Loss;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0]);
    /// assert_eq!(x.mse(&tensor![1.0, 5.0]).item(), 4.5);
    /// ```
    /// # Panics
    /// If the shapes differ: a loss does not broadcast.
    #[track_caller]
    fn mse(self, target: impl Operand<'t, T>) -> Var<'t, T>;
}

impl<'t, T: Float> Loss<'t, T> for Var<'t, T> {
    fn cross_entropy(self, classes: &Tensor<i64>) -> Var<'t, T> {
        CrossEntropy::new().of(self, classes)
    }

    fn mse(self, target: impl Operand<'t, T>) -> Var<'t, T> {
        let target = target.on(self.tape());
        let (x, y) = (self.shape(), target.shape());
        assert!(x == y, "mse: a prediction of shape {x} and a target of shape {y} (a loss does not broadcast)");
        (self - target).square().mean(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check, message_of};
    use wengert_autograd::Tape;
    use wengert_tensor::Rng;

    #[test]
    fn mse_is_the_mean_of_squares() {
        let mut rng = Rng::seed(6);
        let (x, y) = (Tensor::normal([3, 2], 0.0, 1.0, &mut rng), Tensor::normal([3, 2], 0.0, 1.0, &mut rng));
        let tape = Tape::<f64>::new();
        let naive = x.iter().zip(y.iter()).map(|(x, y)| (x - y) * (x - y)).sum::<f64>() / 6.0;
        assert_close(&tape.var(&x).mse(&y).value(), &naive.into(), 1e-14);
        check(|x| x.mse(&y), &x);
        check(|y| y.tape().var(&x).mse(y), &y);
        let message = message_of(|| drop(tape.var(Tensor::zeros([3])).mse(&Tensor::zeros([3, 1])).shape()));
        assert_eq!(message, "mse: a prediction of shape [3] and a target of shape [3, 1] (a loss does not broadcast)");
    }
}
