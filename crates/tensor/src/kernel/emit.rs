//! From values to instructions.
//!
//! Phase `p` computes the full values that reductions of level `p + 1` and full outputs of level
//! `p` need. A full value that a later phase needs again is computed again there, unless it is an
//! output (then it is read back) or dear (then the block keeps it).

use smallvec::SmallVec;

use super::code::{Code, Fold, Instr, KeptInstr, Phase, Place, UniformInstr};
use super::domain::{Domain, Home};
use super::graph::{Class, Graph};
use super::program::Step;
use super::registers::allocate;
use super::schedule::{Choice, Form, Lie};
use super::sequence::gather;

/// Which of the full values that a later phase needs again a block keeps.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) enum Keep {
    Nothing,
    /// Those that a dear map makes.
    Dear,
    /// Also those that take [`LONG`] maps to make again.
    Long,
}

/// As many maps take longer than to store a value and to load it.
const LONG: usize = 2;

/// The instructions of `graph` for tiles of `choice`.
pub(super) fn emit(graph: &Graph, domain: &Domain, choice: &Choice, keep: Keep) -> Code {
    let mut emitter = Emitter::new(graph, domain, choice);
    emitter.uniform();
    emitter.number_kept();
    let needs = emitter.needs(keep);
    let drafts: Vec<Phase<Place>> = (0u32..).zip(&needs).map(|(p, needs)| emitter.phase(p, needs)).collect();
    let mut code = emitter.code;
    let ariths = graph.ariths();
    code.phases = Vec::with_capacity(drafts.len());
    code.splats = drafts.iter().map(|phase| phase.splats).max().unwrap_or(0) as usize;
    let mut drafts = drafts;
    for phase in &mut drafts {
        gather(&mut phase.code, &ariths, code.memory as u32);
        code.registers = code.registers.max(allocate(&mut phase.code) as usize);
    }
    for phase in drafts {
        let slot = |place| code.slot(place);
        let phase = Phase {
            kept: phase.kept.iter().map(|instr| instr.rename(slot)).collect(),
            code: phase.code.iter().map(|instr| instr.rename(slot, slot)).collect(),
            streams: phase.streams,
            keeps: phase.keeps,
            folds: phase.folds,
            splats: phase.splats,
        };
        code.phases.push(phase);
    }
    code
}

fn is_dear(graph: &Graph, v: u32) -> bool {
    matches!(graph.value(v).step, Step::Map { keep: true, .. })
}

struct Emitter<'a> {
    graph: &'a Graph,
    domain: &'a Domain,
    choice: &'a Choice,
    code: Code,
    /// For each value, by class: the number of the uniform value, or the stream of the kept one.
    number: Vec<u32>,
    /// For each value, its number among those that a block keeps.
    keep: Vec<Option<u32>>,
    /// For each uniform value, its number among those that tiles read.
    splat: Vec<Option<u32>>,
    /// The values that are outputs with the streams of these, in order.
    outputs: Vec<(u32, u32)>,
    /// For each value, whether it is an output.
    is_output: Vec<bool>,
    /// For each operand, its stream.
    operands: Vec<u32>,
    /// For each value, where it is in the phase at hand.
    place: Vec<Option<Place>>,
    /// For each stream, whether the phase at hand uses it.
    in_phase: Vec<bool>,
    registers: u32,
}

impl<'a> Emitter<'a> {
    fn new(graph: &'a Graph, domain: &'a Domain, choice: &'a Choice) -> Self {
        let n = graph.values.len();
        let (mut outputs, mut operands) = (Vec::new(), Vec::new());
        for (stream, home) in (0..).zip(domain.streams.iter().map(|stream| stream.home)) {
            match home {
                Home::Output(o) => outputs.push((graph.outputs[o as usize], stream)),
                Home::Operand(operand) => {
                    operands.resize(operands.len().max(operand as usize + 1), u32::MAX);
                    operands[operand as usize] = stream;
                }
            }
        }
        outputs.sort_unstable();
        let mut is_output = vec![false; n];
        graph.outputs.iter().for_each(|&v| is_output[v as usize] = true);
        Emitter {
            graph,
            domain,
            choice,
            code: Code { memory: domain.streams.len(), ..Code::default() },
            number: vec![0; n],
            keep: vec![None; n],
            splat: vec![None; n],
            outputs,
            is_output,
            operands,
            place: vec![None; n],
            in_phase: Vec::new(),
            registers: 0,
        }
    }

