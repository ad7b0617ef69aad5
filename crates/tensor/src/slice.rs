//! Which indices of an axis a slice takes.

use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use crate::ShapeError;

/// A range of indices with a step, as Python's `start:end:step`: negative bounds count from the
/// end, bounds outside of the axis are clipped, a negative step walks backwards.
///
/// Made from Rust's ranges of `i32`, `i64`, `isize` or `usize`. A pair `(1, -1)` means `1..-1`,
/// which is fine too, but clippy takes it for a mistake.
///
/// ```
/// use wengert_tensor::{Slice, tensor};
/// let t = tensor![0, 1, 2, 3, 4, 5];
/// assert_eq!(t.slice(0, 1..3), tensor![1, 2]);
/// assert_eq!(t.slice(0, -2..), tensor![4, 5]);
/// assert_eq!(t.slice(0, (1, -1)), tensor![1, 2, 3, 4]);
/// assert_eq!(t.slice(0, Slice::from(1..).step(2)), tensor![1, 3, 5]);
/// assert_eq!(t.slice(0, Slice::from(..).step(-2)), tensor![5, 3, 1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    start: Option<isize>,
    end: Option<isize>,
    step: isize,
}

impl Slice {
    /// Only every `step`-th index of these; backwards when negative.
    ///
    /// Steps of a slice that has some already multiply. A reversed slice starts at its first
    /// bound, as in Python: `Slice::from((4, 1)).step(-1)` takes 4, 3, 2.
    ///
    /// ```
    /// use wengert_tensor::Slice;
    /// assert_eq!(Slice::from(1..9).step(3).resolve(6), Ok((1, 6, 3)));
    /// assert_eq!(Slice::from((4, 1)).step(-1).resolve(6), Ok((4, 1, -1)));
    /// ```
    pub fn step(self, step: isize) -> Self {
        Self { step: self.step.saturating_mul(step), ..self }
    }

    /// First index, bound and step for an axis of `size`: the indices are `start`,
    /// `start + step` … before `end`, which is -1 when a negative step includes index 0. The
    /// error is a step of 0.
    ///
    /// ```
    /// use wengert_tensor::Slice;
    /// assert_eq!(Slice::from(-3..).resolve(10), Ok((7, 10, 1)));
    /// assert_eq!(Slice::from(..).step(-1).resolve(3), Ok((2, -1, -1)));
    /// ```
    pub fn resolve(self, size: usize) -> Result<(usize, isize, isize), ShapeError> {
        let size = size as isize;
        // Where the walk may begin and where it must have ended.
        let (first, last) = if self.step > 0 { (0, size) } else { (size - 1, -1) };
        let (low, high) = (first.min(last), first.max(last));
        let bound = |b: isize| (if b < 0 { b.saturating_add(size) } else { b }).clamp(low, high);
        let (start, end) = (self.start.map_or(first, bound), self.end.map_or(last, bound));
        if self.step == 0 {
            return Err(ShapeError::new("a slice with step 0"));
        }
        if (end - start).signum() != self.step.signum() {
            return Ok((0, 0, 1));
        }
        // Longer steps than the axis all take one index; shorter ones cannot overflow a stride.
        Ok((start as usize, end, self.step.clamp(-size, size)))
    }
}

impl From<RangeFull> for Slice {
    fn from(_: RangeFull) -> Self {
        Slice { start: None, end: None, step: 1 }
    }
}

/// Numbers beyond `isize` lie outside of every axis.
fn clip<I: TryInto<isize> + PartialOrd + Default>(i: I) -> isize {
    let limit = if i < I::default() { isize::MIN } else { isize::MAX };
    i.try_into().unwrap_or(limit)
}

/// The bound after `last`; after the last index (-1) there is none.
fn after(last: isize) -> Option<isize> {
    if last == -1 { None } else { Some(last.saturating_add(1)) }
}

// Several types, so that an integer literal falls back to `i32` and variables of any of them fit.
macro_rules! from_ranges {
    ($($t:ty),*) => {$(
        impl From<Range<$t>> for Slice {
            fn from(r: Range<$t>) -> Self { Slice { start: Some(clip(r.start)), end: Some(clip(r.end)), step: 1 } }
        }
        impl From<($t, $t)> for Slice {
            fn from((start, end): ($t, $t)) -> Self { (start..end).into() }
        }
        impl From<RangeFrom<$t>> for Slice {
            fn from(r: RangeFrom<$t>) -> Self { Slice { start: Some(clip(r.start)), end: None, step: 1 } }
        }
        impl From<RangeTo<$t>> for Slice {
            fn from(r: RangeTo<$t>) -> Self { Slice { start: None, end: Some(clip(r.end)), step: 1 } }
        }
        impl From<RangeInclusive<$t>> for Slice {
            fn from(r: RangeInclusive<$t>) -> Self { Slice { start: Some(clip(*r.start())), end: after(clip(*r.end())), step: 1 } }
        }
        impl From<RangeToInclusive<$t>> for Slice {
            fn from(r: RangeToInclusive<$t>) -> Self { Slice { start: None, end: after(clip(r.end)), step: 1 } }
        }
    )*};
}
from_ranges!(i32, i64, isize, usize);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn indices(slice: Slice, size: usize) -> Vec<isize> {
        let (start, end, step) = slice.resolve(size).unwrap();
        let mut i = start as isize;
        std::iter::from_fn(|| {
            let more = if step > 0 { i < end } else { i > end };
            let now = i;
            i += step;
            more.then_some(now)
        })
        .collect()
    }

    #[test]
    fn ranges_of_every_kind() {
        assert_eq!(indices((..).into(), 3), [0, 1, 2]);
        assert_eq!(indices((1..).into(), 3), [1, 2]);
        assert_eq!(indices((..2usize).into(), 3), [0, 1]);
        assert_eq!(indices((..-1).into(), 3), [0, 1]);
        assert_eq!(indices((0..=1).into(), 3), [0, 1]);
        let last = -1;
        assert_eq!(indices((1..=last).into(), 3), [1, 2]);
        assert_eq!(indices((1, last).into(), 3), [1]);
        assert_eq!(indices((..=-2i64).into(), 3), [0, 1]);
        assert_eq!(indices((-2isize..100).into(), 3), [1, 2]);
        assert_eq!(indices((0..usize::MAX).into(), 3), [0, 1, 2]);
        assert_eq!(indices(Slice::from(..).step(isize::MIN), 3), [2]);
        assert_eq!(indices(Slice::from(..).step(-1), 0), []);
        assert!(Slice::from(..).step(0).resolve(0).is_err());
    }

    proptest! {
        /// Python's own definition: PySlice_AdjustIndices.
        #[test]
        fn as_python(start in prop::option::of(-8isize..8), end in prop::option::of(-8isize..8), step in prop_oneof![-4isize..0, 1isize..5], size in 0usize..7) {
            let n = size as isize;
            let adjust = |b: isize| {
                let b = if b < 0 { b + n } else { b };
                if b < 0 { if step < 0 { -1 } else { 0 } } else if b >= n { if step < 0 { n - 1 } else { n } } else { b }
            };
            let mut i = start.map_or(if step < 0 { n - 1 } else { 0 }, adjust);
            let end_at = end.map_or(if step < 0 { -1 } else { n }, adjust);
            let mut expected = vec![];
            while if step < 0 { i > end_at } else { i < end_at } {
                expected.push(i);
                i += step;
            }
            prop_assert_eq!(indices(Slice { start, end, step }, size), expected);
        }
    }
}
