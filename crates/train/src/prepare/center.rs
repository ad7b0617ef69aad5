//! Features with mean 0.

use serde::{Deserialize, Serialize};
use wengert_tensor::{Float, Tensor};

use super::columns::Columns;
use super::error::check;
use super::{FitError, Transform};

/// Subtracts the mean of each column.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::{Center, Transform};
///
/// let training: Tensor = tensor![[1.0, 5.0], [3.0, 7.0]];
/// let center = Center::fit(&training)?;
/// assert_eq!(center.apply(&training), tensor![[-1.0, -1.0], [1.0, 1.0]]);
/// # Ok::<(), wengert_train::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Center<T: Float = f32> {
    center: Columns<T>,
}

impl<T: Float> Center<T> {
    /// The mean of each column.
    pub fn mean(&self) -> &Tensor<T> {
        &self.center.shift
    }
}

impl<T: Float> Transform<T> for Center<T> {
    type Options = ();

    fn fit_with(features: &Tensor<T>, (): ()) -> Result<Self, FitError> {
        check(features, 1)?;
        let mean = features.mean(0);
        let ones = Tensor::ones(mean.shape().clone());
        Ok(Self { center: Columns::new(mean, ones)? })
    }

    fn apply(&self, features: &Tensor<T>) -> Tensor<T> {
        self.center.apply("center", features)
    }

    fn invert(&self, transformed: &Tensor<T>) -> Tensor<T> {
        self.center.invert("center", transformed)
    }
}
