//! All of an axis in pieces, each of which is a slice.

use wengert_tensor::Float;

use super::room;
use crate::Var;

impl<T: Float> Var<'_, T> {
    /// Pieces of `size` indices of `axis`; the last may be shorter. An empty axis is one empty piece.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let pieces = tape.var(tensor![1.0, 2.0, 3.0]).split(0, 2);
    /// assert_eq!(pieces[1].value(), tensor![3.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range, or the size is 0.
    #[track_caller]
    pub fn split(self, axis: isize, size: usize) -> Vec<Self> {
        let shape = self.shape();
        let total = shape[self.axis("split", axis)];
        assert!(size > 0, "split: pieces of size 0 of axis {axis} of {shape}");
        let mut pieces = room("split", total.div_ceil(size).max(1), &shape);
        for start in (0..total.max(1)).step_by(size) {
            pieces.push(self.slice(axis, start..start.saturating_add(size)));
        }
        pieces
    }

    /// As many pieces of `axis`, all of one size but the last; fewer if that size needs fewer.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let pieces = tape.var(tensor![1.0, 2.0, 3.0]).chunk(0, 2);
    /// assert_eq!([pieces[0].value(), pieces[1].value()], [tensor![1.0, 2.0], tensor![3.0]]);
    /// ```
    /// # Panics
    /// If the axis is out of range, or the number is 0.
    #[track_caller]
    pub fn chunk(self, axis: isize, pieces: usize) -> Vec<Self> {
        let shape = self.shape();
        let total = shape[self.axis("chunk", axis)];
        assert!(pieces > 0, "chunk: 0 pieces of axis {axis} of {shape}");
        self.split(axis, total.div_ceil(pieces).max(1))
    }

    /// Pieces of `axis` of these sizes, one after the other.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let pieces = tape.var(tensor![1.0, 2.0, 3.0]).split_sizes(0, &[1, 2]);
    /// assert_eq!([pieces[0].value(), pieces[1].value()], [tensor![1.0], tensor![2.0, 3.0]]);
    /// ```
    /// # Panics
    /// If the axis is out of range, or the sizes do not add up to its size.
    #[track_caller]
    pub fn split_sizes(self, axis: isize, sizes: &[usize]) -> Vec<Self> {
        let shape = self.shape();
        let total = sizes.iter().fold(0usize, |sum, &size| sum.saturating_add(size));
        let fits = shape[self.axis("split_sizes", axis)] == total;
        assert!(fits, "split_sizes: sizes {sizes:?} do not add up to axis {axis} of {shape}");
        let mut start = 0;
        let mut pieces = Vec::with_capacity(sizes.len());
        for size in sizes {
            pieces.push(self.slice(axis, start..start + size));
            start += size;
        }
        pieces
    }

    /// Every index of `axis` as a variable without it: the inverse of [`Var::stack`].
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let columns = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]).unbind(1);
    /// assert_eq!(columns[1].value(), tensor![2.0, 4.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn unbind(self, axis: isize) -> Vec<Self> {
        let shape = self.shape();
        let size = shape[self.axis("unbind", axis)];
        let mut parts = room("unbind", size, &shape);
        for index in 0..size as isize {
            parts.push(self.select(axis, index));
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::Tensor;

    use crate::ops::testing::{gradients, message_of, numbers};
    use crate::{Tape, Var};

    #[test]
    fn derivatives() {
        let x = numbers(&[3, 4]);
        gradients(|[x]| x.split(1, 3)[1].square(), [x.clone()]);
        gradients(|[x]| x.split_sizes(1, &[3, 0, 1])[2].square() * x.unbind(1)[0].unsqueeze(1), [x]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([3, 4]));
        assert_eq!(message_of(|| _ = x.split(0, 0)), "split: pieces of size 0 of axis 0 of [3, 4]");
        assert_eq!(message_of(|| _ = x.chunk(0, 0)), "chunk: 0 pieces of axis 0 of [3, 4]");
        let message = message_of(|| _ = x.split_sizes(1, &[1, 2]));
        assert_eq!(message, "split_sizes: sizes [1, 2] do not add up to axis 1 of [3, 4]");
        assert_eq!(message_of(|| _ = x.unbind(2)), "unbind: axis 2 is out of range for 2 axes (shape [3, 4])");
    }

    #[test]
    fn pieces() {
        let tape = Tape::<f64>::new();
        let sizes = |parts: Vec<Var<'_, f64>>| parts.iter().map(|part| part.shape()[0]).collect::<Vec<_>>();
        let x = tape.var(Tensor::zeros([5, 2]));
        assert_eq!(
            [sizes(x.chunk(0, 2)), sizes(x.chunk(0, 4)), sizes(x.chunk(0, 9))],
            [vec![3, 2], vec![2, 2, 1], vec![1; 5]]
        );
        assert_eq!(sizes(x.split_sizes(-2, &[0, 4, 1])), [0, 4, 1]);
        assert_eq!(sizes(x.unbind(0)), [2; 5]);
        let empty = tape.var(Tensor::zeros([0, 2]));
        assert_eq!((sizes(empty.chunk(0, 3)), empty.unbind(0).len()), (vec![0], 0));
        assert!(empty.split_sizes(0, &[]).is_empty());
    }
}
