//! How the domain is cut: into tiles that fit the first-level cache, blocks of kept coordinates
//! whose phases fit the second, and chunks that different threads may take.
//!
//! Everything here follows from shapes, strides and the program, never from the machine, so that
//! results do not either.

use smallvec::SmallVec;

use super::domain::{Axis, Domain};

/// Sizes to aim at; tests lower them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of tile registers.
    pub(super) registers: usize,
    /// The fewest and the most elements of a tile.
    pub(super) tile: (usize, usize),
    /// Bytes of a block that several phases go over.
    pub(super) block: usize,
    /// Kept coordinates of a block.
    pub(super) kept: usize,
    /// Elements worth a task of their own.
    pub(super) task: usize,
}

impl Limits {
    /// For first-level caches of 32 KB or more and second-level caches of 1 MB or more, backed by a third level.
    pub(super) const USUAL: Limits =
        Limits { registers: 24 << 10, tile: (128, 2048), block: 1536 << 10, kept: 4096, task: 32 << 10 };
}

/// Rows that square tiles go down before they go on along the columns: runs of this many elements
/// of what lies the other way, so that its pages and lines are not all new for every tile.
const BAND: usize = 128;

/// Columns from which on it pays to go through the rows of a tile one by one.
const WIDE: usize = 32;

/// As many blocks as this need not be cut into chunks to keep all threads busy.
const ENOUGH_BLOCKS: usize = 64;

/// What a tile looks like. What it computes is dense, row after row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A piece of one row.
    Flat,
    /// Several whole rows, one after the other in operands too.
    Tall,
    /// Pieces of several rows, which are contiguous in operands but lie anywhere.
    Wide,
    /// Pieces of several rows, for operands that lie the other way.
    Square,
}

/// The axes that tiles lie along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) form: Form,
    pub(super) cols: Option<usize>,
    pub(super) rows: Option<usize>,
}

/// How a stream lies under a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// As the tile itself.
    InPlace,
    /// One element for all of the tile.
    Splat,
    /// Anything else.
    Strided,
}

impl Choice {
    /// How a stream of these strides along rows and columns lies, `width` being the size of the
    /// columns' axis.
    pub(super) fn lie(&self, rows: isize, cols: isize, width: usize) -> Lie {
        let dense = match self.form {
            Form::Flat => true,
            Form::Wide => true,
            Form::Tall => rows == width as isize,
            Form::Square => false,
        };
        match cols {
            1 if dense => Lie::InPlace,
            0 if rows == 0 || self.form == Form::Flat => Lie::Splat,
            _ => Lie::Strided,
        }
    }

    /// The cheapest way to lay tiles by a rough estimate in nanoseconds an element; `maps` and
    /// `folds` count what is done to each.
    pub(super) fn best(domain: &Domain, maps: usize, folds: usize) -> Choice {
        let axes = domain.axes.len();
        let mut best = (f32::INFINITY, Choice { form: Form::Flat, cols: None, rows: None });
        for cols in (0..axes).rev() {
            for rows in (0..axes).rev().filter(|&r| r != cols).map(Some).chain([None]) {
                for form in [Form::Flat, Form::Tall, Form::Wide, Form::Square] {
                    let choice = Choice { form, cols: Some(cols), rows };
                    if let Some(cost) = choice.cost(domain, maps, folds)
                        && cost < best.0 - 0.001
                    {
                        best = (cost, choice);
                    }
                }
            }
        }
        best.1
    }

