//! The two kernels behind all indexing: one takes indices of an axis, its adjoint adds them up. The
//! indices are data of the operation.

use std::sync::Arc;

use wengert_tensor::kernel::parallel::for_each_chunk;
use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use crate::{Cotangents, Lowering, Op, Var};

/// Which indices of an axis: the axes of `shape` take its place.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) axis: usize,
    /// The size of the axis.
    pub(super) size: usize,
    pub(super) shape: Shape,
    pub(super) at: Arc<Vec<usize>>,
}

impl Rows {
    /// The shape of what is taken from something of shape `x`.
    pub(super) fn taken(&self, x: &Shape) -> Result<Shape, ShapeError> {
        Self::joined(self.around(x, 1), &self.shape)
    }

    /// The sizes before and after the axis, in whose place there are now `axes`.
    fn around<'a>(&self, all: &'a Shape, axes: usize) -> (&'a [usize], &'a [usize]) {
        (&all[..self.axis], &all[self.axis + axes..])
    }

    fn joined((before, after): (&[usize], &[usize]), middle: &[usize]) -> Result<Shape, ShapeError> {
        let shape: Shape = before.iter().chain(middle).chain(after).copied().collect();
        shape.checked_count().map(|_| shape)
    }
}

/// These indices of an axis.
#[derive(Clone)]
pub(super) struct Take(pub(super) Rows);

impl Op for Take {
    crate::op::compiled_here!(Take);
    fn name(&self) -> &'static str {
        "take"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        self.0.taken(x[0])
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let Rows { size, at, .. } = &self.0;
            let (_, after) = self.0.around(x[0].shape(), 1);
            let (inner, dense) = (after.iter().product::<usize>(), x[0].contiguous());
            let values = dense.as_slice().expect("contiguous");
            Tensor::build(self.shape(&[x[0].shape()]).expect("checked when recorded"), |out| {
                each_row(out, inner, |row, to| {
                    let from = (row / at.len() * size + at[row % at.len()]) * inner;
                    to.copy_from_slice(&values[from..from + inner]);
                });
            })
        })
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.tape().record(Collect(self.0.clone()), &[g])].into()
    }
}

/// The adjoint of [`Take`]: each index of the axis gets the sum of what was taken from it.
#[derive(Clone)]
pub(super) struct Collect(pub(super) Rows);

impl Op for Collect {
    crate::op::compiled_here!(Collect);
    fn name(&self) -> &'static str {
        "collect"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Rows::joined(self.0.around(x[0], self.0.shape.len()), &[self.0.size])
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let Rows { size, at, .. } = &self.0;
            let (_, after) = self.0.around(x[0].shape(), self.0.shape.len());
            let (inner, dense) = (after.iter().product::<usize>(), x[0].contiguous());
            let values = dense.as_slice().expect("contiguous");
            Tensor::build(self.shape(&[x[0].shape()]).expect("checked when recorded"), |out| {
                let (starts, sources) = by_target(at, *size);
                each_row(out, inner, |row, to| {
                    let (outer, target) = (row / size, row % size);
                    let from = |source: usize| &values[(outer * at.len() + source) * inner..][..inner];
                    match sources[starts[target]..starts[target + 1]] {
                        [] => to.fill(T::ZERO),
                        [one] => to.copy_from_slice(from(one)),
                        ref several => add_rows(to, several.iter().map(|&source| from(source))),
                    }
                });
            })
        })
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.tape().record(Take(self.0.clone()), &[g])].into()
    }
}

/// Calls `f` with the number and the elements of each row of `inner` elements.
fn each_row<T: Float>(out: &mut [T], inner: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    // Enough rows at a time to be worth handing out.
    let rows = (TASK / inner.max(1)).max(1);
    for_each_chunk(out, rows * inner.max(1), TASK, |task, chunk| {
        for (row, to) in chunk.chunks_exact_mut(inner.max(1)).enumerate() {
            f(task * rows + row, to);
        }
    });
}

/// Elements, and roughly nanoseconds, of a task.
const TASK: usize = 4096;

/// Writes the sum of rows, added up in `f64`: a million of them lose nothing.
fn add_rows<'a, T: Float>(to: &mut [T], rows: impl Iterator<Item = &'a [T]> + Clone) {
    const BLOCK: usize = 64;
    for (block, to) in to.chunks_mut(BLOCK).enumerate() {
        let mut sum = [0.0; BLOCK];
        for row in rows.clone() {
            sum.iter_mut().zip(&row[block * BLOCK..]).for_each(|(sum, v)| *sum += v.to_f64());
        }
        to.iter_mut().zip(sum).for_each(|(to, sum)| *to = T::from_f64(sum));
    }
}

/// For each target, where its sources start among all sources, which are sorted by target and
/// otherwise in order.
fn by_target(at: &[usize], size: usize) -> (Vec<usize>, Vec<usize>) {
    let mut starts = vec![0; size + 1];
    at.iter().for_each(|&target| starts[target + 1] += 1);
    for target in 0..size {
        starts[target + 1] += starts[target];
    }
    let mut next = starts.clone();
    let mut sources = vec![0; at.len()];
    for (source, &target) in at.iter().enumerate() {
        sources[next[target]] = source;
        next[target] += 1;
    }
    (starts, sources)
}
