//! Cheap maps one after the other, as one loop.
//!
//! What takes the time of an addition of tiles is their way through the first-level cache. A sequence
//! goes over a tile a few vectors at a time: these stay in registers from one step to the next, and what
//! a step makes is stored only if something besides the next step reads it. Every step rounds as its
//! map would.
//!
//! [`gather`] puts the maps of a phase in such an order; `run` goes through them.

mod run;

pub use run::Sequences;
pub(super) use run::{REPEAT, Repeated};

use std::collections::HashMap;

use super::code::{Instr, Place};

/// The maps that sequences are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(hidden)]
pub enum Arith {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a · b.
    Mul,
    /// a / b.
    Div,
    /// a · b, and 0 where a is 0.
    Chain,
    /// a / b, and 0 where a is 0.
    Per,
    /// −a.
    Neg,
    /// |a|.
    Abs,
    /// √a.
    Sqrt,
    /// 1 where a = b, else 0; and so on.
    Eq,
    /// a ≠ b.
    Ne,
    /// a < b.
    Lt,
    /// a ≤ b.
    Le,
    /// a > b.
    Gt,
    /// a ≥ b.
    Ge,
    /// The larger, NaN if either is.
    Max,
    /// The smaller, NaN if either is.
    Min,
    /// b where a is not 0, else c.
    Where,
}

/// One step of a sequence: what becomes of h, which is in hand, with x and y from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Cheap {
    /// Asks for x of the next tile.
    Fetch,
    /// x.
    Load,
    Add,
    Mul,
    /// h · h.
    Square,
    /// h + h.
    Double,
    /// h − x, and x − h.
    Sub,
    SubFrom,
    /// h / x, and x / h.
    Div,
    DivInto,
    /// [`Arith::Chain`] of h and x, and of x and h.
    Chain,
    ChainBy,
    Per,
    Neg,
    Abs,
    Sqrt,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Max,
    Min,
    /// x where h is not 0, else y.
    Where,
    /// h where x is not 0, else y.
    WhereElse,
    /// y where x is not 0, else h.
    WhereThen,
}

impl Cheap {
    /// How many numbers it takes from memory.
    pub(super) fn operands(self) -> usize {
        match self {
            Cheap::Fetch | Cheap::Square | Cheap::Double | Cheap::Neg | Cheap::Abs | Cheap::Sqrt => 0,
            Cheap::Where | Cheap::WhereElse | Cheap::WhereThen => 2,
            _ => 1,
        }
    }
}

impl Arith {
    /// The step that it is when its argument number `held` is in hand.
    fn cheap(self, held: usize) -> Option<Cheap> {
        Some(match (self, held) {
            (Arith::Add, _) => Cheap::Add,
            (Arith::Sub, 0) => Cheap::Sub,
            (Arith::Sub, _) => Cheap::SubFrom,
            (Arith::Mul, _) => Cheap::Mul,
            (Arith::Div, 0) => Cheap::Div,
            (Arith::Div, _) => Cheap::DivInto,
            (Arith::Chain, 0) => Cheap::Chain,
            (Arith::Chain, _) => Cheap::ChainBy,
            (Arith::Per, 0) => Cheap::Per,
            (Arith::Neg, _) => Cheap::Neg,
            (Arith::Abs, _) => Cheap::Abs,
            (Arith::Sqrt, _) => Cheap::Sqrt,
            (Arith::Eq, _) => Cheap::Eq,
            (Arith::Ne, _) => Cheap::Ne,
            (Arith::Lt, 0) | (Arith::Gt, 1) => Cheap::Lt,
            (Arith::Le, 0) | (Arith::Ge, 1) => Cheap::Le,
            (Arith::Gt, 0) | (Arith::Lt, 1) => Cheap::Gt,
            (Arith::Ge, 0) | (Arith::Le, 1) => Cheap::Ge,
            // The sign of zeros depends on which comes first.
            (Arith::Max, 0) => Cheap::Max,
            (Arith::Min, 0) => Cheap::Min,
            (Arith::Where, 0) => Cheap::Where,
            (Arith::Where, 1) => Cheap::WhereElse,
            (Arith::Where, _) => Cheap::WhereThen,
            _ => return None,
        })
    }
}

