//! Reductions in two steps.
//!
//! All reductions of a loop go over the same axes. A total of what such a loop makes (a loss of
//! normalised values, say) goes over more, so that a second loop would read the whole value again, half
//! of it from another thread's cache. Therefore the first loop reduces over its own axes, and only the
//! small rest is left to the second.

use smallvec::SmallVec;
use wengert_tensor::kernel::Reduction;
use wengert_tensor::{Float, Shape};

use super::axes::{Axes, SMALL, blocks_fit};
use crate::Lowering;
use crate::nodes::{Kind, Nodes};

/// The first step of a reduction, whose second is at the next position.
pub(super) struct Partial {
    pub(super) position: u32,
    pub(super) axes: Axes,
    pub(super) shape: Shape,
}

/// Fewer terms to each partial result than this would leave much to read in the second step.
const MIN_TERMS: usize = 8;
/// The most entries that are looked at.
const MAX_VISITS: usize = 64;

/// Finds the reductions among `ids` that are to be taken in two steps, and gives each its number once more.
pub(super) fn first_steps<T: Float>(nodes: &Nodes<T>, ids: &mut Vec<u32>) -> Vec<Partial> {
    let mut partials = Vec::new();
    // Most tapes of many entries have nothing large.
    if nodes.shapes.iter().all(|shape| shape.count() <= SMALL) {
        return partials;
    }
    for (i, &id) in (0..).zip(&*ids) {
        if !nodes.is_computed(id)
            && let Some(axes) = first_axes(nodes, id)
        {
            let shape = nodes.shape(nodes.inputs(id)[0]).reduced(&axes, true);
            partials.push(Partial { position: i + partials.len() as u32, axes, shape });
        }
    }
    for Partial { position, .. } in &partials {
        ids.insert(*position as usize, ids[*position as usize]);
    }
    partials
}

/// The axes over which the reduction `id`, if it is one that is to be taken in two steps, is taken first.
fn first_axes<T: Float>(nodes: &Nodes<T>, id: u32) -> Option<Axes> {
    let lowering = |id: u32| match nodes.list[id as usize].kind {
        Kind::Op(kind) if !kind.is_map => nodes.op(id).map(|op| op.lower()),
        _ => None,
    };
    let Some(Lowering::Reduce(kind, all)) = lowering(id) else { return None };
    // A product in parts may overflow where the whole one does not. A sum does so only where terms near the largest
    // number cancel, which is accepted.
    if kind == Reduction::Prod || all.len() < 2 {
        return None;
    }
    let value = nodes.inputs(id)[0];
    let shape = nodes.shape(value);
    if shape.count() <= SMALL {
        return None;
    }
    let terms = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product::<usize>();
    let mut stack: SmallVec<[u32; 16]> = SmallVec::from_slice(&[value]);
    for _ in 0..MAX_VISITS {
        let next = stack.pop()?;
        if nodes.is_computed(next) {
            continue;
        }
        match (nodes.list[next as usize].kind, lowering(next)) {
            (_, Some(Lowering::Reduce(_, axes))) => {
                let within = nodes.shape(nodes.inputs(next)[0]) == shape && axes.iter().all(|axis| all.contains(axis));
                if within && terms(axes) >= MIN_TERMS && terms(axes) < terms(all) && blocks_fit(shape, axes) {
                    return Some(Axes::from_slice(axes));
                }
            }
            (Kind::Op(kind), view) if kind.is_map || matches!(view, Some(Lowering::View(_))) => {
                stack.extend_from_slice(nodes.inputs(next));
            }
            _ => {}
        }
    }
    None
}
