//! The walk over the reduced axes: at every step, a phase's code on all tiles of the block there.

use std::ops::Range;

use smallvec::SmallVec;

use super::Reduction;
use super::code::{Instr, Phase};
use super::execute::Run;
use super::frame::Frame;
use super::isa::multiversion;
use super::past_caches::{fence, write_past_caches};
use super::schedule::{Schedule, Side};
use super::sequence::{REPEAT, sequence_len};
use super::strided::{Grid, copy_grid};
use super::tile::{CHUNK, Source, apply_map};
use crate::Float;

/// Steps after which accumulators are flushed, so that no sum of many terms is sequential. Walks of no more
/// steps fold into where these would be flushed to.
const FLUSH: usize = 64;

/// A tile's place in its block.
#[derive(Clone, Copy)]
struct Tile {
    row: usize,
    col: usize,
    rows: usize,
    cols: usize,
}

impl<T: Float> Run<'_, T> {
    /// Goes over some of the steps; the results of the phase's folds are in the flushed
    /// accumulators then.
    pub(super) fn walk(&self, frame: &mut Frame<'_, T>, phase: &Phase, steps: Range<usize>) {
        let (plan, schedule) = (self.plan, &self.plan.schedule);
        let flushes = steps.len() > FLUSH;
        frame.fold_apart(flushes);
        for (i, fold) in phase.folds.iter().enumerate() {
            for acc in [frame.flushed(i), frame.fold(i)].into_iter().take(1 + flushes as usize) {
                // SAFETY: every fold has this many accumulators of both kinds.
                unsafe { std::slice::from_raw_parts_mut(acc, plan.scratch.fold_step) }.fill(fold.reduction.start());
            }
        }
        let (mut done, mut width) = (0, 0);
        let mut position = Position::at(steps.start, schedule);
        if !steps.is_empty() {
            self.move_to(frame, phase, position.place);
        }
        for i in 1..=steps.len() {
            let (row_start, row_end) = span(&schedule.rows, position.band + position.row, frame.rows);
            let (col_start, col_end) = span(&schedule.cols, position.col, frame.cols);
            let mut row = row_start;
            while row < row_end {
                let rows = schedule.rows.tile.min(row_end - row);
                let mut col = col_start;
                while col < col_end {
                    let cols = schedule.cols.tile.min(col_end - col);
                    if cols != width {
                        width = cols;
                        self.densify(frame, cols);
                    }
                    self.tile(frame, phase, Tile { row, col, rows, cols }, done);
                    done += rows * cols;
                    col += cols;
                }
                row += rows;
            }
            if flushes && i % FLUSH == 0 {
                self.flush(frame, phase);
            }
            if position.step(schedule) && i < steps.len() {
                self.move_to(frame, phase, position.place);
            }
        }
        if flushes {
            self.flush(frame, phase);
        }
        let n = plan.kept_block();
        for (i, fold) in phase.folds.iter().enumerate() {
            // Rows that were folded side by side.
            for group in 1..plan.groups {
                let acc = frame.flushed(i);
                // SAFETY: every fold has `groups` times `n` accumulators.
                unsafe { fold.reduction.join(self.isa, acc, acc.add(group * n), n) };
            }
        }
        if phase.streams.iter().any(|&s| plan.lays[s as usize].past_caches) {
            fence();
        }
    }

    /// Makes rows of `cols` elements of what a tile itself makes.
    fn densify(&self, frame: &mut Frame<'_, T>, cols: usize) {
        let code = &self.plan.code;
        let own = (code.streams()..code.first_uniform()).chain(code.first_register()..code.slots());
        own.for_each(|slot| frame.slots[slot].step = cols as isize);
    }

    /// Points the streams to a coordinate of the outer axes.
    fn move_to(&self, frame: &mut Frame<'_, T>, phase: &Phase, mut place: usize) {
        let index: SmallVec<[isize; 4]> = self
            .plan
            .outer
            .iter()
            .rev()
            .map(|size| {
                let i = place % size;
                place /= size;
                i as isize
            })
            .collect();
        for &s in &phase.streams {
            let steps = self.plan.lays[s as usize].outer.iter().rev();
            let offset: isize = index.iter().zip(steps).map(|(i, step)| i * step).sum();
            frame.origins[s as usize] = frame.bases[s as usize].wrapping_offset(offset);
        }
    }

    /// Executes a phase's code on one tile; `done` elements of the block went before.
    fn tile(&self, frame: &mut Frame<'_, T>, phase: &Phase, tile: Tile, done: usize) {
        let plan = self.plan;
        // Rows that follow one another are one.
        let size = if plan.schedule.wide { [tile.rows, tile.cols] } else { [1, tile.rows * tile.cols] };
        for &s in &phase.streams {
            let lay = &plan.lays[s as usize];
            let offset = tile.row as isize * lay.rows + tile.col as isize * lay.cols;
            frame.slots[s as usize].ptr = frame.origins[s as usize].wrapping_offset(offset);
        }
        for &keep in &phase.keeps {
            frame.slots[plan.code.streams() + keep as usize].ptr = frame.keep(keep, done);
        }
        let source = |slot: u32| frame.slots[slot as usize];
        let target = |slot: u32| frame.slots[slot as usize].ptr.cast_mut();
        let grid = |stream: u32| {
            let lay = &plan.lays[stream as usize];
            Grid { first: target(stream), rows: lay.rows, cols: lay.cols }
        };
        // What a tile is computed from has contiguous rows.
        let rows = |slot: u32| Grid { first: target(slot), rows: frame.slots[slot as usize].step, cols: 1 };
        let mut code = phase.code.as_slice();
        while let [instr, ..] = code {
            let (here, rest) = code.split_at(sequence_len(code).max(1));
            code = rest;
            // SAFETY: registers have room for a tile and splats for what repeats, and the streams are
            // readable or writable under the tile by the promise of `Run::new`; what is written is
            // a register, a splat, a kept value or an output, never an operand.
            unsafe {
                match instr {
                    Instr::Map { map, args, to } => {
                        let Source { ptr, step, .. } = source(*to);
                        apply_map(self.maps[*map as usize], self.isa, args, source, ptr.cast_mut(), step, size);
                    }
                    Instr::Cheap { .. } => T::sequence(self.isa, here, frame.slots, size),
                    Instr::Splat { stream, to } => splat(self.isa, *target(*stream), target(*to)),
                    Instr::Gather { once: true, .. } if done > 0 => {}
                    Instr::Gather { stream, to, once } => {
                        let n = if *once { plan.schedule.rows.tile } else { tile.rows };
                        copy_grid(self.isa, grid(*stream).read(), rows(*to), n, tile.cols);
                    }
                    Instr::Copy { from, to } => {
                        let (from, to) = (source(*from), source(*to));
                        for i in 0..size[0] as isize {
                            let row = (from.ptr.offset(i * from.step), to.ptr.cast_mut().offset(i * to.step));
                            for j in (0..size[1]).step_by(CHUNK) {
                                row.0.add(j & from.mask).copy_to(row.1.add(j), CHUNK.min(size[1] - j));
                            }
                        }
                    }
                    Instr::Scatter { from, stream } if plan.lays[*stream as usize].past_caches => {
                        write_past_caches(rows(*from).read(), grid(*stream), tile.rows, tile.cols);
                    }
                    Instr::Scatter { from, stream } => {
                        copy_grid(self.isa, rows(*from).read(), grid(*stream), tile.rows, tile.cols);
                    }
                    Instr::Fold { from, fold } => {
                        let reduction = phase.folds[*fold as usize].reduction;
                        self.fold(reduction, source(*from), tile, frame.fold(*fold as usize));
                    }
                }
            }
        }
    }

    /// Folds a tile into accumulators.
    ///
    /// # Safety
    /// `x` must be a tile, and `acc` the accumulators of a fold.
    unsafe fn fold(&self, reduction: Reduction, x: Source<T>, tile: Tile, acc: *mut f64) {
        let (plan, schedule, isa) = (self.plan, &self.plan.schedule, self.isa);
        let Source { ptr: x, step: x_step, .. } = x;
        let Tile { row, col, rows, cols } = tile;
        // SAFETY: the tile's kept coordinates are within those of the block, of which there is an
        // accumulator each, and `groups` times as many when columns are few.
        unsafe {
            match (schedule.rows.kept, schedule.cols.kept) {
                (false, false) if schedule.wide => {
                    for i in 0..rows as isize {
                        reduction.fold_rows(isa, x.offset(i * x_step), 0, 1, cols, acc);
                    }
                }
                (false, false) => reduction.fold_rows(isa, x, 0, 1, rows * cols, acc),
                (true, false) => reduction.fold_rows(isa, x, x_step, rows, cols, acc.add(row)),
                (false, true) if plan.groups > 1 => {
                    let wide = plan.groups * cols;
                    let (whole, rest) = (rows * cols / wide, rows * cols % wide);
                    reduction.fold_columns(isa, x, whole, wide, acc, [wide as isize, 0]);
                    reduction.fold_columns(isa, x.add(whole * wide), 1, rest, acc, [0, 0]);
                }
                (false, true) => reduction.fold_columns(isa, x, rows, cols, acc.add(col), [x_step, 0]),
                (true, true) => {
                    let step = schedule.cols.kept_block();
                    reduction.fold_columns(isa, x, rows, cols, acc.add(row * step + col), [x_step, step as isize]);
                }
            }
        }
    }

    /// Joins the accumulators in use to those that are flushed, and starts them again.
    fn flush(&self, frame: &Frame<'_, T>, phase: &Phase) {
        let n = self.plan.scratch.fold_step;
        for (i, fold) in phase.folds.iter().enumerate() {
            // SAFETY: every fold has this many accumulators of both kinds.
            unsafe {
                fold.reduction.join(self.isa, frame.flushed(i), frame.fold(i), n);
                std::slice::from_raw_parts_mut(frame.fold(i), n).fill(fold.reduction.start());
            }
        }
    }
}

