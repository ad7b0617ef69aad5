//! A program ready to run: its instructions, how its domain is cut, how far every stream steps,
//! and where a task keeps its things.

use smallvec::SmallVec;

use super::code::{Code, KeptInstr};
use super::domain::{Domain, Home};
use super::emit::{Keep, emit};
use super::graph::Graph;
use super::overwrite::overwrites;
use super::program::{Spec, Step};
use super::schedule::{Choice, Demand, Form, Limits, Schedule};
use super::scratch::Regions;
use super::sequence::REPEAT;
use super::tile::Source;

/// How a stream steps through its buffer.
#[derive(Clone, Debug)]
pub(super) struct Lay {
    /// The buffer; none for kept values, whose array is the block's own.
    pub(super) home: Option<Home>,
    /// Whether it is written past the caches.
    pub(super) past_caches: bool,
    /// Along the sides of a tile.
    pub(super) rows: isize,
    pub(super) cols: isize,
    /// Along the outer reduced axes, and across blocks.
    pub(super) outer: SmallVec<[isize; 4]>,
    pub(super) across: SmallVec<[isize; 4]>,
}

/// Everything that does not change from run to run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) code: Code,
    pub(super) schedule: Schedule,
    pub(super) lays: Vec<Lay>,
    /// Operands and the outputs that may be written over them.
    pub(super) overwrites: Vec<(u32, u32)>,
    /// The sizes of the outer reduced axes, and of those across blocks.
    pub(super) outer: SmallVec<[usize; 4]>,
    pub(super) across: SmallVec<[usize; 4]>,
    /// Elements that a reduction goes over.
    pub(super) reduced: usize,
    /// How many rows are folded side by side when columns are few.
    pub(super) groups: usize,
    pub(super) scratch: Places,
    /// Estimated nanoseconds of a task.
    pub(super) cost_ns: usize,
}

/// Where things lie in the scratch memory of a task: offsets in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) slots: usize,
    pub(super) bases: usize,
    pub(super) origins: usize,
    pub(super) splats: usize,
    pub(super) registers: usize,
    pub(super) register_step: usize,
    pub(super) kept: usize,
    pub(super) kept_step: usize,
    /// Accumulators: each fold has those in use and those they are flushed to.
    pub(super) folds: usize,
    /// How many folds there can be in a phase.
    pub(super) fold_count: usize,
    /// Elements from the accumulators of one fold to the next.
    pub(super) fold_step: usize,
    pub(super) keeps: usize,
    pub(super) keep_step: usize,
    pub(super) total: usize,
}

impl Plan {
    /// Plans `spec` for elements of `bytes` bytes.
    pub(super) fn new(spec: &Spec, bytes: usize, limits: &Limits) -> Plan {
        let graph = Graph::of(spec);
        let domain = Domain::of(spec, &graph, bytes);
        let maps = graph.used().filter(|(_, v)| matches!(v.step, Step::Map { .. })).count();
        let folds = graph.used().filter(|(_, v)| matches!(v.step, Step::Reduce(..))).count();
        let reduced = domain.reduced_count();
        let full = domain.streams.iter().filter(|stream| stream.full).count();
        let cut = |choice: &Choice, keep: Keep| {
            let code = emit(&graph, &domain, choice, keep);
            let demand = Demand {
                registers: code.registers,
                folds: folds > 0,
                bytes,
                resident: full + code.keeps,
                phases: code.full_phases(),
            };
            let schedule = Schedule::new(&domain, choice, &demand, limits);
            (code, schedule)
        };

        let mut choice = Choice::best(&domain, maps, folds);
        let (mut code, mut schedule) = cut(&choice, Keep::Long);
        let width = choice.cols.map_or(1, |axis| domain.axes[axis].size).max(1);
        if choice.form == Form::Tall && 2 * width > schedule.tile {
            choice.form = Form::Flat;
            (code, schedule) = cut(&choice, Keep::Long);
        }
        // Several phases go over a block, which one thread does.
        let is_alone =
            schedule.blocks == 1 && code.full_phases() > 1 && reduced.saturating_mul(width) > limits.task / 2;
        if choice.form == Form::Tall && schedule.cols.kept && is_alone {
            choice.form = Form::Wide;
            (code, schedule) = cut(&choice, Keep::Long);
        }
        let block = |schedule: &Schedule, values: usize| reduced.saturating_mul(schedule.kept_block() * values * bytes);
        // What would not stay in the second-level cache is computed again, unless it is dear.
        if code.keeps > 0 && block(&schedule, full + code.keeps) > limits.block {
            (code, schedule) = cut(&choice, Keep::Dear);
        }
        // What even the smallest block could not keep in a cache is computed again instead.
        if block(&schedule, code.keeps) > 8 * limits.block {
            (code, schedule) = cut(&choice, Keep::Nothing);
        }
        let lays = lays(&domain, &schedule, &code);
        let short = choice.form == Form::Tall && schedule.cols.kept && !schedule.rows.kept;
        let groups = if short { 64usize.div_ceil(width) } else { 1 };
        let scratch = Places::new(&code, &schedule, bytes, groups, reduced);
        let size = |axes: &[usize]| axes.iter().map(|&axis| domain.axes[axis].size).collect();
        let mut plan = Plan {
            overwrites: overwrites(&domain, &code),
            outer: size(&schedule.outer),
            across: size(&schedule.across),
            code,
            schedule,
            lays,
            reduced: graph.reduced,
            groups,
            scratch,
            cost_ns: 0,
        };
        let dear = graph.used().filter(|(_, v)| matches!(v.step, Step::Map { keep: true, .. })).count();
        plan.cost_ns = plan.estimate(reduced, dear);
        plan
    }

