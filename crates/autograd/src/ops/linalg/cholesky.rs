//! The Cholesky factor, and triangular systems.

use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use super::blocks::{factor, substitute};
use super::{each, each_system, solution, square};
use crate::{Cotangents, Lowering, Op, Operand, Var};

/// The lower triangular L with LLᵀ = A, for a symmetric A.
#[derive(Clone)]
struct Cholesky;

impl Op for Cholesky {
    crate::op::compiled_here!(Cholesky);
    fn name(&self) -> &'static str {
        "cholesky"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        square(x[0]).map(|_| x[0].clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let (_, n) = square(x[0].shape()).expect("checked when recorded");
            each(&x[0], x[0].shape().clone(), n * n, &mut |a, l| {
                l.copy_from_slice(a);
                factor(l, n);
            })
        })
    }
    /// Iain Murray, *Differentiation of the Cholesky decomposition* (2016), equation 10: the
    /// symmetric part of L⁻ᵀ Φ(LᵀL̄) L⁻¹, where Φ takes the lower triangle and halves its diagonal.
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let product = y.t().matmul(g);
        let lower = (product.tril(0) + product.tril(-1)) * 0.5;
        let left = y.t().solve_upper(lower);
        [y.t().solve_upper(left.t()).symmetric("cholesky")].into()
    }
}

/// A⁻¹B for a triangular A, whose other triangle is not looked at.
#[derive(Clone)]
struct SolveTriangular {
    upper: bool,
}

impl Op for SolveTriangular {
    crate::op::compiled_here!(SolveTriangular);
    fn name(&self) -> &'static str {
        if self.upper { "solve_upper" } else { "solve_lower" }
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        solution(x[0], x[1])
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let n = x[0].shape()[x[0].rank() - 1];
            each_system(&x[0], &x[1], &mut |a, b| substitute(a, b, n, self.upper))
        })
    }
    /// As of a general system, in the triangle.
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let db = g.tape().record(SolveTriangular { upper: !self.upper }, &[x[0].t(), g]);
        let da = (-db.matmul(y.t())).sum_to_shape(x[0].shape());
        [if self.upper { da.triu(0) } else { da.tril(0) }, db.sum_to_shape(x[1].shape())].into()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The Cholesky factor of a positive definite matrix, or of each of a batch: the lower
    /// triangular L with LLᵀ equal to the symmetric part of this. NaN where there is none.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let a = tape.var(tensor![[4.0, 2.0], [2.0, 10.0]]);
    /// assert_eq!(a.cholesky().value(), tensor![[2.0, 0.0], [1.0, 3.0]]);
    /// ```
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn cholesky(self) -> Self {
        self.tape().record(Cholesky, &[self.symmetric("cholesky")])
    }

    /// As [`Var::solve`] for a lower triangular matrix; what is above the diagonal is taken as 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let l = tape.var(tensor![[2.0, 0.0], [1.0, 3.0]]);
    /// assert_eq!(l.solve_lower(&tensor![2.0, 7.0]).value(), tensor![1.0, 2.0]);
    /// ```
    /// # Panics
    /// If the matrices are not square or the sizes do not match.
    #[track_caller]
    pub fn solve_lower(self, sides: impl Operand<'t, T>) -> Self {
        self.system(sides, SolveTriangular { upper: false })
    }

    /// As [`Var::solve`] for an upper triangular matrix; what is below the diagonal is taken as 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let u = tape.var(tensor![[2.0, 1.0], [0.0, 3.0]]);
    /// assert_eq!(u.solve_upper(&tensor![4.0, 6.0]).value(), tensor![1.0, 2.0]);
    /// ```
    /// # Panics
    /// If the matrices are not square or the sizes do not match.
    #[track_caller]
    pub fn solve_upper(self, sides: impl Operand<'t, T>) -> Self {
        self.system(sides, SolveTriangular { upper: true })
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{gradients, numbers};

    #[test]
    fn derivatives() {
        let a = numbers(&[2, 3, 3]) + Tensor::eye(3) * 3.0;
        gradients(|[a]| a.cholesky(), [a.clone()]);
        gradients(|[a, b]| a.solve_lower(b), [a.clone(), numbers(&[3, 2])]);
        gradients(|[a, b]| a.solve_upper(b), [a, numbers(&[2, 3, 1])]);
    }

    #[test]
    fn factors_multiply_to_the_matrix() {
        let root = numbers(&[5, 5]);
        let tape = Tape::<f64>::new();
        let a = tape.var(&root).matmul(&root.t()) + &Tensor::eye(5);
        let l = a.cholesky();
        l.matmul(l.t()).value().assert_close(&a.value(), 1e-14, 1e-15);
        assert_eq!(l.triu(1).value(), Tensor::zeros([5, 5]));
        let b = numbers(&[5, 2]);
        let x = l.t().solve_upper(l.solve_lower(&b));
        a.matmul(x).value().assert_close(&b, 1e-13, 1e-14);
        assert!(tape.var(tensor![[1.0, 2.0], [2.0, 1.0]]).cholesky().value().at([1, 1]).is_nan());
    }
}
