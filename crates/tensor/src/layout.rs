//! Where the elements of a tensor lie in its buffer: shape, strides and offset. Every view is
//! arithmetic on these, without touching an element.

use smallvec::SmallVec;

use crate::{Shape, ShapeError};

/// Steps in elements from one index of each axis to the next.
pub type Strides = SmallVec<[isize; 4]>;

/// A shape with strides and an offset into a buffer, all in elements.
///
/// ```
/// use wengert_tensor::Layout;
/// let rows = Layout::contiguous([2, 3].into());
/// let columns = rows.permute(&[1, 0]).unwrap();
/// assert_eq!(columns.shape()[..], [3, 2]);
/// assert_eq!(columns.strides(), [1, 3]);
/// assert!(!columns.is_contiguous());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    shape: Shape,
    strides: Strides,
    offset: usize,
}

impl Layout {
    /// Row-major, from offset 0.
    pub fn contiguous(shape: Shape) -> Self {
        let strides = row_major(&shape);
        Self { shape, strides, offset: 0 }
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The step of each axis.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// Where the element of index 0 lies.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the elements follow each other in row-major order (from any offset).
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        if self.shape.contains(&0) {
            return true;
        }
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size != 1 && stride != expected {
                return false;
            }
            expected *= size as isize;
        }
        true
    }

    /// The largest offset that any index reaches, or `None` when there are no elements.
    pub fn last_offset(&self) -> Option<usize> {
        let mut last = self.offset as isize;
        for (&size, &stride) in self.shape.iter().zip(&self.strides) {
            if size == 0 {
                return None;
            }
            last += (size as isize - 1) * stride.max(0);
        }
        Some(last as usize)
    }

    /// The axes in the order `axes`, each named once.
    pub fn permute(&self, axes: &[usize]) -> Result<Self, ShapeError> {
        let rank = self.shape.len();
        let mut seen: SmallVec<[bool; 8]> = SmallVec::from_elem(false, rank);
        let once = axes.iter().all(|&a| a < rank && !std::mem::replace(&mut seen[a], true));
        if axes.len() != rank || !once {
            return Err(ShapeError::new(format!("axes {axes:?} are not a permutation of those of {}", self.shape)));
        }
        Ok(Self {
            shape: axes.iter().map(|&a| self.shape[a]).collect(),
            strides: axes.iter().map(|&a| self.strides[a]).collect(),
            offset: self.offset,
        })
    }

    /// The same elements in row-major order under another shape of the same count; `None` when
    /// no strides can express it, so that the elements must be copied first.
    pub fn reshape(&self, shape: &Shape) -> Result<Option<Self>, ShapeError> {
        if shape.checked_count()? != self.shape.count() {
            return Err(ShapeError::new(format!(
                "{} elements of {} cannot be {shape}",
                self.shape.count(),
                self.shape
            )));
        }
        if self.is_contiguous() {
            return Ok(Some(Self { strides: row_major(shape), shape: shape.clone(), offset: self.offset }));
        }
        Ok(self.regroup(shape).map(|strides| Self { shape: shape.clone(), strides, offset: self.offset }))
    }

    /// Strides for `shape` when each of its axes lies inside one evenly spaced run of ours.
    fn regroup(&self, shape: &Shape) -> Option<Strides> {
        let mut old = self.shape.iter().zip(&self.strides).filter(|(size, _)| **size != 1).rev().peekable();
        let mut strides: Strides = SmallVec::from_elem(1, shape.len());
        // The run being split: how many elements are left in it, and the step of the next axis.
        let (mut left, mut step) = (1, 1);
        for axis in (0..shape.len()).rev() {
            if shape[axis] == 1 {
                continue;
            }
            if left == 1 {
                let (&size, &stride) = old.next()?;
                (left, step) = (size, stride);
                while let Some((next_size, _)) = old.next_if(|(_, next)| **next == stride * left as isize) {
                    left *= *next_size;
                }
            }
            if left % shape[axis] != 0 {
                return None;
            }
            strides[axis] = step;
            step *= shape[axis] as isize;
            left /= shape[axis];
        }
        Some(strides)
    }

    /// Stretched to `shape` by NumPy's rule: aligned at the last axis, axes of size 1 repeat
    /// with stride 0.
    pub fn expand(&self, shape: &Shape) -> Result<Self, ShapeError> {
        let fail = || ShapeError::new(format!("shape {} does not expand to {shape}", self.shape));
        let new = shape.len().checked_sub(self.shape.len()).ok_or_else(fail)?;
        shape.checked_count()?;
        let mut strides: Strides = SmallVec::from_elem(0, shape.len());
        for (axis, (&size, &stride)) in self.shape.iter().zip(&self.strides).enumerate() {
            strides[new + axis] = match shape[new + axis] {
                wanted if wanted == size => stride,
                _ if size == 1 => 0,
                _ => return Err(fail()),
            };
        }
        Ok(Self { shape: shape.clone(), strides, offset: self.offset })
    }

    /// Every `step`-th index of `axis` from `start`, before `end`. A negative step walks from
    /// `start` down to, but without, `end`; `end` is then -1 to include index 0.
    pub fn slice(&self, axis: usize, start: usize, end: isize, step: isize) -> Result<Self, ShapeError> {
        let size = self.shape[axis];
        if step == 0 {
            return Err(ShapeError::new(format!("a slice of axis {axis} of {} has step 0", self.shape)));
        }
        let span = if step > 0 { end - start as isize } else { start as isize - end };
        let count = if span <= 0 { 0 } else { (span as usize).div_ceil(step.unsigned_abs()) };
        let last = start as isize + (count as isize - 1) * step;
        if count > 0 && (start >= size || !(0..size as isize).contains(&last)) {
            return Err(ShapeError::new(format!(
                "slice {start}..{end} is out of range for axis {axis} of {}",
                self.shape
            )));
        }
        let mut result = self.clone();
        if count > 0 {
            result.offset = (self.offset as isize + start as isize * self.strides[axis]) as usize;
        }
        result.shape.sizes_mut()[axis] = count;
        result.strides[axis] *= step;
        Ok(result)
    }

    /// Overlapping windows of `size` along `axis`, `step` apart: `axis` then counts windows, and
    /// a new last axis runs through each.
    pub fn windows(&self, axis: usize, size: usize, step: usize) -> Result<Self, ShapeError> {
        if step == 0 || size == 0 || size > self.shape[axis] {
            return Err(ShapeError::new(format!(
                "windows of {size} with step {step} do not fit axis {axis} of {}",
                self.shape
            )));
        }
        let mut result = self.clone();
        result.shape.sizes_mut()[axis] = (self.shape[axis] - size) / step + 1;
        result.shape.sizes_mut().push(size);
        result.strides[axis] *= step as isize;
        result.strides.push(self.strides[axis]);
        Ok(result)
    }

    /// The diagonal of two axes as a new last axis, the two removed.
    pub fn diagonal(&self, first: usize, second: usize) -> Result<Self, ShapeError> {
        if first == second {
            return Err(ShapeError::new(format!("the diagonal of {} needs two axes, got {first} twice", self.shape)));
        }
        let mut result = self.clone();
        for axis in [first.max(second), first.min(second)] {
            result.shape.sizes_mut().remove(axis);
            result.strides.remove(axis);
        }
        result.shape.sizes_mut().push(self.shape[first].min(self.shape[second]));
        result.strides.push(self.strides[first] + self.strides[second]);
        Ok(result)
    }

    /// The offsets of all elements in row-major order.
    pub fn offsets(&self) -> Offsets<'_> {
        Offsets {
            layout: self,
            index: SmallVec::from_elem(0, self.shape.len()),
            next: self.offset as isize,
            left: self.shape.count(),
            run: self.shape.last().copied().unwrap_or(1),
            step: self.strides.last().copied().unwrap_or(0),
        }
    }
}

