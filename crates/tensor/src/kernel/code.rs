//! The instructions of a compiled program: what each phase does to a tile, and what happens
//! between phases to the values of kept coordinates.
//!
//! Instructions name *slots*, places that hold a pointer. First come the streams, whose pointers
//! move from tile to tile; kept values are streams too, over a small array of the block's own.
//! Then come full values that a block keeps, uniform values, splats, and the tile registers.

use smallvec::SmallVec;

use super::Reduction;
use super::sequence::Cheap;

/// One thing to do to a tile; `S` is a slot number, or a [`Place`] before these are known.
#[derive(Clone, Debug)]
#[doc(hidden)]
pub enum Instr<S = u32> {
    /// A function of slots.
    Map { map: u32, args: SmallVec<[S; 3]>, to: S },
    /// A step of the sequence that it makes with those beside it, and where what it makes is stored.
    Cheap { cheap: Cheap, args: [S; 2], to: Option<S> },
    /// The stream's one element for this tile, as often as [`REPEAT`](super::sequence::REPEAT) says.
    Splat { stream: u32, to: S },
    /// The stream's elements for this tile, made dense; or once for all tiles of a walk.
    Gather { stream: u32, to: S, once: bool },
    /// A slot's elements as a dense tile, also when the slot is a splat.
    Copy { from: S, to: S },
    /// A dense tile to where the stream lies.
    Scatter { from: S, stream: u32 },
    /// A dense tile into an accumulator of the phase.
    Fold { from: S, fold: u32 },
}

/// A slot before the numbers of slots are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Stream(u32),
    Keep(u32),
    Uniform(u32),
    Splat(u32),
    /// A tile register; before registers are allocated, a value that needs one.
    Register(u32),
}

/// One thing to do to all kept coordinates of a block.
#[derive(Clone, Debug)]
pub(super) enum KeptInstr<S = u32> {
    /// Reads an operand that varies along kept axes only.
    Load { stream: u32, to: u32 },
    /// A function of slots.
    Map { map: u32, args: SmallVec<[S; 3]>, to: u32 },
    /// Writes an output that varies along kept axes only.
    Store { from: u32, stream: u32 },
}

/// One thing to do once a run, to values that vary along nothing.
#[derive(Clone, Debug)]
pub(super) enum UniformInstr {
    /// The one element of an operand.
    Load { operand: u32 },
    /// A scalar of the run.
    Scalar { scalar: u32 },
    /// A function of earlier uniform values.
    Map { map: u32, args: SmallVec<[u32; 3]> },
}

/// A reduction that a phase performs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fold {
    pub(super) reduction: Reduction,
    /// The stream of kept values that gets the result.
    pub(super) to: u32,
}

/// What happens between one reduction and the next.
#[derive(Clone, Debug)]
pub(super) struct Phase<S = u32> {
    /// Before the walk over the reduced axes.
    pub(super) kept: Vec<KeptInstr<S>>,
    /// The streams that the code uses.
    pub(super) streams: SmallVec<[u32; 8]>,
    /// The full values kept in the block that the code uses.
    pub(super) keeps: SmallVec<[u32; 4]>,
    /// For every tile.
    pub(super) code: Vec<Instr<S>>,
    pub(super) folds: Vec<Fold>,
    /// Splats in use.
    pub(super) splats: u32,
}

/// A compiled program that is still to be cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Code {
    /// Number i computes uniform value i.
    pub(super) uniform: Vec<UniformInstr>,
    /// The uniform values that tiles or kept values are computed from.
    pub(super) splatted: Vec<u32>,
    /// For each output, the uniform value it is, if it is one.
    pub(super) fills: Vec<Option<u32>>,
    pub(super) phases: Vec<Phase>,
    /// Streams of the domain, and of kept values after them.
    pub(super) memory: usize,
    pub(super) kept: usize,
    /// Full values that a block keeps.
    pub(super) keeps: usize,
    /// Splats of a tile.
    pub(super) splats: usize,
    pub(super) registers: usize,
}

