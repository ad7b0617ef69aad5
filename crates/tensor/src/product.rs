//! Matrix products, single and in batches.

use crate::error::checked;
use crate::kernel::matmul::{BatchOffsets, Mat, matmul};
use crate::{Float, Layout, Shape, ShapeError, Tensor, broadcast};

impl<T: Float> Tensor<T> {
    /// The matrix product, by NumPy's rules: the last two axes are rows and columns, those before
    /// them broadcast, and an operand of one axis is a row on the left and a column on the right,
    /// whose axis then goes from the result.
    ///
    /// ```
    /// # use wengert_tensor::tensor;
    /// let a = tensor![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(a.matmul(&tensor![[1.0], [1.0]]), tensor![[3.0], [7.0]]);
    /// assert_eq!(a.matmul(&tensor![1.0, 1.0]), tensor![3.0, 7.0]);
    /// ```
    /// # Panics
    /// If an operand has no axes, the inner sizes differ, or the batches do not broadcast.
    #[track_caller]
    pub fn matmul(&self, other: &Tensor<T>) -> Self {
        checked!("matmul", product(self, other))
    }
}

#[inline(never)]
fn product<T: Float>(left: &Tensor<T>, right: &Tensor<T>) -> Result<Tensor<T>, ShapeError> {
    let error = |why: String| ShapeError::new(format!("shapes {} and {}: {why}", left.shape(), right.shape()));
    if left.rank() == 0 || right.rank() == 0 {
        return Err(error("a scalar is no matrix".into()));
    }
    let a = if left.rank() == 1 { left.unsqueeze(0) } else { left.clone() };
    let b = if right.rank() == 1 { right.unsqueeze(1) } else { right.clone() };
    let (batch_a, &[m, inner_a]) = split(a.shape());
    let (batch_b, &[inner_b, n]) = split(b.shape());
    if inner_a != inner_b {
        return Err(error(format!("inner sizes {inner_a} and {inner_b} differ")));
    }
    let batch = broadcast(batch_a, batch_b)?;
    let matrices = |x: &Tensor<T>| -> Result<Vec<usize>, ShapeError> {
        let sizes: Shape = batch.iter().chain(&x.shape()[x.rank() - 2..]).copied().collect();
        let firsts = x.layout().expand(&sizes)?.slice(batch.len(), 0, 1, 1)?.slice(batch.len() + 1, 0, 1, 1)?;
        let mut starts = Vec::new();
        starts.try_reserve_exact(batch.count()).map_err(|_| error(format!("{batch} matrices are too many")))?;
        starts.extend(firsts.offsets());
        Ok(starts)
    };
    let shape: Shape = batch.iter().chain(&[m, n]).copied().collect();
    let y = if shape.checked_count()? == 0 || inner_a == 0 {
        Tensor::try_build(shape, |out| out.fill(T::ZERO))?
    } else {
        let (starts_a, starts_b) = (matrices(&a)?, matrices(&b)?);
        let (a, b) = (matrix(&a, &starts_a), matrix(&b, &starts_b));
        Tensor::try_build(shape, |out| matmul(batch.count(), m, inner_a, n, a, b, out))?
    };
    let mut sizes = y.shape().clone();
    if right.rank() == 1 {
        sizes.sizes_mut().pop();
    }
    if left.rank() == 1 {
        sizes.sizes_mut().remove(batch.len());
    }
    Ok(y.with_layout(Layout::contiguous(sizes)))
}

/// The sizes of the batch, and of rows and columns.
fn split(shape: &[usize]) -> (&[usize], &[usize; 2]) {
    shape.split_last_chunk().expect("a matrix has two axes")
}

/// The matrices of `x` that start at these offsets.
fn matrix<'a, T: Float>(x: &'a Tensor<T>, starts: &'a [usize]) -> Mat<'a, T> {
    let (_, &[row_stride, col_stride]) = x.layout().strides().split_last_chunk().expect("a matrix has two axes");
    Mat { data: x.buffer(), offset: 0, row_stride, col_stride, batch: BatchOffsets::Each(starts) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;
    use crate::testing::{line_of_panic, message_of};
    use proptest::prelude::*;

    #[test]
    fn ranks() {
        let v = tensor![1.0, 2.0, 3.0];
        let m = Tensor::range(0.0..6.0).reshape([2, 3]);
        let b = Tensor::range(0.0..24.0).reshape([4, 2, 3]);
        assert_eq!(v.matmul(&v).item(), 14.0);
        assert_eq!(m.matmul(&v), tensor![8.0, 26.0]);
        assert_eq!(v.matmul(&m.t()), tensor![8.0, 26.0]);
        assert_eq!(b.matmul(&v).shape(), &[4, 2]);
        assert_eq!(v.matmul(&b.t()).shape(), &[4, 2]);
        assert_eq!(b.matmul(&m.t()).shape(), &[4, 2, 2]);
        assert_eq!(b.unsqueeze(1).matmul(&b.t()).shape(), &[4, 4, 2, 2]);
        assert_eq!(m.slice(1, ..0).matmul(&m.t().slice(0, ..0)), Tensor::zeros([2, 2]));
        assert_eq!(m.slice(0, ..0).matmul(&v).shape(), &[0]);
        assert_eq!(b.slice(0, ..0).matmul(&m.t()).shape(), &[0, 2, 2]);
    }

    #[test]
    fn mistakes_are_named() {
        let (a, b): (Tensor, Tensor) = (Tensor::zeros([2, 3]), Tensor::zeros([4, 3, 2]));
        for (f, message) in [
            (&(|| drop(a.matmul(&a))) as &dyn Fn(), "matmul: shapes [2, 3] and [2, 3]: inner sizes 3 and 2 differ"),
            (&|| drop(a.matmul(&Tensor::scalar(1.0))), "matmul: shapes [2, 3] and []: a scalar is no matrix"),
            (&|| drop(a.matmul(&tensor![1.0, 2.0])), "matmul: shapes [2, 3] and [2]: inner sizes 3 and 2 differ"),
            (&|| drop(b.t().slice(0, ..3).matmul(&b)), "matmul: shapes [3] and [4] do not broadcast: 3 against 4"),
        ] {
            assert_eq!(message_of(f), message);
        }
        assert_eq!(line_of_panic(|| drop(a.matmul(&a))), line!());
    }

    proptest! {
        /// Against sums of products, for every mixture of transposed, reversed and repeated operands.
        #[test]
        fn products_agree_with_sums(m in 0usize..4, k in 0usize..4, n in 0usize..4, batch in 1usize..3, turn in any::<[bool; 2]>(), flip in any::<[bool; 2]>(), shared in any::<[bool; 2]>()) {
            let operand = |rows: usize, cols: usize, i: usize| {
                let (r, c) = if turn[i] { (cols, rows) } else { (rows, cols) };
                let batch = if shared[i] { 1 } else { batch };
                let x = Tensor::range(0.0..(batch * r * c) as f64).reshape([batch, r, c]);
                let x = if turn[i] { x.t() } else { x };
                if flip[i] { x.flip([0, 2]) } else { x }
            };
            let (a, b) = (operand(m, k, 0), operand(k, n, 1));
            let expected = (a.unsqueeze(3) * b.unsqueeze(1)).sum(2);
            prop_assert_eq!(a.matmul(&b), expected);
            prop_assert_eq!(a.select(0, 0).matmul(&b.select(0, 0)), a.matmul(&b).select(0, 0));
        }
    }
}
