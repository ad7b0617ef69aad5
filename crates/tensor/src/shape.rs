//! Sizes of the axes of a tensor, and the checked arithmetic on them.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::ShapeError;

/// The sizes of a tensor's axes; `[]` is the shape of a scalar.
///
/// Up to four axes live without an allocation. It dereferences to `[usize]`.
///
/// ```
/// use wengert_tensor::Shape;
/// let shape = Shape::from([2, 3]);
/// assert_eq!(shape.count(), 6);
/// assert_eq!(shape[1], 3);
/// assert_eq!(shape.to_string(), "[2, 3]");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// The shape of a scalar: no axes, one element.
    pub fn scalar() -> Self {
        Self::default()
    }

    /// The number of elements.
    ///
    /// Every tensor's shape was checked when it was made, so this does not overflow for them.
    pub fn count(&self) -> usize {
        self.iter().product()
    }

    /// The number of elements, or an error when it, or its bytes at 8 an element, exceed what
    /// can be addressed.
    pub fn checked_count(&self) -> Result<usize, ShapeError> {
        // Axes of size 0 aside, so that reducing over them cannot overflow either.
        self.iter()
            .filter(|&&size| size != 0)
            .try_fold(1usize, |n, &size| n.checked_mul(size))
            .filter(|&n| n <= isize::MAX as usize / 8)
            .ok_or_else(|| ShapeError::new(format!("shape {self} has more elements than can be addressed")))?;
        Ok(self.count())
    }

    /// The sizes, for changing them.
    pub fn sizes_mut(&mut self) -> &mut SmallVec<[usize; 4]> {
        &mut self.0
    }

    /// Adds a last axis. Not inlined: shapes are made in many places.
    #[inline(never)]
    fn push(&mut self, size: usize) {
        self.0.push(size);
    }

    /// `axis` counted from the end when negative; one that there is not is an error.
    ///
    /// ```
    /// use wengert_tensor::Shape;
    /// let shape = Shape::from([2, 3]);
    /// assert_eq!(shape.axis(-1), Ok(1));
    /// assert_eq!(shape.axis(2).unwrap_err().to_string(), "axis 2 is out of range for 2 axes (shape [2, 3])");
    /// ```
    pub fn axis(&self, axis: isize) -> Result<usize, ShapeError> {
        self.axis_of(axis, self.len())
    }

    /// As [`Shape::axis`], where one more axis is to come: the number that it will have.
    pub fn new_axis(&self, axis: isize) -> Result<usize, ShapeError> {
        self.axis_of(axis, self.len() + 1)
    }

    fn axis_of(&self, axis: isize, rank: usize) -> Result<usize, ShapeError> {
        let resolved = if axis < 0 { axis + rank as isize } else { axis };
        if (0..rank as isize).contains(&resolved) {
            Ok(resolved as usize)
        } else {
            Err(ShapeError::new(format!("axis {axis} is out of range for {rank} axes (shape {self})")))
        }
    }

    /// This shape with `axes` set to 1 when `keep`, else removed.
    pub fn reduced(&self, axes: &[usize], keep: bool) -> Self {
        self.iter()
            .enumerate()
            .filter(|(axis, _)| keep || !axes.contains(axis))
            .map(|(axis, &size)| if axes.contains(&axis) { 1 } else { size })
            .collect()
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0[..])
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Self {
        Self(SmallVec::from_slice(&sizes))
    }
}

impl From<&[usize]> for Shape {
    fn from(sizes: &[usize]) -> Self {
        Self(SmallVec::from_slice(sizes))
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl From<Vec<usize>> for Shape {
    fn from(sizes: Vec<usize>) -> Self {
        Self(sizes.into())
    }
}

impl From<usize> for Shape {
    fn from(size: usize) -> Self {
        [size].into()
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(sizes: I) -> Self {
        let mut shape = Self::scalar();
        for size in sizes {
            shape.push(size);
        }
        shape
    }
}

impl PartialEq<[usize]> for Shape {
    fn eq(&self, other: &[usize]) -> bool {
        self.0[..] == *other
    }
}

impl<const N: usize> PartialEq<[usize; N]> for Shape {
    fn eq(&self, other: &[usize; N]) -> bool {
        self.0[..] == *other
    }
}

/// The common shape of two operands by NumPy's rule: aligned at the last axis, a size of 1
/// stretches.
///
/// ```
/// use wengert_tensor::broadcast;
/// assert_eq!(broadcast(&[2, 1, 3], &[4, 1]).unwrap(), [2, 4, 3]);
/// ```
pub fn broadcast(a: &[usize], b: &[usize]) -> Result<Shape, ShapeError> {
    let rank = a.len().max(b.len());
    let size = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |j| s[j]);
    (0..rank)
        .map(|i| match (size(a, i), size(b, i)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            (x, y) => Err(ShapeError::new(format!("shapes {a:?} and {b:?} do not broadcast: {x} against {y}"))),
        })
        .collect::<Result<SmallVec<_>, _>>()
        .map(Shape)
        .and_then(|shape| shape.checked_count().map(|_| shape))
}

/// The axes an operation works on: a number, several, or `..` for all. Negative ones count
/// from the end.
///
/// ```
/// use wengert_tensor::{Axes, Shape};
/// let shape = Shape::from([4, 2, 3]);
/// assert_eq!(Axes::from([0, -1]).resolve(&shape).unwrap()[..], [0, 2]);
/// assert_eq!(Axes::from(..).resolve(&shape).unwrap()[..], [0, 1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// Every axis.
    All,
    /// These axes.
    Some(SmallVec<[isize; 4]>),
}

impl Axes {
    /// The axes of `shape` in ascending order; out of range or repeated ones are errors.
    ///
    /// Axis 0 (or −1) of a scalar is none at all, as in NumPy: there is nothing to go along.
    pub fn resolve(&self, shape: &Shape) -> Result<SmallVec<[usize; 4]>, ShapeError> {
        let axes = match self {
            Axes::All => return Ok((0..shape.len()).collect()),
            Axes::Some(axes) if shape.is_empty() && matches!(axes[..], [0 | -1]) => return Ok(SmallVec::new()),
            Axes::Some(axes) => axes,
        };
        let mut resolved = SmallVec::new();
        for &axis in axes {
            let axis = shape.axis(axis)?;
            match resolved.binary_search(&axis) {
                Ok(_) => {
                    let named = &axes[..];
                    return Err(ShapeError::new(format!("axis {axis} is named twice in {named:?} (shape {shape})")));
                }
                Err(place) => resolved.insert(place, axis),
            }
        }
        Ok(resolved)
    }
}

impl From<std::ops::RangeFull> for Axes {
    fn from(_: std::ops::RangeFull) -> Self {
        Axes::All
    }
}

macro_rules! axes_from {
    ($($t:ty),*) => {$(
        impl From<$t> for Axes {
            fn from(axis: $t) -> Self {
                [axis].into()
            }
        }

        impl<const N: usize> From<[$t; N]> for Axes {
            fn from(axes: [$t; N]) -> Self {
                axes.as_slice().into()
            }
        }

        impl From<&[$t]> for Axes {
            fn from(axes: &[$t]) -> Self {
                // An axis beyond `isize` is out of range all the same.
                Axes::Some(axes.iter().map(|&axis| isize::try_from(axis).unwrap_or(isize::MAX)).collect())
            }
        }
    )*};
}
axes_from!(i32, i64, isize, usize);
