//! A shape with one size left open, for reshaping.

use smallvec::SmallVec;

use crate::{Shape, ShapeError};

/// The sizes to reshape to; one of them may be -1, for whatever makes the number of elements
/// come out.
///
/// Made from arrays, slices and vectors of `i32`, `i64`, `isize` or `usize`, from shapes, from
/// one size, and from `()` for a scalar.
///
/// ```
/// use wengert_tensor::Sizes;
/// assert_eq!(Sizes::from([2, -1]).resolve(6).unwrap(), [2, 3]);
/// assert!(Sizes::from([4, -1]).resolve(6).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes(SmallVec<[isize; 4]>);

impl Sizes {
    /// The shape of these sizes for `count` elements.
    pub fn resolve(&self, count: usize) -> Result<Shape, ShapeError> {
        let error = |why: &str| ShapeError::new(format!("sizes {:?} {why}", &self.0[..]));
        if self.0.iter().any(|&size| size < -1) {
            return Err(error("hold a negative one that is not -1"));
        }
        if self.0.iter().filter(|&&size| size == -1).count() > 1 {
            return Err(error("leave more than one open"));
        }
        let known: Shape = self.0.iter().filter(|&&size| size >= 0).map(|&size| size as usize).collect();
        let rest = known.checked_count()?;
        let open = match known.len() == self.0.len() {
            true => 1,
            false if rest == 0 => return Err(error("leave one open that nothing determines")),
            false => count / rest,
        };
        if rest.checked_mul(open) != Some(count) {
            return Err(error(&format!("do not hold {count} elements")));
        }
        Ok(self.0.iter().map(|&size| if size == -1 { open } else { size as usize }).collect())
    }
}

impl From<()> for Sizes {
    fn from((): ()) -> Self {
        Sizes(SmallVec::new())
    }
}

impl From<&Shape> for Sizes {
    fn from(shape: &Shape) -> Self {
        shape[..].into()
    }
}

impl From<Shape> for Sizes {
    fn from(shape: Shape) -> Self {
        shape[..].into()
    }
}

// Several types, so that an integer literal falls back to `i32` and variables of any of them fit.
macro_rules! from_sizes {
    ($($t:ty),*) => {$(
        impl From<$t> for Sizes {
            fn from(size: $t) -> Self { [size].into() }
        }
        impl From<&[$t]> for Sizes {
            // A size beyond `isize` is more than any tensor holds, so the largest will do.
            fn from(sizes: &[$t]) -> Self { Sizes(sizes.iter().map(|&s| s.try_into().unwrap_or(isize::MAX)).collect()) }
        }
        impl From<Vec<$t>> for Sizes {
            fn from(sizes: Vec<$t>) -> Self { sizes[..].into() }
        }
        impl<const N: usize> From<[$t; N]> for Sizes {
            fn from(sizes: [$t; N]) -> Self { sizes[..].into() }
        }
    )*};
}
from_sizes!(i32, i64, isize, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_size_may_be_open() {
        assert_eq!(Sizes::from(-1).resolve(6).unwrap(), [6]);
        assert_eq!(Sizes::from([3usize, 2]).resolve(6).unwrap(), [3, 2]);
        assert_eq!(Sizes::from([0, 3]).resolve(0).unwrap(), [0, 3]);
        assert_eq!(Sizes::from([5, -1]).resolve(0).unwrap(), [5, 0]);
        assert_eq!(Sizes::from(()).resolve(1).unwrap(), []);
        assert_eq!(Sizes::from(vec![1i64, -1]).resolve(1).unwrap(), [1, 1]);
    }

    #[test]
    fn mistakes_are_named() {
        let message = |sizes: Sizes, count| sizes.resolve(count).unwrap_err().to_string();
        assert_eq!(message([-1, -1].into(), 4), "sizes [-1, -1] leave more than one open");
        assert_eq!(message([-2, 2].into(), 4), "sizes [-2, 2] hold a negative one that is not -1");
        assert_eq!(message([3, -1].into(), 4), "sizes [3, -1] do not hold 4 elements");
        assert_eq!(message([3].into(), 4), "sizes [3] do not hold 4 elements");
        assert_eq!(message([0, -1].into(), 0), "sizes [0, -1] leave one open that nothing determines");
        assert!(message([usize::MAX, 8].into(), 4).contains("more elements than can be addressed"));
    }
}
