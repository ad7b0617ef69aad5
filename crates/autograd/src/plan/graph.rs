//! The entries that asked-for values need, renumbered from 0, and the signature of their
//! structure.

use std::any::TypeId;
use std::hash::{Hash, Hasher};

use wengert_tensor::kernel::TileMap;
use wengert_tensor::{Float, Layout, Shape};

use super::Function;
use crate::Lowering;
use crate::nodes::{Kind, Nodes, OpKind};
use crate::op::{Recorded, Split};

/// The needed entries in recording order. A *position* is an index into it.
pub(super) struct Graph<'a, T: Float> {
    pub(super) nodes: &'a Nodes<T>,
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

/// What a needed entry is.
pub(super) enum Entry<'a, T: Float> {
    /// It is there before the run.
    Given,
    /// A number.
    Number(f64),
    /// It is computed.
    Op(&'a dyn Recorded<T>, OpKind),
}

impl<'a, T: Float> Graph<'a, T> {
    /// Walks from `roots` to what has a value, touching nothing else.
    ///
    /// # Panics
    /// If a value is gone.
    #[track_caller]
    pub(super) fn of(nodes: &'a mut Nodes<T>, roots: &[u32]) -> Self {
        nodes.runs += 1;
        let run = nodes.runs;
        let mut marks = std::mem::take(&mut nodes.marks);
        marks.resize(nodes.list.len(), (0, 0));
        let mut ids: Vec<u32> = Vec::with_capacity(roots.len());
        // `ids` doubles as the queue of what is still to be visited.
        for &root in roots {
            if std::mem::replace(&mut marks[root as usize].0, run) != run {
                ids.push(root);
            }
        }
        let mut next = 0;
        while let Some(&id) = ids.get(next) {
            next += 1;
            if nodes.list[id as usize].value.is_none() {
                for &input in nodes.inputs(id) {
                    if std::mem::replace(&mut marks[input as usize].0, run) != run {
                        ids.push(input);
                    }
                }
            }
        }
        // Usually most of the tape is needed: then looking at all of it is quicker than sorting.
        let (first, last) = ids.iter().fold((u32::MAX, 0), |(low, high), &id| (low.min(id), high.max(id)));
        if last.saturating_sub(first) as usize <= 8 * ids.len() {
            ids.clear();
            ids.extend((first..=last).filter(|&id| marks[id as usize].0 == run));
        } else {
            ids.sort_unstable();
        }
        let count = ids.len();
        let (mut inputs, mut ends) = (Vec::with_capacity(2 * count), Vec::with_capacity(count));
        let mut given = Vec::new();
        for (position, &id) in (0..).zip(&ids) {
            marks[id as usize].1 = position;
            let node = &nodes.list[id as usize];
            if node.value.is_some() {
                given.push(position);
            } else if let Kind::Leaf = node.kind {
                panic!(
                    "a value of shape {} (read at {}) is gone: the step wrote its next one over it; \
                     look before the step at what depends on it",
                    nodes.shape(id),
                    node.at
                );
            } else {
                inputs.extend(nodes.inputs(id).iter().map(|&input| marks[input as usize].1));
            }
            ends.push(inputs.len() as u32);
        }
        let roots = roots.iter().map(|&root| marks[root as usize].1).collect();
        nodes.marks = marks;
        Self { nodes, ids, inputs, ends, given, roots }
    }

