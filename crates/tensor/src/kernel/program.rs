//! Fused programs of maps and reductions over one domain.

use std::marker::PhantomData;

use smallvec::SmallVec;

use super::tile::{CHUNK, Source};
use super::{Reduction, TileMap};
use crate::{Element, Float, Shape, ShapeError, Strides, Tensor};

/// One step of a [`Spec`]; its id is its index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// An operand.
    Load(u32),
    /// A scalar of the run.
    Scalar(u32),
    /// A function of earlier steps.
    Map {
        /// Which of the run's maps.
        map: u32,
        /// The steps it is applied to.
        args: SmallVec<[u32; 3]>,
        /// Whether it is dear, so that a later phase should not compute it again.
        keep: bool,
    },
    /// An earlier step reduced over the reduced axes.
    Reduce(Reduction, u32),
}

/// What a [`Program`] computes: maps and reductions over every element of one domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// The shape that every step is computed over.
    pub domain: Shape,
    /// The axes that every [`Step::Reduce`] goes over, ascending.
    pub reduced: SmallVec<[usize; 4]>,
    /// The strides of each operand, one an axis of the domain: 0 where it repeats.
    pub operands: Vec<Strides>,
    /// The computation; arguments are the indices of earlier steps.
    pub steps: Vec<Step>,
    /// The steps whose values are wanted, each named once.
    pub outputs: Vec<u32>,
}

/// One operand of a run: the strides of the [`Spec`] apply from `offset`.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a, T> {
    /// The whole buffer.
    pub buffer: &'a [T],
    /// Where the element of index 0 lies.
    pub offset: usize,
}

/// A compiled [`Spec`], which can be run any number of times, on any thread.
#[derive(Debug)]
pub struct Program<T> {
    spec: Spec,
    kept: Vec<bool>,
    element: PhantomData<fn() -> T>,
}

impl<T: Float> Program<T> {
    /// Plans how to compute `spec`.
    pub fn compile(spec: Spec) -> Program<T> {
        let varies = |strides: &Strides| {
            spec.reduced.is_empty() || spec.reduced.iter().any(|&a| spec.domain[a] != 1 && strides[a] != 0)
        };
        let mut kept: Vec<bool> = Vec::with_capacity(spec.steps.len());
        for step in &spec.steps {
            kept.push(match step {
                Step::Load(o) => !varies(&spec.operands[*o as usize]),
                Step::Scalar(_) => !spec.reduced.is_empty(),
                Step::Map { args, .. } => !spec.reduced.is_empty() && args.iter().all(|&a| kept[a as usize]),
                Step::Reduce(..) => true,
            });
        }
        Program { spec, kept, element: PhantomData }
    }

    /// What it was compiled from.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Computes the outputs, each contiguous: of the domain's shape, or with its reduced axes 1
    /// when it does not vary along them. The error is a size that cannot be allocated.
    ///
    /// # Panics
    /// If an operand's strides reach outside of its buffer.
    pub fn run(
        &self,
        operands: &[Operand<'_, T>],
        scalars: &[T],
        maps: &[&dyn TileMap<T>],
    ) -> Result<SmallVec<[Tensor<T>; 2]>, ShapeError> {
        let Spec { domain, reduced, operands: strides, steps, outputs } = &self.spec;
        let small = domain.reduced(reduced, true);
        for &o in outputs {
            let shape = if self.kept[o as usize] { &small } else { domain };
            Tensor::<T>::try_build(shape.clone(), |_| {})?;
        }
        let count = domain.count();
        // Where each element of the domain lies among those that are kept.
        let place: Vec<usize> = {
            let shape = &small;
            (0..count)
                .map(|mut i| {
                    let (mut at, mut step) = (0, 1);
                    for axis in (0..domain.len()).rev() {
                        at += (i % domain[axis]).min(shape[axis] - 1) * step;
                        i /= domain[axis];
                        step *= shape[axis];
                    }
                    at
                })
                .collect()
        };
        let mut values: Vec<Vec<T>> = Vec::with_capacity(steps.len());
        for (step, &kept) in steps.iter().zip(&self.kept) {
            let n = if kept { small.count() } else { count };
            let shape = if kept { &small } else { domain };
            values.push(match step {
                Step::Load(o) => {
                    let (Operand { buffer, offset }, strides) = (operands[*o as usize], &strides[*o as usize]);
                    (0..n)
                        .map(|mut i| {
                            let mut at = offset as isize;
                            for axis in (0..domain.len()).rev() {
                                at += (i % shape[axis]) as isize * strides[axis];
                                i /= shape[axis];
                            }
                            buffer[at as usize]
                        })
                        .collect()
                }
                Step::Scalar(s) => vec![scalars[*s as usize]; n],
                Step::Map { map, args, .. } => {
                    let full: Vec<Vec<T>> = args
                        .iter()
                        .map(|&a| match &values[a as usize] {
                            v if self.kept[a as usize] && !kept => place.iter().map(|&i| v[i]).collect(),
                            v => v.clone(),
                        })
                        .collect();
                    let x: Vec<_> = full.iter().map(|v| Source { ptr: v.as_ptr(), mask: !0 }).collect();
                    let mut y = vec![T::ZERO; n];
                    for i in (0..n).step_by(CHUNK) {
                        let x: Vec<_> = x.iter().map(|x| Source { ptr: x.ptr.wrapping_add(i), mask: !0 }).collect();
                        // SAFETY: all of them have `n` elements.
                        unsafe { maps[*map as usize].tile(&x, y.as_mut_ptr().add(i), CHUNK.min(n - i)) };
                    }
                    y
                }
                Step::Reduce(reduction, a) => {
                    let mut folded = vec![reduction.start(); n];
                    for (i, &at) in place.iter().enumerate() {
                        let v = values[*a as usize][if self.kept[*a as usize] { at } else { i }];
                        folded[at] = reduction.join(folded[at], v.to_f64());
                    }
                    let over = reduced.iter().map(|&a| domain[a]).product();
                    folded.iter().map(|&v| <T as Element>::from_f64(reduction.finish(v, over))).collect()
                }
            });
        }
        outputs
            .iter()
            .map(|&o| {
                let shape = if self.kept[o as usize] { &small } else { domain };
                Tensor::try_build(shape.clone(), |out| out.copy_from_slice(&values[o as usize]))
            })
            .collect()
    }
}