    fn cost(&self, domain: &Domain, maps: usize, folds: usize) -> Option<f32> {
        let col_axis = &domain.axes[self.cols?];
        let row_axis = self.rows.map(|r| &domain.axes[r]);
        let (width, height) = (col_axis.size.max(1), row_axis.map_or(1, |axis| axis.size.max(1)));
        let (cols, rows) = match self.form {
            // Kept columns are cut into blocks.
            Form::Flat => (width.min(if col_axis.kept { 256 } else { 512 }), 1),
            Form::Tall if width <= 256 && height > 1 => (width, height.min(512 / width)),
            Form::Wide if width >= WIDE && height > 1 => (width.min(256), height.min(512 / width.min(256))),
            Form::Square if width > 1 && height > 1 => (width.min(32), height.min(32)),
            _ => return None,
        };
        let tile = (cols * rows) as f32;
        let mut cost = (4.0 * (maps + folds + 3) as f32 + 1.5 * domain.streams.len() as f32) / tile;
        if self.form == Form::Wide {
            cost += (maps + folds + if cols < 256 { 8 } else { 0 }) as f32 / cols as f32;
        }
        for (s, _) in domain.streams.iter().enumerate().filter(|(_, stream)| stream.full) {
            let step = col_axis.strides[s];
            let row_step = row_axis.map_or(0, |axis| axis.strides[s]);
            cost += match self.lie(row_step, step, width) {
                Lie::InPlace => 0.0,
                Lie::Splat => 0.02,
                Lie::Strided if step == 0 => 0.06 + 0.6 / cols as f32,
                Lie::Strided if step == 1 && row_step == 0 && self.form == Form::Tall => 0.02,
                Lie::Strided if step == 1 => 0.06 + 2.0 / cols as f32,
                Lie::Strided if row_step == 1 && rows > 1 => 0.4 + 4.0 / rows.min(cols) as f32,
                Lie::Strided if step.unsigned_abs() < 16 => 0.7,
                Lie::Strided => 1.7,
            };
        }
        cost += folds as f32
            * match cols {
                _ if col_axis.kept => 0.12,
                0..16 => 0.6,
                _ => 0.1 + 3.0 / cols as f32,
            };
        // What a block of kept coordinates costs by itself.
        if domain.axes.iter().any(|axis| axis.kept) {
            let across = |axis: &Axis| if axis.kept { axis.size.min(4096) } else { 1 };
            let block =
                domain.reduced_count().saturating_mul(across(col_axis)).saturating_mul(row_axis.map_or(1, across));
            cost += 300.0 / block.clamp(1, 64 << 10) as f32;
        }
        Some(cost)
    }
}

/// One side of the tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// The axis it lies along, if there is one.
    pub(super) axis: Option<usize>,
    /// The size of that axis.
    pub(super) size: usize,
    /// Whether that axis is kept.
    pub(super) kept: bool,
    /// Elements of a tile.
    pub(super) tile: usize,
    /// Elements of a block, when the axis is kept; else all.
    pub(super) block: usize,
    /// Steps of a walk along it: its tiles, or 1 when the axis is kept.
    pub(super) walks: usize,
}

impl Side {
    fn new(domain: &Domain, axis: Option<usize>, tile: usize) -> Side {
        let (size, kept) = axis.map_or((1, false), |axis| (domain.axes[axis].size, domain.axes[axis].kept));
        let tile = tile.clamp(1, size.max(1));
        Side { axis, size, kept, tile, block: size.max(1), walks: if kept { 1 } else { size.div_ceil(tile) } }
    }

    /// Blocks along it.
    pub(super) fn kept_blocks(&self) -> usize {
        if self.kept { self.size.div_ceil(self.block) } else { 1 }
    }

    /// Kept coordinates of a block along it.
    pub(super) fn kept_block(&self) -> usize {
        if self.kept { self.block } else { 1 }
    }

    /// Cuts the axis into equal blocks of about `block` elements, a multiple of `unit`.
    fn cut(&mut self, block: usize, unit: usize) {
        let blocks = self.size.max(1).div_ceil(block.max(1));
        self.block = self.size.div_ceil(blocks).next_multiple_of(unit.max(1)).clamp(1, self.size.max(1));
    }
}

/// What the cut depends on besides the domain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// Tile registers in use at once.
    pub(super) registers: usize,
    /// Whether anything is reduced.
    pub(super) folds: bool,
    /// Bytes of an element.
    pub(super) bytes: usize,
    /// Full values that a block reads, writes or keeps.
    pub(super) resident: usize,
    /// Phases that go over full values.
    pub(super) phases: usize,
}

/// The whole cut.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    /// The elements that a tile should have.
    pub(super) tile: usize,
    pub(super) rows: Side,
    pub(super) cols: Side,
    /// Reduced axes that tiles do not lie along, the outermost first.
    pub(super) outer: SmallVec<[usize; 4]>,
    /// Kept axes that tiles do not lie along: a block is at one coordinate of each.
    pub(super) across: SmallVec<[usize; 4]>,
    /// Blocks in all.
    pub(super) blocks: usize,
    /// Steps of the walk over the reduced axes.
    pub(super) steps: usize,
    /// Rows of tiles that are walked together, a column of tiles at a time.
    pub(super) band: usize,
    /// Whether rows of a tile are to be gone through one by one.
    pub(super) wide: bool,
    /// Steps of a chunk, and how many chunks that makes of each block.
    pub(super) chunk: usize,
    pub(super) chunks: usize,
}

impl Schedule {
    /// Kept coordinates of a full block.
    pub(super) fn kept_block(&self) -> usize {
        self.rows.kept_block() * self.cols.kept_block()
    }

    /// The elements of a tile when so many registers are in use.
    fn tile_elements(demand: &Demand, limits: &Limits) -> usize {
        // What is folded from where it lies needs no room.
        if demand.registers == 0 && demand.folds {
            return 4 * limits.tile.1;
        }
        let fit = limits.registers / (demand.registers.max(1) * demand.bytes);
        let fit = fit.clamp(limits.tile.0, limits.tile.1);
        if fit >= 32 { fit / 32 * 32 } else { fit }
    }

