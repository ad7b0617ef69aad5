//! New tensors out of the elements of others: joined, repeated, picked by index or mask.

use crate::error::checked;
use crate::kernel::parallel::for_each_chunk;
use crate::{Element, Shape, ShapeError, Tensor};

impl<T: Element> Tensor<T> {
    /// The tensors one after the other along an axis that they have. All other sizes agree.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// let (a, b) = (tensor![[1, 2]], tensor![[3, 4], [5, 6]]);
    /// assert_eq!(Tensor::concat(&[&a, &b], 0), tensor![[1, 2], [3, 4], [5, 6]]);
    /// ```
    /// # Panics
    /// If there is no tensor, the axis is out of range, or other sizes differ.
    #[doc(alias = "cat")]
    #[track_caller]
    pub fn concat(tensors: &[&Self], axis: isize) -> Self {
        checked!("concat", join(tensors, axis))
    }

    /// The tensors, all of one shape, as the indices of a new axis.
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// let (a, b) = (tensor![1, 2], tensor![3, 4]);
    /// assert_eq!(Tensor::stack(&[&a, &b], 0), tensor![[1, 2], [3, 4]]);
    /// assert_eq!(Tensor::stack(&[&a, &b], -1), tensor![[1, 3], [2, 4]]);
    /// ```
    /// # Panics
    /// If there is no tensor, the axis is out of range, or shapes differ.
    #[track_caller]
    pub fn stack(tensors: &[&Self], axis: isize) -> Self {
        let Some(first) = tensors.first() else { panic!("stack: there are no tensors") };
        let axis = checked!("stack", first.shape().new_axis(axis)) as isize;
        if let Some(other) = tensors.iter().find(|t| t.shape() != first.shape()) {
            panic!("stack: shapes {} and {} differ", first.shape(), other.shape());
        }
        let rows: Vec<Self> = tensors.iter().map(|t| t.unsqueeze(axis)).collect();
        checked!("stack", join(&rows.iter().collect::<Vec<_>>(), axis))
    }

    /// The whole tensor `times[i]` times along axis `i`, as NumPy's `tile`: axes are aligned at
    /// the last, and where one side has more, the other counts as 1 there.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert_eq!(tensor![1, 2].tile(&[2, 2]), tensor![[1, 2, 1, 2], [1, 2, 1, 2]]);
    /// ```
    /// # Panics
    /// If the result cannot be allocated.
    #[track_caller]
    pub fn tile(&self, times: &[usize]) -> Self {
        let rank = self.rank().max(times.len());
        let (new, same) = (rank - self.rank(), rank - times.len());
        // Each axis becomes two, times and size, of which the first repeats.
        let mut before = Shape::scalar();
        let mut between = Shape::scalar();
        let mut after = Shape::scalar();
        for axis in 0..rank {
            let size = if axis < new { 1 } else { self.shape()[axis - new] };
            let n = if axis < same { 1 } else { times[axis - same] };
            before.sizes_mut().extend([1, size]);
            between.sizes_mut().extend([n, size]);
            after.sizes_mut().push(n.saturating_mul(size));
        }
        checked!("tile", after.checked_count());
        checked!("tile", self.reshape(before).expand(between).try_contiguous()).reshape(after)
    }

    /// Every index of an axis `times` times in a row, as NumPy's `repeat`.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// assert_eq!(tensor![1, 2].repeat(0, 3), tensor![1, 1, 1, 2, 2, 2]);
    /// ```
    /// # Panics
    /// If the axis is out of range, or the result cannot be allocated.
    #[track_caller]
    pub fn repeat(&self, axis: isize, times: usize) -> Self {
        let axis = checked!("repeat", self.shape().axis(axis));
        let mut after = self.shape().clone();
        after.sizes_mut()[axis] = after[axis].saturating_mul(times);
        checked!("repeat", after.checked_count());
        let mut between = self.shape().clone();
        between.sizes_mut().insert(axis + 1, times);
        checked!("repeat", self.unsqueeze(axis as isize + 1).expand(between).try_contiguous()).reshape(after)
    }

