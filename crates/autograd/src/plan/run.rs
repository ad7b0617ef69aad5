//! Runs a plan.

use std::any::Any;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use smallvec::SmallVec;
use wengert_tensor::kernel::{Operand, Overwrite, Program, TileMap};
use wengert_tensor::{Float, Shape, Tensor};

use super::explain::Explanation;
use super::graph::{Entry, Graph, Multiply};
use super::{Launch, Plan};
use crate::Lowering;
use crate::anomaly::Anomaly;
use crate::commit::Lent;

/// The values in memory, by position.
pub(super) type Values<T> = HashMap<u32, Tensor<T>, BuildHasherDefault<Multiply>>;

/// The values of the roots by their number on the tape, and of whatever else was written to memory
/// and is `kept`, by position; or, asked to `detect` it, the first value that is not finite. What
/// the run may overwrite is `lent`: it is left there as long as it is as it was.
#[track_caller]
pub(super) fn run<T: Float>(
    plan: &Plan<T>,
    graph: &Graph<'_, T>,
    lent: &mut [Lent<T>],
    kept: Option<&[bool]>,
    detect: bool,
    explanation: &mut Option<Explanation>,
) -> Result<Vec<(u32, Tensor<T>)>, Box<Anomaly>> {
    let value = |&position: &u32| graph.nodes.value(graph.id(position)).map(|value| (position, value.clone()));
    let mut values: Values<T> = graph.given.iter().filter_map(value).collect();
    for Lent { id, value, .. } in lent.iter() {
        // It may have no part in this run.
        if let (Some(position), Some(value)) = (graph.nodes.position(*id), value) {
            values.insert(position, value.clone());
        }
    }
    let keeps = |position: u32| kept.is_some_and(|kept| kept[position as usize]);
    for (launch, dead) in plan.launches.iter().zip(&plan.dead_after) {
        let started = Instant::now();
        // Anomalies are told with what led to them.
        let dying = dead.iter().copied().filter(|&position| !detect && !keeps(position));
        let dying: SmallVec<[u32; 8]> = dying.collect();
        // A kernel, of a user too, may panic; a message without a place would help nobody.
        let ran = catch_unwind(AssertUnwindSafe(|| run_launch(launch, graph, (&dying, &mut *lent), &mut values)));
        if let Err(problem) = ran.unwrap_or_else(|payload| Err(message(&*payload).to_owned())) {
            panic!("{}: {problem}", place(graph, launch));
        }
        if detect {
            launch.written().try_for_each(|position| anomaly(graph, &values, position))?;
        }
        if let Some(explanation) = explanation {
            explanation.note(launch, graph, &values, started);
        }
        for position in dead.iter().filter(|&&position| !keeps(position)) {
            values.remove(position);
        }
    }
    // What was there before is not to be stored again.
    for position in &graph.given {
        values.remove(position);
    }
    let mut result = Vec::with_capacity(graph.roots().len());
    for &root in graph.roots() {
        match values.remove(&root) {
            Some(value) => result.push((graph.id(root), value)),
            None if matches!(graph.entry(root), Entry::Number(_)) => result.push((graph.id(root), scalar(graph, root))),
            None => {} // It was there before, or is named twice.
        }
    }
    let others = values.into_iter().filter(|(position, _)| keeps(*position));
    result.extend(others.map(|(position, value)| (graph.id(position), value)));
    Ok(result)
}

/// An error if the value at `position` is not finite; what it was computed from is still there.
fn anomaly<T: Float>(graph: &Graph<'_, T>, values: &Values<T>, position: u32) -> Result<(), Box<Anomaly>> {
    let inputs = graph.inputs(position).iter();
    let inputs =
        inputs.map(|&input| (graph.id(input), values.get(&input).cloned().unwrap_or_else(|| scalar(graph, input))));
    Anomaly::of(graph.nodes, graph.id(position), &values[&position], inputs)
        .map_or(Ok(()), |found| Err(Box::new(found)))
}

fn scalar<T: Float>(graph: &Graph<'_, T>, position: u32) -> Tensor<T> {
    Tensor::build(Shape::scalar(), |out| out[0] = number(graph, position))
}

fn number<T: Float>(graph: &Graph<'_, T>, position: u32) -> T {
    match graph.entry(position) {
        Entry::Number(number) => T::from_f64(number),
        _ => unreachable!("planned as a number"),
    }
}

