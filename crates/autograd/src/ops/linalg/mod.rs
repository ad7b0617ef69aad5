//! Factorisations of matrices and what follows from them. The last two axes are a matrix, those
//! before them batches. Every kernel computes in `f64`.

mod blocks;
mod cholesky;
mod cofactor;
mod eigen;
mod lu;

use wengert_tensor::{Float, Shape, ShapeError, Tensor, broadcast};

use crate::{Operand, Var};

/// The batch and the size of square matrices.
fn square(shape: &Shape) -> Result<(&[usize], usize), ShapeError> {
    match shape.split_last_chunk() {
        Some((batch, [rows, columns])) if rows == columns => Ok((batch, *rows)),
        _ => Err(ShapeError::new(format!("the last two axes of {shape} are not a square matrix"))),
    }
}

/// The shape of the solution of square systems for these right sides.
fn solution(a: &Shape, b: &Shape) -> Result<Shape, ShapeError> {
    let (batch, n) = square(a)?;
    match b.split_last_chunk() {
        Some((batch_b, &[rows, columns])) if rows == n => {
            let mut shape = broadcast(batch, batch_b)?;
            shape.sizes_mut().extend([rows, columns]);
            shape.checked_count()?;
            Ok(shape)
        }
        _ => Err(ShapeError::new(format!("{b} are not right sides of systems {a}"))),
    }
}

/// What is computed of two matrices, which it may overwrite.
type OfMatrices<'a> = dyn FnMut(&mut [f64], &mut [f64]) + 'a;

/// `f` of each matrix of `x`, in `f64`: it gets the elements and writes `count` results.
fn each<T: Float>(x: &Tensor<T>, shape: Shape, count: usize, f: &mut OfMatrices) -> Tensor<T> {
    let size = x.shape()[x.rank() - 2..].iter().product::<usize>();
    let (mut elements, mut found) = (Tensor::<f64>::zeros(size), Tensor::<f64>::zeros(count));
    let (elements, found) = (elements.make_mut(), found.make_mut());
    let mut values = x.iter();
    Tensor::build(shape, |out| {
        for to in out.chunks_exact_mut(count.max(1)) {
            elements.iter_mut().zip(&mut values).for_each(|(element, value)| *element = value.to_f64());
            f(elements, found);
            to.iter_mut().zip(&*found).for_each(|(to, found)| *to = T::from_f64(*found));
        }
    })
}

/// `f(a, b)` of each system, in `f64`, overwriting `b` with its solution.
fn each_system<T: Float>(a: &Tensor<T>, b: &Tensor<T>, f: &mut OfMatrices) -> Tensor<T> {
    let shape = solution(a.shape(), b.shape()).expect("checked when recorded");
    let (batch, &[n, k]) = shape.split_last_chunk().expect("right sides are matrices");
    let stretched = |x: &Tensor<T>, sizes: [usize; 2]| x.expand(batch.iter().copied().chain(sizes).collect::<Shape>());
    let (b, mut sides) = (stretched(b, [n, k]), Tensor::<f64>::zeros(n * k));
    let (mut values, sides) = (b.iter(), sides.make_mut());
    each(&stretched(a, [n, n]), shape.clone(), n * k, &mut |a, x| {
        sides.iter_mut().zip(&mut values).for_each(|(side, value)| *side = value.to_f64());
        f(a, sides);
        x.copy_from_slice(sides);
    })
}

impl<'t, T: Float> Var<'t, T> {
    /// `solve` of this and right sides, of which a vector is one column.
    #[track_caller]
    fn system(self, sides: impl Operand<'t, T>, solve: impl crate::Op) -> Self {
        let sides = sides.on(self.tape());
        if let [n] = sides.shape()[..] {
            if let Err(error) = solution(&self.shape(), &[n, 1].into()) {
                panic!("{}: {error} (inputs {} and [{n}])", solve.name(), self.shape());
            }
            return self.tape().record(solve, &[self, sides.unsqueeze(1)]).squeeze(-1);
        }
        self.tape().record(solve, &[self, sides])
    }

    /// (A + Aᵀ)/2.
    #[track_caller]
    fn symmetric(self, name: &str) -> Self {
        super::checked(name, square(&self.shape()));
        (self + self.t()) * 0.5
    }
}
