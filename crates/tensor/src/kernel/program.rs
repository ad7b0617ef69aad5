//! The tile machine: fused programs of maps and reductions over one domain.
//!
//! A [`Spec`] is a list of steps, each a number for every element of the domain: operands, maps of
//! earlier steps, reductions of them over the reduced axes. To run it step by step would read and
//! write memory once a step. A [`Program`] instead takes a *tile* of a few hundred elements
//! through all steps while it is in the first-level cache: each operand is read once, each output
//! written once.
//!
//! Compiling goes like this; each stage is a file:
//! 1. `graph`: which steps are *uniform* (one number), *kept* (one for every kept coordinate) or
//!    *full* (one for every element), and after how many reductions each can be computed. That
//!    divides the program into *phases*, from one reduction to the next.
//! 2. `domain`: the axes that loops go over, as few as the strides of the operands allow.
//! 3. `schedule`: how tiles lie, and how the domain is cut into *blocks* of kept coordinates, with
//!    which a task goes through all phases, or *chunks* of a block, when there is one phase.
//! 4. `emit`, `sequence` and `registers`: for each phase, the instructions for a tile and for kept values.
//! 5. `plan`: all of it, with the places of everything in a task's scratch memory.
//!
//! Running is in `execute` (blocks and phases), `walk` (tiles) and `frame` (a task's memory). The
//! work on elements is in `sequence` (cheap maps), `tile` (others), `reduce` (folds), `strided` and `transpose` (operands that
//! do not lie as the tile does).

use std::marker::PhantomData;

use smallvec::SmallVec;

use super::code::UniformInstr;
use super::domain::Home;
use super::execute::Run;
use super::graph::{Class, Graph};
use super::isa::Isa;
use super::plan::Plan;
use super::schedule::Limits;
use super::sequence::{REPEAT, Repeated};
use super::tile::{Source, apply_map};
use super::{Arith, Reduction, TileMap};
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
        /// [`TileMap::arith`] of that map.
        #[doc(hidden)]
        arith: Option<Arith>,
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

/// An operand whose memory an output takes, so that it need not be fetched a second time.
#[derive(Debug)]
pub struct Overwrite<T: Element> {
    /// The operand and the output: one of [`Program::overwrites`].
    pub pair: (u32, u32),
    /// The value of the operand: the whole of its buffer, in the order of the domain. Nothing but
    /// time is lost if others share it.
    pub value: Tensor<T>,
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

    /// Operands and the outputs that may be written over them; each may be in several pairs.
    pub fn overwrites(&self) -> &[(u32, u32)] {
        &self.plan.overwrites
    }

