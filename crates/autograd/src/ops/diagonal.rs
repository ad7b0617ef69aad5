//! Diagonals and triangles of matrices.

use smallvec::SmallVec;
use wengert_tensor::{Float, Slice, Tensor};

use super::{addressed, checked};
use crate::Var;

impl<T: Float> Var<'_, T> {
    /// The elements with equal indices on axes `a` and `b`, as a new last axis in their place.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.diagonal(0, 1).value(), tensor![1.0, 5.0]);
    /// ```
    /// # Panics
    /// If an axis is out of range, or both are the same.
    #[track_caller]
    pub fn diagonal(self, a: isize, b: isize) -> Self {
        self.diagonal_of("diagonal", 0, a, b)
    }

    #[track_caller]
    fn diagonal_of(self, name: &str, k: isize, a: isize, b: isize) -> Self {
        let mut shape = self.shape();
        let rank = shape.len();
        let (a, b) = (self.axis(name, a), self.axis(name, b));
        assert!(a != b, "{name}: the diagonal of {shape} needs two axes, got {a} twice");
        if k != 0 {
            let (axis, by) = if k < 0 { (a, k.saturating_neg()) } else { (b, k) };
            return self.slice(axis as isize, by..).diagonal(a as isize, b as isize);
        }
        let (rows, columns) = (shape[a], shape[b]);
        let others = (0..rank).filter(|&axis| axis != a && axis != b);
        let order: SmallVec<[usize; 4]> = others.chain([a, b]).collect();
        shape = order[..rank - 2].iter().map(|&axis| shape[axis]).chain([rows * columns]).collect();
        // In row-major order, the diagonal is every so-manieth element.
        let diagonal = Slice::from(..rows.min(columns) * (columns + 1)).step(columns as isize + 1);
        self.permuted(order).reshape(shape).slice(-1, diagonal)
    }

    /// Diagonal number `k` of axes `a` and `b`, where 0 is the main one, as [`Var::diagonal`]; 1
    /// is that above it, where the index on `b` is larger by 1. Empty beyond the corners.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.diagonal_at(1, 0, 1).value(), tensor![2.0, 6.0]);
    /// assert_eq!(x.diagonal_at(-1, 0, 1).value(), tensor![4.0]);
    /// ```
    /// # Panics
    /// As [`Var::diagonal`].
    #[track_caller]
    pub fn diagonal_at(self, k: isize, a: isize, b: isize) -> Self {
        self.diagonal_of("diagonal_at", k, a, b)
    }

    /// The sum of the main diagonal of a matrix, or of each of a batch.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]).trace().item(), 5.0);
    /// ```
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn trace(self) -> Self {
        assert!(self.rank() >= 2, "trace: a matrix has two axes, shape {} has {}", self.shape(), self.rank());
        self.diagonal(-2, -1).sum(-1)
    }

    /// The matrix with this on its diagonal and zeros beside it; of each vector of a batch.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![1.0, 2.0]).diag().value(), tensor![[1.0, 0.0], [0.0, 2.0]]);
    /// ```
    /// # Panics
    /// If there is no axis.
    #[doc(alias = "diag_embed")]
    #[track_caller]
    pub fn diag(self) -> Self {
        self.diag_of("diag")
    }

    #[track_caller]
    fn diag_of(self, name: &str) -> Self {
        let mut shape = self.shape();
        let Some(&n) = shape.last() else { panic!("{name}: a scalar of shape {shape} has no axis") };
        let last = shape.len() - 1;
        shape.sizes_mut().push(n);
        addressed(name, &shape, &self.shape());
        self.spread(last, 0, n + 1, n * n).reshape(shape)
    }

    /// The matrix with this on diagonal number `k`, as [`Var::diag`]: above the main one for 1,
    /// below it for −1.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![2.0]).diag_at(1).value(), tensor![[0.0, 2.0], [0.0, 0.0]]);
    /// ```
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn diag_at(self, k: isize) -> Self {
        let (below, above) = (k.saturating_neg().max(0), k.max(0));
        self.diag_of("diag_at").padded("diag_at", &[(below, above), (above, below)], 0.0)
    }

    /// The lower triangle of a matrix, or of each of a batch: zeros above diagonal number `k`,
    /// where 0 is the main one and 1 that above it.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::{Tensor, tensor};
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::ones([2, 3]));
    /// assert_eq!(x.tril(0).value(), tensor![[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]);
    /// ```
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn tril(self, k: isize) -> Self {
        self.apart("tril").le(k as f64).where_(self, 0.0)
    }

    /// The upper triangle of a matrix, or of each of a batch: zeros below diagonal number `k`,
    /// where 0 is the main one and 1 that above it.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::{Tensor, tensor};
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::ones([2, 3]));
    /// assert_eq!(x.triu(1).value(), tensor![[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]);
    /// ```
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn triu(self, k: isize) -> Self {
        self.apart("triu").ge(k as f64).where_(self, 0.0)
    }

    /// How many columns each element of a matrix is to the right of the main diagonal.
    #[track_caller]
    fn apart(self, name: &str) -> Self {
        let shape = self.shape();
        let [.., rows, columns] = shape[..] else {
            panic!("{name}: a triangle needs two axes, shape {shape} has {}", shape.len())
        };
        let exact = rows.max(columns) <= T::MAX_EXACT_INTEGER;
        assert!(exact, "{name}: indices of shape {shape} are not exact in {}", T::NAME);
        let fill = |out: &mut [T]| out.iter_mut().enumerate().for_each(|(i, to)| *to = T::from_f64(i as f64));
        let [rows, columns] = [rows, columns].map(|n| Tensor::try_build(n, fill));
        self.tape().var(checked(name, columns)) - self.tape().var(checked(name, rows)).unsqueeze(1)
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{any_tensor, gradients, message_of, numbers};
    use proptest::prelude::*;

    #[test]
    fn derivatives() {
        gradients(|[x]| x.diagonal(2, 0).square(), [numbers(&[2, 2, 3])]);
        gradients(|[x]| x.diagonal_at(-1, 2, 1).square(), [numbers(&[2, 2, 3])]);
        gradients(|[x]| x.trace().square(), [numbers(&[2, 2, 3])]);
        gradients(|[x]| x.diag().square(), [numbers(&[2, 3])]);
        gradients(|[x]| x.diag_at(-2).square(), [numbers(&[2, 2])]);
        gradients(|[x]| x.tril(-1).square() + x.triu(1), [numbers(&[2, 3, 3])]);
    }

    #[test]
    fn triangles_select() {
        let tape = Tape::new();
        let x = tape.var(tensor![[1.0, f64::NAN], [f64::INFINITY, 4.0]]);
        assert_eq!(x.tril(0).value(), tensor![[1.0, 0.0], [f64::INFINITY, 4.0]]);
        assert_eq!(x.triu(2).value(), Tensor::zeros([2, 2]));
        let x = tape.var(Tensor::range(1.0..13.0).reshape([3, 4]));
        assert_eq!(x.tril(-1).value(), tensor![[0.0, 0.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0], [9.0, 10.0, 0.0, 0.0]]);
    }

    #[test]
    fn other_diagonals() {
        let tape = Tape::new();
        let x = tape.var(Tensor::range(1.0..13.0).reshape([3, 4]));
        let of = |k| x.diagonal_at(k, 0, 1).value();
        assert_eq!([of(-2), of(0), of(2)], [tensor![9.0], tensor![1.0, 6.0, 11.0], tensor![3.0, 8.0]]);
        assert_eq!([of(-3).shape(), of(4).shape()], [&[0], &[0]]);
        let y = tape.var(tensor![1.0, 2.0]);
        for k in [-2, -1, 0, 3] {
            assert_eq!(y.diag_at(k).shape(), [2 + k.unsigned_abs(); 2]);
            assert_eq!(y.diag_at(k).diagonal_at(k, 0, 1).value(), y.value());
            assert_eq!(y.diag_at(k).sum(..).item(), 3.0);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([3]));
        assert_eq!(message_of(|| _ = x.tril(0)), "tril: a triangle needs two axes, shape [3] has 1");
        assert_eq!(message_of(|| _ = x.diagonal(0, -1)), "diagonal: the diagonal of [3] needs two axes, got 0 twice");
        assert_eq!(message_of(|| _ = x.trace()), "trace: a matrix has two axes, shape [3] has 1");
        assert_eq!(tape.var(Tensor::zeros([0])).diag().value().shape(), &[0, 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn as_for_tensors(x in any_tensor()) {
            let tape = Tape::<f64>::new();
            for axis in 1..x.rank() as isize {
                prop_assert_eq!(tape.var(&x).diagonal(0, axis).value(), x.diagonal(0, axis));
                prop_assert_eq!(tape.var(&x).diagonal(axis, 0).value(), x.diagonal(0, axis));
            }
        }
    }
}
