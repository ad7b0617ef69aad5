//! Two cheap maps as one. What takes the time of an addition of tiles is their way through the
//! first-level cache: (a ∘ b) ∘ c in one loop goes it once, and rounds as two loops do.

use super::code::{Instr, Place};
use super::{ElementFn, TileMap, Tiled};
use crate::Float;

/// The functions of two arguments that are joined in pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(hidden)]
pub enum Arith {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a · b.
    Mul,
    /// a · b, and 0 where a is 0.
    Chain,
}

impl Arith {
    /// The value for these arguments.
    #[inline(always)]
    pub fn apply<T: Float>(self, [a, b]: [T; 2]) -> T {
        match self {
            Arith::Add => a + b,
            Arith::Sub => a - b,
            Arith::Mul => a * b,
            Arith::Chain => {
                let product = a * b;
                if a == T::ZERO { T::ZERO } else { product }
            }
        }
    }
}

/// A function of what another makes of its arguments, and of a third one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    first: Arith,
    second: Arith,
    /// Whether the first one's value is the left argument of the second one.
    is_left: bool,
}

/// [`Pair`] with its parts as constants.
struct Fixed<const FIRST: usize, const SECOND: usize, const IS_LEFT: bool>;

const ALL: [Arith; 4] = [Arith::Add, Arith::Sub, Arith::Mul, Arith::Chain];

impl<const FIRST: usize, const SECOND: usize, const IS_LEFT: bool> ElementFn<3> for Fixed<FIRST, SECOND, IS_LEFT> {
    #[inline(always)]
    fn apply<T: Float>(&self, [a, b, c]: [T; 3]) -> T {
        let first = ALL[FIRST].apply([a, b]);
        ALL[SECOND].apply(if IS_LEFT { [first, c] } else { [c, first] })
    }
}

impl Pair {
    /// What runs it, if it is one of those that there are.
    pub(super) fn map<T: Float>(self) -> Option<&'static dyn TileMap<T>> {
        macro_rules! second {
            ($first:literal) => {
                match (self.second, self.is_left) {
                    // Sums and products are the same from either side.
                    (Arith::Add, _) => &Tiled(Fixed::<$first, 0, true>),
                    (Arith::Sub, true) => &Tiled(Fixed::<$first, 1, true>),
                    (Arith::Sub, false) => &Tiled(Fixed::<$first, 1, false>),
                    (Arith::Mul, _) => &Tiled(Fixed::<$first, 2, true>),
                    (Arith::Chain, true) => &Tiled(Fixed::<$first, 3, true>),
                    (Arith::Chain, false) => return None,
                }
            };
        }
        Some(match self.first {
            Arith::Add => second!(0),
            Arith::Sub => second!(1),
            Arith::Mul => second!(2),
            Arith::Chain => second!(3),
        })
    }
}

