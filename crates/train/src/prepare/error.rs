//! Why a transform cannot be fitted.

use std::error::Error;
use std::fmt;

use wengert_tensor::{Float, Shape, Tensor};

/// Why a transform cannot be fitted to features.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FitError {
    /// There are not enough rows.
    Rows {
        /// The shape of the features.
        shape: Shape,
        /// How many rows there must be.
        least: usize,
    },
    /// A value is NaN or infinite.
    NotFinite {
        /// Its row.
        row: usize,
        /// Its column: an index for every axis after the first.
        column: Vec<usize>,
        /// The value.
        value: f64,
    },
    /// The options do not suit the features.
    Options(String),
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows { shape, least } => {
                write!(f, "features of shape {shape} are too few rows to fit, at least {least} are needed")
            }
            Self::NotFinite { row, column, value } => {
                match column[..] {
                    [column] => write!(f, "column {column}")?,
                    _ => write!(f, "column {column:?}")?,
                }
                write!(f, " is {value} in row {row}: leave the row out, or fill in a value")
            }
            Self::Options(what) => f.write_str(what),
        }
    }
}

impl Error for FitError {}

/// Refuses features of less than `least` rows, or with values that are not finite.
pub(super) fn check<T: Float>(features: &Tensor<T>, least: usize) -> Result<(), FitError> {
    let shape = features.shape();
    if shape.first().is_none_or(|&rows| rows < least) {
        return Err(FitError::Rows { shape: shape.clone(), least });
    }
    let Some((at, value)) = features.iter().enumerate().find(|(_, value)| !value.is_finite()) else {
        return Ok(());
    };
    let mut at = at;
    let mut column: Vec<usize> = shape[1..]
        .iter()
        .rev()
        .map(|&size| {
            let index = at % size;
            at /= size;
            index
        })
        .collect();
    column.reverse();
    Err(FitError::NotFinite { row: at, column, value: value.to_f64() })
}

/// Refuses features of columns other than those that something was fitted on.
#[track_caller]
pub(super) fn check_columns(name: &str, found: &Shape, fitted: &[usize]) {
    assert!(
        found.get(1..) == Some(fitted),
        "{name}: features of shape {found}, fitted on columns {}",
        Shape::from(fitted.to_vec())
    );
}
