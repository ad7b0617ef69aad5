//! How good predicted classes are.

use wengert_tensor::{Float, Tensor};

use super::Metric;
use super::confusion::{Average, ConfusionMatrix};

/// The share of predictions that equal their label; NaN of none.
///
/// ```
/// use wengert_tensor::tensor;
/// let scores = tensor![[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]];
/// # let scores: wengert_tensor::Tensor = scores;
/// assert_eq!(wengert_train::accuracy(&scores.argmax(1), &tensor![0i64, 1, 1]), 2.0 / 3.0);
/// ```
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn accuracy(predicted: &Tensor<i64>, labels: &Tensor<i64>) -> f64 {
    let (p, l) = (predicted.shape(), labels.shape());
    assert!(p == l, "accuracy: predictions of shape {p} for labels of shape {l}");
    let right = predicted.iter().zip(labels.iter()).filter(|(p, l)| p == l).count();
    right as f64 / labels.count() as f64
}

/// The share of rows whose label is among the `k` classes with the highest scores; NaN of none.
///
/// The classes are the last axis of `scores`. Of equal scores the first class is the higher, and
/// NaN is higher than all, as for `argmax`.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// let scores: Tensor = tensor![[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]];
/// assert_eq!(wengert_train::top_k_accuracy(&scores, &tensor![1i64, 0], 2), 0.5);
/// ```
/// # Panics
/// If `labels` is not of the shape of the rows, or a label is not one of the classes.
#[track_caller]
pub fn top_k_accuracy<T: Float>(scores: &Tensor<T>, labels: &Tensor<i64>, k: usize) -> f64 {
    let outside = labels.iter().find(|label| *label < 0);
    assert!(outside.is_none(), "top_k_accuracy: label {} is not one of the classes", outside.unwrap_or(0));
    let mut sums = Vec::new();
    TopK(k).add(&mut sums, scores, labels);
    Metric::<Tensor<i64>, T>::value(&TopK(k), &sums)
}

/// The number of classes that scores are for, whose rows the labels fit.
#[track_caller]
fn classes<T: Float>(what: &str, scores: &Tensor<T>, labels: &Tensor<i64>) -> usize {
    let (s, l) = (scores.shape(), labels.shape());
    match s.split_last() {
        Some((&classes, rows)) if *rows == **l && classes > 0 => classes,
        _ => panic!("{what}: scores of shape {s} for labels of shape {l}"),
    }
}

/// The share of rows whose label has the highest score of the last axis.
///
/// As for all metrics of classes, rows with a negative label do not count: this is how rows are
/// marked that a loss is to ignore.
#[derive(Clone, Copy, Debug)]
pub struct Accuracy;

impl<T: Float> Metric<Tensor<i64>, T> for Accuracy {
    fn name(&self) -> String {
        "accuracy".to_owned()
    }

    fn add(&self, sums: &mut Vec<f64>, scores: &Tensor<T>, labels: &Tensor<i64>) {
        classes("accuracy", scores, labels);
        let predicted = scores.argmax(-1);
        let rows = predicted.iter().zip(labels.iter()).filter(|(_, label)| *label >= 0);
        count(sums, rows.map(|(predicted, label)| predicted == label));
    }

    fn value(&self, sums: &[f64]) -> f64 {
        share(sums)
    }
}

/// The share of rows whose label is among this many classes with the highest scores, as
/// [`top_k_accuracy`].
#[derive(Clone, Copy, Debug)]
pub struct TopK(pub usize);

impl<T: Float> Metric<Tensor<i64>, T> for TopK {
    fn name(&self) -> String {
        format!("top-{} accuracy", self.0)
    }

    fn add(&self, sums: &mut Vec<f64>, scores: &Tensor<T>, labels: &Tensor<i64>) {
        let classes = classes("top-k accuracy", scores, labels);
        let scores = scores.to_vec();
        let rows = scores.chunks_exact(classes).zip(labels.iter()).filter(|(_, label)| *label >= 0);
        count(
            sums,
            rows.map(|(row, label)| {
                let own = row.get(label as usize);
                let own = *own.unwrap_or_else(|| panic!("top-k accuracy: label {label} of {classes} classes"));
                let is_higher = |(class, score): (usize, &T)| {
                    let equal = *score == own || score.is_nan() && own.is_nan();
                    *score > own || score.is_nan() && !own.is_nan() || equal && class < label as usize
                };
                row.iter().enumerate().filter(|&other| is_higher(other)).count() < self.0
            }),
        );
    }

    fn value(&self, sums: &[f64]) -> f64 {
        share(sums)
    }
}

/// Adds to the rows that are right and to all rows.
fn count(sums: &mut Vec<f64>, right: impl Iterator<Item = bool>) {
    sums.resize(2, 0.0);
    for right in right {
        sums[0] += f64::from(right);
        sums[1] += 1.0;
    }
}

fn share(sums: &[f64]) -> f64 {
    if let [right, all] = sums { right / all } else { f64::NAN }
}

macro_rules! from_confusion {
    ($($(#[$doc:meta])* $name:ident, $label:literal, $method:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name(pub Average);

        impl<T: Float> Metric<Tensor<i64>, T> for $name {
            fn name(&self) -> String {
                format!("{} {}", self.0, $label)
            }

            fn add(&self, sums: &mut Vec<f64>, scores: &Tensor<T>, labels: &Tensor<i64>) {
                let classes = classes($label, scores, labels);
                sums.resize(classes * classes, 0.0);
                let predicted = scores.argmax(-1);
                for (predicted, label) in predicted.iter().zip(labels.iter()).filter(|(_, label)| *label >= 0) {
                    assert!(label < classes as i64, "{}: label {label} of {classes} classes", $label);
                    sums[label as usize * classes + predicted as usize] += 1.0;
                }
            }

            fn value(&self, sums: &[f64]) -> f64 {
                let classes = sums.len().isqrt();
                let counts = sums.iter().map(|&count| count as i64).collect();
                ConfusionMatrix::from_counts(Tensor::from_vec(counts, [classes, classes])).$method(self.0)
            }
        }
    )*};
}
from_confusion! {
    /// Of the predictions of a class, the share that were right, averaged over the classes.
    Precision, "precision", mean_precision;
    /// Of the rows of a class, the share that were predicted so, averaged over the classes.
    Recall, "recall", mean_recall;
    /// The harmonic mean of precision and recall of a class, averaged over the classes.
    F1, "F1", mean_f1;
}
