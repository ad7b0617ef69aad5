//! Which outputs may be written over which operands: where both lie alike, and every element is read
//! for the last time before, or by the instruction that, writes the one in its place.

use super::code::{Code, Instr};
use super::domain::{Domain, Home};

/// Loops of more streams are hardly ever of large values, and have as many pairs as the square of their number.
const MOST_STREAMS: usize = 128;

/// All pairs of an operand and an output of which this is true, those of the first output first.
pub(super) fn overwrites(domain: &Domain, code: &Code) -> Vec<(u32, u32)> {
    if domain.streams.len() > MOST_STREAMS {
        return Vec::new();
    }
    let uses = Uses::of(code, domain.streams.len());
    let mut pairs = Vec::new();
    for (to, output) in domain.streams.iter().enumerate() {
        for (from, operand) in domain.streams.iter().enumerate() {
            if let (Home::Output(o), Home::Operand(i)) = (output.home, operand.home)
                && operand.full
                && output.full
                && uses.last_read[from] <= uses.first_write[to]
                && domain.axes.iter().all(|axis| axis.strides[from] == axis.strides[to])
            {
                pairs.push((i, o));
            }
        }
    }
    debug_assert!(pairs.is_sorted_by_key(|&(i, o)| (o, i)));
    pairs
}

/// When streams are used: the numbers of instructions, over all phases.
struct Uses {
    last_read: Vec<usize>,
    first_write: Vec<usize>,
}

impl Uses {
    fn of(code: &Code, streams: usize) -> Uses {
        let mut uses = Uses { last_read: vec![0; streams], first_write: vec![usize::MAX; streams] };
        for (number, instr) in code.phases.iter().flat_map(|phase| &phase.code).enumerate() {
            let read = match instr {
                Instr::Splat { stream, .. } | Instr::Gather { stream, .. } => std::slice::from_ref(stream),
                _ => instr.sources(),
            };
            for &slot in read {
                if let Some(last) = uses.last_read.get_mut(slot as usize) {
                    *last = number;
                }
            }
            let written = match instr {
                Instr::Scatter { stream, .. } => Some(*stream),
                _ => instr.made(),
            };
            if let Some(first) = written.and_then(|slot| uses.first_write.get_mut(slot as usize)) {
                *first = number.min(*first);
            }
        }
        uses
    }
}