/// Joins maps to those that alone read their values. `ariths` says what each map is; pairs are numbered
/// after these.
pub(super) fn join(code: &mut Vec<Instr<Place>>, ariths: &[Option<Arith>], pairs: &mut Vec<Pair>) {
    // For each register, how often it is read, and where last.
    let mut reads: Vec<(u32, usize)> = Vec::new();
    for (i, instr) in code.iter().enumerate() {
        for source in instr.sources() {
            if let Place::Register(v) = *source {
                reads.resize(reads.len().max(v as usize + 1), (0, 0));
                reads[v as usize] = (reads[v as usize].0 + 1, i);
            }
        }
    }
    let cheap = |instr: &Instr<Place>| match instr {
        Instr::Map { map, args, to } => Some(((*ariths.get(*map as usize)?)?, [args[0], args[1]], *to)),
        _ => None,
    };
    let mut joined = vec![false; code.len()];
    for i in 0..code.len() {
        let Some((one, [a, b], Place::Register(v))) = cheap(&code[i]) else { continue };
        let Some(&(1, reader)) = reads.get(v as usize) else { continue };
        let Some((two, args, to)) = cheap(&code[reader]) else { continue };
        let is_left = args[0] == Place::Register(v);
        let pair = Pair { first: one, second: two, is_left };
        if pair.map::<f32>().is_none() {
            continue;
        }
        let number = pairs.iter().position(|&known| known == pair).unwrap_or_else(|| {
            pairs.push(pair);
            pairs.len() - 1
        });
        let args = [a, b, args[is_left as usize]].into_iter().collect();
        code[reader] = Instr::Map { map: (ariths.len() + number) as u32, args, to };
        joined[i] = true;
    }
    let mut joined = joined.into_iter();
    code.retain(|_| !joined.next().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use super::super::isa::Isa;
    use super::super::tile::{Source, apply_map};
    use super::*;

    fn map(map: u32, args: [u32; 2], to: u32) -> Instr<Place> {
        Instr::Map { map, args: args.into_iter().map(Place::Register).collect(), to: Place::Register(to) }
    }

    fn joined(mut code: Vec<Instr<Place>>) -> (Vec<Vec<Place>>, Vec<Pair>) {
        let mut pairs = Vec::new();
        join(&mut code, &ALL.map(Some), &mut pairs);
        (code.iter().map(|instr| instr.sources().to_vec()).collect(), pairs)
    }

    fn registers(numbers: &[u32]) -> Vec<Place> {
        numbers.iter().copied().map(Place::Register).collect()
    }

    #[test]
    fn what_one_instruction_reads_is_joined_to_it_and_nothing_else() {
        // (0 + 1) · 2, and 3 − (that).
        let (code, pairs) = joined(vec![map(0, [0, 1], 4), map(2, [4, 2], 5), map(1, [3, 5], 6)]);
        assert_eq!(code, [registers(&[0, 1, 2]), registers(&[3, 5])]);
        assert_eq!(pairs, [Pair { first: Arith::Add, second: Arith::Mul, is_left: true }]);
        // From the right: 3 − (0 · 1).
        let (code, pairs) = joined(vec![map(2, [0, 1], 4), map(1, [3, 4], 5)]);
        assert_eq!(code, [registers(&[0, 1, 3])]);
        assert_eq!(pairs, [Pair { first: Arith::Mul, second: Arith::Sub, is_left: false }]);
        // Read twice, by one or two; by none; by what is not cheap; as the right argument of a chain.
        let twice = vec![map(0, [0, 1], 4), map(2, [4, 4], 5)];
        let by_two = vec![map(0, [0, 1], 4), map(2, [4, 2], 5), map(2, [4, 3], 6)];
        let dear = vec![map(0, [0, 1], 4), map(7, [4, 2], 5)];
        let chain = vec![map(0, [0, 1], 4), map(3, [2, 4], 5)];
        for code in [twice, by_two, dear, chain] {
            let before: Vec<_> = code.iter().map(|instr| instr.sources().to_vec()).collect();
            assert_eq!(joined(code), (before, vec![]));
        }
    }

    #[test]
    fn every_pair_is_its_two_functions() {
        let x = [-2.5f64, 0.0, 3.0];
        for (first, second, is_left) in
            ALL.map(|f| ALL.map(|s| [(f, s, true), (f, s, false)])).into_iter().flatten().flatten()
        {
            let Some(map) = (Pair { first, second, is_left }).map::<f64>() else { continue };
            for (a, b, c) in x.map(|a| x.map(|b| x.map(|c| (a, b, c)))).into_iter().flatten().flatten() {
                let value = first.apply([a, b]);
                let expected = second.apply(if is_left { [value, c] } else { [c, value] });
                let (x, mut y) = ([a, b, c], 0.0);
                let source = |i: u32| Source::row(&raw const x[i as usize]);
                // SAFETY: one element of each.
                unsafe { apply_map(map, Isa::get(), &[0, 1, 2], source, &raw mut y, 0, [1, 1]) };
                assert_eq!(y, expected, "{first:?} {second:?} {is_left}");
            }
        }
    }
}