multiversion! {
    /// Writes `value` [`REPEAT`] times.
    ///
    /// # Safety
    /// `to` must be writable for as many.
    unsafe fn splat[T: Copy](value: T, to: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[T; REPEAT]>().write([value; REPEAT]) };
    }
}

/// Where a walk is: it goes down a band of rows of tiles, then on along the columns, then to the
/// next band, then to the next coordinate of the outer axes.
struct Position {
    place: usize,
    band: usize,
    col: usize,
    row: usize,
}

impl Position {
    fn at(step: usize, schedule: &Schedule) -> Position {
        let (row_tiles, col_tiles) = (schedule.rows.walks.max(1), schedule.cols.walks.max(1));
        let (place, i) = (step / (row_tiles * col_tiles), step % (row_tiles * col_tiles));
        let band = i / (schedule.band * col_tiles) * schedule.band;
        let (height, i) = (schedule.band.min(row_tiles - band), i - band * col_tiles);
        Position { place, band, col: i / height, row: i % height }
    }

    /// Goes on; whether that is to another place.
    fn step(&mut self, schedule: &Schedule) -> bool {
        self.row += 1;
        if self.row < schedule.band && self.band + self.row < schedule.rows.walks {
            return false;
        }
        self.row = 0;
        self.col += 1;
        if self.col < schedule.cols.walks {
            return false;
        }
        self.col = 0;
        self.band += schedule.band;
        if self.band < schedule.rows.walks {
            return false;
        }
        self.band = 0;
        self.place += 1;
        true
    }
}

/// What a step covers of one side: the tile there, or the block when the axis is kept.
fn span(side: &Side, tile: usize, block: usize) -> (usize, usize) {
    if side.kept { (0, block) } else { (tile * side.tile, (tile * side.tile + side.tile).min(side.size)) }
}
