//! Tile registers for values: each value holds one from the instruction that makes it to the last
//! that reads it.

use super::code::{Instr, Place};

/// Gives every value of `code` a register, and returns how many that takes.
///
/// A value may get the register of an argument that is read there for the last time: every
/// instruction reads a chunk of its sources before it writes that chunk.
pub(super) fn allocate(code: &mut [Instr<Place>]) -> u32 {
    let values = code.iter().filter_map(made).max().map_or(0, |v| v + 1);
    let mut last_use = vec![0; values as usize];
    for (i, instr) in code.iter().enumerate() {
        for source in instr.sources() {
            if let Place::Register(v) = source {
                last_use[*v as usize] = i;
            }
        }
    }
    let mut register = vec![0; values as usize];
    let mut free: Vec<u32> = Vec::new();
    let mut count = 0;
    for (i, instr) in code.iter_mut().enumerate() {
        for (k, source) in instr.sources().iter().enumerate() {
            let repeated = instr.sources()[..k].contains(source);
            if let Place::Register(v) = source
                && last_use[*v as usize] == i
                && !repeated
            {
                free.push(register[*v as usize]);
            }
        }
        if let Some(v) = made(instr) {
            // What is made once for all tiles has a register of its own.
            let lasts = matches!(instr, Instr::Gather { once: true, .. });
            if lasts {
                last_use[v as usize] = usize::MAX;
            }
            register[v as usize] = free.pop_if(|_| !lasts).unwrap_or_else(|| {
                count += 1;
                count - 1
            });
        }
        let rename = |place| match place {
            Place::Register(v) => Place::Register(register[v as usize]),
            other => other,
        };
        let renamed = instr.rename(rename, rename);
        if let Some(v) = made(instr)
            && last_use[v as usize] <= i
        {
            free.push(register[v as usize]);
        }
        *instr = renamed;
    }
    count
}

/// The value that an instruction makes, if it goes to a register.
fn made(instr: &Instr<Place>) -> Option<u32> {
    match instr.made() {
        Some(Place::Register(v)) => Some(v),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_takes_one_register_and_a_long_life_another() {
        let map = |args: &[u32], to| Instr::Map {
            map: 0,
            args: args.iter().map(|&a| Place::Register(a)).collect(),
            to: Place::Register(to),
        };
        let mut chain =
            vec![Instr::Gather { stream: 0, to: Place::Register(0), once: false }, map(&[0], 1), map(&[1, 1], 2)];
        assert_eq!(allocate(&mut chain), 1);
        let mut long = vec![
            Instr::Gather { stream: 0, to: Place::Register(0), once: false },
            map(&[0], 1),
            map(&[1], 2),
            map(&[0, 2], 3),
        ];
        assert_eq!(allocate(&mut long), 2);
        assert!(matches!(long[2], Instr::Map { to: Place::Register(1), .. }));
    }
}
