//! How good predictions are.
//!
//! [`ConfusionMatrix`] and [`RegressionErrors`] gather batches and then tell everything; a
//! [`Metric`] is one number of those, for a [`Trainer`](crate::Trainer).

mod classes;
mod confusion;
mod regression;
mod tally;

use wengert_tensor::{Float, Tensor};

pub use classes::{Accuracy, F1, Precision, Recall, TopK, accuracy, top_k_accuracy};
pub use confusion::{Average, ConfusionMatrix};
pub use regression::{MeanAbsoluteError, MeanSquaredError, RSquared, RegressionErrors, RootMeanSquaredError};
pub(crate) use tally::{Metrics, Tally};

/// A number that tells how good the outputs of a model are, for targets of type `Y`.
///
/// It describes the number and holds nothing: what has been seen so far is in `sums`, empty at
/// first, which a checkpoint can save in the middle of an epoch.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::{Accuracy, Metric};
///
/// let mut sums = Vec::new();
/// let scores: Tensor = tensor![[0.9, 0.1], [0.2, 0.8]];
/// Accuracy.add(&mut sums, &scores, &tensor![0i64, 1]);
/// Accuracy.add(&mut sums, &scores, &tensor![1i64, 1]);
/// let accuracy = Metric::<Tensor<i64>, f32>::value(&Accuracy, &sums);
/// assert_eq!(accuracy, 0.75);
/// ```
pub trait Metric<Y = Tensor<i64>, T: Float = f32> {
    /// What it is called in histories and reports.
    fn name(&self) -> String;

    /// Whether a model is better if the number is larger.
    fn larger_is_better(&self) -> bool {
        true
    }

    /// Adds a batch to `sums`.
    ///
    /// # Panics
    /// If outputs and targets do not fit.
    #[track_caller]
    fn add(&self, sums: &mut Vec<f64>, outputs: &Tensor<T>, targets: &Y);

    /// The number for all that was added.
    fn value(&self, sums: &[f64]) -> f64;
}

#[cfg(test)]
mod tests;