impl Code {
    /// All streams.
    pub(super) fn streams(&self) -> usize {
        self.memory + self.kept
    }

    /// The slot of the first uniform value.
    pub(super) fn first_uniform(&self) -> usize {
        self.streams() + self.keeps
    }

    /// The slot of the first splat.
    pub(super) fn first_splat(&self) -> usize {
        self.first_uniform() + self.splatted.len()
    }

    /// The slot of the first register.
    pub(super) fn first_register(&self) -> usize {
        self.first_splat() + self.splats
    }

    /// All slots.
    pub(super) fn slots(&self) -> usize {
        self.first_register() + self.registers
    }

    /// The slot that a place becomes.
    pub(super) fn slot(&self, place: Place) -> u32 {
        let (first, i) = match place {
            Place::Stream(i) => (0, i),
            Place::Keep(i) => (self.streams(), i),
            Place::Uniform(i) => (self.first_uniform(), i),
            Place::Splat(i) => (self.first_splat(), i),
            Place::Register(i) => (self.first_register(), i),
        };
        first as u32 + i
    }

    /// Phases that go over full values.
    pub(super) fn full_phases(&self) -> usize {
        self.phases.iter().filter(|phase| !phase.code.is_empty()).count()
    }
}

impl<S: Copy> Instr<S> {
    /// The same with other names for slots; sources are renamed before the destination.
    pub(super) fn rename<U>(&self, source: impl FnMut(S) -> U, to_slot: impl FnOnce(S) -> U) -> Instr<U> {
        let mut source = source;
        match self {
            Instr::Map { map, args, to } => {
                let args = args.iter().map(|&a| source(a)).collect();
                Instr::Map { map: *map, args, to: to_slot(*to) }
            }
            Instr::Cheap { cheap, args, to } => {
                Instr::Cheap { cheap: *cheap, args: args.map(source), to: to.map(to_slot) }
            }
            Instr::Splat { stream, to } => Instr::Splat { stream: *stream, to: to_slot(*to) },
            Instr::Gather { stream, to, once } => Instr::Gather { stream: *stream, to: to_slot(*to), once: *once },
            Instr::Copy { from, to } => Instr::Copy { from: source(*from), to: to_slot(*to) },
            Instr::Scatter { from, stream } => Instr::Scatter { from: source(*from), stream: *stream },
            Instr::Fold { from, fold } => Instr::Fold { from: source(*from), fold: *fold },
        }
    }

    /// The slots that it reads, other than streams' own.
    pub(super) fn sources(&self) -> &[S] {
        match self {
            Instr::Map { args, .. } => args,
            Instr::Cheap { cheap, args, .. } => &args[..cheap.operands()],
            Instr::Copy { from, .. } | Instr::Scatter { from, .. } | Instr::Fold { from, .. } => {
                std::slice::from_ref(from)
            }
            Instr::Splat { .. } | Instr::Gather { .. } => &[],
        }
    }

    /// What it fills for others to read.
    pub(super) fn made(&self) -> Option<S> {
        match self {
            Instr::Map { to, .. } | Instr::Splat { to, .. } | Instr::Gather { to, .. } | Instr::Copy { to, .. } => {
                Some(*to)
            }
            Instr::Cheap { to, .. } => *to,
            Instr::Scatter { .. } | Instr::Fold { .. } => None,
        }
    }
}

impl<S: Copy> KeptInstr<S> {
    /// The same with other names for slots.
    pub(super) fn rename<U>(&self, mut slot: impl FnMut(S) -> U) -> KeptInstr<U> {
        match self {
            KeptInstr::Load { stream, to } => KeptInstr::Load { stream: *stream, to: *to },
            KeptInstr::Map { map, args, to } => {
                KeptInstr::Map { map: *map, args: args.iter().map(|&a| slot(a)).collect(), to: *to }
            }
            KeptInstr::Store { from, stream } => KeptInstr::Store { from: *from, stream: *stream },
        }
    }
}
