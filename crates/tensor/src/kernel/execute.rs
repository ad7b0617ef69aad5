//! Running a plan.
//!
//! A task has one block of kept coordinates (of programs without reductions there is only one),
//! or one chunk of the walk over its reduced axes. It goes through the phases: first what is to
//! be done to kept values, then a walk over the reduced axes, which at every step executes the
//! phase's code on the tiles there, then the results of the reductions, which are kept values of
//! the next phase. Chunks stop after their walk and leave accumulators, which are joined pairwise
//! when all are there; the block is then finished from these.

use std::ops::Range;

use smallvec::SmallVec;

use super::TileMap;
use super::code::{Instr, KeptInstr, Phase};
use super::isa::Isa;
use super::parallel::for_each;
use super::plan::Plan;
use super::scratch::Scratch;
use super::past_caches::{fence, write_past_caches};
use super::strided::{Grid, copy_grid};
use super::tile::{CHUNK, Source};
use crate::Float;

/// Walk steps after which accumulators are flushed, so that no sum of many terms is sequential.
const FLUSH: usize = 64;

/// One run of a plan.
pub(super) struct Run<'a, T: Float> {
    pub(super) plan: &'a Plan,
    pub(super) maps: &'a [&'a dyn TileMap<T>],
    /// Where the element of index 0 of each stream of the domain lies.
    pub(super) origins: SmallVec<[*mut T; 8]>,
    /// The splatted uniform values, a chunk each.
    pub(super) uniform: *const T,
    /// For every chunk of every block, the accumulators of every fold.
    partials: *mut f64,
    isa: Isa,
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

/// A task's own memory.
struct Frame<'a, T> {
    slots: &'a mut [Source<T>],
    /// Where each stream's part of this block starts, and that at the step of the walk.
    bases: &'a mut [*mut T],
    origins: &'a mut [*mut T],
    folds: *mut f64,
    flushed: *mut f64,
    keeps: *mut T,
    /// Kept coordinates of the block along the tile's sides; 1 where they are reduced.
    rows: usize,
    cols: usize,
}

