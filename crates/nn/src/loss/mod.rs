//! Losses: what training makes small.
//!
//! Each is a type with its options, whose `of` records the loss as an expression; the commonest
//! are methods of [`Var`] too, which take the mean. All end in the same [`Reduction`].

mod binary;
mod classes;
mod cross_entropy;
mod ctc;
mod divergence;
mod margin;
mod nll;
mod penalty;
mod regression;
mod similarity;

use wengert_autograd::{Operand, Var};
use wengert_tensor::{Float, Tensor};

pub use binary::{Bce, BceWithLogits};
pub use cross_entropy::CrossEntropy;
pub use ctc::Ctc;
pub use divergence::KlDiv;
pub use margin::{Hinge, HingeEmbedding, MarginRanking, MultiMargin};
pub use nll::Nll;
pub use penalty::{elastic_penalty, l1_penalty, l2_penalty, max_norm};
pub use regression::{Huber, L1, Mse, SmoothL1};
pub use similarity::{CosineEmbedding, TripletMargin};

/// What becomes of the losses of the elements, or of the rows where a loss is one of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean; the weighted mean where classes have weights.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// They are kept.
    None,
}

impl Reduction {
    #[track_caller]
    fn of<T: Float>(self, loss: Var<'_, T>) -> Var<'_, T> {
        match self {
            Self::Mean => loss.mean(..),
            Self::Sum => loss.sum(..),
            Self::None => loss,
        }
    }
}

/// A loss with its options: `new`, with their defaults, and the option that all have.
macro_rules! loss {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $default:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            reduction: crate::Reduction,
            $($field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { reduction: crate::Reduction::Mean, $($field: $default,)* }
            }
        }

        impl $name {
            /// The mean, with no other options.
            pub fn new() -> Self {
                Self::default()
            }

            /// What becomes of the losses of the elements or rows.
            pub fn reduction(mut self, reduction: crate::Reduction) -> Self {
                self.reduction = reduction;
                self
            }
        }
    };
}
use loss;

/// `target` beside the prediction `x`, whose shape it must have.
#[track_caller]
fn beside<'t, T: Float>(op: &str, x: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
    let target = target.on(x.tape());
    let (left, right) = (x.shape(), target.shape());
    assert!(
        left == right,
        "{op}: a prediction of shape {left} and a target of shape {right}: a loss does not broadcast; reshape one"
    );
    target
}

/// A margin, refused unless it is finite.
#[track_caller]
fn checked_margin(op: &str, margin: f64) -> f64 {
    assert!(margin.is_finite(), "{op}: a margin of {margin}");
    margin
}

/// The loss times weights that broadcast to its shape.
#[track_caller]
fn weighted<'t, T: Float>(op: &str, loss: Var<'t, T>, weights: Option<&Tensor<f64>>) -> Var<'t, T> {
    let Some(weights) = weights else {
        return loss;
    };
    let shape = loss.shape();
    let fits = wengert_tensor::broadcast(&shape, weights.shape()).is_ok_and(|whole| whole == shape);
    assert!(fits, "{op}: weights of shape {} do not broadcast to {shape}", weights.shape());
    loss * &weights.cast::<T>()
}

/// Losses as methods of [`Var`]: the mean, with default options.
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

    /// The mean squared error: the mean of (x − target)² over all elements; [`Mse`] has options.
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

    /// The mean absolute error: the mean of |x − target|; [`L1`] has options.
    ///
    /// # Panics
    /// If the shapes differ.
    #[doc(alias = "l1_loss")]
    #[track_caller]
    fn mae(self, target: impl Operand<'t, T>) -> Var<'t, T>;

    /// The mean binary cross entropy between these logits and probabilities;
    /// [`BceWithLogits`] has options.
    ///
    /// # Panics
    /// If the shapes differ.
    #[doc(alias = "binary_cross_entropy_with_logits")]
    #[track_caller]
    fn bce_with_logits(self, target: impl Operand<'t, T>) -> Var<'t, T>;
}

impl<'t, T: Float> Loss<'t, T> for Var<'t, T> {
    fn cross_entropy(self, classes: &Tensor<i64>) -> Var<'t, T> {
        CrossEntropy::new().of(self, classes)
    }

    fn mse(self, target: impl Operand<'t, T>) -> Var<'t, T> {
        Mse::new().of(self, target)
    }

    fn mae(self, target: impl Operand<'t, T>) -> Var<'t, T> {
        L1::new().of(self, target)
    }

    fn bce_with_logits(self, target: impl Operand<'t, T>) -> Var<'t, T> {
        BceWithLogits::new().of(self, target)
    }
}

#[cfg(test)]
mod tests;
