//! How far predicted numbers are off.

use wengert_tensor::{Float, Tensor};

use super::Metric;

/// The errors of predicted numbers, gathered batch by batch in `f64`.
///
/// The first axis counts the rows; what is behind it are several numbers a row, each a column.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::RegressionErrors;
///
/// let mut errors = RegressionErrors::new();
/// let (predicted, targets): (Tensor, Tensor) = (tensor![2.5, 0.0], tensor![3.0, -0.5]);
/// errors.add(&predicted, &targets);
/// errors.add(&tensor![2.0f32, 8.0], &tensor![2.0f32, 7.0]);
/// assert_eq!((errors.mean_squared(), errors.mean_absolute()), (0.375, 0.5));
/// assert!((errors.r_squared() - 0.948608).abs() < 1e-6);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegressionErrors {
    /// The number of rows, then five numbers a column: see [`Column`].
    sums: Vec<f64>,
}

/// Where the numbers of a column are among its five: sums of the errors' squares and magnitudes,
/// the mean of the targets, the sum of their squared distances from it, and the largest error.
struct Column;

impl Column {
    const SIZE: usize = 5;
    const SQUARES: usize = 0;
    const MAGNITUDES: usize = 1;
    const MEAN: usize = 2;
    const SPREAD: usize = 3;
    const LARGEST: usize = 4;
}

impl RegressionErrors {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds predictions and their targets, of one shape, `[rows, …]`.
    ///
    /// # Panics
    /// If the shapes differ, or there are more or fewer columns than before.
    #[track_caller]
    pub fn add<T: Float>(&mut self, predicted: &Tensor<T>, targets: &Tensor<T>) {
        let (p, t) = (predicted.shape(), targets.shape());
        assert!(p == t && !t.is_empty(), "regression errors: predictions of shape {p} for targets of shape {t}");
        let columns = t[1..].iter().product::<usize>();
        if self.sums.is_empty() {
            self.sums = vec![0.0; 1 + Column::SIZE * columns];
        }
        let before = self.columns().len();
        assert!(before == columns, "regression errors: {columns} columns after {before}");
        let (mut predicted, mut targets) = (predicted.iter(), targets.iter());
        for _ in 0..t[0] {
            self.sums[0] += 1.0;
            let rows = self.sums[0];
            for column in self.sums[1..].chunks_exact_mut(Column::SIZE) {
                let [p, t] = [predicted.next(), targets.next()].map(|value| value.map_or(f64::NAN, T::to_f64));
                let error = p - t;
                column[Column::SQUARES] += error * error;
                column[Column::MAGNITUDES] += error.abs();
                column[Column::LARGEST] = column[Column::LARGEST].max(error.abs());
                // Welford, "Note on a method for calculating corrected sums of squares" (1962).
                let from_mean = t - column[Column::MEAN];
                column[Column::MEAN] += from_mean / rows;
                column[Column::SPREAD] += from_mean * (t - column[Column::MEAN]);
            }
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.sums.first().map_or(0, |&rows| rows as u64)
    }

    /// The mean of the squared errors; NaN of none.
    pub fn mean_squared(&self) -> f64 {
        self.mean(Column::SQUARES)
    }

    /// The square root of [`RegressionErrors::mean_squared`].
    pub fn root_mean_squared(&self) -> f64 {
        self.mean_squared().sqrt()
    }

    /// The mean of the errors' magnitudes; NaN of none.
    pub fn mean_absolute(&self) -> f64 {
        self.mean(Column::MAGNITUDES)
    }

    /// The largest magnitude of an error, NaN aside; 0 of none.
    pub fn largest(&self) -> f64 {
        self.columns().map(|column| column[Column::LARGEST]).fold(0.0, f64::max)
    }

    /// The coefficient of determination R²: 1 less the share of the targets' variance that is
    /// left in the errors, the mean over the columns; NaN of none.
    ///
    /// A column of equal targets has 1 if all are met and otherwise 0, as in scikit-learn.
    pub fn r_squared(&self) -> f64 {
        let of_column = |column: &[f64]| match (column[Column::SQUARES], column[Column::SPREAD]) {
            (0.0, 0.0) => 1.0,
            (_, 0.0) => 0.0,
            (left, all) => 1.0 - left / all,
        };
        let columns = self.columns();
        let count = columns.len() as f64;
        if self.rows() == 0 { f64::NAN } else { columns.map(of_column).sum::<f64>() / count }
    }

    fn columns(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.sums.get(1..).unwrap_or_default().chunks_exact(Column::SIZE)
    }

    fn mean(&self, which: usize) -> f64 {
        let columns = self.columns();
        let count = (self.rows() * columns.len() as u64) as f64;
        columns.map(|column| column[which]).sum::<f64>() / count
    }
}

macro_rules! regression_metrics {
    ($($(#[$doc:meta])* $name:ident, $label:literal, $method:ident, $larger_is_better:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl<T: Float> Metric<Tensor<T>, T> for $name {
            fn name(&self) -> String {
                $label.to_owned()
            }

            fn larger_is_better(&self) -> bool {
                $larger_is_better
            }

            fn add(&self, sums: &mut Vec<f64>, outputs: &Tensor<T>, targets: &Tensor<T>) {
                let mut errors = RegressionErrors { sums: std::mem::take(sums) };
                errors.add(outputs, targets);
                *sums = errors.sums;
            }

            fn value(&self, sums: &[f64]) -> f64 {
                RegressionErrors { sums: sums.to_vec() }.$method()
            }
        }
    )*};
}
regression_metrics! {
    /// The mean of the squared errors.
    MeanSquaredError, "MSE", mean_squared, false;
    /// The square root of the mean of the squared errors.
    RootMeanSquaredError, "RMSE", root_mean_squared, false;
    /// The mean of the errors' magnitudes.
    MeanAbsoluteError, "MAE", mean_absolute, false;
    /// The coefficient of determination, as [`RegressionErrors::r_squared`].
    RSquared, "R²", r_squared, true;
}