    /// Cuts the domain for tiles of `choice`.
    pub(super) fn new(domain: &Domain, choice: &Choice, demand: &Demand, limits: &Limits) -> Schedule {
        let tile = Schedule::tile_elements(demand, limits);
        let unit = if tile >= 32 { 32 } else { 1 };
        let width = choice.cols.map_or(1, |axis| domain.axes[axis].size).max(1);
        let (tile_rows, tile_cols) = match choice.form {
            Form::Flat => (1, width.div_ceil(width.div_ceil(tile)).next_multiple_of(unit)),
            Form::Tall => (tile / width, width),
            Form::Wide => {
                let most = if tile > limits.tile.1 { 2048 } else { 256 };
                let cols = width.div_ceil(width.div_ceil(most)).next_multiple_of(unit);
                ((tile / cols).max(1), cols)
            }
            Form::Square => {
                let cols = (1 << (tile.ilog2() / 2)).min(32);
                (tile / cols, cols)
            }
        };
        let mut rows = Side::new(domain, choice.rows, tile_rows);
        let mut cols = Side::new(domain, choice.cols, tile_cols);
        let outside = |kept: bool| -> SmallVec<[usize; 4]> {
            let axes = (0..domain.axes.len()).filter(|&axis| domain.axes[axis].kept == kept);
            axes.filter(|&axis| Some(axis) != choice.rows && Some(axis) != choice.cols).collect()
        };
        let (outer, across) = (outside(false), outside(true));
        let size = |axes: &[usize]| axes.iter().fold(1usize, |n, &axis| n.saturating_mul(domain.axes[axis].size));
        let kept_total = domain.kept_count();
        let reduced_total = domain.reduced_count();

        // How many kept coordinates a block should have.
        let kept = if demand.phases > 1 {
            // All phases of a block from the second-level cache, and some blocks for every thread;
            // but no narrow columns, whose tiles are short.
            let fit = limits.block / demand.bytes / demand.resident.max(1) / reduced_total.max(1);
            // Rows of 256 take the least time an element, unless they leave a narrow rest, or all to one thread.
            let most = (limits.kept / 16).max(1);
            let fits_most = width > most && width.next_multiple_of(most) - width <= most / 2;
            let wide = if !cols.kept {
                1
            } else if fits_most {
                most
            } else {
                most / 2
            };
            let share = kept_total.div_ceil(8).max(limits.task / 4 / reduced_total.max(1)).max(wide);
            fit.min(share)
        } else if reduced_total >= 512 && cols.kept {
            // Long columns are cut into chunks, so that rows can be read whole.
            limits.kept
        } else {
            (2 * limits.task / reduced_total.max(1)).min(limits.kept / 2)
        };
        let kept = kept.clamp(1, limits.kept);
        if cols.kept {
            if choice.form != Form::Tall {
                cols.cut(kept.max(2 * unit), 2 * unit);
            }
            cols.tile = cols.tile.min(cols.block);
            if rows.kept {
                rows.cut((kept / cols.block).max(rows.tile), rows.tile);
            }
        } else if rows.kept {
            // As long as there are outer axes to cut into chunks, whole tiles.
            let kept = if demand.phases == 1 && !outer.is_empty() { kept.max(rows.tile) } else { kept };
            rows.cut(kept, if kept >= rows.tile { rows.tile } else { 1 });
        }
        rows.tile = rows.tile.min(rows.block);

        let steps = size(&outer).saturating_mul(rows.walks * cols.walks);
        let blocks = size(&across).saturating_mul(rows.kept_blocks() * cols.kept_blocks());
        let chunk = if demand.phases == 1 && steps > 1 && blocks < ENOUGH_BLOCKS {
            // At least `task` elements, and at least 128 of them to each partial result.
            let elements = reduced_total.saturating_mul(rows.kept_block() * cols.kept_block());
            let least = limits.task.max(elements / 64).min(4 * limits.task);
            let least = least.max(if kept_total > 1 { 128 * rows.kept_block() * cols.kept_block() } else { 0 });
            let chunks = steps.div_ceil(least.div_ceil((elements / steps).max(1)));
            steps.div_ceil(chunks)
        } else {
            steps.max(1)
        };
        let chunks = steps.div_ceil(chunk).max(1);
        let band = if choice.form == Form::Square { BAND.div_ceil(rows.tile) } else { 1 };
        let wide = choice.form == Form::Wide;
        Schedule { tile, rows, cols, outer, across, blocks, steps, band, wide, chunk, chunks }
    }
}