fn row_major(shape: &Shape) -> Strides {
    let mut strides: Strides = SmallVec::from_elem(0, shape.len());
    let mut step = 1isize;
    for (stride, &size) in strides.iter_mut().zip(shape.iter()).rev() {
        *stride = step;
        step = step.saturating_mul(size.max(1) as isize);
    }
    strides
}

/// Iterator over the offsets of a layout's elements, made by [`Layout::offsets`].
#[derive(Clone, Debug)]
pub struct Offsets<'a> {
    layout: &'a Layout,
    index: SmallVec<[usize; 4]>,
    next: isize,
    left: usize,
    /// What is left along the last axis, and its step.
    run: usize,
    step: isize,
}

impl Offsets<'_> {
    /// Goes from the end of the last axis to where it begins again.
    #[inline(never)]
    fn turn(&mut self) {
        let Some(last) = self.index.len().checked_sub(1) else { return };
        self.run = self.layout.shape[last];
        self.next -= self.step * self.run as isize;
        for axis in (0..last).rev() {
            self.index[axis] += 1;
            self.next += self.layout.strides[axis];
            if self.index[axis] < self.layout.shape[axis] {
                break;
            }
            self.next -= self.layout.strides[axis] * self.index[axis] as isize;
            self.index[axis] = 0;
        }
    }
}

impl Iterator for Offsets<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let offset = self.next;
        (self.next, self.run) = (offset + self.step, self.run - 1);
        if self.run == 0 {
            self.turn();
        }
        Some(offset as usize)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Offsets<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reshape_keeps_strides_where_it_can() {
        let base = Layout::contiguous([4, 6, 5].into());
        let view = base.permute(&[2, 0, 1]).unwrap();
        assert_eq!(view.reshape(&[5, 24].into()).unwrap().unwrap().strides(), [1, 5]);
        assert_eq!(view.reshape(&[5, 2, 2, 1, 6].into()).unwrap().unwrap().strides()[..3], [1, 60, 30]);
        assert!(view.reshape(&[20, 6].into()).unwrap().is_none());
        assert!(view.reshape(&[7].into()).is_err());
    }

    proptest! {
        #[test]
        fn a_reshaped_view_visits_the_same_offsets(sizes in prop::collection::vec(1usize..4, 1..4), swap in any::<bool>(), split in 1usize..3) {
            let base = Layout::contiguous(sizes.into());
            let axes: Vec<usize> = if swap { (0..base.shape().len()).rev().collect() } else { (0..base.shape().len()).collect() };
            let view = base.permute(&axes).unwrap();
            let view = view.slice(0, 0, view.shape()[0] as isize, split as isize).unwrap();
            let count = view.shape().count();
            for target in [vec![count], vec![1, count, 1], vec![count / view.shape()[0], view.shape()[0]]] {
                if let Some(reshaped) = view.reshape(&target.into()).unwrap() {
                    prop_assert!(reshaped.offsets().eq(view.offsets()));
                }
            }
        }
    }
}