    /// The streams of the outputs that want value `v`.
    fn outputs_of(&self, v: u32) -> impl Iterator<Item = u32> + use<> {
        let first = self.outputs.partition_point(|&(value, _)| value < v);
        let streams = self.outputs[first..].iter().take_while(|&&(value, _)| value == v);
        streams.map(|&(_, stream)| stream).collect::<SmallVec<[u32; 2]>>().into_iter()
    }

    /// Everything that varies along nothing.
    fn uniform(&mut self) {
        let graph = self.graph;
        for (v, value) in graph.used().filter(|(_, value)| value.class == Class::Uniform) {
            self.number[v as usize] = self.code.uniform.len() as u32;
            self.code.uniform.push(match &value.step {
                Step::Load(operand) => UniformInstr::Load { operand: *operand },
                Step::Scalar(scalar) => UniformInstr::Scalar { scalar: *scalar },
                Step::Map { map, args, .. } => {
                    UniformInstr::Map { map: *map, args: args.iter().map(|&a| self.number[a as usize]).collect() }
                }
                Step::Reduce(..) => unreachable!("a reduction varies along kept axes"),
            });
        }
        let uniform = |v: u32| (graph.value(v).class == Class::Uniform).then_some(self.number[v as usize]);
        self.code.fills = graph.outputs.iter().map(|&v| uniform(v)).collect();
    }

    /// A stream for every kept value.
    fn number_kept(&mut self) {
        let graph = self.graph;
        for (v, _) in graph.used().filter(|(_, value)| value.class == Class::Kept) {
            self.number[v as usize] = self.code.streams() as u32;
            self.code.kept += 1;
        }
    }

    /// For each phase, whether it computes each value by a map of full values.
    fn needs(&mut self, keep: Keep) -> Vec<Vec<bool>> {
        let graph = self.graph;
        let not_uniform = graph.used().filter(|(_, value)| value.class != Class::Uniform);
        let phases = not_uniform.map(|(_, value)| value.level + 1).max().unwrap_or(0);
        let mut home: Vec<Option<u32>> = vec![None; graph.values.len()];
        (0..phases)
            .map(|p| {
                let mut needed = vec![false; graph.values.len()];
                for (_, value) in graph.used() {
                    if let (Step::Reduce(_, arg), true) = (&value.step, value.level == p + 1) {
                        needed[*arg as usize] = true;
                    }
                }
                for &o in &graph.outputs {
                    needed[o as usize] |= graph.value(o).level == p;
                }
                for v in (0..graph.values.len()).rev().filter(|&v| graph.values[v].used) {
                    let value = &graph.values[v];
                    let Step::Map { args, .. } = &value.step else { continue };
                    if !needed[v] || value.class != Class::Full {
                        needed[v] = false;
                        continue;
                    }
                    let is_output = self.is_output[v];
                    if is_output && value.level < p {
                        needed[v] = false;
                    } else if !is_output && home[v].is_some() && self.is_kept(v as u32, keep) {
                        needed[v] = false;
                        if self.keep[v].is_none() {
                            self.keep[v] = Some(self.code.keeps as u32);
                            self.code.keeps += 1;
                        }
                    } else {
                        home[v] = home[v].or(Some(p));
                        args.iter().for_each(|&a| needed[a as usize] = true);
                    }
                }
                needed
            })
            .collect()
    }

    /// Whether a block keeps value `v`, which an earlier phase makes.
    fn is_kept(&self, v: u32, keep: Keep) -> bool {
        if self.keep[v as usize].is_some() || is_dear(self.graph, v) {
            return keep >= Keep::Dear;
        }
        // The maps that would have to be done again.
        let mut again: SmallVec<[u32; LONG]> = SmallVec::from_elem(v, 1);
        let mut done = 0;
        while done < again.len() && again.len() < LONG {
            for &arg in self.graph.value(again[done]).step.args() {
                let value = self.graph.value(arg);
                let is_made = value.class == Class::Full && matches!(value.step, Step::Map { .. });
                let is_there = is_dear(self.graph, arg) || self.keep[arg as usize].is_some();
                if is_made && !is_there && !self.is_output[arg as usize] && !again.contains(&arg) {
                    again.push(arg);
                }
            }
            done += 1;
        }
        keep == Keep::Long && again.len() >= LONG
    }