/// Operands that nobody reads after this loop, and that it may write outputs over.
fn overwrites<T: Float>(
    program: &Program<T>,
    operands: &[u32],
    graph: &Graph<'_, T>,
    (dying, lent): (&[u32], &mut [Lent<T>]),
    values: &mut Values<T>,
) -> Vec<Overwrite<T>> {
    let mut over: Vec<Overwrite<T>> = Vec::new();
    if program.overwrites().is_empty() {
        return over;
    }
    let once = |position: u32| operands.iter().filter(|&&other| other == position).count() == 1;
    let is_free: SmallVec<[bool; 8]> =
        operands.iter().map(|&position| dying.contains(&position) && once(position)).collect();
    for &pair in program.overwrites() {
        let position = operands[pair.0 as usize];
        // The pairs of an output follow one another.
        let is_free = is_free[pair.0 as usize] && over.last().is_none_or(|last| last.pair.1 != pair.1);
        if is_free && let Some(mut value) = values.remove(&position) {
            let mut lent = lent.iter_mut().find(|lent| lent.id == graph.id(position));
            let other = lent.as_mut().and_then(|lent| lent.value.take());
            drop(other);
            if value.is_sole() {
                over.push(Overwrite { pair, value });
            } else {
                lent.into_iter().for_each(|lent| lent.value = Some(value.clone()));
                values.insert(position, value);
            }
        }
    }
    over
}

fn run_launch<T: Float>(
    launch: &Launch<T>,
    graph: &Graph<'_, T>,
    free: (&[u32], &mut [Lent<T>]),
    values: &mut Values<T>,
) -> Result<(), String> {
    match launch {
        Launch::Loop { program, operands, scalars, maps, outputs, .. } => {
            let over = overwrites(program, operands, graph, free, values);
            let inputs: SmallVec<[Operand<'_, T>; 8]> = operands
                .iter()
                .map(|position| match values.get(position) {
                    Some(value) => Operand { buffer: value.buffer(), offset: value.layout().offset() },
                    None => Operand { buffer: &[], offset: 0 }, // It is overwritten.
                })
                .collect();
            let scalars: SmallVec<[T; 8]> = scalars.iter().map(|&position| number(graph, position)).collect();
            let maps: SmallVec<[&dyn TileMap<T>; 16]> = maps.iter().map(|&function| graph.function(function)).collect();
            let results = program.run(&inputs, over, &scalars, &maps);
            drop(inputs);
            let results = results.map_err(|error| error.to_string())?;
            for ((position, layout), result) in outputs.iter().zip(results) {
                values.insert(*position, result.with_layout(layout.clone()));
            }
        }
        Launch::View(position) => {
            let base = graph.inputs(*position)[0];
            let input = match values.get(&base) {
                Some(value) => value.clone(),
                None => scalar(graph, base),
            };
            let view =
                |input: &Tensor<T>| graph.view(*position, input.layout()).map(|layout| input.with_layout(layout));
            let value = view(&input).or_else(|| view(&input.contiguous()));
            values.insert(*position, value.expect("a row-major layout takes every view"));
        }
        Launch::Kernel(position) => {
            let inputs: SmallVec<[Tensor<T>; 3]> = graph
                .inputs(*position)
                .iter()
                .map(|&input| values.get(&input).cloned().unwrap_or_else(|| scalar(graph, input)))
                .collect();
            let Some(Lowering::Kernel(kernel)) = graph.lowering(*position) else { unreachable!("planned as a kernel") };
            let value = kernel(&inputs).contiguous();
            let declared: &Shape = graph.shape(*position);
            let given = value.shape();
            if given != declared {
                return Err(format!("its kernel returned shape {given} where its shape rule says {declared}"));
            }
            values.insert(*position, value);
        }
    }
    Ok(())
}

/// What a launch computes: the operations whose values it writes, from what shapes, and the lines that
/// recorded them.
fn place<T: Float>(graph: &Graph<'_, T>, launch: &Launch<T>) -> String {
    let one = |position: u32| {
        let id = graph.id(position);
        let inputs = graph.inputs(position).iter().map(|&input| graph.shape(input).to_string());
        let (name, shape, at) = (graph.nodes.name(id), graph.shape(position), graph.nodes.list[id as usize].at);
        format!("{name} of {} to {shape} (recorded at {at})", inputs.collect::<Vec<_>>().join(" and "))
    };
    match launch {
        Launch::Loop { outputs, .. } => outputs.iter().map(|&(output, _)| one(output)).collect::<Vec<_>>().join(", "),
        Launch::View(position) | Launch::Kernel(position) => one(*position),
    }
}

/// What a panic said.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}
