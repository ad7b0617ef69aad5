//! What is done to features before a model sees them, fitted on training rows alone; and random
//! changes of images.

mod augment;
mod center;
mod columns;
mod error;
mod min_max;
mod one_hot;
mod pca;
mod per_channel;
mod projection;
mod standardize;
mod stored;
mod whiten;

use wengert_tensor::{Float, Tensor};

pub use augment::{random_crop, random_flip, random_shift};
pub use center::Center;
pub use error::FitError;
pub use min_max::{Interval, MinMax};
pub use one_hot::OneHot;
pub use pca::{Components, Pca};
pub use per_channel::PerChannel;
pub use standardize::Standardize;
pub use whiten::{Whiten, Whitening};

/// What is learned from some rows of features and then done to any.
///
/// Fit it on the training rows only: what it learns from validation or test rows leaks into
/// training. It is data that `serde` reads and writes to the last bit, so that it can be kept with
/// the model.
///
/// A tuple of several is a transform too: the second is fitted on what the first makes of the
/// rows, and so on.
///
/// ```
/// use wengert_train::{Components, Pca, Standardize, Transform, digits};
///
/// let [training, test] = digits().split([0.8, 0.2], 1);
/// let prepare = <(Standardize, Pca)>::fit_with(training.features(), ((), Components::Share(0.9)))?;
/// let small = test.map_features(|x| prepare.apply(x));
/// assert!(small.features().shape()[1] < 40);
///
/// let text = serde_json::to_string(&prepare)?;
/// let same: (Standardize, Pca) = serde_json::from_str(&text)?;
/// assert_eq!(&same.apply(test.features()), small.features());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Transform<T: Float = f32>: Sized {
    /// What can be chosen; `()` where nothing can.
    type Options;

    /// Learns from `features`, of shape `[rows, …]`.
    ///
    /// # Errors
    /// If there are too few rows, a value is not finite, or the options do not suit the features.
    fn fit_with(features: &Tensor<T>, options: Self::Options) -> Result<Self, FitError>;

    /// [`Transform::fit_with`] the options that suit most.
    ///
    /// # Errors
    /// If there are too few rows, or a value is not finite.
    fn fit(features: &Tensor<T>) -> Result<Self, FitError>
    where
        Self::Options: Default,
    {
        Self::fit_with(features, Self::Options::default())
    }

    /// The transformed features, row by row.
    ///
    /// # Panics
    /// If the columns are not those that it was fitted on.
    #[track_caller]
    fn apply(&self, features: &Tensor<T>) -> Tensor<T>;

    /// The features that [`Transform::apply`] transforms to these, or where there are many, or
    /// none, those that come nearest.
    ///
    /// # Panics
    /// If the columns are not those that it makes.
    #[track_caller]
    fn invert(&self, transformed: &Tensor<T>) -> Tensor<T>;
}

impl<T: Float, A: Transform<T>, B: Transform<T>> Transform<T> for (A, B) {
    type Options = (A::Options, B::Options);

    fn fit_with(features: &Tensor<T>, (a, b): Self::Options) -> Result<Self, FitError> {
        let a = A::fit_with(features, a)?;
        let b = B::fit_with(&a.apply(features), b)?;
        Ok((a, b))
    }

    fn apply(&self, features: &Tensor<T>) -> Tensor<T> {
        self.1.apply(&self.0.apply(features))
    }

    fn invert(&self, transformed: &Tensor<T>) -> Tensor<T> {
        self.0.invert(&self.1.invert(transformed))
    }
}

impl<T: Float, A: Transform<T>, B: Transform<T>, C: Transform<T>> Transform<T> for (A, B, C) {
    type Options = (A::Options, B::Options, C::Options);

    fn fit_with(features: &Tensor<T>, (a, b, c): Self::Options) -> Result<Self, FitError> {
        let (a, b) = <(A, B)>::fit_with(features, (a, b))?;
        let c = C::fit_with(&b.apply(&a.apply(features)), c)?;
        Ok((a, b, c))
    }

    fn apply(&self, features: &Tensor<T>) -> Tensor<T> {
        self.2.apply(&self.1.apply(&self.0.apply(features)))
    }

    fn invert(&self, transformed: &Tensor<T>) -> Tensor<T> {
        self.0.invert(&self.1.invert(&self.2.invert(transformed)))
    }
}

#[cfg(test)]
mod tests;
