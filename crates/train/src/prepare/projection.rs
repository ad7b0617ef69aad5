//! Principal axes of features, and what the transforms to other columns are made of.

use serde::{Deserialize, Serialize};
use wengert_autograd::Tape;
use wengert_tensor::{Float, Tensor};

use super::error::{check, check_columns};
use super::{FitError, stored};

/// Rows that are added to the covariances at a time.
const ROWS: usize = 1024;

/// Subtracts the mean of each column and multiplies the row by a matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "", try_from = "Unchecked<T>")]
pub(super) struct Projection<T: Float> {
    #[serde(with = "stored")]
    mean: Tensor<T>,
    /// `[columns, made columns]`.
    #[serde(with = "stored")]
    pub(super) forward: Tensor<T>,
    /// `[made columns, columns]`.
    #[serde(with = "stored")]
    back: Tensor<T>,
}

#[derive(Deserialize)]
#[serde(bound = "")]
struct Unchecked<T: Float> {
    #[serde(with = "stored")]
    mean: Tensor<T>,
    #[serde(with = "stored")]
    forward: Tensor<T>,
    #[serde(with = "stored")]
    back: Tensor<T>,
}

impl<T: Float> TryFrom<Unchecked<T>> for Projection<T> {
    type Error = FitError;

    fn try_from(Unchecked { mean, forward, back }: Unchecked<T>) -> Result<Self, FitError> {
        Self::new(mean, forward, back)
    }
}

impl<T: Float> Projection<T> {
    pub(super) fn new(mean: Tensor<T>, forward: Tensor<T>, back: Tensor<T>) -> Result<Self, FitError> {
        let finite = |of: &Tensor<T>| of.iter().all(T::is_finite);
        let fits = forward.rank() == 2 && forward.shape()[0] == mean.count() && forward.t().shape() == back.shape();
        if !fits || ![&mean, &forward, &back].into_iter().all(finite) {
            return Err(FitError::Options("no finite matrices that go with the columns; fit it again".into()));
        }
        Ok(Self { mean, forward, back })
    }

    /// Makes `[rows, made columns]`.
    #[track_caller]
    pub(super) fn apply(&self, name: &str, features: &Tensor<T>) -> Tensor<T> {
        check_columns(name, features.shape(), self.mean.shape());
        flat(&(features - &self.mean)).matmul(&self.forward)
    }

    /// Of `[rows, made columns]`.
    #[track_caller]
    pub(super) fn invert(&self, name: &str, transformed: &Tensor<T>) -> Tensor<T> {
        check_columns(name, transformed.shape(), &self.back.shape()[..1]);
        self.shaped(transformed.matmul(&self.back)) + &self.mean
    }

    /// The rows in the shape that the features had.
    pub(super) fn shaped(&self, rows: Tensor<T>) -> Tensor<T> {
        let sizes: Vec<usize> = rows.shape()[..1].iter().chain(self.mean.shape().iter()).copied().collect();
        rows.reshape(sizes)
    }
}

/// Features as `[rows, columns]`.
pub(super) fn flat<T: Float>(features: &Tensor<T>) -> Tensor<T> {
    let (rows, columns) = (features.shape()[0], features.shape()[1..].iter().product::<usize>());
    features.reshape([rows, columns])
}

/// Where features vary, and how much.
pub(super) struct Principal {
    /// The mean of each column, of the columns' shape.
    pub(super) mean: Tensor<f64>,
    /// The variance along each axis, the largest first.
    pub(super) variances: Vec<f64>,
    /// The axes of length 1, one a row.
    pub(super) axes: Tensor<f64>,
}

impl Principal {
    /// By the eigenvectors of the (unbiased) covariances, in `f64`.
    pub(super) fn of<T: Float>(features: &Tensor<T>) -> Result<Self, FitError> {
        check(features, 2)?;
        let rows = features.shape()[0];
        let parts = || features.split(0, ROWS).into_iter().map(|part| part.cast::<f64>());
        let sum = parts().map(|part| part.sum(0)).reduce(|a, b| a + b).expect("there are rows");
        let mean = sum / rows as f64;
        let products = parts().map(|part| {
            let x = flat(&(part - &mean));
            x.t().matmul(&x)
        });
        let covariances = products.reduce(|a, b| a + b).expect("there are rows") / (rows - 1) as f64;
        if !covariances.iter().all(f64::is_finite) {
            return Err(FitError::Options(
                "the values are so large that their squares are infinite; scale them first".into(),
            ));
        }
        let tape = Tape::new();
        let (values, vectors) = tape.var(covariances).eigh();
        // Rounding can make 0 negative.
        let variances = values.value().flip(0).iter().map(|variance| variance.max(0.0)).collect();
        Ok(Self { mean, variances, axes: vectors.value().t().flip(0).contiguous() })
    }
}
