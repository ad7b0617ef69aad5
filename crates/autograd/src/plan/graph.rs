//! The entries that asked-for values need, renumbered from 0, and the signature of their
//! structure.

use std::any::TypeId;
use std::hash::{Hash, Hasher};

use wengert_tensor::kernel::TileMap;
use wengert_tensor::{Float, Layout, Shape};

use super::Function;
use super::partial::{Partial, first_steps};
use crate::Lowering;
use crate::nodes::{Kind, Node, Nodes, OpKind};
use crate::op::{Recorded, Split};

/// The needed entries in recording order. A *position* is an index into it.
pub(super) struct Graph<'a, T: Float> {
    pub(super) nodes: &'a Nodes<T>,
    /// The tape's number of each position.
    pub(super) ids: Vec<u32>,
    /// The positions of what is already there.
    pub(super) given: Vec<u32>,
    /// First steps of reductions, in order. The tape's number of each is that of the reduction, which follows.
    pub(super) partials: Vec<Partial>,
    pub(super) signature: Signature,
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
    /// Walks from `roots` to what has a value; to `fuse`, reductions are taken in two steps where
    /// that helps.
    ///
    /// # Panics
    /// If a value is gone, or a lowering does not fit the shape rule of its operation.
    #[track_caller]
    pub(super) fn of(nodes: &'a mut Nodes<T>, roots: &[u32], fuse: bool) -> Self {
        let mut marks = std::mem::take(&mut nodes.marks);
        marks.resize(nodes.list.len(), (0, 0));
        nodes.runs += 1;
        let mut ids = closely(nodes, &mut marks, roots).unwrap_or_else(|| {
            nodes.runs += 1;
            widely(nodes, &mut marks, roots)
        });
        let partials = if fuse { first_steps(nodes, &mut ids) } else { Vec::new() };
        let mut second_steps = partials.iter().map(|partial| partial.position + 1).peekable();
        let count = ids.len();
        let (mut inputs, mut ends) = (Vec::with_capacity(2 * count), Vec::with_capacity(count));
        let mut given = Vec::new();
        for (position, &id) in (0..).zip(&ids) {
            marks[id as usize].1 = position;
            if nodes.is_computed(id) {
                given.push(position);
            } else if second_steps.next_if_eq(&position).is_some() {
                inputs.push(position - 1);
            } else {
                // They come earlier and have their positions.
                inputs.extend(nodes.inputs(id).iter().map(|&input| marks[input as usize].1));
            }
            ends.push(inputs.len() as u32);
        }
        let roots = roots.iter().map(|&root| marks[root as usize].1).collect();
        nodes.marks = marks;
        let signature = Signature { inputs, ends, roots, kinds: Vec::with_capacity(count), words: Vec::new() };
        let mut graph = Self { nodes, ids, given, partials, signature };
        graph.sign();
        graph
    }

    /// The number of entries.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn id(&self, position: u32) -> u32 {
        self.ids[position as usize]
    }

    pub(super) fn entry(&self, position: u32) -> Entry<'a, T> {
        let id = self.id(position);
        match self.nodes.list[id as usize].kind {
            _ if self.nodes.is_computed(id) => Entry::Given,
            Kind::Scalar(number) => Entry::Number(number),
            Kind::Op(kind) => Entry::Op(self.nodes.op(id).expect("of this kind"), kind),
            Kind::Leaf => unreachable!("a leaf without a value is refused"),
        }
    }

    /// How an entry is computed, if it is.
    pub(super) fn lowering(&self, position: u32) -> Option<Lowering<'_, T>> {
        let Entry::Op(op, _) = self.entry(position) else { return None };
        Some(match (op.lower(), self.partial(position)) {
            (Lowering::Reduce(reduction, _), Some(partial)) => Lowering::Reduce(reduction, &partial.axes),
            (lowering, _) => lowering,
        })
    }

    fn partial(&self, position: u32) -> Option<&Partial> {
        let found = self.partials.binary_search_by_key(&position, |partial| partial.position);
        found.ok().map(|i| &self.partials[i])
    }

    pub(super) fn shape(&self, position: u32) -> &Shape {
        self.partial(position).map_or_else(|| self.nodes.shape(self.id(position)), |partial| &partial.shape)
    }

    pub(super) fn function(&self, function: Function) -> &'a dyn TileMap<T> {
        let split = |position| self.split(position).expect("planned in pieces");
        match function {
            Function::Whole(position) => {
                let Entry::Op(op, _) = self.entry(position) else { unreachable!("planned as an operation") };
                let Lowering::Map { f, .. } = op.lower() else { unreachable!("planned as a map") };
                f
            }
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
        let start = (position as usize).checked_sub(1).map_or(0, |before| self.signature.ends[before]);
        &self.signature.inputs[start as usize..self.signature.ends[position as usize] as usize]
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

    /// The positions of the asked-for values.
    pub(super) fn roots(&self) -> &[u32] {
        &self.signature.roots
    }

    /// Completes the signature: kinds of operations, and in words, each group of which begins with a
    /// position, what else a plan depends on.
    #[track_caller]
    fn sign(&mut self) {
        let mut kinds = std::mem::take(&mut self.signature.kinds);
        let (mut words, mut last_shape) = (Vec::new(), None);
        for (position, &id) in (0..).zip(&self.ids) {
            let Node { kind, at, shape } = self.nodes.list[id as usize];
            let begin = |what: u64| what + ((position as u64) << 32);
            if self.nodes.is_computed(id) {
                words.push(begin(1));
                layout_words(&mut words, &self.given_layout(position));
                continue;
            }
            let kind = match kind {
                Kind::Op(kind) => kind,
                Kind::Scalar(_) => {
                    words.push(begin(2));
                    continue;
                }
                Kind::Leaf => panic!(
                    "a value of shape {} (read at {at}) is gone: the step wrote its next one over it; \
                     look before the step at what depends on it",
                    self.shape(position)
                ),
            };
            // Of one shape there are many in a row.
            if last_shape != Some(shape) {
                let sizes: &[usize] = self.shape(position);
                words.push(begin(3));
                words.push(sizes.len() as u64);
                words.extend(sizes.iter().map(|&size| size as u64));
                last_shape = Some(shape);
            }
            kinds.push(kind.id);
            // Of a map that is all.
            if !kind.is_map {
                words.push(begin(4));
                self.lowering_words(&mut words, position);
            }
        }
        (self.signature.kinds, self.signature.words) = (kinds, words);
    }

    /// What a plan depends on in the lowering of an operation.
    #[track_caller]
    fn lowering_words(&self, words: &mut Vec<u64>, position: u32) {
        let (id, input) = (self.id(position), || self.shape(self.inputs(position)[0]));
        let at = self.nodes.list[id as usize].at;
        let place = || format!("{} of {} (recorded at {at})", self.nodes.name(id), input());
        match self.lowering(position) {
            Some(Lowering::Map { .. } | Lowering::Kernel(_)) | None => {}
            Some(Lowering::Reduce(reduction, axes)) => {
                let fits = axes.iter().all(|&axis| axis < input().len());
                assert!(fits, "{}: its lowering reduces axes {axes:?}", place());
                words.push(reduction as u64);
                words.extend(axes.iter().map(|&axis| axis as u64));
            }
            // What a view does to a row-major layout tells all that it does.
            Some(Lowering::View(view)) => {
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

/// Marks what `roots` need and lists it in order, going down the tape entry by entry, which is the
/// quickest as long as most of the entries on the way are needed; `None` if they are not.
fn closely<T: Float>(nodes: &Nodes<T>, marks: &mut [(u32, u32)], roots: &[u32]) -> Option<Vec<u32>> {
    let run = nodes.runs;
    roots.iter().for_each(|&root| marks[root as usize].0 = run);
    let mut next = roots.iter().max().map_or(0, |&root| root + 1);
    let mut lowest = roots.iter().min().copied().unwrap_or(next);
    let (mut ids, mut others) = (Vec::new(), 0);
    while next > lowest {
        next -= 1;
        if marks[next as usize].0 != run {
            others += 1;
            if others > 8 * ids.len() + 64 {
                return None;
            }
            continue;
        }
        ids.push(next);
        if !nodes.is_computed(next) {
            for &input in nodes.inputs(next) {
                marks[input as usize].0 = run;
                lowest = lowest.min(input);
            }
        }
    }
    ids.reverse();
    Some(ids)
}

/// As [`closely`], going from entry to entry and touching nothing else.
fn widely<T: Float>(nodes: &Nodes<T>, marks: &mut [(u32, u32)], roots: &[u32]) -> Vec<u32> {
    let run = nodes.runs;
    // The list doubles as the queue of what is still to be visited.
    let mut ids: Vec<u32> = Vec::with_capacity(roots.len());
    let mut visit = |ids: &mut Vec<u32>, id: u32| {
        if std::mem::replace(&mut marks[id as usize].0, run) != run {
            ids.push(id);
        }
    };
    roots.iter().for_each(|&root| visit(&mut ids, root));
    let mut next = 0;
    while let Some(&id) = ids.get(next) {
        next += 1;
        if !nodes.is_computed(id) {
            nodes.inputs(id).iter().for_each(|&input| visit(&mut ids, input));
        }
    }
    ids.sort_unstable();
    ids
}

fn layout_words(words: &mut Vec<u64>, layout: &Layout) {
    words.push(layout.shape().len() as u64);
    words.extend(layout.shape().iter().map(|&size| size as u64));
    words.extend(layout.strides().iter().map(|&stride| stride as u64));
}

/// Everything that a plan depends on, and not the numbers themselves: two graphs of equal signature
/// have the same plan.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// The positions of all inputs, one entry's after the other's; what is already there has none.
    inputs: Vec<u32>,
    /// Where each entry's inputs end.
    ends: Vec<u32>,
    /// The positions of the asked-for values.
    roots: Vec<u32>,
    /// The operations.
    kinds: Vec<TypeId>,
    /// Shapes, layouts, and what lowerings say.
    words: Vec<u64>,
}

impl Signature {
    /// A hash of a part of it: looking at all takes longer than comparing it with a few others.
    pub(super) fn digest(&self) -> u64 {
        fn some<T: Hash>(list: &[T], hasher: &mut Multiply) {
            hasher.write_u64(list.len() as u64);
            list.iter().step_by(list.len() / 64 + 1).for_each(|item| item.hash(hasher));
        }
        let mut hasher = Multiply::default();
        some(&self.inputs, &mut hasher);
        some(&self.roots, &mut hasher);
        some(&self.kinds, &mut hasher);
        some(&self.words, &mut hasher);
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