    /// Whether something is left to do for a block after all of its chunks.
    pub(super) fn combines(&self) -> bool {
        let store = |instr: &KeptInstr| matches!(instr, KeptInstr::Store { .. });
        self.code.phases.iter().any(|phase| !phase.folds.is_empty() || phase.kept.iter().any(store))
    }

    /// Kept coordinates of a full block, in the order of its arrays.
    pub(super) fn kept_block(&self) -> usize {
        self.schedule.kept_block()
    }

    fn estimate(&self, reduced: usize, dear: usize) -> usize {
        let instructions: usize = self.code.phases.iter().map(|phase| phase.code.len() + phase.streams.len()).sum();
        let elements = reduced as f32 * self.kept_block() as f32;
        let share = self.schedule.chunk as f32 / self.schedule.steps.max(1) as f32;
        (elements * share * (0.1 * instructions as f32 + 0.5 * dear as f32)) as usize + 200
    }
}

fn lays(domain: &Domain, schedule: &Schedule, code: &Code) -> Vec<Lay> {
    let memory = domain.streams.iter().enumerate().map(|(s, stream)| {
        let step = |axis: &usize| domain.axes[*axis].strides[s];
        let cols = schedule.cols.axis.as_ref().map_or(0, step);
        Lay {
            home: Some(stream.home),
            past_caches: stream.past_caches && cols == 1,
            rows: schedule.rows.axis.as_ref().map_or(0, step),
            cols,
            outer: schedule.outer.iter().map(step).collect(),
            across: schedule.across.iter().map(step).collect(),
        }
    });
    let kept = Lay {
        home: None,
        past_caches: false,
        rows: if schedule.rows.kept { schedule.cols.kept_block() as isize } else { 0 },
        cols: schedule.cols.kept as isize,
        outer: SmallVec::from_elem(0, schedule.outer.len()),
        across: SmallVec::from_elem(0, schedule.across.len()),
    };
    memory.chain((0..code.kept).map(|_| kept.clone())).collect()
}

impl Places {
    fn new(code: &Code, schedule: &Schedule, bytes: usize, groups: usize, reduced: usize) -> Places {
        let mut regions = Regions::default();
        let kept_block = schedule.kept_block();
        let folds = code.phases.iter().map(|phase| phase.folds.len()).max().unwrap_or(0);
        let tile = schedule.rows.tile * schedule.cols.tile;
        // Registers that lie a multiple of 4096 bytes apart would be taken for each other.
        let register_step = (tile * bytes).next_multiple_of(64) + 192;
        let kept_step = (kept_block * bytes).next_multiple_of(64) + 64;
        // When nothing is kept, the block may be too large for this to be a number.
        let keep_step = if code.keeps == 0 { 0 } else { (reduced * kept_block * bytes).next_multiple_of(64) + 64 };
        let fold_step = kept_block * groups;
        Places {
            slots: regions.add(code.slots() * size_of::<Source<u8>>()),
            bases: regions.add(code.streams() * size_of::<usize>()),
            origins: regions.add(code.streams() * size_of::<usize>()),
            splats: regions.add(code.splats * REPEAT * bytes),
            registers: regions.add(code.registers * register_step),
            register_step,
            kept: regions.add(code.kept * kept_step),
            kept_step,
            folds: regions.add(2 * folds * fold_step * size_of::<f64>()),
            fold_count: folds,
            fold_step,
            keeps: regions.add(code.keeps * keep_step),
            keep_step,
            total: regions.total(),
        }
    }
}
