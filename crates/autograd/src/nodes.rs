//! The entries of a tape.

use std::any::TypeId;
use std::num::NonZeroU32;
use std::panic::Location;

use wengert_tensor::{Float, Shape, Tensor};

use crate::op::Recorded;

/// What one entry of the tape is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A value from outside.
    Leaf,
    /// A number from outside, of shape `[]`.
    Scalar(f64),
    /// An operation on earlier entries: [`Nodes::op`].
    Op(OpKind),
}

/// What is asked of every operation in every run; it stands here because calling each through its
/// pointer takes longer than recording it did.
#[derive(Clone, Copy)]
pub(crate) struct OpKind {
    pub(crate) id: TypeId,
    /// Whether it is an elementwise function: a plan depends on nothing else of one.
    pub(crate) is_map: bool,
}

impl OpKind {
    pub(crate) fn of<O: 'static>(is_map: bool) -> Self {
        Self { id: TypeId::of::<O>(), is_map }
    }
}

/// An entry, as far as it is plain data: that is written where it stands, without a detour.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// The line of the user's program that recorded it.
    pub(crate) at: &'static Location<'static>,
    /// Index into [`Nodes::shapes`].
    pub(crate) shape: u32,
}

/// The entries with what they share. What walks over the tape look at has lists of its own, which
/// fit the first-level cache where whole entries do not.
pub(crate) struct Nodes<T: Float> {
    pub(crate) list: Vec<Node>,
    /// The operation of each entry that is one.
    ops: Vec<Option<Box<dyn Recorded<T>>>>,
    /// The inputs of all entries, one after the other, and where each entry's end.
    inputs: Vec<u32>,
    ends: Vec<u32>,
    /// For each entry, once it is computed, the index of its value in [`Nodes::tensors`]; shorter than
    /// the list where nothing is.
    pub(crate) values: Vec<Option<NonZeroU32>>,
    pub(crate) shapes: Vec<Shape>,
    /// Values, addressed from 1; none where one was taken.
    pub(crate) tensors: Vec<Option<Tensor<T>>>,
    /// The number of runs so far.
    pub(crate) runs: u32,
    /// For each entry, the last run that needed it, and its position in that run's graph; shorter
    /// than the list where no run came since.
    pub(crate) marks: Vec<(u32, u32)>,
    /// Which entry's vjp rule recorded the entries from a number on, if any did.
    pub(crate) origins: Vec<(u32, Option<u32>)>,
}

impl<T: Float> Default for Nodes<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            ops: Vec::new(),
            inputs: Vec::new(),
            ends: Vec::new(),
            values: Vec::new(),
            shapes: Vec::new(),
            tensors: Vec::new(),
            runs: 0,
            marks: Vec::new(),
            origins: Vec::new(),
        }
    }
}

impl<T: Float> Nodes<T> {
    /// Forgets all entries and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.ops.clear();
        self.inputs.clear();
        self.ends.clear();
        self.values.clear();
        self.shapes.clear();
        self.tensors.clear();
        self.runs = 0;
        self.marks.clear();
        self.origins.clear();
    }

    pub(crate) fn shape(&self, id: u32) -> &Shape {
        &self.shapes[self.list[id as usize].shape as usize]
    }

    /// The operation that an entry is, if it is one.
    pub(crate) fn op(&self, id: u32) -> Option<&dyn Recorded<T>> {
        self.ops[id as usize].as_deref()
    }

    pub(crate) fn inputs(&self, id: u32) -> &[u32] {
        let start = (id as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.inputs[start as usize..self.ends[id as usize] as usize]
    }

    /// Whether an entry is an elementwise function.
    pub(crate) fn is_map(&self, id: u32) -> bool {
        matches!(self.list[id as usize].kind, Kind::Op(kind) if kind.is_map)
    }

    /// The index of a value.
    #[inline]
    fn held(&self, id: u32) -> Option<NonZeroU32> {
        self.values.get(id as usize).copied().flatten()
    }

    pub(crate) fn is_computed(&self, id: u32) -> bool {
        self.held(id).is_some()
    }

    pub(crate) fn value(&self, id: u32) -> Option<&Tensor<T>> {
        self.held(id).and_then(|i| self.tensors[i.get() as usize - 1].as_ref())
    }

    /// Takes a value for a run that may write over it; the entry still counts as computed.
    pub(crate) fn lend(&mut self, id: u32) -> Option<Tensor<T>> {
        self.held(id).and_then(|i| self.tensors[i.get() as usize - 1].take())
    }

    /// From now on the entry has no value.
    pub(crate) fn forget(&mut self, id: u32) {
        self.values.get_mut(id as usize).map(Option::take);
    }

    /// The position of an entry in the graph of the latest run, if that needed it.
    pub(crate) fn position(&self, id: u32) -> Option<u32> {
        self.marks.get(id as usize).filter(|mark| mark.0 == self.runs).map(|mark| mark.1)
    }

    pub(crate) fn set_value(&mut self, id: u32, value: Tensor<T>) {
        self.tensors.push(Some(value));
        self.values.resize(self.values.len().max(id as usize + 1), None);
        self.values[id as usize] = NonZeroU32::new(self.tensors.len() as u32);
    }

    /// The index of `shape`, an existing one if it was seen lately.
    pub(crate) fn intern(&mut self, shape: Shape) -> u32 {
        let recent = self.shapes.len().saturating_sub(16);
        let found = self.shapes[recent..].iter().rposition(|s| *s == shape).map(|i| recent + i);
        found.unwrap_or_else(|| {
            self.shapes.push(shape);
            self.shapes.len() - 1
        }) as u32
    }

    /// Appends an entry from outside.
    pub(crate) fn push_given(&mut self, kind: Kind, shape: u32, at: &'static Location<'static>) -> u32 {
        self.push(kind, None, [], shape, at)
    }

    /// Appends an operation.
    #[inline(always)]
    pub(crate) fn push_op(
        &mut self,
        op: Box<dyn Recorded<T>>,
        kind: OpKind,
        inputs: impl IntoIterator<Item = u32>,
        shape: u32,
        at: &'static Location<'static>,
    ) -> u32 {
        self.push(Kind::Op(kind), Some(op), inputs, shape, at)
    }

    #[inline(always)]
    fn push(
        &mut self,
        kind: Kind,
        op: Option<Box<dyn Recorded<T>>>,
        inputs: impl IntoIterator<Item = u32>,
        shape: u32,
        at: &'static Location<'static>,
    ) -> u32 {
        let id = self.list.len();
        self.inputs.extend(inputs);
        let end = self.inputs.len();
        assert!(id.max(end) < u32::MAX as usize, "a tape holds at most 2^32 - 1 operations and inputs");
        self.ends.push(end as u32);
        self.list.push(Node { kind, at, shape });
        self.ops.push(op);
        id as u32
    }

    /// Notes that the entries from here on are recorded by the vjp rule of `of`, or by the program.
    pub(crate) fn set_origin(&mut self, of: Option<u32>) {
        let from = self.list.len() as u32;
        self.origins.pop_if(|last| last.0 == from);
        self.origins.push((from, of));
    }

    /// The entry whose vjp rule recorded `id`.
    pub(crate) fn origin(&self, id: u32) -> Option<u32> {
        let after = self.origins.partition_point(|&(from, _)| from <= id);
        self.origins[..after].last().and_then(|&(_, of)| of)
    }
}
