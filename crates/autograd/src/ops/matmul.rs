//! Products of matrices and vectors.

use wengert_tensor::{Float, Shape, ShapeError, broadcast};

use super::addressed;
use crate::{Cotangents, Lowering, Op, Operand, Var};

/// The product of the last two axes, over batch axes that broadcast.
#[derive(Clone)]
pub(crate) struct Matmul;

impl Op for Matmul {
    crate::op::compiled_here!(Matmul);
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let (Some((batch_a, [m, k])), Some((batch_b, [k2, n]))) = (x[0].split_last_chunk(), x[1].split_last_chunk())
        else {
            return Err(ShapeError::new("a matrix has two axes"));
        };
        if k != k2 {
            return Err(ShapeError::new(format!("the inner sizes {k} and {k2} differ")));
        }
        let mut shape = broadcast(batch_a, batch_b)?;
        shape.sizes_mut().extend([*m, *n]);
        shape.checked_count()?;
        Ok(shape)
    }

    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x| x[0].matmul(&x[1]))
    }

    fn flops(&self, x: &[&Shape]) -> f64 {
        let columns = x[1].last().copied().unwrap_or(0);
        2.0 * x[0].count() as f64 * columns as f64
    }

    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let (a, b) = (x[0], x[1]);
        // Of a transposed matrix (a layer's weight, outputs by inputs) the other way round, so that
        // the cotangent of what was transposed lies in rows, as that does.
        let db = if b.op_name() == "permute" { g.t().matmul(a).t() } else { a.t().matmul(g) };
        [g.matmul(b.t()).sum_to_shape(a.shape()), db.sum_to_shape(b.shape())].into()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The matrix product by NumPy's rules: over the last axis of this and the last but one of
    /// `other`; further axes are batches, which broadcast; a vector is a row on the left and a
    /// column on the right.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let a = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.matmul(&tensor![1.0, 10.0]).value(), tensor![21.0, 43.0]);
    /// assert_eq!(a.matmul(a).value(), tensor![[7.0, 10.0], [15.0, 22.0]]);
    /// ```
    /// # Panics
    /// If the inner sizes differ, the batches do not broadcast, or one is a scalar.
    #[doc(alias = "mm")]
    #[doc(alias = "bmm")]
    #[track_caller]
    pub fn matmul(self, other: impl Operand<'t, T>) -> Self {
        self.product(other.on(self.tape()))
    }

    #[track_caller]
    #[inline(never)]
    fn product(self, other: Self) -> Self {
        let (a, b) = (self.shape(), other.shape());
        let (Some(&k), Some(&k2)) = (a.last(), b.iter().rev().nth(1).or(b.first())) else {
            panic!("matmul: shapes {a} and {b}: a scalar has no matrix product");
        };
        assert!(k == k2, "matmul: shapes {a} and {b}: the inner sizes {k} and {k2} differ");
        match (a.len(), b.len()) {
            (1, _) => {
                let product = self.unsqueeze(0).matmul(other);
                product.squeeze(if b.len() == 1 { -1 } else { -2 })
            }
            (_, 1) => self.matmul(other.unsqueeze(1)).squeeze(-1),
            // One large product instead of a batch of small ones with the same right side.
            (3.., 2) => {
                let (rows, mut shape) = (a[..a.len() - 1].iter().product(), a.clone());
                shape.sizes_mut()[a.len() - 1] = b[1];
                self.tape().record(Matmul, &[self.reshape([rows, k]), other]).reshape(shape)
            }
            _ => self.tape().record(Matmul, &[self, other]),
        }
    }

    /// The sum of the products of the elements of two vectors.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![1.0, 2.0]).dot(&tensor![3.0, 4.0]).item(), 11.0);
    /// ```
    /// # Panics
    /// If they are not vectors of the same size.
    #[track_caller]
    pub fn dot(self, other: impl Operand<'t, T>) -> Self {
        let other = other.on(self.tape());
        let (a, b) = (self.shape(), other.shape());
        assert!(a.len() == 1 && a == b, "dot: shapes {a} and {b} are not two vectors of one size");
        self.matmul(other)
    }

    /// The products of every element of one vector with every element of another.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let product = tape.var(tensor![1.0, 2.0]).outer(&tensor![3.0, 4.0]);
    /// assert_eq!(product.value(), tensor![[3.0, 4.0], [6.0, 8.0]]);
    /// ```
    /// # Panics
    /// If they are not vectors.
    #[track_caller]
    pub fn outer(self, other: impl Operand<'t, T>) -> Self {
        let other = other.on(self.tape());
        let (a, b) = (self.shape(), other.shape());
        assert!(a.len() == 1 && b.len() == 1, "outer: shapes {a} and {b} are not two vectors");
        addressed("outer", &[a[0], b[0]].into(), &a);
        self.unsqueeze(1) * other
    }

    /// Summed over the axes that broadcasting from `shape` added or stretched: what a vjp rule
    /// owes an input that its operation broadcasts.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_to_shape([2]).value(), tensor![4.0, 6.0]);
    /// assert_eq!(x.sum_to_shape([2, 1]).value(), tensor![[3.0], [7.0]]);
    /// ```
    /// # Panics
    /// If `shape` does not broadcast to its own.
    #[track_caller]
    pub fn sum_to_shape(self, shape: impl Into<Shape>) -> Self {
        self.summed_to(shape.into())
    }

    #[track_caller]
    #[inline(never)]
    fn summed_to(self, shape: Shape) -> Self {
        let own = self.shape();
        let fits = broadcast(&shape, &own).is_ok_and(|both| both == own);
        assert!(fits, "sum_to_shape: shape {shape} does not broadcast to {own}");
        let new = own.len() - shape.len();
        let stretched: Vec<isize> = (0..own.len())
            .filter(|&axis| axis < new || (shape[axis - new] == 1 && own[axis] != 1))
            .map(|axis| axis as isize)
            .collect();
        if stretched.is_empty() { self } else { self.sum_keep(&stretched[..]).reshape(shape) }
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{gradients, message_of, numbers, slope};
    use proptest::prelude::*;

    /// A gradient in another order of memory would slow down the optimizer that reads it.
    #[test]
    fn the_gradient_of_a_transposed_weight_lies_as_the_weight() {
        let tape = Tape::<f64>::new();
        let (x, w) = (tape.var(numbers(&[5, 3])), tape.var(numbers(&[4, 3])));
        let [dw] = x.matmul(w.t()).square().sum(..).grad([w]);
        assert!(dw.value().as_slice().is_some());
        gradients(|[x, w]| x.matmul(w.t()), [numbers(&[2, 5, 3]), numbers(&[4, 3])]);
        gradients(|[x, w]| x.matmul(w.t()), [numbers(&[5, 3]), numbers(&[2, 4, 3])]);
    }

    #[test]
    fn derivatives() {
        gradients(|[a, b]| a.matmul(b), [numbers(&[2, 3]), numbers(&[3, 2])]);
        gradients(|[a, b]| a.matmul(b), [numbers(&[2, 1, 2, 3]), numbers(&[4, 3, 2])]);
        gradients(|[a, b]| a.matmul(b), [numbers(&[2, 2, 3]), numbers(&[3, 2])]);
        gradients(|[a, b]| a.matmul(b), [numbers(&[2, 3]), numbers(&[2, 3, 1])]);
        gradients(|[a, b]| a.matmul(b), [numbers(&[3]), numbers(&[2, 3, 2])]);
        gradients(|[a, b]| a.matmul(b), [numbers(&[2, 2, 3]), numbers(&[3])]);
        gradients(|[a, b]| a.dot(b) * a.outer(b), [numbers(&[3]), numbers(&[3])]);
        gradients(|[x]| x.matmul(x.t()).matmul(x), [numbers(&[2, 2])]);
    }

    #[test]
    fn nothing_and_infinity() {
        let tape = Tape::new();
        let (a, b) = (tape.var(Tensor::zeros([2, 0])), tape.var(Tensor::zeros([0, 3])));
        assert_eq!(a.matmul(b).value(), Tensor::zeros([2, 3]));
        let weight = numbers(&[3, 2]);
        assert_eq!(tape.var(Tensor::zeros([0, 2, 3])).matmul(&weight).value().shape(), &[0, 2, 2]);
        let empty = Tensor::zeros([0, 3]);
        assert_eq!(slope(|w| w.tape().var(&empty).matmul(w), &weight), Tensor::zeros([3, 2]));
        let product = tape.var(tensor![[0.0, 1.0]]).matmul(&tensor![[f64::INFINITY], [1.0]]);
        assert!(product.item().is_nan());
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let (a, b) = (tape.var(Tensor::zeros([2, 3])), tape.var(Tensor::zeros([2])));
        let message = message_of(|| _ = a.matmul(a));
        assert_eq!(message, "matmul: shapes [2, 3] and [2, 3]: the inner sizes 3 and 2 differ");
        let message = message_of(|| _ = a.matmul(b));
        assert_eq!(message, "matmul: shapes [2, 3] and [2]: the inner sizes 3 and 2 differ");
        let message = message_of(|| _ = b.sum(..).matmul(b));
        assert_eq!(message, "matmul: shapes [] and [2]: a scalar has no matrix product");
        let message = message_of(|| _ = a.dot(b));
        assert_eq!(message, "dot: shapes [2, 3] and [2] are not two vectors of one size");
        let batches = [tape.var(Tensor::zeros([2, 1, 1])), tape.var(Tensor::zeros([3, 1, 1]))];
        assert!(
            message_of(|| _ = batches[0].matmul(batches[1])).starts_with("matmul: shapes [2] and [3] do not broadcast")
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Against sums of products, of transposed and of repeated matrices.
        #[test]
        fn sums_of_products(m in 0usize..4, k in 0usize..4, n in 0usize..4, transposed in any::<bool>(), batch in 1usize..3) {
            let a = if transposed { numbers(&[k, m]).t() } else { numbers(&[m, k]) };
            let b = numbers(&[1, k, n]).expand([batch, k, n]);
            let tape = Tape::<f64>::new();
            let y = tape.var(&a).matmul(&b).value();
            prop_assert_eq!(y.shape(), &[batch, m, n]);
            for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let expected: f64 = (0..k).map(|l| a.at([i, l]) * b.at([0, l, j])).sum();
                for o in 0..batch {
                    prop_assert!((y.at([o, i, j]) - expected).abs() < 1e-15);
                }
            }
        }
    }
}