/// A tile's place in its block.
#[derive(Clone, Copy)]
struct Tile {
    row: usize,
    col: usize,
    rows: usize,
    cols: usize,
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
        Run { plan, maps, origins, uniform, partials: std::ptr::null_mut(), isa: Isa::get() }
    }

    /// Computes all outputs that are not uniform.
    pub(super) fn run(mut self) {
        let (plan, schedule) = (self.plan, &self.plan.schedule);
        let (blocks, chunks) = (schedule.blocks, schedule.chunks);
        if chunks == 1 {
            return for_each(blocks, plan.cost_ns, |block| self.task(block, Part::Whole));
        }
        let partials = blocks * chunks * self.partial_len();
        let mut memory = Scratch::take(partials * size_of::<f64>());
        self.partials = memory.start().cast();
        let run = &self;
        for_each(blocks * chunks, plan.cost_ns, |i| run.task(i / chunks, Part::Chunk(i % chunks)));
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
        let mut frame = self.frame(&mut scratch, block);
        for (p, phase) in plan.code.phases.iter().enumerate() {
            self.kept(&mut frame, phase, part);
            if phase.code.is_empty() {
                continue;
            }
            let partial = |chunk: usize| {
                // SAFETY: `partials` has this many accumulators for each chunk of each block.
                unsafe { self.partials.add((block * schedule.chunks + chunk) * self.partial_len()) }
            };
            match part {
                Part::Whole => self.walk(&mut frame, phase, 0..schedule.steps),
                Part::Chunk(chunk) => {
                    let start = chunk * schedule.chunk;
                    self.walk(&mut frame, phase, start..(start + schedule.chunk).min(schedule.steps));
                    self.leave(&frame, phase, partial(chunk));
                    return;
                }
                Part::Rest => self.join(&frame, phase, partial),
            }
            debug_assert!(p == 0 || part == Part::Whole, "only one phase is cut into chunks");
            self.finish(&mut frame, phase);
        }
    }

    /// Lays out a task's memory and finds the block.
    fn frame<'f>(&self, scratch: &'f mut Scratch, block: usize) -> Frame<'f, T> {
        let (plan, schedule, places) = (self.plan, &self.plan.schedule, &self.plan.scratch);
        let code = &plan.code;
        let start = scratch.start();
        // SAFETY: the plan's places are disjoint, aligned regions of the scratch memory, which
        // holds initialised bytes and lives as long as the frame.
        let (slots, bases, origins) = unsafe {
            (
                std::slice::from_raw_parts_mut(start.add(places.slots).cast::<Source<T>>(), code.slots()),
                std::slice::from_raw_parts_mut(start.add(places.bases).cast::<*mut T>(), code.streams()),
                std::slice::from_raw_parts_mut(start.add(places.origins).cast::<*mut T>(), code.streams()),
            )
        };
        let at = |offset: usize| start.wrapping_add(offset).cast::<T>();
        let mut slot = code.streams() + code.keeps;
        let mut fill = |ptr: *const T, mask: usize| {
            slots[slot] = Source { ptr, mask };
            slot += 1;
        };
        (0..code.splatted.len()).for_each(|i| fill(self.uniform.wrapping_add(i * CHUNK), 0));
        (0..code.splats).for_each(|i| fill(at(places.splats + i * CHUNK * size_of::<T>()), 0));
        (0..code.registers).for_each(|i| fill(at(places.registers + i * places.register_step), !0));

        // The block's coordinates: columns, then rows, then those across, the last the fastest.
        let mut rest = block;
        let mut next = |size: usize| {
            let i = rest % size;
            rest /= size;
            i
        };
        let side = |side: &super::schedule::Side, i: usize| {
            let start = i * side.block;
            if side.kept { (start, side.block.min(side.size - start)) } else { (0, 1) }
        };
        let col_block = if schedule.cols.kept { next(schedule.cols.blocks()) } else { 0 };
        let row_block = if schedule.rows.kept { next(schedule.rows.blocks()) } else { 0 };
        let (col, cols) = side(&schedule.cols, col_block);
        let (row, rows) = side(&schedule.rows, row_block);
        for (s, base) in bases.iter_mut().enumerate() {
            *base = match self.origins.get(s) {
                Some(origin) => {
                    let lay = &plan.lays[s];
                    origin.wrapping_offset(row as isize * lay.rows + col as isize * lay.cols)
                }
                None => at(places.kept + (s - code.memory) * places.kept_step),
            };
        }
        for (a, &size) in plan.across.iter().enumerate().rev() {
            let i = next(size) as isize;
            for (base, lay) in bases.iter_mut().zip(&plan.lays).take(code.memory) {
                *base = base.wrapping_offset(i * lay.across[a]);
            }
        }
        let folds = start.wrapping_add(places.folds).cast::<f64>();
        let fold_count = code.phases.iter().map(|phase| phase.folds.len()).max().unwrap_or(0);
        Frame {
            slots,
            bases,
            origins,
            folds,
            flushed: folds.wrapping_add(fold_count * places.fold_step),
            keeps: at(places.keeps),
            rows,
            cols,
        }
    }

    /// What a phase does to kept values.
    fn kept(&self, frame: &mut Frame<'_, T>, phase: &Phase, part: Part) {
        let (plan, memory) = (self.plan, self.plan.code.memory);
        for s in memory..plan.code.streams() {
            frame.slots[s] = Source { ptr: frame.bases[s], mask: !0 };
        }
        let row_step = plan.schedule.cols.kept_block();
        let (rows, cols) = (frame.rows, frame.cols);
        let grid = |s: u32| {
            let lay = &plan.lays[s as usize];
            Grid { first: frame.bases[s as usize], rows: lay.rows, cols: lay.cols }
        };
        for instr in &phase.kept {
            // SAFETY: kept arrays have `rows` rows, `row_step` apart, of `cols` elements; the
            // streams are readable or writable for the block by the promise of `new`.
            unsafe {
                match instr {
                    KeptInstr::Load { stream, to } => {
                        copy_grid(self.isa, grid(*stream).read(), Grid::dense(frame.bases[*to as usize], row_step), rows, cols);
                    }
                    KeptInstr::Map { map, args, to } => {
                        let x: SmallVec<[Source<T>; 4]> = args.iter().map(|&a| frame.slots[a as usize]).collect();
                        let n = if rows == 1 { cols } else { rows * row_step };
                        self.maps[*map as usize].tile(&x, frame.bases[*to as usize], n);
                    }
                    KeptInstr::Store { from, stream } if !matches!(part, Part::Chunk(_)) => {
                        let from = Grid::dense(frame.bases[*from as usize].cast_const(), row_step);
                        copy_grid(self.isa, from, grid(*stream), rows, cols);
                    }
                    KeptInstr::Store { .. } => {}
                }
            }
        }
    }

    /// Goes over steps of the reduced axes, with all of the block's tiles at each.
    fn walk(&self, frame: &mut Frame<'_, T>, phase: &Phase, steps: Range<usize>) {
        let (plan, schedule) = (self.plan, &self.plan.schedule);
        let fold_len = plan.scratch.fold_step;
        for (i, fold) in phase.folds.iter().enumerate() {
            for acc in [frame.folds, frame.flushed] {
                // SAFETY: every fold has `fold_step` accumulators of both kinds.
                unsafe { std::slice::from_raw_parts_mut(acc.add(i * fold_len), fold_len) }.fill(fold.reduction.start());
            }
        }
        let (row_tiles, col_tiles) = (schedule.rows.walked(), schedule.cols.walked());
        let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, plan.outer.len());
        let mut done = 0;
        let mut outer = usize::MAX;
        for step in steps.clone() {
            let (rest, i) = (step / (row_tiles * col_tiles), step % (row_tiles * col_tiles));
            let first = i / (schedule.band * col_tiles) * schedule.band;
            let (band, i) = (schedule.band.min(row_tiles - first), i - first * col_tiles);
            let (col_tile, row_tile) = (i / band, first + i % band);
            if rest != outer {
                outer = rest;
                self.move_to(frame, phase, rest, &mut index);
            }
            let span = |side: &super::schedule::Side, i: usize, block: usize| {
                if side.kept { (0, block) } else { (i * side.tile, (i * side.tile + side.tile).min(side.size)) }
            };
            let (row_start, row_end) = span(&schedule.rows, row_tile, frame.rows);
            let (col_start, col_end) = span(&schedule.cols, col_tile, frame.cols);
            for row in (row_start..row_end).step_by(schedule.rows.tile) {
                for col in (col_start..col_end).step_by(schedule.cols.tile) {
                    let rows = schedule.rows.tile.min(row_end - row);
                    let cols = schedule.cols.tile.min(col_end - col);
                    self.tile(frame, phase, Tile { row, col, rows, cols }, done);
                    done += rows * cols;
                }
            }
            if (step - steps.start) % FLUSH == FLUSH - 1 {
                self.flush(frame, phase);
            }
        }
        self.flush(frame, phase);
        self.ungroup(frame, phase);
        if phase.streams.iter().any(|&s| plan.lays[s as usize].past_caches) {
            fence();
        }
    }

    /// Points the streams to a coordinate of the outer axes.
    fn move_to(&self, frame: &mut Frame<'_, T>, phase: &Phase, outer: usize, index: &mut [usize]) {
        let mut rest = outer;
        for (i, &size) in index.iter_mut().zip(&self.plan.outer).rev() {
            *i = rest % size;
            rest /= size;
        }
        for &s in &phase.streams {
            let lay = &self.plan.lays[s as usize];
            let offset: isize = index.iter().zip(&lay.outer).map(|(&i, &step)| i as isize * step).sum();
            frame.origins[s as usize] = frame.bases[s as usize].wrapping_offset(offset);
        }
    }

    /// Executes a phase's code on one tile; `done` elements of the block went before.
    fn tile(&self, frame: &mut Frame<'_, T>, phase: &Phase, tile: Tile, done: usize) {
        let plan = self.plan;
        let n = tile.rows * tile.cols;
        for &s in &phase.streams {
            let lay = &plan.lays[s as usize];
            let offset = tile.row as isize * lay.rows + tile.col as isize * lay.cols;
            frame.slots[s as usize] = Source { ptr: frame.origins[s as usize].wrapping_offset(offset), mask: !0 };
        }
        for &k in &phase.keeps {
            let ptr = frame.keeps.cast::<u8>().wrapping_add(k as usize * plan.scratch.keep_step).cast::<T>();
            frame.slots[plan.code.streams() + k as usize] = Source { ptr: ptr.wrapping_add(done), mask: !0 };
        }
        let grid = |stream: u32, first: *const T| {
            let lay = &plan.lays[stream as usize];
            Grid { first: first.cast_mut(), rows: lay.rows, cols: lay.cols }
        };
        for instr in &phase.code {
            let target = |slot: &u32| frame.slots[*slot as usize].ptr.cast_mut();
            // SAFETY: registers have room for a tile and splats for a chunk, and the streams are
            // readable or writable under the tile by the promise of `new`; a slot that is written
            // is a register, a splat, a kept tile or an output in place, never an operand.
            unsafe {
                match instr {
                    Instr::Map { map, args, to } => {
                        let x = |i: usize| frame.slots[args[i] as usize];
                        let map = self.maps[*map as usize];
                        match args.len() {
                            1 => map.tile(&[x(0)], target(to), n),
                            2 => map.tile(&[x(0), x(1)], target(to), n),
                            3 => map.tile(&[x(0), x(1), x(2)], target(to), n),
                            many => map.tile(&(0..many).map(x).collect::<SmallVec<[Source<T>; 8]>>(), target(to), n),
                        }
                    }
                    Instr::Splat { stream, to } => {
                        let v = *frame.slots[*stream as usize].ptr;
                        target(to).cast::<[T; CHUNK]>().write([v; CHUNK]);
                    }
                    Instr::Gather { stream, to } => {
                        let from = grid(*stream, frame.slots[*stream as usize].ptr).read();
                        copy_grid(self.isa, from, Grid::dense(target(to), tile.cols), tile.rows, tile.cols);
                    }
                    Instr::Copy { from, to } => {
                        let from = frame.slots[*from as usize];
                        let mut i = 0;
                        while i < n {
                            let m = CHUNK.min(n - i);
                            from.ptr.add(i & from.mask).copy_to(target(to).add(i), m);
                            i += m;
                        }
                    }
                    Instr::Scatter { from, stream } => {
                        let to = grid(*stream, frame.slots[*stream as usize].ptr);
                        let from = Grid::dense(frame.slots[*from as usize].ptr, tile.cols);
                        if plan.lays[*stream as usize].past_caches {
                            write_past_caches(from.first, to, tile.rows, tile.cols);
                        } else {
                            copy_grid(self.isa, from, to, tile.rows, tile.cols);
                        }
                    }
                    Instr::Fold { from, fold } => {
                        let reduction = phase.folds[*fold as usize].reduction;
                        let acc = frame.folds.add(*fold as usize * plan.scratch.fold_step);
                        self.fold(reduction, frame.slots[*from as usize].ptr, tile, acc);
                    }
                }
            }
        }
    }

    /// Folds a tile into accumulators.
    ///
    /// # Safety
    /// `x` must be a tile, and `acc` the accumulators of a fold.
    unsafe fn fold(&self, reduction: super::Reduction, x: *const T, tile: Tile, acc: *mut f64) {
        let (plan, schedule, isa) = (self.plan, &self.plan.schedule, self.isa);
        let Tile { row, col, rows, cols } = tile;
        // SAFETY: the tile's kept coordinates are within those of the block, of which there is an
        // accumulator each, and `groups` times as many when columns are few.
        unsafe {
            match (schedule.rows.kept, schedule.cols.kept) {
                (false, false) => reduction.fold_rows(isa, x, 1, rows * cols, acc),
                (true, false) => reduction.fold_rows(isa, x, rows, cols, acc.add(row)),
                (false, true) if plan.groups > 1 => {
                    // Several rows side by side.
                    let wide = plan.groups * cols;
                    let (whole, rest) = (rows * cols / wide, rows * cols % wide);
                    reduction.fold_columns(isa, x, whole, wide, acc, 0);
                    reduction.fold_columns(isa, x.add(whole * wide), 1, rest, acc, 0);
                }
                (false, true) => reduction.fold_columns(isa, x, rows, cols, acc.add(col), 0),
                (true, true) => {
                    let step = schedule.cols.kept_block();
                    reduction.fold_columns(isa, x, rows, cols, acc.add(row * step + col), step);
                }
            }
        }
    }

    /// Joins the accumulators in use to those that are flushed, and starts them again.
    fn flush(&self, frame: &Frame<'_, T>, phase: &Phase) {
        let n = self.plan.scratch.fold_step;
        for (i, fold) in phase.folds.iter().enumerate() {
            // SAFETY: every fold has `fold_step` accumulators of both kinds.
            unsafe {
                let (acc, flushed) = (frame.folds.add(i * n), frame.flushed.add(i * n));
                fold.reduction.join(self.isa, flushed, acc, n);
                std::slice::from_raw_parts_mut(acc, n).fill(fold.reduction.start());
            }
        }
    }

    /// Copies the accumulators of a chunk to `partial`.
    fn leave(&self, frame: &Frame<'_, T>, phase: &Phase, partial: *mut f64) {
        let n = self.plan.kept_block();
        for i in 0..phase.folds.len() {
            let acc = frame.flushed.wrapping_add(i * self.plan.scratch.fold_step);
            // SAFETY: a partial has `kept_block` accumulators for each fold.
            unsafe { acc.copy_to_nonoverlapping(partial.add(i * n), n) };
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
            let acc = frame.flushed.wrapping_add(i * self.plan.scratch.fold_step);
            // SAFETY: every fold has at least `n` accumulators.
            unsafe { at(0).copy_to_nonoverlapping(acc, n) };
        }
    }

    /// Joins the accumulators of rows that were folded side by side.
    fn ungroup(&self, frame: &Frame<'_, T>, phase: &Phase) {
        let n = self.plan.kept_block();
        for (i, fold) in phase.folds.iter().enumerate() {
            let acc = frame.flushed.wrapping_add(i * self.plan.scratch.fold_step);
            for group in 1..self.plan.groups {
                // SAFETY: every fold has `groups` times `n` accumulators.
                unsafe { fold.reduction.join(self.isa, acc, acc.add(group * n), n) };
            }
        }
    }

    /// Turns accumulators into kept values.
    fn finish(&self, frame: &mut Frame<'_, T>, phase: &Phase) {
        let n = self.plan.kept_block();
        for (i, fold) in phase.folds.iter().enumerate() {
            let acc = frame.flushed.wrapping_add(i * self.plan.scratch.fold_step);
            // SAFETY: every fold has at least `n` accumulators, and kept arrays `n` elements.
            let (acc, to) = unsafe {
                (std::slice::from_raw_parts(acc, n), std::slice::from_raw_parts_mut(frame.bases[fold.to as usize], n))
            };
            for (to, acc) in to.iter_mut().zip(acc) {
                *to = T::from_f64(fold.reduction.finish(*acc, self.plan.reduced));
            }
        }
    }
}
