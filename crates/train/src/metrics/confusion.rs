//! Which classes are taken for which.

use std::fmt;

use wengert_tensor::Tensor;

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

    pub(super) fn from_counts(counts: Tensor<i64>) -> Self {
        Self { counts }
    }

    /// Counts further predictions.
    ///
    /// # Panics
    /// If the shapes differ or a label is out of range.
    #[track_caller]
    pub fn add(&mut self, predicted: &Tensor<i64>, labels: &Tensor<i64>) {
        self.counts = &self.counts + &Self::new(predicted, labels, self.classes()).counts;
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
        let Row { right, labels, .. } = self.row(class);
        right / labels
    }

    /// The share of predictions of `class` that were right; NaN if there are none.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn precision(&self, class: usize) -> f64 {
        let Row { right, predictions, .. } = self.row(class);
        right / predictions
    }

    /// The harmonic mean of precision and recall of `class`, 2·right / (labels + predictions); NaN
    /// if it is neither a label nor a prediction.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn f1(&self, class: usize) -> f64 {
        let Row { right, labels, predictions } = self.row(class);
        2.0 * right / (labels + predictions)
    }

    /// The recall of all classes as one number; what is undefined counts as 0, as in scikit-learn.
    pub fn mean_recall(&self, average: Average) -> f64 {
        self.mean(average, Self::recall)
    }

    /// The precision of all classes as one number; what is undefined counts as 0, as in
    /// scikit-learn.
    pub fn mean_precision(&self, average: Average) -> f64 {
        self.mean(average, Self::precision)
    }

    /// The F1 of all classes as one number.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// use wengert_train::{Average, ConfusionMatrix};
    ///
    /// let matrix = ConfusionMatrix::new(&tensor![0i64, 1, 1, 1], &tensor![0i64, 0, 1, 1], 2);
    /// assert_eq!(matrix.f1(1), 0.8);
    /// assert_eq!(matrix.mean_f1(Average::Macro), (matrix.f1(0) + matrix.f1(1)) / 2.0);
    /// ```
    pub fn mean_f1(&self, average: Average) -> f64 {
        self.mean(average, Self::f1)
    }

    fn mean(&self, average: Average, score: fn(&Self, usize) -> f64) -> f64 {
        if average == Average::Micro {
            return self.accuracy();
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for class in 0..self.classes() {
            let Row { labels, predictions, .. } = self.row(class);
            let weight = match average {
                Average::Weighted => labels,
                _ => f64::from(labels + predictions > 0.0),
            };
            let score = score(self, class);
            sum += weight * if score.is_nan() { 0.0 } else { score };
            weights += weight;
        }
        sum / weights
    }

    #[track_caller]
    fn row(&self, class: usize) -> Row {
        let classes = self.classes();
        assert!(class < classes, "confusion matrix: class {class} of {classes}");
        let sum = |at: &dyn Fn(usize) -> [usize; 2]| (0..classes).map(|c| self.counts.at(at(c))).sum::<i64>() as f64;
        Row {
            right: self.counts.at([class, class]) as f64,
            labels: sum(&|other| [class, other]),
            predictions: sum(&|other| [other, class]),
        }
    }
}

/// How often a class was a label, a prediction, and both.
struct Row {
    right: f64,
    labels: f64,
    predictions: f64,
}

/// How numbers of several classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// Their mean over the classes that occur.
    Macro,
    /// The number for all rows, whatever their class; this is the accuracy.
    Micro,
    /// Their mean over the classes, each counting as often as it is a label.
    Weighted,
}

impl fmt::Display for Average {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Macro => "macro",
            Self::Micro => "micro",
            Self::Weighted => "weighted",
        })
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
