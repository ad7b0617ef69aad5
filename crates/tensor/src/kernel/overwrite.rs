//! Which outputs may be written over which operands: where both lie alike, and every element is read
//! for the last time before, or by the instruction that, writes the one in its place.

use super::code::{Code, Instr};
use super::domain::{Domain, Home};

/// All pairs of an operand and an output of which this is true.
pub(super) fn overwrites(domain: &Domain, code: &Code) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for (to, output) in domain.streams.iter().enumerate() {
        for (from, operand) in domain.streams.iter().enumerate() {
            if let (Home::Output(o), Home::Operand(i)) = (output.home, operand.home)
                && operand.full
                && output.full
                && domain.axes.iter().all(|axis| axis.strides[from] == axis.strides[to])
                && is_read_before(code, from as u32, to as u32)
            {
                pairs.push((i, o));
            }
        }
    }
    pairs
}

fn is_read_before(code: &Code, from: u32, to: u32) -> bool {
    let mut written = false;
    for instr in code.phases.iter().flat_map(|phase| &phase.code) {
        let reads = instr.sources().contains(&from)
            || matches!(instr, Instr::Splat { stream, .. } | Instr::Gather { stream, .. } if *stream == from);
        if reads && written {
            return false;
        }
        written |= match instr {
            Instr::Map { to: slot, .. } | Instr::Copy { to: slot, .. } => *slot == to,
            Instr::Cheap { to: slot, .. } => *slot == Some(to),
            Instr::Scatter { stream, .. } => *stream == to,
            Instr::Splat { .. } | Instr::Gather { .. } | Instr::Fold { .. } => false,
        };
    }
    true
}
