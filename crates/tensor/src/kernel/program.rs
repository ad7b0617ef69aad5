//! Fused programs of maps and reductions over one domain.

use std::marker::PhantomData;

use smallvec::SmallVec;

use super::code::UniformInstr;
use super::domain::Home;
use super::execute::Run;
use super::graph::{Class, Graph};
use super::isa::Isa;
use super::plan::Plan;
use super::schedule::Limits;
use super::scratch::Scratch;
use super::tile::{CHUNK, Source, apply_map};
use super::{Reduction, TileMap};
use crate::{Float, Shape, ShapeError, Strides, Tensor};

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
#[derive(Clone, Debug)]
pub struct Program<T> {
    spec: Spec,
    plan: Plan,
    /// What each operand reaches: the lowest and the highest offset from its own; none if it is
    /// never read.
    reach: Vec<Option<(isize, isize)>>,
    /// The shapes of the outputs.
    shapes: Vec<Shape>,
    element: PhantomData<fn() -> T>,
}

impl<T: Float> Program<T> {
    /// Plans how to compute `spec`.
    ///
    /// # Panics
    /// If a step refers to a later one, or to an operand that there is not.
    pub fn compile(spec: Spec) -> Program<T> {
        Program::compile_within(spec, &Limits::USUAL)
    }

    /// As [`Program::compile`], with tiles, blocks and chunks of other sizes.
    pub(super) fn compile_within(spec: Spec, limits: &Limits) -> Program<T> {
        let graph = Graph::of(&spec);
        let plan = Plan::new(&spec, size_of::<T>(), limits);
        let empty = spec.domain.contains(&0);
        let reach = spec.operands.iter().map(|strides| reach(&spec.domain, strides).filter(|&r| !empty || r != (0, 0)));
        let reach = reach.collect();
        let small = spec.domain.reduced(&spec.reduced, true);
        let shape = |&v: &u32| match graph.value(v).class {
            Class::Full => spec.domain.clone(),
            Class::Kept | Class::Uniform => small.clone(),
        };
        let shapes = graph.outputs.iter().map(shape).collect();
        Program { shapes, reach, plan, spec, element: PhantomData }
    }

    /// What it was compiled from.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Computes the outputs, each contiguous: of the domain's shape, or with its reduced axes 1
    /// when it does not vary along them. The error is a size that cannot be allocated.
    ///
    /// # Panics
    /// If an operand's strides reach outside of its buffer, or if operands, scalars or maps are
    /// missing or of the wrong arity.
    pub fn run(
        &self,
        operands: &[Operand<'_, T>],
        scalars: &[T],
        maps: &[&dyn TileMap<T>],
    ) -> Result<SmallVec<[Tensor<T>; 2]>, ShapeError> {
        assert_eq!(operands.len(), self.spec.operands.len(), "a program got another number of operands");
        for (operand, reach) in operands.iter().zip(&self.reach) {
            if let Some((low, high)) = *reach {
                let (offset, len) = (operand.offset as isize, operand.buffer.len() as isize);
                let fits = offset.saturating_add(low) >= 0 && offset.saturating_add(high) < len;
                assert!(fits, "an operand reaches outside of its buffer");
            }
        }
        let code = &self.plan.code;
        let mut outputs: SmallVec<[Tensor<T>; 2]> = SmallVec::with_capacity(self.shapes.len());
        for shape in &self.shapes {
            outputs.push(Tensor::try_build(shape.clone(), |_| {})?);
        }

        // Uniform values come first, each repeated for those that tiles are computed from.
        let splats = code.splatted.len() * CHUNK;
        let mut scratch = Scratch::take((splats + code.uniform.len()) * size_of::<T>());
        // SAFETY: the scratch memory has this size, is aligned, initialised, and used by nobody
        // else; every bit pattern is a value of `T`.
        let (splats, values) = unsafe {
            let all = std::slice::from_raw_parts_mut(scratch.start().cast::<T>(), splats + code.uniform.len());
            all.split_at_mut(splats)
        };
        self.uniform(values, operands, scalars, maps);
        for (splat, &value) in splats.chunks_exact_mut(CHUNK).zip(&code.splatted) {
            splat.fill(values[value as usize]);
        }
        for &(output, value) in &code.fills {
            outputs[output as usize].make_mut().fill(values[value as usize]);
        }
        if !code.phases.is_empty() {
            let origins = self.plan.lays.iter().map_while(|lay| lay.home).map(|home| match home {
                Home::Operand(o) => {
                    let Operand { buffer, offset } = operands[o as usize];
                    buffer.as_ptr().wrapping_add(offset).cast_mut()
                }
                Home::Output(o) => outputs[o as usize].make_mut().as_mut_ptr(),
            });
            let origins = origins.collect();
            // SAFETY: every operand's reach was checked; outputs are fresh and have the shape that
            // their strides are for.
            unsafe { Run::new(&self.plan, maps, origins, splats.as_ptr()) }.run();
        }
        Ok(outputs)
    }

    /// Computes the uniform values.
    fn uniform(&self, values: &mut [T], operands: &[Operand<'_, T>], scalars: &[T], maps: &[&dyn TileMap<T>]) {
        let first = values.as_mut_ptr();
        let isa = Isa::get();
        for (i, instr) in self.plan.code.uniform.iter().enumerate() {
            let value = match instr {
                UniformInstr::Load { operand } => {
                    let Operand { buffer, offset } = operands[*operand as usize];
                    // Only an empty domain may come with an empty buffer.
                    buffer.get(offset).copied().unwrap_or(T::ZERO)
                }
                UniformInstr::Scalar { scalar } => scalars[*scalar as usize],
                UniformInstr::Map { map, args } => {
                    let source = |a: u32| Source { ptr: first.wrapping_add(a as usize), mask: !0 };
                    // SAFETY: arguments are earlier values; one element of each is read, one written.
                    unsafe { apply_map(maps[*map as usize], isa, args, source, first.wrapping_add(i), 1) };
                    continue;
                }
            };
            values[i] = value;
        }
    }
}

/// The lowest and the highest offset that strides reach, or `None` if they reach nothing.
fn reach(domain: &Shape, strides: &Strides) -> Option<(isize, isize)> {
    let (mut low, mut high) = (0isize, 0isize);
    for (&size, &stride) in domain.iter().zip(strides).filter(|(_, stride)| **stride != 0) {
        let last = (size as isize).checked_sub(1).filter(|last| *last >= 0)?;
        let end = last.saturating_mul(stride);
        (low, high) = (low.saturating_add(end.min(0)), high.saturating_add(end.max(0)));
    }
    Some((low, high))
}

#[cfg(test)]
mod tests;
