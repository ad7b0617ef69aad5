//! Eigenvalues and eigenvectors of symmetric matrices.

use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use super::{each, square};
use crate::{Cotangents, Lowering, Op, Var};

/// For a symmetric A = V·diag(w)·Vᵀ, the rows w and those of V.
#[derive(Clone)]
struct Eigen;

impl Op for Eigen {
    crate::op::compiled_here!(Eigen);
    fn name(&self) -> &'static str {
        "eigh"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let (batch, n) = square(x[0])?;
        let shape: Shape = batch.iter().copied().chain([n + 1, n]).collect();
        shape.checked_count()?;
        Ok(shape)
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let (_, n) = square(x[0].shape()).expect("checked when recorded");
            let shape = self.shape(&[x[0].shape()]).expect("checked when recorded");
            each(&x[0], shape, (n + 1) * n, &mut |a, y| jacobi(a, y, n))
        })
    }
    /// Mike Giles, *Collected matrix derivative results* (2008), section 3.1: V(diag(w̄) + F ∘
    /// VᵀV̄)Vᵀ with Fᵢⱼ = 1/(wⱼ − wᵢ), of which the symmetric part counts.
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let n = x[0].shape()[x[0].rank() - 1] as isize;
        let part = |packed: Var<'t, T>| (packed.select(-2, 0), packed.slice(-2, 1..n + 1));
        let ((w, v), (dw, dv)) = (part(y), part(g));
        let gaps = w.unsqueeze(-2) - w.unsqueeze(-1);
        // Off the diagonal; equal eigenvalues do no harm to those who use the eigenvalues alone.
        let turns = v.t().matmul(dv);
        let turns = (turns.tril(-1) + turns.triu(1)).per(gaps);
        [v.matmul(dw.diag() + turns).matmul(v.t()).symmetric("eigh")].into()
    }
}

/// Writes the eigenvalues of the symmetric `n × n` matrix `a`, ascending, and the matrix of whose
/// columns are its eigenvectors, to `y`; the largest element of each eigenvector is positive.
///
/// Cyclic Jacobi rotations (Golub and Van Loan, *Matrix Computations*, section 8.5), which find
/// small eigenvalues and their vectors as accurately as large ones.
fn jacobi(a: &mut [f64], y: &mut [f64], n: usize) {
    const MAX_SWEEPS: usize = 64;
    if a.iter().any(|v| !v.is_finite()) {
        return y.fill(f64::NAN);
    }
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    for _ in 0..MAX_SWEEPS {
        let mut turned = false;
        for p in 0..n {
            for q in p + 1..n {
                let off = a[p * n + q];
                // Too small to change the diagonal.
                if off.abs() <= f64::EPSILON * 0.125 * (a[p * n + p] * a[q * n + q]).abs().sqrt() {
                    continue;
                }
                turned = true;
                let slope = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
                let t = slope.signum() / (slope.abs() + slope.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                let turn = |x: &mut [f64], p: usize, q: usize| {
                    (x[p], x[q]) = (c * x[p] - s * x[q], s * x[p] + c * x[q]);
                };
                for i in 0..n {
                    turn(a, i * n + p, i * n + q);
                    turn(&mut v, i * n + p, i * n + q);
                }
                for i in 0..n {
                    turn(a, p * n + i, q * n + i);
                }
                (a[p * n + q], a[q * n + p]) = (0.0, 0.0);
            }
        }
        if !turned {
            break;
        }
    }
    let order = Tensor::from_vec((0..n).map(|i| a[i * n + i]).collect(), [n]).argsort(0);
    for (to, from) in order.iter().enumerate() {
        let from = from as usize;
        y[to] = a[from * n + from];
        let column = || (0..n).map(|i| v[i * n + from]);
        let largest = column().fold(0.0, |best: f64, x| if x.abs() > best.abs() + 1e-9 { x } else { best });
        for (i, x) in column().enumerate() {
            y[(i + 1) * n + to] = x * largest.signum();
        }
    }
}

impl<T: Float> Var<'_, T> {
    /// The eigenvalues of the symmetric part of a matrix, ascending, and the matrix whose columns
    /// are the eigenvectors; of each of a batch.
    ///
    /// The gradient of eigenvectors with equal eigenvalues is infinite or NaN: they are not
    /// determined.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let a = tape.var(tensor![[2.0, 1.0], [1.0, 2.0]]);
    /// let (values, vectors) = a.eigh();
    /// values.value().assert_close(&tensor![1.0, 3.0], 1e-15, 0.0);
    /// let product = vectors.matmul(values.diag()).matmul(vectors.t());
    /// product.value().assert_close(&a.value(), 1e-15, 0.0);
    /// ```
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn eigh(self) -> (Self, Self) {
        let packed = self.tape().record(Eigen, &[self.symmetric("eigh")]);
        (packed.select(-2, 0), packed.slice(-2, 1..))
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{gradients, numbers, slope};

    #[test]
    fn derivatives() {
        let a = numbers(&[2, 3, 3]) + tensor![[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 4.0]];
        gradients(|[a]| a.eigh().0, [a.clone()]);
        gradients(|[a]| a.eigh().1, [a]);
    }

    #[test]
    fn of_a_random_matrix() {
        let a = numbers(&[6, 6]);
        let tape = Tape::<f64>::new();
        let (values, vectors) = tape.var(&a).eigh();
        let symmetric = (&a + &a.t()) * 0.5;
        let product = vectors.matmul(values.diag()).matmul(vectors.t());
        product.value().assert_close(&symmetric, 1e-14, 1e-15);
        vectors.t().matmul(vectors).value().assert_close(&Tensor::eye(6), 1e-14, 1e-15);
        assert_eq!(values.value(), values.value().sort(0));
    }

    #[test]
    fn equal_eigenvalues() {
        let eye = Tensor::eye(3);
        assert_eq!(slope(|a| a.eigh().0, &eye), eye);
        let tape = Tape::<f64>::new();
        assert_eq!(tape.var(Tensor::zeros([2, 2])).eigh().0.value(), tensor![0.0, 0.0]);
        assert!(tape.var(tensor![[f64::NAN]]).eigh().0.item().is_nan());
        assert_eq!(tape.var(Tensor::zeros([0, 0])).eigh().1.value().shape(), &[0, 0]);
    }
}
