//! Features with mean 0 and standard deviation 1.

use wengert_tensor::{Float, Tensor};

/// Subtracts the mean of each column and divides by its standard deviation, as fitted on one
/// set of rows and applied to others.
///
/// Fit it on the training rows only: what it learns from validation or test rows leaks into
/// training. A column that is constant where it was fitted is only centred.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::Standardize;
///
/// let training: Tensor = tensor![[1.0, 5.0], [3.0, 5.0]];
/// let scale = Standardize::fit(&training);
/// assert_eq!(scale.apply(&training), tensor![[-1.0, 0.0], [1.0, 0.0]]);
/// assert_eq!(scale.apply(&tensor![[2.0, 6.0]]), tensor![[0.0, 1.0]]);
/// ```
#[derive(Clone, Debug)]
pub struct Standardize<T: Float = f32> {
    mean: Tensor<T>,
    sd: Tensor<T>,
}

impl<T: Float> Standardize<T> {
    /// Mean and (biased) standard deviation of every column of `features`, of shape
    /// `[rows, …]`.
    ///
    /// # Panics
    /// If there is no row.
    #[track_caller]
    pub fn fit(features: &Tensor<T>) -> Self {
        let rows = features.shape().first().copied().unwrap_or(0);
        assert!(rows > 0, "standardize: nothing to fit in shape {}", features.shape());
        // Not by its deviation, which rounding may keep from 0.
        let constant = features.max(0).eq(features.min(0));
        let sd = Tensor::where_(&constant, T::ONE, features.std(0, 0));
        Self { mean: features.mean(0), sd }
    }

    /// `(features − mean) / sd`, column by column.
    ///
    /// # Panics
    /// If the columns differ from those it was fitted on.
    #[track_caller]
    pub fn apply(&self, features: &Tensor<T>) -> Tensor<T> {
        let (shape, columns) = (features.shape(), self.mean.shape());
        assert!(
            shape.get(1..) == Some(&columns[..]),
            "standardize: features of shape {shape}, fitted on columns {columns}"
        );
        (features - &self.mean) / &self.sd
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wengert_tensor::{Rng, tensor};

    #[test]
    fn fitted_columns_have_mean_zero_and_deviation_one() {
        let x: Tensor<f64> = Tensor::normal([500, 3], 40.0, 7.0, &mut Rng::seed(1));
        let scaled = Standardize::fit(&x).apply(&x);
        scaled.mean(0).assert_close(&tensor![0.0, 0.0, 0.0], 0.0, 1e-12);
        scaled.std(0, 0).assert_close(&tensor![1.0, 1.0, 1.0], 1e-12, 0.0);
    }

    #[test]
    fn other_rows_are_scaled_by_what_was_fitted() {
        let x: Tensor<f64> = tensor![[10.0], [14.0]];
        assert_eq!(Standardize::fit(&x).apply(&tensor![[16.0], [12.0]]), tensor![[2.0], [0.0]]);
    }

    #[test]
    fn a_constant_column_whose_mean_is_rounded_is_not_blown_up() {
        for value in [0.0, 0.1, 1e-30, -1.0 / 3.0, 1e30] {
            let x = Tensor::<f64>::full([1000, 1], value);
            let scaled = Standardize::fit(&x).apply(&x);
            assert!(scaled.iter().all(|v| v.abs() <= 1e-12 * f64::abs(value)), "{value}");
        }
    }

    #[test]
    #[should_panic(expected = "standardize: features of shape [1, 3], fitted on columns [2]")]
    fn columns_must_match() {
        Standardize::<f32>::fit(&Tensor::zeros([4, 2])).apply(&Tensor::zeros([1, 3]));
    }
}
