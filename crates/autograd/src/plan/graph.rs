//! The entries that asked-for values need, renumbered from 0, and the signature of their
//! structure.

use std::any::TypeId;
use std::hash::{Hash, Hasher};

use smallvec::SmallVec;
use wengert_tensor::{Float, Layout};

use crate::Lowering;
use crate::tape::{Kind, Nodes};

/// The needed entries in recording order. A *position* is an index into it.
pub(super) struct Graph {
    /// The tape's number of each position.
    pub(super) ids: Vec<u32>,
    /// The positions of each one's inputs; none for what is already there.
    pub(super) inputs: Vec<SmallVec<[u32; 3]>>,
    /// The positions of the asked-for values.
    pub(super) roots: Vec<u32>,
}

impl Graph {
    /// Walks from `roots` to what has a value, touching nothing else.
    pub(super) fn mark<T: Float>(nodes: &mut Nodes<T>, roots: &[u32]) -> Self {
        nodes.runs += 1;
        let run = nodes.runs;
        let mut ids: Vec<u32> = Vec::with_capacity(roots.len());
        // `ids` doubles as the queue of what is still to be visited.
        let visit = |nodes: &mut Nodes<T>, ids: &mut Vec<u32>, id: u32| {
            let node = &mut nodes.list[id as usize];
            if node.mark.0 != run {
                node.mark.0 = run;
                ids.push(id);
            }
        };
        for &root in roots {
            visit(nodes, &mut ids, root);
        }
        let mut next = 0;
        while let Some(&id) = ids.get(next) {
            next += 1;
            if nodes.list[id as usize].value.is_none() {
                for k in 0..nodes.list[id as usize].inputs.len() {
                    let input = nodes.list[id as usize].inputs[k];
                    visit(nodes, &mut ids, input);
                }
            }
        }
        ids.sort_unstable();
        for (position, &id) in ids.iter().enumerate() {
            nodes.list[id as usize].mark.1 = position as u32;
        }
        let position = |&id: &u32| nodes.list[id as usize].mark.1;
        let inputs = ids
            .iter()
            .map(|&id| {
                let node = &nodes.list[id as usize];
                if node.value.is_some() { SmallVec::new() } else { node.inputs.iter().map(position).collect() }
            })
            .collect();
        Self { inputs, roots: roots.iter().map(position).collect(), ids }
    }

    /// Everything that a plan depends on: operations, inputs, shapes, layouts, roots; not the
    /// numbers themselves.
    pub(super) fn signature<T: Float>(&self, nodes: &Nodes<T>) -> Signature {
        let mut signature = Signature { words: Vec::with_capacity(self.ids.len() * 6), kinds: Vec::new() };
        let words = &mut signature.words;
        for (&id, inputs) in self.ids.iter().zip(&self.inputs) {
            let node = &nodes.list[id as usize];
            if let Some(value) = nodes.value(id) {
                words.push(1);
                words.extend(layout_words(value.layout()));
                continue;
            }
            let Kind::Op(op) = &node.kind else {
                words.push(2);
                continue;
            };
            signature.kinds.push(op.kind());
            let shape = nodes.shape(id);
            words.push(3 + ((shape.len() as u64) << 8) + ((inputs.len() as u64) << 32));
            words.extend(inputs.iter().map(|&input| input as u64));
            words.extend(shape.iter().map(|&size| size as u64));
            match op.lower() {
                Lowering::Map { .. } | Lowering::Kernel(_) => {}
                Lowering::Reduce(reduction, axes) => {
                    words.push(reduction as u64);
                    words.extend(axes.iter().map(|&axis| axis as u64));
                }
                // What a view does to a row-major layout tells all that it does.
                Lowering::View(view) => {
                    let probe = Layout::contiguous(nodes.shape(node.inputs[0]).clone());
                    words.extend(view(&probe).iter().flat_map(layout_words));
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