    /// The number of entries.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn id(&self, position: u32) -> u32 {
        self.ids[position as usize]
    }

    pub(super) fn entry(&self, position: u32) -> Entry<'a, T> {
        let node = &self.nodes.list[self.id(position) as usize];
        match &node.kind {
            _ if node.value.is_some() => Entry::Given,
            Kind::Scalar(number) => Entry::Number(*number),
            Kind::Op(op, kind) => Entry::Op(&**op, *kind),
            Kind::Leaf => unreachable!("a leaf without a value is refused"),
        }
    }

    /// How an entry is computed, if it is.
    pub(super) fn lowering(&self, position: u32) -> Option<Lowering<'a, T>> {
        match self.entry(position) {
            Entry::Op(op, _) => Some(op.lower()),
            _ => None,
        }
    }

    pub(super) fn shape(&self, position: u32) -> &'a Shape {
        self.nodes.shape(self.id(position))
    }

    pub(super) fn function(&self, function: Function) -> &'a dyn TileMap<T> {
        let split = |position| self.split(position).expect("planned in pieces");
        match function {
            Function::Whole(position) => match self.lowering(position) {
                Some(Lowering::Map { f, .. }) => f,
                _ => unreachable!("planned as a map"),
            },
            Function::Part(position) => split(position).part,
            Function::Rest(position) => split(position).rest,
        }
    }

    /// The pieces of an entry, if it is a map that has some.
    pub(super) fn split(&self, position: u32) -> Option<Split<T>> {
        match self.entry(position) {
            Entry::Op(op, _) => op.split(),
            _ => None,
        }
    }

    /// The positions of an entry's inputs; none for what is already there.
    pub(super) fn inputs(&self, position: u32) -> &[u32] {
        let start = (position as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.inputs[start as usize..self.ends[position as usize] as usize]
    }

    /// The layout of what is already there.
    pub(super) fn given_layout(&self, position: u32) -> Layout {
        let id = self.id(position);
        // State that is lent to the run is contiguous.
        let contiguous = || Layout::contiguous(self.nodes.shape(id).clone());
        self.nodes.value(id).map_or_else(contiguous, |value| value.layout().clone())
    }

    /// An entry that is a view, applied to the layout of its input.
    pub(super) fn view(&self, position: u32, of: &Layout) -> Option<Layout> {
        match self.lowering(position) {
            Some(Lowering::View(view)) => view(of),
            _ => unreachable!("placed as a view"),
        }
    }

    /// Everything that a plan depends on: operations, inputs, shapes, layouts, roots; not the
    /// numbers themselves.
    ///
    /// # Panics
    /// If a lowering does not fit the shape rule of its operation.
    #[track_caller]
    pub(super) fn signature(&self) -> Signature {
        let (mut kinds, mut words) = (Vec::with_capacity(self.len()), Vec::with_capacity(self.len() * 2));
        for position in 0..self.len() as u32 {
            let (op, kind) = match self.entry(position) {
                Entry::Given => {
                    words.push(1);
                    layout_words(&mut words, &self.given_layout(position));
                    continue;
                }
                Entry::Number(_) => {
                    words.push(2);
                    continue;
                }
                Entry::Op(op, kind) => (op, kind),
            };
            let shape = self.shape(position);
            words.push(3 + ((shape.len() as u64) << 8));
            words.extend(shape.iter().map(|&size| size as u64));
            kinds.push(kind.id);
            // Of a map that is all.
            if !kind.is_map {
                self.lowering_words(&mut words, position, op);
            }
        }
        Signature { inputs: self.inputs.clone(), ends: self.ends.clone(), roots: self.roots.clone(), kinds, words }
    }

    /// What a plan depends on in the lowering of an operation.
    #[track_caller]
    fn lowering_words(&self, words: &mut Vec<u64>, position: u32, op: &dyn Recorded<T>) {
        let input = || self.shape(self.inputs(position)[0]);
        let at = self.nodes.list[self.id(position) as usize].at;
        let place = || format!("{} of {} (recorded at {at})", op.name(), input());
        match op.lower() {
            Lowering::Map { .. } | Lowering::Kernel(_) => {}
            Lowering::Reduce(reduction, axes) => {
                let fits = axes.iter().all(|&axis| axis < input().len());
                assert!(fits, "{}: its lowering reduces axes {axes:?}", place());
                words.push(reduction as u64);
                words.extend(axes.iter().map(|&axis| axis as u64));
            }
            // What a view does to a row-major layout tells all that it does.
            Lowering::View(view) => {
                if let Some(layout) = view(&Layout::contiguous(input().clone())) {
                    let (given, shape) = (layout.shape(), self.shape(position));
                    let fits = given == shape;
                    assert!(fits, "{}: its view has shape {given} where its shape rule says {shape}", place());
                    layout_words(words, &layout);
                }
            }
        }
    }
}

fn layout_words(words: &mut Vec<u64>, layout: &Layout) {
    words.extend(layout.shape().iter().map(|&size| size as u64));
    words.extend(layout.strides().iter().map(|&stride| stride as u64));
}

/// Two graphs of equal signature have the same plan.
#[derive(PartialEq, Eq)]
pub(super) struct Signature {
    inputs: Vec<u32>,
    ends: Vec<u32>,
    roots: Vec<u32>,
    kinds: Vec<TypeId>,
    /// Shapes, layouts, and what lowerings say.
    words: Vec<u64>,
}

impl Signature {
    pub(super) fn digest(&self) -> u64 {
        // Four side by side: one chain of multiplications takes longer than all the rest.
        let mut lanes = [0; 4].map(|_| Multiply(self.ends.len() as u64));
        for words in self.words.chunks(4) {
            words.iter().zip(&mut lanes).for_each(|(&word, lane)| lane.write_u64(word));
        }
        for inputs in [&self.inputs, &self.roots].into_iter().flat_map(|inputs| inputs.chunks(4)) {
            inputs.iter().zip(&mut lanes).for_each(|(&input, lane)| lane.write_u32(input));
        }
        for kinds in self.kinds.chunks(4) {
            kinds.iter().zip(&mut lanes).for_each(|(kind, lane)| kind.hash(lane));
        }
        let [mut hasher, others @ ..] = lanes;
        others.iter().for_each(|lane| hasher.write_u64(lane.finish()));
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
