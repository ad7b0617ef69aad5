//! Systems of equations, inverses and determinants, by Gaussian elimination with row exchanges.

use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use super::blocks::{eliminate, substitute};
use super::cofactor::Cofactors;
use super::{each, each_system, solution, square};
use crate::ops::checked;
use crate::{Cotangents, Lowering, Op, Operand, Var};

/// A⁻¹B.
#[derive(Clone)]
struct Solve;

impl Op for Solve {
    crate::op::compiled_here!(Solve);
    fn name(&self) -> &'static str {
        "solve"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        solution(x[0], x[1])
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let n = x[0].shape()[x[0].rank() - 1];
            each_system(&x[0], &x[1], &mut |a, b| {
                eliminate(a, b, n);
                substitute(a, b, n, true);
            })
        })
    }
    /// B̄ = A⁻ᵀX̄, Ā = −B̄Xᵀ.
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let db = g.tape().record(Solve, &[x[0].t(), g]);
        [(-db.matmul(y.t())).sum_to_shape(x[0].shape()), db.sum_to_shape(x[1].shape())].into()
    }
}

/// The determinant, or a function of it.
#[derive(Clone, Copy, PartialEq)]
enum Determinant {
    Value,
    Sign,
    /// ln |det|.
    Magnitude,
    /// ln det, NaN for a negative one.
    Logarithm,
}