/// Makes sequences of the cheap maps of `code`, in which each place is written once; `ariths` says what
/// each map is.
///
/// Code is cut into rounds, each of other instructions and then a sequence. A cheap map goes to the round
/// before the first other instruction that needs it.
pub(super) fn gather(code: &mut Vec<Instr<Place>>, ariths: &[Option<Arith>], memory: u32) {
    let arith = |instr: &Instr<Place>| match instr {
        Instr::Map { map, .. } => ariths[*map as usize],
        _ => None,
    };
    let n = code.len();
    let ariths: Vec<Option<Arith>> = code.iter().map(arith).collect();
    let readers = readers(code);
    let ends = |i: usize, reader: usize| (ariths[i].is_some() && ariths[reader].is_none()) as usize;
    let mut round = vec![0; n];
    for i in 0..n {
        for &reader in &readers[i] {
            round[reader] = round[reader].max(round[i] + ends(i, reader));
        }
    }
    for i in (0..n).rev().filter(|&i| ariths[i].is_some() || code[i].sources().is_empty()) {
        let latest = readers[i].iter().map(|&reader| round[reader] - ends(i, reader)).min();
        round[i] = latest.unwrap_or(round[i]);
    }
    // One map alone has nothing to keep in hand, and a loop of its own takes less.
    let mut sizes = vec![0; n + 1];
    (0..n).filter(|&i| ariths[i].is_some()).for_each(|i| sizes[round[i]] += 1);
    let is_joined = |i: usize| ariths[i].is_some() && sizes[round[i]] > 1;
    // How many of its arguments the same sequence is still to make.
    let mut missing = vec![0; n];
    for i in (0..n).filter(|&i| ariths[i].is_some()) {
        readers[i].iter().filter(|&&reader| round[reader] == round[i]).for_each(|&reader| missing[reader] += 1);
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&i| (round[i], ariths[i].is_some()));
    let mut done = vec![false; n];
    let mut gathered = Vec::with_capacity(n);
    for &first in &order {
        let mut next = Some(first).filter(|&i| !done[i]);
        // What the step before made, if that is all that it is for.
        let mut held = None;
        while let Some(i) = next.take() {
            done[i] = true;
            let Some(arith) = ariths[i].filter(|_| is_joined(i)) else {
                gathered.push(code[i].clone());
                break;
            };
            push(&mut gathered, arith, &code[i], held);
            // On to one that reads it, if there is one for which nothing else is missing.
            for &reader in readers[i].iter().filter(|&&reader| ariths[reader].is_some() && round[reader] == round[i]) {
                missing[reader] -= 1;
                next = next.or(Some(reader).filter(|&reader| missing[reader] == 0 && !done[reader]));
            }
            held = code[i].made().map(|made| (made, readers[i].len() == 1));
        }
    }
    *code = fetch(gathered, memory);
}

/// From so many steps on a sequence asks for memory: in shorter ones the machine looks ahead by itself, and
/// asking takes longer than it saves.
const LONG: usize = 12;

/// Asks for what the next tile reads and writes of memory at the start of the first long sequence that does.
fn fetch(code: Vec<Instr<Place>>, memory: u32) -> Vec<Instr<Place>> {
    let mut fetching = Vec::with_capacity(code.len());
    let mut known: Vec<Place> = Vec::new();
    for (i, instr) in code.iter().enumerate() {
        let starts = i == 0 || sequence_len(&code[i - 1..=i]) == 0;
        let steps = if starts { sequence_len(&code[i..]) } else { 0 };
        for instr in code[i..].iter().take(if steps >= LONG { steps } else { 0 }) {
            for place in instr.sources().iter().copied().chain(instr.made()) {
                if matches!(place, Place::Stream(s) if s < memory) && !known.contains(&place) {
                    known.push(place);
                    fetching.push(Instr::Cheap { cheap: Cheap::Fetch, args: [place, NOTHING], to: None });
                }
            }
        }
        fetching.push(instr.clone());
    }
    fetching
}

/// The steps that `code` starts with.
pub(super) fn sequence_len<S>(code: &[Instr<S>]) -> usize {
    code.iter().take_while(|instr| matches!(instr, Instr::Cheap { .. })).count()
}

/// For each instruction, those that read what it makes.
fn readers(code: &[Instr<Place>]) -> Vec<Vec<usize>> {
    let mut makers: HashMap<Place, usize> = HashMap::new();
    let mut readers = vec![Vec::new(); code.len()];
    for (i, instr) in code.iter().enumerate() {
        for maker in instr.sources().iter().filter_map(|source| makers.get(source)) {
            let readers: &mut Vec<usize> = &mut readers[*maker];
            if readers.last() != Some(&i) {
                readers.push(i);
            }
        }
        makers.extend(instr.made().map(|made| (made, i)));
    }
    readers
}

/// For operands that a step has not: a place that there is in any program.
const NOTHING: Place = Place::Stream(0);

