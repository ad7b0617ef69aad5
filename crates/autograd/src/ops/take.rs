//! The two kernels behind all indexing: one takes indices of an axis, its adjoint adds them up. The
//! indices are data of the operation.

use wengert_tensor::kernel::parallel::for_each_chunk;
use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use crate::{Cotangents, Lowering, Op, Var};

/// Which indices of an axis: their axes take its place.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) axis: usize,
    /// The size of the axis.
    pub(super) size: usize,
    /// From 0 to below it, contiguous.
    pub(super) at: Tensor<i64>,
    /// Into how many equal pieces both fall: the indices of a piece lie in that piece of the axis. 1 if they lie anywhere.
    pub(super) pieces: usize,
}

impl Rows {
    /// The shape of what is taken from something of shape `x`.
    pub(super) fn taken(&self, x: &Shape) -> Result<Shape, ShapeError> {
        Self::joined(self.around(x, 1), self.at.shape())
    }

    /// The sizes before and after the axis, in whose place there are now `axes`.
    fn around<'a>(&self, all: &'a Shape, axes: usize) -> (&'a [usize], &'a [usize]) {
        (&all[..self.axis], &all[self.axis + axes..])
    }

    fn at(&self) -> &[i64] {
        self.at.as_slice().expect("contiguous")
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
            let (size, at) = (self.0.size, self.0.at());
            let (_, after) = self.0.around(x[0].shape(), 1);
            let (inner, dense) = (after.iter().product::<usize>(), x[0].contiguous());
            let values = dense.as_slice().expect("contiguous");
            Tensor::build(self.shape(&[x[0].shape()]).expect("checked when recorded"), |out| {
                if let Some(runs) = runs(at, out.len() / at.len().max(1)).filter(|_| inner == 1) {
                    let cost = at.len();
                    return for_each_chunk(out, at.len(), cost, |line, mut to| {
                        for &(start, count) in &runs {
                            let (run, rest) = to.split_at_mut(count);
                            run.copy_from_slice(&values[line * size + start..][..count]);
                            to = rest;
                        }
                    });
                }
                each_piece(out, at.len(), inner, |line, first, to| {
                    let (line, at) = (&values[line * size * inner..][..size * inner], &at[first..]);
                    match inner {
                        1 => to.iter_mut().zip(at).for_each(|(to, &from)| *to = line[from as usize]),
                        _ => to.chunks_exact_mut(inner).zip(at).for_each(|(to, &from)| {
                            to.copy_from_slice(&line[from as usize * inner..][..inner]);
                        }),
                    }
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
        Rows::joined(self.0.around(x[0], self.0.at.rank()), &[self.0.size])
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let (size, at) = (self.0.size, self.0.at());
            let (_, after) = self.0.around(x[0].shape(), self.0.at.rank());
            let (inner, dense) = (after.iter().product::<usize>(), x[0].contiguous());
            let values = dense.as_slice().expect("contiguous");
            Tensor::build(self.shape(&[x[0].shape()]).expect("checked when recorded"), |out| {
                if inner == 1 {
                    let pieces = self.0.pieces;
                    let (part, count) = (size / pieces, at.len() / pieces);
                    let runs = runs(at, out.len() / size.max(1)).filter(|_| pieces == 1);
                    return for_each_chunk(out, part, 2 * count + part, |i, to| {
                        let (values, piece) = (&values[i * count..][..count], i % pieces);
                        match &runs {
                            Some(runs) => add_runs(to, values, runs),
                            None => add_elements(to, values, &at[piece * count..], piece * part),
                        }
                    });
                }
                let (starts, sources) = by_target(at, size);
                each_piece(out, size, inner, |line, first, to| {
                    for (target, to) in (first..).zip(to.chunks_exact_mut(inner)) {
                        let from = |source: usize| &values[(line * at.len() + source) * inner..][..inner];
                        match sources[starts[target]..starts[target + 1]] {
                            [] => to.fill(T::ZERO),
                            [one] => to.copy_from_slice(from(one)),
                            ref several => add_rows(to, several.iter().map(|&source| from(source))),
                        }
                    }
                });
            })
        })
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.tape().record(Take(self.0.clone()), &[g])].into()
    }
}

/// Calls `f` with every piece of `out`, which has lines of `rows` rows of `inner` elements: the line that it
/// is of, the number of its first row there, and its elements.
fn each_piece<T: Float>(out: &mut [T], rows: usize, inner: usize, f: impl Fn(usize, usize, &mut [T]) + Sync) {
    let inner = inner.max(1);
    // Enough rows at a time to be worth handing out.
    let most = (TASK / inner).max(1);
    for_each_chunk(out, most * inner, TASK, |task, mut left| {
        let mut row = task * most;
        while !left.is_empty() {
            let count = (rows - row % rows).min(left.len() / inner);
            let (piece, rest) = left.split_at_mut(count * inner);
            f(row / rows, row % rows, piece);
            (left, row) = (rest, row + count);
        }
    });
}

/// Elements, and roughly nanoseconds, of a task.
const TASK: usize = 4096;

/// Indices as runs of following ones, each by its first and its length, if that is worth it: for several lines, and
/// runs that are not short.
fn runs(at: &[i64], lines: usize) -> Option<Vec<(usize, usize)>> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &i in at.iter().take_while(|_| lines > 3) {
        match runs.last_mut() {
            Some((start, count)) if *start + *count == i as usize => *count += 1,
            _ => runs.push((i as usize, 1)),
        }
    }
    (lines > 3 && runs.len() * 8 < at.len()).then_some(runs)
}

/// As [`add_elements`], by runs of indices.
fn add_runs<T: Float>(to: &mut [T], mut values: &[T], runs: &[(usize, usize)]) {
    let mut sums = vec![0.0; to.len()];
    for &(start, count) in runs {
        sums[start..][..count].iter_mut().zip(values).for_each(|(sum, v)| *sum += v.to_f64());
        values = &values[count..];
    }
    to.iter_mut().zip(sums).for_each(|(to, sum)| *to = T::from_f64(sum));
}

/// Writes to each element the sum of those values that are `at` it, added up in `f64`; the first one is at `first`.
fn add_elements<T: Float>(to: &mut [T], values: &[T], at: &[i64], first: usize) {
    let mut sums = vec![0.0; to.len()];
    at.iter().zip(values).for_each(|(&at, v)| sums[at as usize - first] += v.to_f64());
    to.iter_mut().zip(sums).for_each(|(to, sum)| *to = T::from_f64(sum));
}

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
fn by_target(at: &[i64], size: usize) -> (Vec<usize>, Vec<usize>) {
    let mut starts = vec![0; size + 1];
    at.iter().for_each(|&target| starts[target as usize + 1] += 1);
    for target in 0..size {
        starts[target + 1] += starts[target];
    }
    let mut next = starts.clone();
    let mut sources = vec![0; at.len()];
    for (source, &target) in at.iter().enumerate() {
        let next = &mut next[target as usize];
        sources[*next] = source;
        *next += 1;
    }
    (starts, sources)
}