    fn phase(&mut self, p: u32, needed: &[bool]) -> Phase<Place> {
        let graph = self.graph;
        self.place.fill(None);
        self.in_phase = vec![false; self.code.streams()];
        self.registers = 0;
        let mut phase = Phase {
            kept: self.kept_code(p),
            streams: SmallVec::new(),
            keeps: SmallVec::new(),
            code: Vec::new(),
            folds: Vec::new(),
            splats: 0,
        };
        // Reductions by their argument, so that it is folded while it is at hand.
        let mut folds: Vec<(u32, u32)> = Vec::new();
        for (v, value) in graph.used() {
            if let (Step::Reduce(_, arg), true) = (&value.step, value.level == p + 1) {
                folds.push((*arg, v));
            }
        }
        folds.sort_unstable();
        for (v, value) in graph.used() {
            let computed = needed[v as usize] && matches!(value.step, Step::Map { .. });
            if let (Step::Map { map, args, .. }, true) = (&value.step, computed) {
                self.map(&mut phase, v, *map, args);
            }
            let copied = p == 0 && value.class == Class::Full && matches!(value.step, Step::Load(_));
            if copied {
                for stream in self.outputs_of(v) {
                    let from = self.find(&mut phase, v);
                    self.store(&mut phase, from, stream);
                }
            }
            let first = folds.partition_point(|&(arg, _)| arg < v);
            for &(_, reduce) in folds[first..].iter().take_while(|&&(arg, _)| arg == v) {
                let from = self.find(&mut phase, v);
                let from = self.dense(&mut phase, from);
                let Step::Reduce(reduction, _) = graph.value(reduce).step else { unreachable!("only reductions fold") };
                phase.code.push(Instr::Fold { from, fold: phase.folds.len() as u32 });
                phase.folds.push(Fold { reduction, to: self.number[reduce as usize] });
            }
        }
        phase
    }

    /// What phase `p` does to kept values before its walk.
    fn kept_code(&mut self, p: u32) -> Vec<KeptInstr<Place>> {
        let graph = self.graph;
        let mut code = Vec::new();
        for (v, value) in graph.used().filter(|(_, value)| value.class == Class::Kept && value.level == p) {
            let to = self.number[v as usize];
            match &value.step {
                Step::Load(operand) => {
                    code.push(KeptInstr::Load { stream: self.operands[*operand as usize], to });
                }
                Step::Map { map, args, .. } => {
                    let args = args.iter().map(|&a| match graph.value(a).class {
                        Class::Uniform => self.splatted(a),
                        _ => Place::Stream(self.number[a as usize]),
                    });
                    let args = args.collect();
                    code.push(KeptInstr::Map { map: *map, args, to });
                }
                Step::Scalar(_) | Step::Reduce(..) => {}
            }
            code.extend(self.outputs_of(v).map(|stream| KeptInstr::Store { from: to, stream }));
        }
        code
    }

    /// A map of full values, its outputs included.
    fn map(&mut self, phase: &mut Phase<Place>, v: u32, map: u32, args: &[u32]) {
        let args = args.iter().map(|&a| self.find(phase, a)).collect();
        let outputs: SmallVec<[u32; 2]> = self.outputs_of(v).collect();
        let direct = outputs.iter().copied().find(|&stream| self.lie(stream) == Lie::InPlace);
        let to = match (direct, self.keep[v as usize]) {
            (Some(stream), _) => self.stream(phase, stream),
            (None, Some(keep)) => self.kept_full(phase, keep),
            (None, None) => self.register(),
        };
        self.place[v as usize] = Some(to);
        phase.code.push(Instr::Map { map, args, to });
        for stream in outputs.into_iter().filter(|&stream| Some(stream) != direct) {
            self.store(phase, to, stream);
        }
    }

