//! The memory of one task, and where its block lies.

use super::plan::Plan;
use super::schedule::Side;
use super::scratch::Scratch;
use super::sequence::REPEAT;
use super::tile::Source;
use crate::Float;

/// What a task works with: its slots, arrays and accumulators, all in scratch memory.
pub(super) struct Frame<'a, T> {
    /// What instructions name.
    pub(super) slots: &'a mut [Source<T>],
    /// Where each stream's part of this block starts.
    pub(super) bases: &'a mut [*mut T],
    /// The same at the present coordinate of the outer axes.
    pub(super) origins: &'a mut [*mut T],
    /// The accumulators of every fold: those in use, which may be one of the next two, those apart, and those
    /// they are flushed to.
    folds: *mut f64,
    apart: *mut f64,
    flushed: *mut f64,
    fold_step: usize,
    /// Full values that the block keeps.
    keeps: *mut u8,
    keep_step: usize,
    /// Kept coordinates of the block along the tile's sides; 1 where these are reduced.
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl<'a, T: Float> Frame<'a, T> {
    /// Lays out the memory of block number `block`, whose streams start at `origins` for the
    /// whole domain; `uniform` are the splatted uniform values.
    pub(super) fn new(
        plan: &Plan,
        scratch: &'a mut Scratch,
        block: usize,
        origins: &[*mut T],
        uniform: *const T,
    ) -> Self {
        let (code, schedule, places) = (&plan.code, &plan.schedule, &plan.scratch);
        let start = scratch.start();
        // SAFETY: the plan's places are disjoint, aligned regions of the scratch memory, which is
        // as large as they need, holds initialised bytes, and is borrowed for as long as the frame.
        let (slots, bases, now) = unsafe {
            (
                std::slice::from_raw_parts_mut(start.add(places.slots).cast::<Source<T>>(), code.slots()),
                std::slice::from_raw_parts_mut(start.add(places.bases).cast::<*mut T>(), code.streams()),
                std::slice::from_raw_parts_mut(start.add(places.origins).cast::<*mut T>(), code.streams()),
            )
        };
        let at = |offset: usize| start.wrapping_add(offset).cast::<T>();
        for (i, slot) in slots[code.first_uniform()..].iter_mut().enumerate() {
            let (splats, registers) = (code.splatted.len(), code.splatted.len() + code.splats);
            *slot = if i < splats {
                Source::chunk(uniform.wrapping_add(i * REPEAT))
            } else if i < registers {
                Source::chunk(at(places.splats + (i - splats) * REPEAT * size_of::<T>()))
            } else {
                Source::row(at(places.registers + (i - registers) * places.register_step))
            };
        }

        // The block's coordinates: columns change the fastest, then rows, then the axes across.
        let mut rest = block;
        let mut next = |size: usize| {
            let i = rest % size;
            rest /= size;
            i
        };
        let mut span = |side: &Side| {
            if !side.kept {
                return (0, 1);
            }
            let start = next(side.kept_blocks()) * side.block;
            (start, side.block.min(side.size - start))
        };
        let ((col, cols), (row, rows)) = (span(&schedule.cols), span(&schedule.rows));
        for (s, base) in bases.iter_mut().enumerate() {
            let lay = &plan.lays[s];
            *base = match origins.get(s) {
                Some(origin) => origin.wrapping_offset(row as isize * lay.rows + col as isize * lay.cols),
                None => at(places.kept + (s - code.memory) * places.kept_step),
            };
        }
        for (axis, &size) in plan.across.iter().enumerate().rev() {
            let i = next(size) as isize;
            for (base, lay) in bases.iter_mut().zip(&plan.lays).take(code.memory) {
                *base = base.wrapping_offset(i * lay.across[axis]);
            }
        }
        let folds = start.wrapping_add(places.folds).cast::<f64>();
        Frame {
            slots,
            bases,
            origins: now,
            folds,
            apart: folds,
            flushed: folds.wrapping_add(places.fold_count * places.fold_step),
            fold_step: places.fold_step,
            keeps: start.wrapping_add(places.keeps),
            keep_step: places.keep_step,
            rows,
            cols,
        }
    }

    /// Whether the accumulators in use are others than those that they are flushed to.
    pub(super) fn fold_apart(&mut self, apart: bool) {
        self.folds = if apart { self.apart } else { self.flushed };
    }

    /// The accumulators in use of a fold: one for each kept coordinate of a full block, as often
    /// as rows are folded side by side.
    pub(super) fn fold(&self, fold: usize) -> *mut f64 {
        self.folds.wrapping_add(fold * self.fold_step)
    }

    /// Those that they are flushed to.
    pub(super) fn flushed(&self, fold: usize) -> *mut f64 {
        self.flushed.wrapping_add(fold * self.fold_step)
    }

    /// Element `i` of a full value that the block keeps.
    pub(super) fn keep(&self, keep: u32, i: usize) -> *mut T {
        self.keeps.wrapping_add(keep as usize * self.keep_step).cast::<T>().wrapping_add(i)
    }
}
