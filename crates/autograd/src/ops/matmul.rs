//! The matrix product.

use wengert_tensor::{Float, Shape, ShapeError, broadcast};

use crate::{Cotangents, Lowering, Op, Operand, Var};

/// The product of the last two axes, over batch axes that broadcast.
#[derive(Clone)]
struct Matmul;

impl Op for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let (a, b) = (x[0], x[1]);
        if a.len() < 2 || b.len() < 2 {
            return Err(ShapeError::new(format!(
                "shapes {a} and {b}: a scalar has no matrix product"
            )));
        }
        let (batch_a, [m, k]) = a.split_at(a.len() - 2) else {
            unreachable!("split at two")
        };
        let (batch_b, [k2, n]) = b.split_at(b.len() - 2) else {
            unreachable!("split at two")
        };
        if k != k2 {
            return Err(ShapeError::new(format!(
                "shapes {a} and {b}: the inner sizes {k} and {k2} differ"
            )));
        }
        let mut shape = broadcast(batch_a, batch_b)?;
        shape.sizes_mut().extend([*m, *n]);
        shape.checked_count()?;
        Ok(shape)
    }

    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x| x[0].matmul(&x[1]))
    }

    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let (a, b) = (x[0], x[1]);
        [
            g.matmul(b.t()).sum_to_shape(a.shape()),
            a.t().matmul(g).sum_to_shape(b.shape()),
        ]
        .into()
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
    #[track_caller]
    pub fn matmul(self, other: impl Operand<'t, T>) -> Self {
        let other = other.on(self.tape());
        let (a, b) = (self.shape(), other.shape());
        match (a.len(), b.len()) {
            (1, 1..) => {
                let product = self.reshape([1, a[0]]).matmul(other);
                let axis = product.rank() - if b.len() == 1 { 1 } else { 2 };
                product.without_axis(axis)
            }
            (2.., 1) => {
                let product = self.matmul(other.reshape([b[0], 1]));
                product.without_axis(product.rank() - 1)
            }
            // One large product instead of a batch of small ones with the same right side.
            (3.., 2) if a[a.len() - 1] == b[0] => {
                let rows = a[..a.len() - 1].iter().product();
                let mut shape = a.clone();
                shape.sizes_mut()[a.len() - 1] = b[1];
                self.tape()
                    .record(Matmul, &[self.reshape([rows, b[0]]), other])
                    .reshape(shape)
            }
            _ => self.tape().record(Matmul, &[self, other]),
        }
    }

    #[track_caller]
    fn without_axis(self, axis: usize) -> Self {
        let shape = self.shape().reduced(&[axis], false);
        self.reshape(shape)
    }

    /// Summed over the axes that broadcasting from `shape` added or stretched.
    #[track_caller]
    pub(crate) fn sum_to_shape(self, shape: Shape) -> Self {
        let own = self.shape();
        let new = own.len() - shape.len();
        let stretched: Vec<isize> = (0..own.len())
            .filter(|&axis| axis < new || (shape[axis - new] == 1 && own[axis] != 1))
            .map(|axis| axis as isize)
            .collect();
        if stretched.is_empty() {
            self
        } else {
            self.sum_keep(&stretched[..]).reshape(shape)
        }
    }
}