    /// The named indices of an axis, in their order; negative ones count from the end. The axes
    /// of `indices` take the place of the axis.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// let rows = tensor![[1, 2], [3, 4], [5, 6]];
    /// assert_eq!(rows.index_select(0, &tensor![-1, 0]), tensor![[5, 6], [1, 2]]);
    /// ```
    /// # Panics
    /// If the axis or an index is out of range.
    #[track_caller]
    #[inline(never)]
    pub fn index_select(&self, axis: isize, indices: &Tensor<i64>) -> Self {
        let axis = checked!("index_select", self.shape().axis(axis));
        let size = self.shape()[axis];
        let mut rows = Vec::new();
        let fits = rows.try_reserve_exact(indices.count()).is_ok();
        assert!(fits, "index_select: cannot hold {} indices of axis {axis} of {}", indices.count(), self.shape());
        for i in indices.iter() {
            let at = if i < 0 { i + size as i64 } else { i };
            assert!(
                (0..size as i64).contains(&at),
                "index_select: index {i} is out of range for axis {axis} of {}",
                self.shape()
            );
            rows.push(at as usize);
        }
        let (before, after) = self.shape().split_at(axis);
        let shape: Shape = before.iter().chain(indices.shape().iter()).chain(&after[1..]).copied().collect();
        let inner: usize = after[1..].iter().product();
        let outer: usize = before.iter().product();
        let source = checked!("index_select", self.try_contiguous());
        let values = source.as_slice().unwrap_or(&[]);
        let fill = |out: &mut [T]| {
            let pieces = (0..outer).flat_map(|o| rows.iter().map(move |r| (o * size + r) * inner));
            for (to, from) in out.chunks_exact_mut(inner.max(1)).zip(pieces) {
                to.copy_from_slice(&values[from..from + inner]);
            }
        };
        checked!("index_select", Self::try_build(shape, fill))
    }

    /// The elements where `mask`, which may broadcast to this shape, is true, in row-major
    /// order on one axis.
    ///
    /// ```
    /// use wengert_tensor::tensor;
    /// let t = tensor![[1, 2], [3, 4]];
    /// assert_eq!(t.masked_select(&t.gt(1)), tensor![2, 3, 4]);
    /// assert_eq!(t.masked_select(&tensor![true, false]), tensor![1, 3]);
    /// ```
    /// # Panics
    /// If the mask does not expand to this shape.
    #[track_caller]
    pub fn masked_select(&self, mask: &Tensor<bool>) -> Self {
        checked!("masked_select", mask.layout().expand(self.shape()));
        // Each element of the mask counts as often as it is repeated.
        let count = mask.count_true() * (self.count() / mask.count().max(1));
        let mask = checked!("masked_select", mask.expand(self.shape()).try_contiguous());
        let source = checked!("masked_select", self.try_contiguous());
        let flags = mask.as_slice().unwrap_or(&[]).iter();
        let fill = |out: &mut [T]| {
            // Each is written, and the next one over it unless it was chosen.
            let mut next = 0;
            for (&v, &chosen) in source.as_slice().unwrap_or(&[]).iter().zip(flags) {
                let Some(to) = out.get_mut(next) else { break };
                *to = v;
                next += usize::from(chosen);
            }
        };
        checked!("masked_select", Self::try_build(count, fill))
    }
}

/// Elements that one task joins.
const TASK: usize = 16 << 10;

