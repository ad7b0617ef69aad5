//! Features within a range.

use serde::{Deserialize, Serialize};
use wengert_tensor::{Float, Tensor};

use super::columns::Columns;
use super::error::check;
use super::{FitError, Transform};

/// Shifts and stretches each column so that its smallest value becomes one end of a range and its
/// largest the other. Other rows may lie outside of it. A column that is constant where it was
/// fitted becomes the lower end.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::{MinMax, Interval, Transform};
///
/// let training: Tensor = tensor![[1.0, 5.0], [3.0, 9.0], [2.0, 6.0]];
/// let scale = MinMax::fit(&training)?;
/// assert_eq!(scale.apply(&training), tensor![[0.0, 0.0], [1.0, 1.0], [0.5, 0.25]]);
///
/// let scale = MinMax::fit_with(&training, Interval { low: -1.0, high: 1.0 })?;
/// assert_eq!(scale.apply(&training), tensor![[-1.0, -1.0], [1.0, 1.0], [0.0, -0.5]]);
/// # Ok::<(), wengert_train::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct MinMax<T: Float = f32> {
    min_max: Columns<T>,
}

/// The range of [`MinMax`]: from 0 to 1, if nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// What the smallest value becomes.
    pub low: f64,
    /// What the largest value becomes.
    pub high: f64,
}

impl Default for Interval {
    fn default() -> Self {
        Self { low: 0.0, high: 1.0 }
    }
}

impl<T: Float> Transform<T> for MinMax<T> {
    type Options = Interval;

    fn fit_with(features: &Tensor<T>, Interval { low, high }: Interval) -> Result<Self, FitError> {
        check(features, 1)?;
        if !(low < high && (high - low).is_finite()) {
            return Err(FitError::Options(format!("min-max: {low} to {high} is no range; `low` is below `high`")));
        }
        let (least, most) = (features.min(0), features.max(0));
        let constant = least.eq(&most);
        let scale = Tensor::where_(&constant, T::ONE, (most - &least) / T::from_f64(high - low));
        let shift = least - &scale * T::from_f64(low);
        Ok(Self { min_max: Columns::new(shift, scale)? })
    }

    fn apply(&self, features: &Tensor<T>) -> Tensor<T> {
        self.min_max.apply("min-max", features)
    }

    fn invert(&self, transformed: &Tensor<T>) -> Tensor<T> {
        self.min_max.invert("min-max", transformed)
    }
}
