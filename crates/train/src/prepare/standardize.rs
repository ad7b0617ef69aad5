//! Features with mean 0 and standard deviation 1.

use serde::{Deserialize, Serialize};
use wengert_tensor::{Float, Tensor};

use super::columns::Columns;
use super::error::check;
use super::{FitError, Transform};

/// Subtracts the mean of each column and divides by its (biased) standard deviation. A column
/// that is constant where it was fitted is only centred.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::{Standardize, Transform};
///
/// let training: Tensor = tensor![[1.0, 5.0], [3.0, 5.0]];
/// let scale = Standardize::fit(&training)?;
/// assert_eq!(scale.apply(&training), tensor![[-1.0, 0.0], [1.0, 0.0]]);
/// assert_eq!(scale.apply(&tensor![[2.0, 6.0]]), tensor![[0.0, 1.0]]);
/// # Ok::<(), wengert_train::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Standardize<T: Float = f32> {
    standardize: Columns<T>,
}

impl<T: Float> Standardize<T> {
    /// The mean of each column.
    pub fn mean(&self) -> &Tensor<T> {
        &self.standardize.shift
    }

    /// The standard deviation of each column, or 1 if that is 0.
    pub fn sd(&self) -> &Tensor<T> {
        &self.standardize.scale
    }
}

/// Standard deviations over these axes, 1 where all values are the same.
pub(super) fn deviations<T: Float>(features: &Tensor<T>, axes: &[isize]) -> Tensor<T> {
    // Not by their deviation, which rounding may keep from 0.
    let constant = features.max(axes).eq(features.min(axes));
    Tensor::where_(&constant, T::ONE, features.std(axes, 0))
}

impl<T: Float> Transform<T> for Standardize<T> {
    type Options = ();

    fn fit_with(features: &Tensor<T>, (): ()) -> Result<Self, FitError> {
        check(features, 1)?;
        Ok(Self { standardize: Columns::new(features.mean(0), deviations(features, &[0]))? })
    }

    fn apply(&self, features: &Tensor<T>) -> Tensor<T> {
        self.standardize.apply("standardize", features)
    }

    fn invert(&self, transformed: &Tensor<T>) -> Tensor<T> {
        self.standardize.invert("standardize", transformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wengert_tensor::{Rng, tensor};

    #[test]
    fn fitted_columns_have_mean_zero_and_deviation_one() {
        let x: Tensor<f64> = Tensor::normal([500, 3], 40.0, 7.0, &mut Rng::seed(1));
        let scaled = Standardize::fit(&x).unwrap().apply(&x);
        scaled.mean(0).assert_close(&tensor![0.0, 0.0, 0.0], 0.0, 1e-12);
        scaled.std(0, 0).assert_close(&tensor![1.0, 1.0, 1.0], 1e-12, 0.0);
    }

    #[test]
    fn other_rows_are_scaled_by_what_was_fitted() {
        let x: Tensor<f64> = tensor![[10.0], [14.0]];
        assert_eq!(Standardize::fit(&x).unwrap().apply(&tensor![[16.0], [12.0]]), tensor![[2.0], [0.0]]);
    }

    #[test]
    fn a_constant_column_whose_mean_is_rounded_is_not_blown_up() {
        for value in [0.0, 0.1, 1e-30, -1.0 / 3.0, 1e30] {
            let x = Tensor::<f64>::full([1000, 1], value);
            let scaled = Standardize::fit(&x).unwrap().apply(&x);
            assert!(scaled.iter().all(|v| v.abs() <= 1e-12 * f64::abs(value)), "{value}");
        }
    }
}
