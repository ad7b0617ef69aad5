//! The cofactors of a matrix, which are the derivative of its determinant, and their derivative.
//!
//! By A⁻¹ they would be 0·∞ at a singular matrix. Elimination with exchanges of rows and columns gives
//! A = M·D·N with well-conditioned M and N of determinant ±1, so that det(A + E) = ±det(D + M⁻¹EN⁻¹); and
//! the derivatives of a determinant at a diagonal matrix are products of its other elements, without a
//! division.

use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use super::{each, each_system, square};
use crate::{Cotangents, Lowering, Op, Var};

/// Exchanges of rows and columns of A that make it L·D·U.
struct Factors<'a> {
    n: usize,
    /// L below the diagonal and U above it, which have ones on theirs; D on it.
    packed: &'a [f64],
    /// Which rows and columns of A come first.
    rows: Vec<usize>,
    columns: Vec<usize>,
    /// The determinant of the exchanges.
    sign: f64,
}

impl<'a> Factors<'a> {
    /// Of a square matrix, which is overwritten, by elimination with complete pivoting (Golub and Van Loan,
    /// *Matrix Computations*, section 3.4.8).
    fn of(a: &'a mut [f64], n: usize) -> Self {
        let (mut rows, mut columns): (Vec<usize>, Vec<usize>) = ((0..n).collect(), (0..n).collect());
        let mut sign = 1.0;
        for k in 0..n {
            let mut best = (k, k);
            for at in (k..n).flat_map(|i| (k..n).map(move |j| (i, j))) {
                let (size, largest) = (a[at.0 * n + at.1].abs(), a[best.0 * n + best.1].abs());
                best = if size > largest || size.is_nan() { at } else { best };
            }
            if best.0 != k {
                (0..n).for_each(|j| a.swap(best.0 * n + j, k * n + j));
                rows.swap(best.0, k);
                sign = -sign;
            }
            if best.1 != k {
                (0..n).for_each(|i| a.swap(i * n + best.1, i * n + k));
                columns.swap(best.1, k);
                sign = -sign;
            }
            let pivot = a[k * n + k];
            if pivot == 0.0 {
                break; // So is all that is left.
            }
            for i in k + 1..n {
                let factor = a[i * n + k] / pivot;
                (k + 1..n).for_each(|j| a[i * n + j] -= factor * a[k * n + j]);
                a[i * n + k] = factor;
            }
            (k + 1..n).for_each(|j| a[k * n + j] /= pivot);
        }
        Self { n, packed: a, rows, columns, sign }
    }

    /// The determinant without the elements of D at `i` and `k`.
    fn product_without(&self, i: usize, k: usize) -> f64 {
        let others = (0..self.n).filter(|&j| j != i && j != k);
        self.sign * others.map(|j| self.packed[j * self.n + j]).product::<f64>()
    }

    /// M⁻¹XN⁻¹.
    fn inward(&self, x: &[f64]) -> Vec<f64> {
        let (n, f) = (self.n, self.packed);
        let mut y: Vec<f64> = (0..n * n).map(|at| x[self.rows[at / n] * n + self.columns[at % n]]).collect();
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            y[i * n + j] -= (0..i).map(|k| f[i * n + k] * y[k * n + j]).sum::<f64>();
        }
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            y[i * n + j] -= (0..j).map(|k| y[i * n + k] * f[k * n + j]).sum::<f64>();
        }
        y
    }

    /// Writes M⁻ᵀYN⁻ᵀ.
    fn outward(&self, mut y: Vec<f64>, x: &mut [f64]) {
        let (n, f) = (self.n, self.packed);
        for (i, j) in (0..n).rev().flat_map(|i| (0..n).map(move |j| (i, j))) {
            y[i * n + j] -= (i + 1..n).map(|k| f[k * n + i] * y[k * n + j]).sum::<f64>();
        }
        for (i, j) in (0..n).flat_map(|i| (0..n).rev().map(move |j| (i, j))) {
            y[i * n + j] -= (j + 1..n).map(|k| y[i * n + k] * f[j * n + k]).sum::<f64>();
        }
        (0..n * n).for_each(|at| x[self.rows[at / n] * n + self.columns[at % n]] = y[at]);
    }
}

/// The gradient of det A.
#[derive(Clone)]
pub(super) struct Cofactors;