    /// Computes the outputs, each contiguous: of the domain's shape, or with its reduced axes 1
    /// when it does not vary along them. The error is a size that cannot be allocated. For
    /// operands that are overwritten, `operands` are not read.
    ///
    /// # Panics
    /// If an operand's strides reach outside of its buffer, or if operands, scalars or maps are
    /// missing or of the wrong arity.
    pub fn run(
        &self,
        operands: &[Operand<'_, T>],
        over: Vec<Overwrite<T>>,
        scalars: &[T],
        maps: &[&dyn TileMap<T>],
    ) -> Result<SmallVec<[Tensor<T>; 2]>, ShapeError> {
        T::run(self, operands, over, scalars, maps)
    }

    #[inline(always)]
    fn run_here(
        &self,
        operands: &[Operand<'_, T>],
        mut over: Vec<Overwrite<T>>,
        scalars: &[T],
        maps: &[&dyn TileMap<T>],
    ) -> Result<SmallVec<[Tensor<T>; 2]>, ShapeError> {
        assert_eq!(operands.len(), self.spec.operands.len(), "a program got another number of operands");
        for (i, (operand, reach)) in (0u32..).zip(operands.iter().zip(&self.reach)) {
            let is_overwritten = over.iter().any(|over| over.pair.0 == i);
            if let (Some((low, high)), false) = (*reach, is_overwritten) {
                let (offset, len) = (operand.offset as isize, operand.buffer.len() as isize);
                let fits = offset.saturating_add(low) >= 0 && offset.saturating_add(high) < len;
                assert!(fits, "an operand reaches outside of its buffer");
            }
        }
        // Uniform values come first, each repeated for those that tiles are computed from.
        let code = &self.plan.code;
        let values = self.uniform(operands, scalars, maps);
        let splats: SmallVec<[Repeated<T>; 4]> =
            code.splatted.iter().map(|&v| Repeated([values[v as usize]; REPEAT])).collect();

        let mut outputs: SmallVec<[Tensor<T>; 2]> = SmallVec::with_capacity(self.shapes.len());
        let mut written: SmallVec<[*mut T; 4]> = SmallVec::new();
        let mut overwritten: SmallVec<[(u32, *mut T); 4]> = SmallVec::new();
        for (o, (shape, fill)) in (0u32..).zip(self.shapes.iter().zip(&code.fills)) {
            if let Some(k) = over.iter().position(|over| over.pair.1 == o) {
                let Overwrite { pair, value } = over.swap_remove(k);
                let found = self.plan.overwrites.binary_search_by_key(&(pair.1, pair.0), |&(i, o)| (o, i));
                assert!(found.is_ok(), "operand {} cannot be overwritten by output {o}", pair.0);
                let mut output = value.whole_buffer(shape);
                written.push(output.make_mut().as_mut_ptr());
                overwritten.extend(written.last().map(|&first| (pair.0, first)));
                outputs.push(output);
                continue;
            }
            outputs.push(Tensor::try_build(shape.clone(), |out| match fill {
                Some(value) => out.fill(values[*value as usize]),
                None => written.push(out.as_mut_ptr()),
            })?);
        }
        assert!(over.is_empty(), "two operands for one output, or an output that there is not");
        if !code.phases.is_empty() {
            let mut written = written.into_iter();
            let origins = self.plan.lays.iter().map_while(|lay| lay.home).map(|home| match home {
                Home::Operand(o) => match overwritten.iter().find(|(operand, _)| *operand == o) {
                    Some((_, first)) => *first,
                    None => operands[o as usize].buffer.as_ptr().wrapping_add(operands[o as usize].offset).cast_mut(),
                },
                Home::Output(_) => written.next().expect("a stream for every output that is not uniform"),
            });
            let origins = origins.collect();
            // SAFETY: every operand's reach was checked; outputs are nobody else's, have the shape that
            // their strides are for, and nobody looks at them before the run is over. An operand that is
            // overwritten has the strides of its output.
            unsafe { Run::new(&self.plan, maps, origins, splats.as_ptr().cast()) }.run();
        }
        Ok(outputs)
    }

    /// The uniform values.
    fn uniform(&self, operands: &[Operand<'_, T>], scalars: &[T], maps: &[&dyn TileMap<T>]) -> SmallVec<[T; 16]> {
        let isa = Isa::get();
        let code = &self.plan.code.uniform;
        let mut values: SmallVec<[T; 16]> = SmallVec::from_elem(T::ZERO, code.len());
        let first = values.as_mut_ptr();
        for (i, instr) in code.iter().enumerate() {
            let to = first.wrapping_add(i);
            // SAFETY: there is a value for every instruction; arguments are earlier ones, of which one
            // element is read and one written.
            unsafe {
                match instr {
                    // Only an empty domain may come with an empty buffer.
                    UniformInstr::Load { operand } => {
                        let Operand { buffer, offset } = operands[*operand as usize];
                        *to = buffer.get(offset).copied().unwrap_or(T::ZERO);
                    }
                    UniformInstr::Scalar { scalar } => *to = scalars[*scalar as usize],
                    UniformInstr::Map { map, args } => {
                        let source = |a: u32| Source::row(first.wrapping_add(a as usize).cast_const());
                        apply_map(maps[*map as usize], isa, args, source, to, 0, [1, 1]);
                    }
                }
            }
        }
        values
    }
}

/// An element that the tile machine is compiled for: in this crate, once and optimised, and not in
/// every crate that computes with tensors.
pub trait Machine: Element {
    /// [`Program::run`].
    #[doc(hidden)]
    fn run(
        program: &Program<Self>,
        operands: &[Operand<'_, Self>],
        over: Vec<Overwrite<Self>>,
        scalars: &[Self],
        maps: &[&dyn TileMap<Self>],
    ) -> Result<SmallVec<[Tensor<Self>; 2]>, ShapeError>;
}

macro_rules! machine {
    ($($t:ident),*) => {$(
        impl Machine for $t {
            #[inline(never)]
            fn run(
                program: &Program<$t>,
                operands: &[Operand<'_, $t>],
                over: Vec<Overwrite<$t>>,
                scalars: &[$t],
                maps: &[&dyn TileMap<$t>],
            ) -> Result<SmallVec<[Tensor<$t>; 2]>, ShapeError> {
                program.run_here(operands, over, scalars, maps)
            }
        }
    )*};
}
machine!(f32, f64);

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
