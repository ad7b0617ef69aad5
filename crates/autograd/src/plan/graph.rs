//! The entries that asked-for values need, renumbered from 0, and the signature of their
//! structure.

use std::any::TypeId;
use std::hash::{Hash, Hasher};

use wengert_tensor::{Float, Layout};

use crate::Lowering;
use crate::tape::{Kind, Nodes};

/// The needed entries in recording order. A *position* is an index into it.
pub(super) struct Graph {
    /// The tape's number of each position.
    pub(super) ids: Vec<u32>,
    /// The positions of all inputs, one entry's after the other's; what is already there has none.
    inputs: Vec<u32>,
    /// Where each entry's inputs end.
    ends: Vec<u32>,
    /// The positions of what is already there.
    pub(super) given: Vec<u32>,
    /// The positions of the asked-for values.
    pub(super) roots: Vec<u32>,
}

impl Graph {
    /// Walks from `roots` to what has a value, touching nothing else.
    pub(super) fn mark<T: Float>(nodes: &mut Nodes<T>, roots: &[u32]) -> Self {
        nodes.runs += 1;
        let run = nodes.runs;
        let list = &mut nodes.list;
        let mut ids: Vec<u32> = Vec::with_capacity(roots.len());
        // `ids` doubles as the queue of what is still to be visited.
        for &root in roots {
            if std::mem::replace(&mut list[root as usize].mark.0, run) != run {
                ids.push(root);
            }
        }
        let mut next = 0;
        while let Some(&id) = ids.get(next) {
            next += 1;
            if list[id as usize].value.is_none() {
                for k in 0..list[id as usize].inputs.len() {
                    let input = list[id as usize].inputs[k];
                    if std::mem::replace(&mut list[input as usize].mark.0, run) != run {
                        ids.push(input);
                    }
                }
            }
        }
        // Usually most of the tape is needed: then looking at all of it is quicker than sorting.
        let (first, last) = ids.iter().fold((u32::MAX, 0), |(low, high), &id| (low.min(id), high.max(id)));
        if last.saturating_sub(first) as usize <= 8 * ids.len() {
            ids.clear();
            ids.extend((first..=last).filter(|&id| list[id as usize].mark.0 == run));
        } else {
            ids.sort_unstable();
        }
        let (mut inputs, mut ends) = (Vec::with_capacity(2 * ids.len()), Vec::with_capacity(ids.len()));
        let mut given = Vec::new();
        for (position, &id) in (0..).zip(&ids) {
            list[id as usize].mark.1 = position;
            let node = &list[id as usize];
            if node.value.is_some() {
                given.push(position);
            } else {
                inputs.extend(node.inputs.iter().map(|&input| list[input as usize].mark.1));
            }
            ends.push(inputs.len() as u32);
        }
        let roots = roots.iter().map(|&root| list[root as usize].mark.1).collect();
        Self { ids, inputs, ends, given, roots }
    }

    /// The positions of an entry's inputs; none for what is already there.
    pub(super) fn inputs(&self, position: u32) -> &[u32] {
        let start = (position as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.inputs[start as usize..self.ends[position as usize] as usize]
    }

    /// Everything that a plan depends on: operations, inputs, shapes, layouts, roots; not the
    /// numbers themselves.
    ///
    /// # Panics
    /// If a lowering does not fit the shape rule of its operation, or a value is gone.
    #[track_caller]
    pub(super) fn signature<T: Float>(&self, nodes: &Nodes<T>) -> Signature {
        let mut signature = Signature { words: Vec::with_capacity(self.ids.len() * 6), kinds: Vec::new() };
        let words = &mut signature.words;
        for (position, &id) in (0..).zip(&self.ids) {
            let inputs = self.inputs(position);
            let node = &nodes.list[id as usize];
            if let Some(value) = nodes.value(id) {
                words.push(1);
                words.extend(layout_words(value.layout()));
                continue;
            }
            let op = match &node.kind {
                Kind::Op(op) => op,
                Kind::Scalar(_) => {
                    words.push(2);
                    continue;
                }
                Kind::Leaf => panic!(
                    "a value of shape {} (read at {}) is gone: the step wrote its next one over it; \
                     look before the step at what depends on it",
                    nodes.shape(id),
                    node.at
                ),
            };
            signature.kinds.push(op.kind());
            let shape = nodes.shape(id);
            words.push(3 + ((shape.len() as u64) << 8) + ((inputs.len() as u64) << 32));
            words.extend(inputs.iter().map(|&input| input as u64));
            words.extend(shape.iter().map(|&size| size as u64));
            match op.lower() {
                Lowering::Map { .. } | Lowering::Kernel(_) => {}
                Lowering::Reduce(reduction, axes) => {
                    let input = nodes.shape(node.inputs[0]);
                    assert!(
                        axes.iter().all(|&axis| axis < input.len()),
                        "{} of {input} (recorded at {}): its lowering reduces axes {axes:?}",
                        nodes.name(id),
                        node.at
                    );
                    words.push(reduction as u64);
                    words.extend(axes.iter().map(|&axis| axis as u64));
                }
                // What a view does to a row-major layout tells all that it does.
                Lowering::View(view) => {
                    let input = nodes.shape(node.inputs[0]);
                    let layout = view(&Layout::contiguous(input.clone()));
                    assert!(
                        layout.as_ref().is_none_or(|layout| *layout.shape() == *shape),
                        "{} of {input} (recorded at {}): its view has shape {} where its shape rule says {shape}",
                        nodes.name(id),
                        node.at,
                        layout.as_ref().map_or(shape, Layout::shape)
                    );
                    words.extend(layout.iter().flat_map(layout_words));
                }
            }
        }
        words.extend(self.roots.iter().map(|&root| root as u64));
        signature
    }
}

fn layout_words(layout: &Layout) -> impl Iterator<Item = u64> + '_ {
    let strides = layout.strides().iter().map(|&stride| stride as u64);
    layout.shape().iter().map(|&size| size as u64).chain(strides)
}

/// Two graphs of equal signature have the same plan.
#[derive(PartialEq, Eq)]
pub(super) struct Signature {
    words: Vec<u64>,
    kinds: Vec<TypeId>,
}

impl Signature {
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = Multiply(self.words.len() as u64);
        for &word in &self.words {
            hasher.write_u64(word);
        }
        for kind in &self.kinds {
            kind.hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// A multiply-rotate hash; equality is checked in full, so it only has to be fast.
#[derive(Default)]
pub(super) struct Multiply(u64);

impl Hasher for Multiply {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte as u64);
        }
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