impl Op for Cofactors {
    crate::op::compiled_here!(Cofactors);
    fn name(&self) -> &'static str {
        "cofactors"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        square(x[0]).map(|_| x[0].clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let (_, n) = square(x[0].shape()).expect("checked when recorded");
            each(&x[0], x[0].shape().clone(), n * n, &mut |a, cofactors| {
                let factors = Factors::of(a, n);
                let mut core = vec![0.0; n * n];
                (0..n).for_each(|i| core[i * n + i] = factors.product_without(i, i));
                factors.outward(core, cofactors);
            })
        })
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.tape().record(Curvature, &[x[0], g])].into()
    }
}

/// The second derivative of det A applied to a matrix G.
#[derive(Clone)]
struct Curvature;

impl Op for Curvature {
    crate::op::compiled_here!(Curvature);
    fn name(&self) -> &'static str {
        "det_curvature"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        square(x[0]).map(|_| x[0].clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let (_, n) = square(x[0].shape()).expect("checked when recorded");
            each_system(&x[0], &x[1], &mut |a, g| {
                let factors = Factors::of(a, n);
                let (x, mut core) = (factors.inward(g), vec![0.0; n * n]);
                // Of a diagonal matrix, det (D + X) = … + Σ (Xᵢᵢ·Xₖₖ − Xᵢₖ·Xₖᵢ)·(product of the others).
                for (i, k) in (0..n).flat_map(|i| (0..n).map(move |k| (i, k))).filter(|(i, k)| i != k) {
                    let others = factors.product_without(i, k);
                    core[k * n + k] += others * x[i * n + i];
                    core[k * n + i] = -others * x[i * n + k];
                }
                factors.outward(core, g);
            })
        })
    }
    /// It is symmetric in G and its cotangent H. A third derivative is that of det A·(tr A⁻¹G·tr A⁻¹H −
    /// tr A⁻¹GA⁻¹H), for a matrix that has an inverse.
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, h: Var<'t, T>) -> Cotangents<'t, T> {
        let (tape, g) = (h.tape(), x[1]);
        // By a name of its own, on which G and H do not depend.
        let a = x[0] * 1.0;
        let [ag, ah] = [a.solve(g), a.solve(h)];
        let trace = |x: Var<'t, T>| x.diagonal(-2, -1).sum(-1);
        let second = a.det() * (trace(ag) * trace(ah) - trace(ag.matmul(ah)));
        let [da] = second.sum(..).grad([a]);
        [da, tape.record(Curvature, &[x[0], h])].into()
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::ops::testing::{gradients, numbers, slope};
    use crate::{Tape, check};

    /// Of every rank: a determinant is a polynomial, whose derivatives are finite everywhere.
    #[test]
    fn derivatives() {
        let (a, whole) = (numbers(&[4, 4]), tensor![1.0, 2.0, -4.0, 0.5]);
        for matrix in [
            Tensor::zeros([4, 4]),
            whole.unsqueeze(1) * &whole,
            tensor![[1.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 4.0], [2.0, 0.0, 4.0, 0.0], [0.0, -2.0, 0.0, -8.0]],
            a.slice(1, ..3).matmul(&a.slice(0, ..3)),
            a,
        ] {
            gradients(|[a]| a.det(), [matrix]);
        }
        // Third derivatives of a regular matrix.
        gradients(|[a]| a.det().grad([a])[0], [numbers(&[3, 3]) + Tensor::eye(3)]);
        check::gradcheck(|[a]| a.det().square().sum(..).grad([a])[0], [numbers(&[2, 3, 3])]).assert_ok();
    }

    #[test]
    fn by_hand() {
        assert_eq!(slope(|a| a.det(), &tensor![[1.0, 2.0], [2.0, 4.0]]), tensor![[4.0, -2.0], [-2.0, 1.0]]);
        assert_eq!(slope(|a| a.det(), &tensor![[0.0]]), tensor![[1.0]]);
        assert_eq!(slope(|a| a.det(), &Tensor::zeros([3, 3])), Tensor::zeros([3, 3]));
        assert_eq!(slope(|a| a.det(), &Tensor::zeros([2, 0, 0])).shape(), &[2, 0, 0]);
        assert!(slope(|a| a.det(), &tensor![[0.0, f64::NAN], [0.0, 0.0]]).iter().any(f64::is_nan));
        // det = ad − bc: its second derivatives are ±1, also where everything is 0.
        let tape = Tape::<f64>::new();
        let a = tape.var(Tensor::zeros([2, 2]));
        let [slope] = a.det().grad([a]);
        let g = tensor![[1.0, 2.0], [3.0, 4.0]];
        assert_eq!(slope.vjp(&g, [a])[0].value(), tensor![[4.0, -3.0], [-2.0, 1.0]]);
    }
}
