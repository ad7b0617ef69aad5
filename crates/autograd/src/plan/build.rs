//! From groups to launches: the program of each loop, what it reads and writes, and who is the
//! last to read what.

use std::any::TypeId;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::mem::{Discriminant, discriminant};

use smallvec::SmallVec;
use wengert_tensor::kernel::{Program, Spec, Step};
use wengert_tensor::{Float, Layout, Shape, Strides};

use super::axes::{AxisMap, identity};
use super::fuse::{Group, Partition, Place, partition};
use super::graph::{Entry, Graph, Multiply};
use super::{Function, Launch, Plan};
use crate::Lowering;

/// The most maps that a later loop computes again to save storing and reading a value.
const MAX_RECOMPUTED: usize = 12;

pub(super) fn plan<T: Float>(graph: &Graph<'_, T>, fuse: bool) -> Plan<T> {
    let partition = partition(graph, fuse);
    let mut build = Build {
        layouts: vec![OnceCell::new(); graph.len()],
        full: vec![false; graph.len()],
        in_memory: vec![false; graph.len()],
        graph,
        partition: &partition,
        fuse,
    };
    for &root in graph.roots() {
        build.in_memory[root as usize] = true;
    }
    let mut views: Vec<Vec<u32>> = vec![Vec::new(); partition.groups.len()];
    for (position, place) in partition.places.iter().enumerate() {
        match place {
            Place::View | Place::Alias { .. } => views[partition.group_of[position] as usize].push(position as u32),
            Place::Member(_) => {}
            _ => build.lay_out(position as u32),
        }
    }
    let mut loops = Vec::with_capacity(partition.groups.len());
    for (number, group) in partition.groups.iter().enumerate() {
        loops.push(build.group(number as u32, group));
        views[number].iter().for_each(|&view| build.lay_out(view));
    }
    // A view in memory is a view of something in memory.
    for position in (0..graph.len() as u32).rev() {
        if build.in_memory[position as usize]
            && matches!(partition.places[position as usize], Place::View | Place::Alias { .. })
        {
            build.in_memory[graph.inputs(position)[0] as usize] = true;
        }
    }
    let launches = build.launches(loops, views);
    let dead_after = dead_after(&launches, graph);
    Plan { signature: graph.signature.clone(), launches, dead_after }
}

/// How a member lies in a program's output, which is row-major over `written`; the axes that
/// the output does not have repeat.
fn member_layout(shape: &Shape, axes: &AxisMap, written: Shape) -> Layout {
    let output = Layout::contiguous(written);
    // The axes of the domain in the order of this value's axes, then those that it lacks.
    let mut order: SmallVec<[usize; 4]> = axes.iter().flatten().map(|&a| a as usize).collect();
    order.extend((0..output.shape().len()).filter(|a| !axes.contains(&Some(*a as u8))));
    let own: Shape = order.iter().map(|&a| output.shape()[a]).collect();
    let mut own_axes = own.iter();
    let with_ones =
        axes.iter().map(|axis| if axis.is_some() { own_axes.next().copied().unwrap_or(1) } else { 1 }).collect();
    let permuted = output.permute(&order).expect("each axis once");
    let unexpanded = permuted.reshape(&with_ones).ok().flatten().expect("axes of size 1 come and go freely");
    unexpanded.expand(shape).expect("what the output lacks repeats")
}

/// Whether each step varies along the reduced axes, as far as strides tell.
fn varying(body: &Loop, reduced: &[usize], domain: &Shape) -> Vec<bool> {
    let mut varies: Vec<bool> = Vec::with_capacity(body.steps.len());
    for step in &body.steps {
        varies.push(match step {
            _ if reduced.is_empty() => true,
            Step::Load(operand) => {
                let strides = &body.operands[*operand as usize].1;
                reduced.iter().any(|&axis| domain[axis] != 1 && strides[axis] != 0)
            }
            Step::Map { args, .. } => args.iter().any(|&arg| varies[arg as usize]),
            Step::Scalar(_) | Step::Reduce(..) => false,
        });
    }
    varies
}

