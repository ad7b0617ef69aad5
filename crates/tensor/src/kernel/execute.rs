//! Running a plan.
//!
//! A task has one block of kept coordinates (of programs without reductions there is only one),
//! or one chunk of the walk over its reduced axes. It goes through the phases: first what is to
//! be done to kept values, then the walk, which executes the phase's code on every tile, then the
//! results of the reductions, which are kept values of the next phase. Chunks stop after their
//! walk and leave accumulators, which are joined pairwise when all are there; the block is then
//! finished from these.

use smallvec::SmallVec;

use super::TileMap;
use super::code::{KeptInstr, Phase};
use super::frame::Frame;
use super::isa::Isa;
use super::parallel::for_each;
use super::plan::Plan;
use super::scratch::Scratch;
use super::strided::{Grid, copy_grid};
use super::tile::{Source, apply_map};
use crate::Float;

/// One run of a plan.
pub(super) struct Run<'a, T: Float> {
    pub(super) plan: &'a Plan,
    pub(super) maps: &'a [&'a dyn TileMap<T>],
    pub(super) isa: Isa,
    /// Where the element of index 0 of each stream of the domain lies.
    origins: SmallVec<[*mut T; 8]>,
    /// The splatted uniform values, a chunk each.
    uniform: *const T,
    /// For every chunk of every block, the accumulators of every fold.
    partials: *mut f64,
}

// SAFETY: tasks read operands and uniform values, which nobody writes during a run, and write
// disjoint parts of outputs and partials: their own block, or their own chunk of it.
unsafe impl<T: Float> Sync for Run<'_, T> {}

/// What part of a block a task does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Chunk(usize),
    /// What is left when all chunks are done.
    Rest,
}