    /// Where value `v` is, brought there if need be.
    fn find(&mut self, phase: &mut Phase<Place>, v: u32) -> Place {
        if let Some(place) = self.place[v as usize] {
            return place;
        }
        let value = self.graph.value(v);
        let place = match (value.class, &value.step) {
            (Class::Uniform, _) => self.splatted(v),
            (Class::Kept, _) => self.load(phase, self.number[v as usize]),
            (Class::Full, Step::Load(operand)) => self.load(phase, self.operands[*operand as usize]),
            (Class::Full, _) => match (self.outputs_of(v).next(), self.keep[v as usize]) {
                (Some(stream), _) => self.load(phase, stream),
                (None, Some(keep)) => self.kept_full(phase, keep),
                (None, None) => unreachable!("a full value is computed before it is used"),
            },
        };
        self.place[v as usize] = Some(place);
        place
    }

    /// The elements of a stream under the tile.
    fn load(&mut self, phase: &mut Phase<Place>, stream: u32) -> Place {
        let own = self.stream(phase, stream);
        match self.lie(stream) {
            Lie::InPlace => own,
            Lie::Splat => {
                let to = Place::Splat(phase.splats);
                phase.splats += 1;
                phase.code.push(Instr::Splat { stream, to });
                to
            }
            Lie::Strided => {
                let to = self.register();
                phase.code.push(Instr::Gather { stream, to, once: self.repeats(stream) });
                to
            }
        }
    }

    /// Writes what is at `from` to an output.
    fn store(&mut self, phase: &mut Phase<Place>, from: Place, stream: u32) {
        let to = self.stream(phase, stream);
        if self.lie(stream) == Lie::InPlace {
            phase.code.push(Instr::Copy { from, to });
        } else {
            let from = self.dense(phase, from);
            phase.code.push(Instr::Scatter { from, stream });
        }
    }

    /// The same elements not as a splat.
    fn dense(&mut self, phase: &mut Phase<Place>, from: Place) -> Place {
        if !matches!(from, Place::Uniform(_) | Place::Splat(_)) {
            return from;
        }
        let to = self.register();
        phase.code.push(Instr::Copy { from, to });
        to
    }

    /// How the elements of a stream lie under a tile.
    fn lie(&self, stream: u32) -> Lie {
        let axis = |axis: Option<usize>| axis.map(|axis| &self.domain.axes[axis]);
        let (rows, cols) = (axis(self.choice.rows), axis(self.choice.cols));
        let width = cols.map_or(1, |axis| axis.size);
        if (stream as usize) < self.code.memory {
            let step = |axis: Option<&super::domain::Axis>| axis.map_or(0, |axis| axis.strides[stream as usize]);
            return match self.choice.lie(step(rows), step(cols), width) {
                Lie::InPlace if self.domain.streams[stream as usize].past_caches => Lie::Strided,
                lie => lie,
            };
        }
        let (rows, cols) = (rows.is_some_and(|axis| axis.kept), cols.is_some_and(|axis| axis.kept));
        let row_step = if cols { width } else { 1 };
        self.choice.lie(if rows { row_step as isize } else { 0 }, cols as isize, width)
    }

    /// Whether a stream has the same elements under all tiles of a block.
    fn repeats(&self, stream: u32) -> bool {
        let axes = self.domain.axes.iter().enumerate().filter(|(axis, _)| Some(*axis) != self.choice.cols);
        let mut steps = axes.map(|(_, axis)| axis.strides.get(stream as usize).map_or(axis.kept, |step| *step != 0));
        self.choice.form == Form::Tall && !steps.any(|steps| steps)
    }

    fn stream(&mut self, phase: &mut Phase<Place>, stream: u32) -> Place {
        if !std::mem::replace(&mut self.in_phase[stream as usize], true) {
            phase.streams.push(stream);
        }
        Place::Stream(stream)
    }

    fn kept_full(&mut self, phase: &mut Phase<Place>, keep: u32) -> Place {
        if !phase.keeps.contains(&keep) {
            phase.keeps.push(keep);
        }
        Place::Keep(keep)
    }

    fn splatted(&mut self, v: u32) -> Place {
        let list = &mut self.code.splatted;
        Place::Uniform(*self.splat[v as usize].get_or_insert_with(|| {
            list.push(self.number[v as usize]);
            list.len() as u32 - 1
        }))
    }

    fn register(&mut self) -> Place {
        self.registers += 1;
        Place::Register(self.registers - 1)
    }
}