impl Op for Determinant {
    crate::op::compiled_here!(Determinant);
    fn name(&self) -> &'static str {
        match self {
            Determinant::Value => "det",
            Determinant::Sign => "sign_det",
            Determinant::Magnitude => "log_abs_det",
            Determinant::Logarithm => "logdet",
        }
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        square(x[0]).map(|(batch, _)| batch.into())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let (batch, n) = square(x[0].shape()).expect("checked when recorded");
            each(&x[0], batch.into(), 1, &mut |a, y| {
                let exchanges = eliminate(a, &mut [], n);
                let diagonal = || (0..n).map(|i| a[i * n + i]);
                let size: f64 = diagonal().map(|d| d.abs().ln()).sum();
                let sign = diagonal().fold(exchanges, |sign, d| if d == 0.0 { 0.0 } else { sign * d.signum() });
                y[0] = match self {
                    Determinant::Value => exchanges * diagonal().product::<f64>(),
                    Determinant::Sign => sign,
                    Determinant::Logarithm if sign < 0.0 => f64::NAN,
                    Determinant::Magnitude | Determinant::Logarithm => size,
                };
            })
        })
    }
    /// The cofactors, and A⁻ᵀ for the logarithm.
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let slope = match self {
            Determinant::Value => g.tape().record(Cofactors, &[x[0]]),
            Determinant::Sign => return Cotangents::none(1),
            Determinant::Magnitude | Determinant::Logarithm => x[0].inverse().t(),
        };
        [g.unsqueeze(-1).unsqueeze(-1) * slope].into()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The solution x of this·x = `sides`, for square matrices; `sides` is a vector, or a matrix of
    /// one column for each right side, and batches broadcast. Of a singular matrix it is infinite
    /// or NaN.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let a = tape.var(tensor![[2.0, 1.0], [0.0, 4.0]]);
    /// assert_eq!(a.solve(&tensor![4.0, 8.0]).value(), tensor![1.0, 2.0]);
    /// ```
    /// # Panics
    /// If the matrices are not square or the sizes do not match.
    #[track_caller]
    pub fn solve(self, sides: impl Operand<'t, T>) -> Self {
        self.system(sides, Solve)
    }

    /// The inverse of a square matrix, or of each of a batch; infinite or NaN if it is singular.
    ///
    /// To apply it, [`Var::solve`] is faster and more accurate.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let a = tape.var(tensor![[2.0, 0.0], [1.0, 1.0]]);
    /// assert_eq!(a.inverse().value(), tensor![[0.5, 0.0], [-0.5, 1.0]]);
    /// ```
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[doc(alias = "inv")]
    #[track_caller]
    pub fn inverse(self) -> Self {
        let shape = self.shape();
        let (_, n) = checked("inverse", square(&shape));
        let fill = |out: &mut [T]| (0..n * n).for_each(|i| out[i] = T::mask(i % (n + 1) == 0));
        self.solve(&checked("inverse", Tensor::try_build([n, n], fill)))
    }

    /// The determinant of a square matrix, or of each of a batch. Its gradient, the cofactors, and the
    /// derivative of that are those of a polynomial, also where it is 0; further ones are NaN there.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let a = tape.var(tensor![[1.0, 2.0], [4.0, 6.0]]);
    /// assert_eq!(a.det().item(), -2.0);
    /// assert_eq!(a.det().grad([a])[0].value(), tensor![[6.0, -4.0], [-2.0, 1.0]]);
    /// ```
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn det(self) -> Self {
        self.tape().record(Determinant::Value, &[self])
    }

    /// The logarithm of the determinant, which does not overflow; NaN where that is negative.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// let a = tape.var(Tensor::eye(400)) * 1e-3;
    /// assert!((a.logdet().item() / (400.0 * 1e-3f64.ln()) - 1.0).abs() < 1e-14);
    /// ```
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn logdet(self) -> Self {
        self.tape().record(Determinant::Logarithm, &[self])
    }

    /// The sign of the determinant (0 where it is 0) and the logarithm of its magnitude, which
    /// does not overflow, as NumPy's `slogdet`.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let (sign, magnitude) = tape.var(tensor![[0.0, 2.0], [3.0, 0.0]]).slogdet();
    /// assert_eq!((sign.item(), magnitude.item()), (-1.0, 6f64.ln()));
    /// ```
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn slogdet(self) -> (Self, Self) {
        let tape = self.tape();
        checked("slogdet", square(&self.shape()));
        (tape.record(Determinant::Sign, &[self]), tape.record(Determinant::Magnitude, &[self]))
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{gradients, message_of, numbers};

    #[test]
    fn derivatives() {
        let a = numbers(&[2, 3, 3]) + Tensor::eye(3) * 2.0;
        gradients(|[a, b]| a.solve(b), [a.clone(), numbers(&[3, 2])]);
        gradients(|[a, b]| a.select(0, 0).solve(b), [a.clone(), numbers(&[3])]);
        gradients(|[a]| a.inverse(), [a.clone()]);
        gradients(|[a]| a.det() * a.logdet(), [a.clone()]);
        gradients(|[a]| (-a).slogdet().1.square(), [a]);
    }

    #[test]
    fn rows_are_exchanged() {
        let tape = Tape::<f64>::new();
        let a = tape.var(tensor![[0.0, 2.0, 1.0], [1e-20, 1.0, 0.0], [1.0, 1.0, 1.0]]);
        let x = a.solve(&tensor![3.0, 1.0, 3.0]).value();
        x.assert_close(&tensor![1.0, 1.0, 1.0], 1e-14, 0.0);
        assert_eq!(tape.var(tensor![[0.0, 1.0], [1.0, 0.0]]).det().item(), -1.0);
        assert!(tape.var(tensor![[0.0, 1.0], [1.0, 0.0]]).logdet().item().is_nan());
        assert_eq!(tape.var(tensor![[-2.0, 0.0], [0.0, -3.0]]).logdet().item(), 6f64.ln());
    }

    #[test]
    fn singular_and_empty() {
        let tape = Tape::<f64>::new();
        let singular = tape.var(Tensor::ones([2, 2]));
        assert_eq!((singular.det().item(), singular.logdet().item()), (0.0, f64::NEG_INFINITY));
        assert!(singular.inverse().value().iter().all(|v| !v.is_finite()));
        assert_eq!(singular.det().grad([singular])[0].value(), tensor![[1.0, -1.0], [-1.0, 1.0]]);
        assert_eq!([singular.slogdet().0.item(), singular.slogdet().1.item()], [0.0, f64::NEG_INFINITY]);
        let nan = tape.var(tensor![[f64::NAN]]);
        assert!(nan.slogdet().0.item().is_nan() && nan.logdet().item().is_nan());
        let column = tape.var(tensor![[0.0, 1.0, 2.0], [0.0, 3.0, 1.0], [0.0, 5.0, 7.0]]);
        assert_eq!((column.det().item(), column.logdet().item()), (0.0, f64::NEG_INFINITY));
        let none = tape.var(Tensor::zeros([0, 0]));
        assert_eq!((none.det().item(), none.inverse().value().shape()), (1.0, &[0, 0].into()));
        assert_eq!(tape.var(Tensor::zeros([0, 2, 2])).solve(&Tensor::zeros([2, 1])).value().shape(), &[0, 2, 1]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let (a, b) = (tape.var(Tensor::zeros([2, 3])), tape.var(Tensor::zeros([2, 2])));
        assert!(message_of(|| _ = a.det()).starts_with("det: the last two axes of [2, 3] are not a square matrix"));
        assert!(message_of(|| _ = a.inverse()).starts_with("inverse: the last two axes of [2, 3]"));
        assert!(message_of(|| _ = b.solve(a.t())).starts_with("solve: [3, 2] are not right sides of systems [2, 2]"));
    }
}