impl<'a, T: Float> Run<'a, T> {
    /// A run over these buffers.
    ///
    /// # Safety
    /// Every stream must be readable, those of outputs writable and not otherwise used, wherever
    /// the plan's shape and strides reach from its origin, until the run is over. `uniform` must
    /// hold a chunk for every splatted value.
    pub(super) unsafe fn new(
        plan: &'a Plan,
        maps: &'a [&'a dyn TileMap<T>],
        origins: SmallVec<[*mut T; 8]>,
        uniform: *const T,
    ) -> Self {
        Run { plan, maps, isa: Isa::get(), origins, uniform, partials: std::ptr::null_mut() }
    }

    /// Computes all outputs that are not uniform.
    pub(super) fn run(mut self) {
        let (plan, schedule) = (self.plan, &self.plan.schedule);
        let (blocks, chunks) = (schedule.blocks, schedule.chunks);
        if chunks == 1 {
            return for_each(blocks, plan.cost_ns, |block| self.task(block, Part::Whole));
        }
        let mut memory = Scratch::take(blocks * chunks * self.partial_len() * size_of::<f64>());
        self.partials = memory.start().cast();
        for_each(blocks * chunks, plan.cost_ns, |i| self.task(i / chunks, Part::Chunk(i % chunks)));
        if plan.combines() {
            let cost = chunks * self.partial_len() + 200;
            for_each(blocks, cost, |block| self.task(block, Part::Rest));
        }
    }

    /// Accumulators that a chunk leaves.
    fn partial_len(&self) -> usize {
        self.plan.code.phases[0].folds.len() * self.plan.kept_block()
    }

    fn task(&self, block: usize, part: Part) {
        let (plan, schedule) = (self.plan, &self.plan.schedule);
        let mut scratch = Scratch::take(plan.scratch.total);
        let frame = &mut Frame::new(plan, &mut scratch, block, &self.origins, self.uniform);
        let partial = |chunk: usize| self.partials.wrapping_add((block * schedule.chunks + chunk) * self.partial_len());
        for phase in &plan.code.phases {
            self.kept(frame, phase, part);
            if phase.code.is_empty() {
                continue;
            }
            // Only programs with a single phase of full values are cut into chunks.
            match part {
                Part::Whole => self.walk(frame, phase, 0..schedule.steps),
                Part::Chunk(chunk) => {
                    let start = chunk * schedule.chunk;
                    self.walk(frame, phase, start..(start + schedule.chunk).min(schedule.steps));
                    return self.leave(frame, phase, partial(chunk));
                }
                Part::Rest => self.join(frame, phase, partial),
            }
            self.finish(frame, phase);
        }
    }

    /// What a phase does to kept values before its walk.
    fn kept(&self, frame: &mut Frame<'_, T>, phase: &Phase, part: Part) {
        let (plan, code) = (self.plan, &self.plan.code);
        for ((slot, base), lay) in frame.slots.iter_mut().zip(&*frame.bases).zip(&plan.lays) {
            *slot = Source { step: lay.rows, ..Source::row(*base) };
        }
        for slot in &mut frame.slots[code.streams()..code.first_uniform()] {
            slot.mask = !0;
        }
        let row_step = plan.schedule.cols.kept_block();
        let (rows, cols) = (frame.rows, frame.cols);
        let base = |s: u32| frame.bases[s as usize];
        let grid = |s: u32| {
            let lay = &plan.lays[s as usize];
            Grid { first: base(s), rows: lay.rows, cols: lay.cols }
        };
        for instr in &phase.kept {
            // SAFETY: kept arrays have `rows` rows, `row_step` apart, of `cols` elements; the
            // streams are readable or writable for the block by the promise of `new`.
            unsafe {
                match instr {
                    KeptInstr::Load { stream, to } => {
                        copy_grid(self.isa, grid(*stream).read(), Grid::dense(base(*to), row_step), rows, cols);
                    }
                    KeptInstr::Map { map, args, to } => {
                        let n = if rows == 1 { cols } else { rows * row_step };
                        let source = |slot: u32| frame.slots[slot as usize];
                        apply_map(self.maps[*map as usize], self.isa, args, source, base(*to), 0, [1, n]);
                    }
                    KeptInstr::Store { .. } if matches!(part, Part::Chunk(_)) => {}
                    KeptInstr::Store { from, stream } => {
                        let from = Grid::dense(base(*from).cast_const(), row_step);
                        copy_grid(self.isa, from, grid(*stream), rows, cols);
                    }
                }
            }
        }
    }

    /// Copies the accumulators of a chunk to `partial`.
    fn leave(&self, frame: &Frame<'_, T>, phase: &Phase, partial: *mut f64) {
        let n = self.plan.kept_block();
        for i in 0..phase.folds.len() {
            // SAFETY: a fold has at least `n` accumulators, a partial as many for each fold.
            unsafe { frame.flushed(i).copy_to_nonoverlapping(partial.add(i * n), n) };
        }
    }

    /// Joins the accumulators of all chunks, neighbours first, into those of the frame.
    fn join(&self, frame: &Frame<'_, T>, phase: &Phase, partial: impl Fn(usize) -> *mut f64) {
        let (chunks, n) = (self.plan.schedule.chunks, self.plan.kept_block());
        for (i, fold) in phase.folds.iter().enumerate() {
            let at = |chunk: usize| partial(chunk).wrapping_add(i * n);
            let mut step = 1;
            while step < chunks {
                for chunk in (0..chunks - step).step_by(2 * step) {
                    // SAFETY: both chunks have `n` accumulators, which only this task uses now.
                    unsafe { fold.reduction.join(self.isa, at(chunk), at(chunk + step), n) };
                }
                step *= 2;
            }
            // SAFETY: every fold has at least `n` accumulators.
            unsafe { at(0).copy_to_nonoverlapping(frame.flushed(i), n) };
        }
    }

    /// Turns accumulators into kept values.
    fn finish(&self, frame: &mut Frame<'_, T>, phase: &Phase) {
        let n = self.plan.kept_block();
        for (i, fold) in phase.folds.iter().enumerate() {
            let to = frame.bases[fold.to as usize];
            // SAFETY: every fold has at least `n` accumulators, and kept arrays `n` elements.
            unsafe { fold.reduction.finish(self.isa, frame.flushed(i), to, n, self.plan.reduced) };
        }
    }
}
