//! Images whose channels have mean 0 and standard deviation 1.

use serde::{Deserialize, Serialize};
use wengert_tensor::{Float, Shape, Tensor};

use super::columns::Columns;
use super::error::check;
use super::standardize::deviations;
use super::{FitError, Transform};

/// Subtracts the mean of each channel of `[rows, channels, …]` and divides by its (biased)
/// standard deviation, both over all rows and all pixels. The axes after the channels may have
/// other sizes than where it was fitted.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::{PerChannel, Transform};
///
/// // Two images of two channels of two pixels.
/// let images: Tensor = tensor![[[1.0, 3.0], [0.0, 0.0]], [[3.0, 1.0], [8.0, 8.0]]];
/// let scale = PerChannel::fit(&images)?;
/// assert_eq!(scale.mean(), &tensor![2.0, 4.0]);
/// assert_eq!(scale.apply(&images), tensor![[[-1.0, 1.0], [-1.0, -1.0]], [[1.0, -1.0], [1.0, 1.0]]]);
/// # Ok::<(), wengert_train::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct PerChannel<T: Float = f32> {
    per_channel: Columns<T>,
}

impl<T: Float> PerChannel<T> {
    /// The mean of each channel.
    pub fn mean(&self) -> &Tensor<T> {
        &self.per_channel.shift
    }

    /// The standard deviation of each channel, or 1 if that is 0.
    pub fn sd(&self) -> &Tensor<T> {
        &self.per_channel.scale
    }

    /// Mean and deviation, shaped to go with these features.
    #[track_caller]
    fn beside(&self, features: &Tensor<T>) -> [Tensor<T>; 2] {
        let (shape, channels) = (features.shape(), self.mean().count());
        assert!(
            shape.get(1) == Some(&channels),
            "per channel: features of shape {shape}, fitted on {channels} channels"
        );
        let sizes: Shape = [channels].into_iter().chain(shape[2..].iter().map(|_| 1)).collect();
        [self.mean(), self.sd()].map(|of| of.reshape(sizes.to_vec()))
    }
}

impl<T: Float> Transform<T> for PerChannel<T> {
    type Options = ();

    fn fit_with(features: &Tensor<T>, (): ()) -> Result<Self, FitError> {
        check(features, 1)?;
        if features.rank() < 2 || features.count() == 0 {
            return Err(FitError::Options(format!(
                "per channel: shape {} is not [rows, channels, …] with at least one of each",
                features.shape()
            )));
        }
        let axes: Vec<isize> = (0..features.rank() as isize).filter(|&axis| axis != 1).collect();
        Ok(Self { per_channel: Columns::new(features.mean(&axes[..]), deviations(features, &axes))? })
    }

    fn apply(&self, features: &Tensor<T>) -> Tensor<T> {
        let [mean, sd] = self.beside(features);
        (features - mean) / sd
    }

    fn invert(&self, transformed: &Tensor<T>) -> Tensor<T> {
        let [mean, sd] = self.beside(transformed);
        transformed * sd + mean
    }
}
