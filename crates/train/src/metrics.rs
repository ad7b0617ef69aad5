//! How good predicted labels are.

use std::fmt;

use wengert_tensor::Tensor;

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

/// How often each label was predicted as each: rows are labels, columns predictions.
///
/// ```
/// use wengert_tensor::tensor;
/// use wengert_train::ConfusionMatrix;
///
/// let matrix = ConfusionMatrix::new(&tensor![0i64, 1, 1, 1], &tensor![0i64, 0, 1, 1], 2);
/// assert_eq!(matrix.counts(), &tensor![[1i64, 1], [0, 2]]);
/// assert_eq!((matrix.accuracy(), matrix.recall(0), matrix.precision(1)), (0.75, 0.5, 2.0 / 3.0));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionMatrix {
    counts: Tensor<i64>,
}

impl ConfusionMatrix {
    /// Counts over `classes` classes, which labels number from 0.
    ///
    /// # Panics
    /// If the shapes differ or a label is out of range.
    #[track_caller]
    pub fn new(predicted: &Tensor<i64>, labels: &Tensor<i64>, classes: usize) -> Self {
        let (p, l) = (predicted.shape(), labels.shape());
        assert!(p == l, "confusion matrix: predictions of shape {p} for labels of shape {l}");
        let mut counts = vec![0; classes * classes];
        for (p, l) in predicted.iter().zip(labels.iter()) {
            let valid = 0..classes as i64;
            assert!(valid.contains(&p), "confusion matrix: prediction {p} of {classes} classes");
            assert!(valid.contains(&l), "confusion matrix: label {l} of {classes} classes");
            counts[l as usize * classes + p as usize] += 1;
        }
        Self { counts: Tensor::from_vec(counts, [classes, classes]) }
    }

    /// The counts, of shape `[labels, predictions]`.
    pub fn counts(&self) -> &Tensor<i64> {
        &self.counts
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.counts.shape()[0]
    }

    /// The share of predictions that equal their label; NaN of none.
    pub fn accuracy(&self) -> f64 {
        let right: i64 = (0..self.classes()).map(|c| self.counts.at([c, c])).sum();
        right as f64 / self.counts.iter().sum::<i64>() as f64
    }

    /// The share of rows with label `class` that were predicted so; NaN if there are none.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn recall(&self, class: usize) -> f64 {
        let all: i64 = (0..self.classes()).map(|p| self.counts.at([class, p])).sum();
        self.counts.at([class, class]) as f64 / all as f64
    }

    /// The share of predictions of `class` that were right; NaN if there are none.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn precision(&self, class: usize) -> f64 {
        let all: i64 = (0..self.classes()).map(|l| self.counts.at([l, class])).sum();
        self.counts.at([class, class]) as f64 / all as f64
    }
}

/// An aligned table; a dot stands for 0, so that mistakes stand out.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes = self.classes();
        let widest = self.counts.iter().max().unwrap_or(0).max(classes as i64 - 1);
        let width = widest.to_string().len() + 2;
        write!(f, "label")?;
        (0..classes).try_for_each(|predicted| write!(f, "{predicted:>width$}"))?;
        write!(f, "  recall")?;
        for label in 0..classes {
            write!(f, "\n{label:>5}")?;
            for predicted in 0..classes {
                match self.counts.at([label, predicted]) {
                    0 => write!(f, "{:>width$}", '·')?,
                    count => write!(f, "{count:>width$}")?,
                }
            }
            write!(f, "  {:6.4}", self.recall(label))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wengert_tensor::tensor;

    #[test]
    fn the_table_is_aligned() {
        let labels: Vec<i64> = [vec![0; 100], vec![1; 3], vec![2; 4]].concat();
        let mut predicted = labels.clone();
        predicted[100] = 0;
        predicted[106] = 1;
        let matrix = ConfusionMatrix::new(&predicted.into(), &labels.into(), 3);
        let expected = "\
label    0    1    2  recall
    0  100    ·    ·  1.0000
    1    1    2    ·  0.6667
    2    ·    1    3  0.7500";
        assert_eq!(matrix.to_string(), expected);
    }

    #[test]
    fn the_matrix_agrees_with_the_accuracy() {
        let (predicted, labels) = (tensor![0i64, 2, 2, 1], tensor![0i64, 1, 2, 1]);
        assert_eq!(ConfusionMatrix::new(&predicted, &labels, 3).accuracy(), accuracy(&predicted, &labels));
        assert_eq!(accuracy(&predicted, &labels), 0.75);
        assert!(accuracy(&Tensor::zeros([0]), &Tensor::zeros([0])).is_nan());
    }

    #[test]
    #[should_panic(expected = "confusion matrix: prediction 3 of 3 classes")]
    fn a_prediction_out_of_range_is_refused() {
        ConfusionMatrix::new(&tensor![3i64], &tensor![0i64], 3);
    }

    #[test]
    #[should_panic(expected = "accuracy: predictions of shape [2] for labels of shape [1]")]
    fn shapes_must_match() {
        accuracy(&tensor![0i64, 1], &tensor![0i64]);
    }
}
