//! Runs a plan.

use std::time::Instant;

use smallvec::SmallVec;
use wengert_tensor::kernel::{Operand, TileMap};
use wengert_tensor::{Float, Shape, Tensor};

use super::build::with_view;
use super::explain::Explanation;
use super::graph::Graph;
use super::{Launch, Plan};
use crate::Lowering;
use crate::tape::{Kind, Nodes};

/// The values of the roots by their number on the tape; with `keep_all`, of everything that was
/// written to memory.
pub(super) fn run<T: Float>(
    plan: &Plan<T>,
    graph: &Graph,
    nodes: &Nodes<T>,
    keep_all: bool,
    explanation: &mut Option<Explanation>,
) -> Vec<(u32, Tensor<T>)> {
    let mut values: Vec<Option<Tensor<T>>> = vec![None; graph.ids.len()];
    for (value, &id) in values.iter_mut().zip(&graph.ids) {
        *value = match &nodes.list[id as usize].kind {
            Kind::Scalar(number) if nodes.list[id as usize].value.is_none() => None,
            _ => nodes.value(id).cloned(),
        };
    }
    for (launch, dead) in plan.launches.iter().zip(&plan.dead_after) {
        let started = Instant::now();
        run_launch(launch, graph, nodes, &mut values);
        if let Some(explanation) = explanation {
            explanation.note(launch, graph, nodes, &values, started);
        }
        if !keep_all {
            for &position in dead {
                values[position as usize] = None;
            }
        }
    }
    let mut wanted: Vec<u32> = if keep_all { (0..graph.ids.len() as u32).collect() } else { graph.roots.clone() };
    wanted.sort_unstable();
    wanted.dedup();
    let is_new = |position: &u32| nodes.value(graph.ids[*position as usize]).is_none();
    let root = |position: u32| graph.roots.contains(&position);
    wanted
        .into_iter()
        .filter(is_new)
        .filter_map(|position| {
            let value = values[position as usize].take();
            let value = value.or_else(|| root(position).then(|| scalar(graph, nodes, position)));
            value.map(|value| (graph.ids[position as usize], value))
        })
        .collect()
}

fn scalar<T: Float>(graph: &Graph, nodes: &Nodes<T>, position: u32) -> Tensor<T> {
    Tensor::build(Shape::scalar(), |out| out[0] = number(graph, nodes, position))
}

fn number<T: Float>(graph: &Graph, nodes: &Nodes<T>, position: u32) -> T {
    match nodes.list[graph.ids[position as usize] as usize].kind {
        Kind::Scalar(number) => T::from_f64(number),
        _ => unreachable!("planned as a number"),
    }
}

fn run_launch<T: Float>(launch: &Launch<T>, graph: &Graph, nodes: &Nodes<T>, values: &mut [Option<Tensor<T>>]) {
    let lower = |position: u32| match &nodes.list[graph.ids[position as usize] as usize].kind {
        Kind::Op(op) => op.lower(),
        _ => unreachable!("planned as an operation"),
    };
    match launch {
        Launch::Loop { program, operands, scalars, maps, outputs, .. } => {
            let inputs: SmallVec<[Operand<'_, T>; 8]> = operands
                .iter()
                .map(|&position| {
                    let value = values[position as usize].as_ref().expect("computed before it is read");
                    Operand { buffer: value.buffer(), offset: value.layout().offset() }
                })
                .collect();
            let scalars: SmallVec<[T; 8]> = scalars.iter().map(|&position| number(graph, nodes, position)).collect();
            let maps: SmallVec<[&dyn TileMap<T>; 16]> = maps
                .iter()
                .map(|&position| match lower(position) {
                    Lowering::Map { f, .. } => f,
                    _ => unreachable!("planned as a map"),
                })
                .collect();
            let results = program.run(&inputs, &scalars, &maps);
            drop(inputs);
            let results = results.unwrap_or_else(|error| panic!("{}: {error}", place(graph, nodes, outputs[0].0)));
            for ((position, layout), result) in outputs.iter().zip(results) {
                values[*position as usize] = Some(result.with_layout(layout.clone()));
            }
        }
        Launch::View(position) => {
            let base = graph.inputs[*position as usize][0];
            let input = match &values[base as usize] {
                Some(value) => value.clone(),
                None => scalar(graph, nodes, base),
            };
            let view = |input: &Tensor<T>| {
                let layout = with_view(nodes, graph.ids[*position as usize], |view| view(input.layout()));
                layout.map(|layout| input.with_layout(layout))
            };
            let value = view(&input).or_else(|| view(&input.contiguous()));
            values[*position as usize] = Some(value.expect("a row-major layout takes every view"));
        }
        Launch::Kernel(position) => {
            let inputs: SmallVec<[Tensor<T>; 3]> = graph.inputs[*position as usize]
                .iter()
                .map(|&input| values[input as usize].clone().unwrap_or_else(|| scalar(graph, nodes, input)))
                .collect();
            let Lowering::Kernel(kernel) = lower(*position) else { unreachable!("planned as a kernel") };
            let value = kernel(&inputs).contiguous();
            let declared: &Shape = nodes.shape(graph.ids[*position as usize]);
            assert!(
                value.shape() == declared,
                "{}: its kernel returned shape {} where its shape rule says {declared}",
                place(graph, nodes, *position),
                value.shape()
            );
            values[*position as usize] = Some(value);
        }
    }
}

/// The name of the operation at a position and the line that recorded it.
fn place<T: Float>(graph: &Graph, nodes: &Nodes<T>, position: u32) -> String {
    let node = &nodes.list[graph.ids[position as usize] as usize];
    match &node.kind {
        Kind::Op(op) => format!("{} (recorded at {})", op.name(), node.at),
        _ => format!("a value (recorded at {})", node.at),
    }
}