/// Adds a map to a sequence. `held` is what the step before made, and whether only one map reads it.
fn push(code: &mut Vec<Instr<Place>>, arith: Arith, map: &Instr<Place>, held: Option<(Place, bool)>) {
    let (args, to) = (map.sources(), map.made());
    let is_held = |&at: &usize| held.is_some_and(|(place, _)| args[at] == place) && arith.cheap(at).is_some();
    let at = match (held, (0..args.len()).find(is_held)) {
        (Some((place, is_last)), Some(at)) => {
            let alone = match arith {
                Arith::Mul => Some(Cheap::Square),
                Arith::Add => Some(Cheap::Double),
                _ => None,
            };
            let is_read = args.iter().filter(|&&arg| arg == place).count() > 1 && alone.is_none();
            if let (Some(Instr::Cheap { to, .. }), true, false) = (code.last_mut(), is_last, is_read) {
                *to = to.filter(|to| !matches!(to, Place::Register(_)));
            }
            if let (Some(cheap), true) = (alone, args == [place; 2]) {
                return code.push(Instr::Cheap { cheap, args: [NOTHING; 2], to });
            }
            at
        }
        _ => {
            code.push(Instr::Cheap { cheap: Cheap::Load, args: [args[0], NOTHING], to: None });
            0
        }
    };
    let cheap = arith.cheap(at).expect("any map can have its first argument in hand");
    let mut rest = [NOTHING; 2];
    let others = args.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, arg)| *arg);
    rest.iter_mut().zip(others).for_each(|(to, arg)| *to = arg);
    code.push(Instr::Cheap { cheap, args: rest, to });
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARITHS: [Option<Arith>; 5] = [Some(Arith::Add), Some(Arith::Mul), Some(Arith::Sub), Some(Arith::Max), None];
    const ADD: u32 = 0;
    const MUL: u32 = 1;
    const SUB: u32 = 2;
    const MAX: u32 = 3;
    const OTHER: u32 = 4;

    fn map(map: u32, args: &[u32], to: u32) -> Instr<Place> {
        let args = args.iter().map(|&a| if a < 10 { Place::Keep(a) } else { Place::Register(a) }).collect();
        Instr::Map { map, args, to: Place::Register(to) }
    }

    /// What becomes of code over keeps 0 to 9 and registers from 10 on: each step with its operands
    /// and whether its value is stored; other maps as none.
    fn gathered(mut code: Vec<Instr<Place>>) -> Vec<(Option<Cheap>, Vec<u32>, bool)> {
        gather(&mut code, &ARITHS, 0);
        let number = |place: &Place| match *place {
            Place::Keep(i) | Place::Register(i) => i,
            _ => unreachable!(),
        };
        let step = |instr: &Instr<Place>| {
            let cheap = if let Instr::Cheap { cheap, .. } = instr { Some(*cheap) } else { None };
            (cheap, instr.sources().iter().map(number).collect(), instr.made().is_some())
        };
        code.iter().map(step).collect()
    }

    fn step(cheap: Cheap, operands: &[u32], stored: bool) -> (Option<Cheap>, Vec<u32>, bool) {
        (Some(cheap), operands.to_vec(), stored)
    }

    #[test]
    fn what_one_step_alone_reads_stays_in_hand() {
        // 2 − (0 + 1)·2, which nobody reads.
        let code = vec![map(ADD, &[0, 1], 10), map(MUL, &[10, 2], 11), map(SUB, &[2, 11], 12)];
        let steps = [
            step(Cheap::Load, &[0], false),
            step(Cheap::Add, &[1], false),
            step(Cheap::Mul, &[2], false),
            step(Cheap::SubFrom, &[2], true),
        ];
        assert_eq!(gathered(code), steps);
        // A square, and what two read.
        let code =
            vec![map(ADD, &[0, 1], 10), map(MUL, &[10, 10], 11), map(ADD, &[11, 0], 12), map(SUB, &[11, 12], 13)];
        let steps = [
            step(Cheap::Load, &[0], false),
            step(Cheap::Add, &[1], false),
            step(Cheap::Square, &[], true),
            step(Cheap::Add, &[0], false),
            step(Cheap::SubFrom, &[11], true),
        ];
        assert_eq!(gathered(code), steps);
        // Twice by others; as an argument that cannot be in hand.
        let code =
            vec![map(ADD, &[0, 1], 10), map(ADD, &[10, 10], 11), map(SUB, &[11, 11], 13), map(MAX, &[0, 13], 12)];
        let steps = [
            step(Cheap::Load, &[0], false),
            step(Cheap::Add, &[1], false),
            step(Cheap::Double, &[], true),
            step(Cheap::Sub, &[11], true),
            step(Cheap::Load, &[0], false),
            step(Cheap::Max, &[13], true),
        ];
        assert_eq!(gathered(code), steps);
    }

    #[test]
    fn other_maps_end_a_sequence_and_come_before_what_can_wait() {
        let code = vec![
            map(ADD, &[0, 1], 10),
            map(MUL, &[0, 2], 11),
            map(SUB, &[10, 1], 12),
            map(OTHER, &[12], 13),
            map(MUL, &[11, 13], 14),
        ];
        let steps = [
            step(Cheap::Load, &[0], false),
            step(Cheap::Add, &[1], false),
            step(Cheap::Sub, &[1], true),
            (None, vec![12], true),
            step(Cheap::Load, &[0], false),
            step(Cheap::Mul, &[2], false),
            step(Cheap::Mul, &[13], true),
        ];
        assert_eq!(gathered(code), steps);
        // One alone stays a map.
        let code = vec![map(ADD, &[0, 1], 10), map(OTHER, &[10], 11), map(ADD, &[11, 0], 12)];
        assert!(gathered(code).iter().all(|(cheap, ..)| cheap.is_none()));
    }
}
