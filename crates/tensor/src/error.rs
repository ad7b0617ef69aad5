//! The one error of shape arithmetic.

use std::fmt;

/// Why shapes, axes, indices or element counts do not fit an operation.
///
/// Methods that a program calls turn it into a panic at the caller's line; code that checks
/// before it computes (the tape, an operation's shape rule) passes it on.
///
/// ```
/// use wengert_tensor::{Shape, broadcast};
/// let error = broadcast(&[2, 3], &[4]).unwrap_err();
/// assert_eq!(error.to_string(), "shapes [2, 3] and [4] do not broadcast: 3 against 4");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError(String);

impl ShapeError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ShapeError {}

/// Unwraps, or panics with the operation's name at the line of the nearest `#[track_caller]`.
macro_rules! checked {
    ($name:literal, $result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => panic!("{}: {error}", $name),
        }
    };
}
pub(crate) use checked;