#[inline(never)]
fn join<T: Element>(tensors: &[&Tensor<T>], axis: isize) -> Result<Tensor<T>, ShapeError> {
    let first = tensors.first().ok_or_else(|| ShapeError::new("there are no tensors"))?;
    let axis = first.shape().axis(axis)?;
    let mut shape = first.shape().clone();
    shape.sizes_mut()[axis] = 0;
    for t in tensors {
        let fits = t.rank() == first.rank() && (0..t.rank()).all(|a| a == axis || t.shape()[a] == first.shape()[a]);
        if !fits {
            let message = format!("shapes {} and {} differ in more than axis {axis}", first.shape(), t.shape());
            return Err(ShapeError::new(message));
        }
        shape.sizes_mut()[axis] = shape[axis].saturating_add(t.shape()[axis]);
    }
    let inner: usize = shape[axis + 1..].iter().product();
    let dense: Vec<Tensor<T>> = tensors.iter().map(|t| t.try_contiguous()).collect::<Result<_, _>>()?;
    let pieces = dense.iter().map(|t| (t.as_slice().unwrap_or(&[]), t.shape()[axis] * inner));
    let pieces: Vec<(&[T], usize)> = pieces.filter(|(_, len)| *len > 0).collect();
    let width = shape[axis] * inner;
    Tensor::try_build(shape, |out| {
        // Enough elements at a time to be worth handing out, of one row or of several.
        for_each_chunk(out, TASK, TASK / 8, |task, mut left| {
            let (mut row, mut column) = (task * TASK / width, task * TASK % width);
            while !left.is_empty() {
                for &(values, len) in &pieces {
                    let count = len.saturating_sub(column).min(left.len());
                    let (to, rest) = left.split_at_mut(count);
                    let from = &values[row * len + column.min(len)..];
                    match to {
                        [to] => *to = from[0],
                        _ => to.copy_from_slice(&from[..count]),
                    }
                    (left, column) = (rest, column.saturating_sub(len));
                }
                row += 1;
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;
    use crate::testing::{any_layout, line_of_panic, message_of};
    use proptest::prelude::*;

    #[test]
    fn mistakes_are_named() {
        let (a, b): (Tensor, Tensor) = (Tensor::zeros([2, 3]), Tensor::zeros([3, 4]));
        for (f, message) in [
            (&(|| drop(<Tensor>::concat(&[], 0))) as &dyn Fn(), "concat: there are no tensors"),
            (&|| drop(<Tensor>::stack(&[], 0)), "stack: there are no tensors"),
            (&|| drop(Tensor::concat(&[&a, &b], 0)), "concat: shapes [2, 3] and [3, 4] differ in more than axis 0"),
            (&|| drop(Tensor::concat(&[&a], 2)), "concat: axis 2 is out of range for 2 axes (shape [2, 3])"),
            (&|| drop(Tensor::stack(&[&a, &b], 0)), "stack: shapes [2, 3] and [3, 4] differ"),
            (&|| drop(a.repeat(5, 1)), "repeat: axis 5 is out of range for 2 axes (shape [2, 3])"),
            (&|| drop(a.index_select(1, &tensor![0, 3])), "index_select: index 3 is out of range for axis 1 of [2, 3]"),
            (&|| drop(a.index_select(1, &tensor![-4])), "index_select: index -4 is out of range for axis 1 of [2, 3]"),
            (&|| drop(a.masked_select(&tensor![true, true])), "masked_select: shape [2] does not expand to [2, 3]"),
        ] {
            assert_eq!(message_of(f), message);
        }
        assert!(message_of(|| drop(a.repeat(0, usize::MAX))).starts_with("repeat: shape"));
        assert!(message_of(|| drop(a.tile(&[usize::MAX, 2]))).starts_with("tile: shape"));
        assert_eq!(line_of_panic(|| drop(Tensor::concat(&[&a, &b], 0))), line!());
        assert_eq!(line_of_panic(|| drop(a.index_select(1, &tensor![3]))), line!());
    }

    #[test]
    fn scalars_and_empty_ones() {
        let s = Tensor::scalar(3);
        assert_eq!(Tensor::stack(&[&s, &s], 0), tensor![3, 3]);
        assert_eq!(s.tile(&[2]), tensor![3, 3]);
        assert_eq!(tensor![1, 2].tile(&[0]).shape(), &[0]);
        assert_eq!(tensor![1, 2].repeat(0, 0).shape(), &[0]);
        let none = Tensor::<i64>::zeros([0]);
        assert_eq!(tensor![[1, 2]].index_select(0, &none).shape(), &[0, 2]);
        assert_eq!(tensor![5, 6].index_select(0, &Tensor::scalar(1)).item(), 6);
    }

    proptest! {
        #[test]
        fn joining_undoes_splitting(a in any_layout::<i32>(), size in 1usize..4) {
            for axis in 0..a.rank() as isize {
                let pieces = a.split(axis, size);
                if !pieces.is_empty() {
                    prop_assert_eq!(&Tensor::concat(&pieces.iter().collect::<Vec<_>>(), axis), &a);
                }
                let n = a.shape()[axis as usize] as isize;
                let rows: Vec<_> = (0..n).map(|i| a.select(axis, i)).collect();
                if n > 0 {
                    prop_assert_eq!(&Tensor::stack(&rows.iter().collect::<Vec<_>>(), axis), &a);
                }
                let backwards = a.index_select(axis, &Tensor::range(-n as i64..0).flip(0));
                prop_assert_eq!(backwards, a.flip(axis));
                let twice = a.repeat(axis, 2);
                prop_assert_eq!(twice.slice(axis, crate::Slice::from(1..).step(2)), a.clone());
                let mut times = vec![1; a.rank()];
                times[axis as usize] = 2;
                prop_assert_eq!(a.tile(&times), Tensor::concat(&[&a, &a], axis));
            }
            let odd = a.masked_select(&a.ge(2));
            prop_assert_eq!(odd.to_vec(), a.iter().filter(|&v| v >= 2).collect::<Vec<_>>());
        }
    }
}
