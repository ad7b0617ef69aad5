//! What the transforms that treat every column by itself are made of.

use serde::{Deserialize, Serialize};
use wengert_tensor::{Float, Tensor};

use super::error::check_columns;
use super::{FitError, stored};

/// Subtracts a number from each column and divides it by another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "", try_from = "Unchecked<T>")]
pub(super) struct Columns<T: Float> {
    #[serde(with = "stored")]
    pub(super) shift: Tensor<T>,
    #[serde(with = "stored")]
    pub(super) scale: Tensor<T>,
}

#[derive(Deserialize)]
#[serde(bound = "")]
struct Unchecked<T: Float> {
    #[serde(with = "stored")]
    shift: Tensor<T>,
    #[serde(with = "stored")]
    scale: Tensor<T>,
}

impl<T: Float> TryFrom<Unchecked<T>> for Columns<T> {
    type Error = FitError;

    fn try_from(Unchecked { shift, scale }: Unchecked<T>) -> Result<Self, FitError> {
        Self::new(shift, scale)
    }
}

impl<T: Float> Columns<T> {
    pub(super) fn new(shift: Tensor<T>, scale: Tensor<T>) -> Result<Self, FitError> {
        let usable = |scale: T| scale.is_finite() && scale != T::ZERO;
        if shift.shape() != scale.shape() || !shift.iter().all(T::is_finite) || !scale.iter().all(usable) {
            return Err(FitError::Options(
                "no finite shift, or no finite scale other than 0, for each column; fit it again".into(),
            ));
        }
        Ok(Self { shift, scale })
    }

    #[track_caller]
    pub(super) fn apply(&self, name: &str, features: &Tensor<T>) -> Tensor<T> {
        check_columns(name, features.shape(), self.shift.shape());
        (features - &self.shift) / &self.scale
    }

    #[track_caller]
    pub(super) fn invert(&self, name: &str, transformed: &Tensor<T>) -> Tensor<T> {
        check_columns(name, transformed.shape(), self.shift.shape());
        transformed * &self.scale + &self.shift
    }
}
