//! Principal components.

use serde::{Deserialize, Serialize};
use wengert_tensor::{Float, Tensor};

use super::projection::{Principal, Projection};
use super::{FitError, Transform};

/// Replaces the columns by those combinations of them that vary most: their principal components,
/// in falling order of variance.
///
/// The components are the eigenvectors of the covariances, which are computed and decomposed in
/// `f64`; the largest element of each is positive. What is fitted on `[rows, …]` makes
/// `[rows, components]`. Inverting gives the nearest point in the space of the components.
///
/// The time to fit grows with the third power of the number of columns.
///
/// K. Pearson, *On lines and planes of closest fit to systems of points in space* (1901); I. T.
/// Jolliffe, *Principal Component Analysis* (2002), section 1.1.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::{Components, Pca, Transform};
///
/// let x: Tensor<f64> = tensor![[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]];
/// let pca = Pca::fit_with(&x, Components::Share(0.99))?;
/// pca.components().assert_close(&tensor![[0.2f64.sqrt(), 0.8f64.sqrt()]], 0.0, 1e-12);
/// pca.invert(&pca.apply(&x)).assert_close(&x, 0.0, 1e-12);
/// # Ok::<(), wengert_train::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Pca<T: Float = f32> {
    pca: Projection<T>,
    variances: Vec<f64>,
    total: f64,
}

/// How many components [`Pca`] keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Components {
    /// As many as there are columns.
    #[default]
    All,
    /// So many.
    Count(usize),
    /// As few as have together at least this share of the variance, more than 0 and at most 1.
    Share(f64),
}

impl Components {
    fn count(self, variances: &[f64]) -> Result<usize, FitError> {
        let columns = variances.len();
        match self {
            Self::All => Ok(columns),
            Self::Count(count) if (1..=columns).contains(&count) => Ok(count),
            Self::Count(count) => {
                Err(FitError::Options(format!("pca: {count} components of {columns} columns; keep 1 to {columns}")))
            }
            Self::Share(share) if share > 0.0 && share <= 1.0 => {
                let wanted = share * variances.iter().sum::<f64>();
                let mut sum = 0.0;
                let reached = |variance: &f64| {
                    sum += variance;
                    sum >= wanted
                };
                Ok(variances.iter().position(reached).map_or(columns, |last| last + 1))
            }
            Self::Share(share) => {
                Err(FitError::Options(format!("pca: {share} is no share of the variance; it is above 0 and at most 1")))
            }
        }
    }
}

impl<T: Float> Pca<T> {
    /// The components, of length 1: `[components, columns]`.
    pub fn components(&self) -> Tensor<T> {
        self.pca.forward.t()
    }

    /// The (unbiased) variance along each component.
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// The share of each component in the variance of all columns.
    pub fn shares(&self) -> Vec<f64> {
        self.variances.iter().map(|variance| variance / self.total).collect()
    }
}

impl<T: Float> Transform<T> for Pca<T> {
    type Options = Components;

    fn fit_with(features: &Tensor<T>, components: Components) -> Result<Self, FitError> {
        let Principal { mean, mut variances, axes } = Principal::of(features)?;
        let count = components.count(&variances)?;
        let total = variances.iter().sum();
        variances.truncate(count);
        let axes = axes.slice(0, ..count as isize).cast::<T>();
        Ok(Self { pca: Projection::new(mean.cast(), axes.t().contiguous(), axes)?, variances, total })
    }

    fn apply(&self, features: &Tensor<T>) -> Tensor<T> {
        self.pca.apply("pca", features)
    }

    fn invert(&self, transformed: &Tensor<T>) -> Tensor<T> {
        self.pca.invert("pca", transformed)
    }
}