type Map<K, V> = HashMap<K, V, BuildHasherDefault<Multiply>>;

/// A loop in the making.
struct Loop {
    steps: Vec<Step>,
    operands: Vec<(u32, Strides)>,
    scalars: Vec<u32>,
    maps: Vec<Function>,
    /// The number of each function that holds no data, and of pieces of such: one for all entries.
    map_of: Map<(TypeId, Discriminant<Function>), u32>,
    /// The parts, each of a position, that members are split into: by how many, and the step once
    /// there is one.
    parts: Map<(TypeId, u32), (u32, Option<u32>)>,
    /// The step of each member and of each value read, by position and axes over the domain.
    step_of: Map<(u32, AxisMap), u32>,
    member_step: Map<u32, u32>,
}

struct Build<'a, T: Float> {
    graph: &'a Graph<'a, T>,
    partition: &'a Partition,
    fuse: bool,
    /// How each value lies if it is in memory, once that is known.
    layouts: Vec<OnceCell<Layout>>,
    /// Whether a member varies over the whole domain of its group, and not along kept axes only.
    full: Vec<bool>,
    in_memory: Vec<bool>,
}

impl<'a, T: Float> Build<'a, T> {
    fn shape(&self, position: u32) -> &'a Shape {
        self.graph.shape(position)
    }

    /// Notes how the value of an entry that is not a member lies.
    fn lay_out(&mut self, position: u32) {
        let contiguous = || Layout::contiguous(self.shape(position).clone());
        let layout = match &self.partition.places[position as usize] {
            Place::Given => self.graph.given_layout(position),
            Place::View | Place::Alias { .. } => {
                let base = self.layout(self.graph.inputs(position)[0]);
                self.graph.view(position, base).unwrap_or_else(contiguous)
            }
            _ => contiguous(),
        };
        self.layouts[position as usize] = layout.into();
    }

    fn layout(&self, position: u32) -> &Layout {
        self.layouts[position as usize].get_or_init(|| {
            let Place::Member(axes) = &self.partition.places[position as usize] else {
                unreachable!("laid out before it is read")
            };
            let group = &self.partition.groups[self.partition.group_of[position as usize] as usize];
            let domain = group.domain.as_ref().expect("members have a domain");
            let written = match &domain.reduced {
                Some(reduced) if !self.full[position as usize] => domain.shape.reduced(reduced, true),
                _ => domain.shape.clone(),
            };
            member_layout(self.shape(position), axes, written)
        })
    }

    fn group(&mut self, number: u32, group: &Group) -> Option<Loop> {
        let Some(domain) = &group.domain else {
            for &kernel in &group.members {
                for &input in self.graph.inputs(kernel) {
                    self.in_memory[input as usize] = true;
                }
            }
            return None;
        };
        let mut body = Loop {
            steps: Vec::with_capacity(group.members.len() * 2),
            operands: Vec::new(),
            scalars: Vec::new(),
            maps: Vec::new(),
            map_of: Map::default(),
            parts: Map::default(),
            step_of: Map::default(),
            member_step: Map::default(),
        };
        for &member in &group.members {
            if let Some(split) = self.graph.split(member) {
                body.parts.entry((split.part_id, self.graph.inputs(member)[0])).or_default().0 += 1;
            }
        }
        for &member in &group.members {
            let Place::Member(axes) = &self.partition.places[member as usize] else { unreachable!("a member") };
            let step = match self.graph.lowering(member) {
                Some(Lowering::Reduce(reduction, over)) => {
                    // The input has the axes of the output, and those that are reduced.
                    let input = self.graph.inputs(member)[0];
                    let mut axes = axes.clone();
                    if self.partition.group_of[input as usize] != number {
                        let whole = identity(self.shape(input));
                        over.iter().for_each(|&axis| axes[axis] = whole[axis]);
                    }
                    Step::Reduce(reduction, self.read(&mut body, number, input, &axes, &domain.shape))
                }
                Some(Lowering::Map { dear, .. }) => self.map_step(&mut body, number, member, axes, &domain.shape, dear),
                _ => unreachable!("members are maps and reductions"),
            };
            body.steps.push(step);
            body.member_step.insert(member, body.steps.len() as u32 - 1);
        }
        let reduced = domain.reduced.as_deref().unwrap_or_default();
        let varies = varying(&body, reduced, &domain.shape);
        for &member in &group.members {
            self.full[member as usize] = varies[body.member_step[&member] as usize];
        }
        Some(body)
    }

    fn map_step(&mut self, body: &mut Loop, group: u32, map: u32, axes: &AxisMap, domain: &Shape, keep: bool) -> Step {
        let graph = self.graph;
        let mut args: SmallVec<[u32; 3]> = graph
            .inputs(map)
            .iter()
            .map(|&input| {
                let shape = self.shape(input);
                let new = axes.len() - shape.len();
                let axes = shape.iter().zip(&axes[new..]).map(|(&size, &axis)| axis.filter(|_| size != 1)).collect();
                self.read(body, group, input, &axes, domain)
            })
            .collect();
        let number = |maps: &mut Vec<Function>, map_of: &mut Map<_, u32>, function| {
            let new = maps.len() as u32;
            let number = match graph.entry(map) {
                Entry::Op(op, kind) if size_of_val(op) == 0 => {
                    *map_of.entry((kind.id, discriminant(&function))).or_insert(new)
                }
                _ => new,
            };
            if number == new {
                maps.push(function);
            }
            number
        };
        // What several members have in common is computed once.
        let split = if keep { graph.split(map) } else { None };
        let part = split.map(|split| (split.part_id, graph.inputs(map)[0]));
        if let Some((2.., step)) = part.and_then(|part| body.parts.get_mut(&part)) {
            let common = *step.get_or_insert_with(|| {
                let part = number(&mut body.maps, &mut body.map_of, Function::Part(map));
                body.steps.push(Step::Map { map: part, args: args.clone(), keep, arith: None });
                body.steps.len() as u32 - 1
            });
            args.push(common);
            let rest = number(&mut body.maps, &mut body.map_of, Function::Rest(map));
            return Step::Map { map: rest, args, keep: false, arith: None };
        }
        let Some(Lowering::Map { f, .. }) = graph.lowering(map) else { unreachable!("a map") };
        let whole = number(&mut body.maps, &mut body.map_of, Function::Whole(map));
        Step::Map { map: whole, args, keep, arith: f.arith() }
    }

    /// The step that gives the value of `position`, whose axes run along `axes` of the domain.
    fn read(&mut self, body: &mut Loop, group: u32, position: u32, axes: &AxisMap, domain: &Shape) -> u32 {
        if self.partition.group_of[position as usize] == group {
            let member = match &self.partition.places[position as usize] {
                Place::Alias { base, .. } => *base,
                _ => position,
            };
            return body.member_step[&member];
        }
        let floats = self.partition.floating[position as usize].is_some();
        if let (true, Place::Alias { base, axes: renamed }) = (floats, &self.partition.places[position as usize]) {
            let Place::Member(own) = &self.partition.places[*base as usize] else {
                unreachable!("an alias of a member")
            };
            // Both are axes of the domain of their group, which is another.
            let along = |axis: &Option<u8>| renamed.iter().position(|to| axis.is_some() && to == axis);
            let axes = own.iter().map(|axis| along(axis).and_then(|i| axes[i])).collect();
            return self.read(body, group, *base, &axes, domain);
        }
        let key = (position, axes.clone());
        if let Some(&step) = body.step_of.get(&key) {
            return step;
        }
        let step = if matches!(self.partition.places[position as usize], Place::Scalar) {
            body.scalars.push(position);
            Step::Scalar(body.scalars.len() as u32 - 1)
        } else if floats || self.fuse && !self.in_memory[position as usize] && self.is_cheap(position) {
            self.map_step(body, group, position, axes, domain, false)
        } else {
            self.in_memory[position as usize] = true;
            let mut strides: Strides = SmallVec::from_elem(0, domain.len());
            for (axis, stride) in axes.iter().zip(self.layout(position).strides()) {
                if let Some(axis) = axis {
                    strides[*axis as usize] = *stride;
                }
            }
            body.operands.push((position, strides));
            Step::Load(body.operands.len() as u32 - 1)
        };
        body.steps.push(step);
        let step = body.steps.len() as u32 - 1;
        body.step_of.insert(key, step);
        step
    }

    /// Whether computing a value of an earlier group again reads no more than loading it would:
    /// few cheap maps of one value as large, and of smaller ones.
    fn is_cheap(&self, position: u32) -> bool {
        let large = self.shape(position).count() / 2;
        let mut loads: SmallVec<[u32; 4]> = SmallVec::new();
        let mut maps = 0;
        let mut stack: SmallVec<[u32; 16]> = SmallVec::from_slice(&[position]);
        while let Some(next) = stack.pop() {
            // What is small beside it (a row's mean) is loaded, or computed again, for nothing.
            if self.shape(next).count() <= large / 8 {
                continue;
            }
            let again = match (&self.partition.places[next as usize], self.graph.lowering(next)) {
                (Place::Member(_), Some(Lowering::Map { dear, .. })) => {
                    !self.in_memory[next as usize] && (!dear || self.shape(next).count() <= 1)
                }
                (Place::Scalar, _) => continue,
                _ => false,
            };
            if again {
                maps += 1;
                if maps > MAX_RECOMPUTED {
                    return false;
                }
                stack.extend_from_slice(self.graph.inputs(next));
            } else if self.shape(next).count() > large && !loads.contains(&next) {
                loads.push(next);
            }
        }
        maps > 0 && loads.len() <= 1
    }

    fn launches(&self, loops: Vec<Option<Loop>>, views: Vec<Vec<u32>>) -> Vec<Launch<T>> {
        let mut launches = Vec::new();
        for ((group, body), views) in self.partition.groups.iter().zip(loops).zip(views) {
            match body {
                Some(body) => launches.extend(self.compile(group, body)),
                None => launches.extend(group.members.iter().map(|&kernel| Launch::Kernel(kernel))),
            }
            launches.extend(views.into_iter().filter(|&view| self.in_memory[view as usize]).map(Launch::View));
        }
        launches
    }

    /// The launch of a loop; none when nobody reads what it computes.
    fn compile(&self, group: &Group, body: Loop) -> Option<Launch<T>> {
        let domain = group.domain.as_ref().expect("a loop has a domain");
        let written: Vec<u32> = group.members.iter().copied().filter(|&m| self.in_memory[m as usize]).collect();
        if written.is_empty() {
            return None;
        }
        let spec = Spec {
            domain: domain.shape.clone(),
            reduced: domain.reduced.clone().unwrap_or_default(),
            operands: body.operands.iter().map(|(_, strides)| strides.clone()).collect(),
            steps: body.steps,
            outputs: written.iter().map(|member| body.member_step[member]).collect(),
        };
        Some(Launch::Loop {
            program: Box::new(Program::compile(spec)),
            operands: body.operands.into_iter().map(|(position, _)| position).collect(),
            scalars: body.scalars,
            maps: body.maps,
            members: group.members.clone(),
            outputs: written.iter().map(|&member| (member, self.layout(member).clone())).collect(),
        })
    }
}

/// For each launch, what no later one reads. Asked-for values outlive the run.
fn dead_after<T: Float>(launches: &[Launch<T>], graph: &Graph<'_, T>) -> Vec<Vec<u32>> {
    let mut last_reader: Vec<Option<usize>> = vec![None; graph.len()];
    for (number, launch) in launches.iter().enumerate() {
        let reads: &[u32] = match launch {
            Launch::Loop { operands, .. } => operands,
            Launch::View(position) | Launch::Kernel(position) => graph.inputs(*position),
        };
        for &read in reads {
            last_reader[read as usize] = Some(number);
        }
    }
    for &root in graph.roots() {
        last_reader[root as usize] = None;
    }
    let mut dead = vec![Vec::new(); launches.len()];
    for (position, last) in last_reader.into_iter().enumerate() {
        if let Some(number) = last {
            dead[number].push(position as u32);
        }
    }
    dead
}
