use wengert_tensor::Rng;

use super::joe_kuo::DIRECTIONS;
use super::{Sampler, Seen};
use crate::{Ranges, Values};

/// Points that fill the space more evenly than random ones: a Sobol sequence, scrambled by the seed
/// (A. B. Owen, "Randomly permuted (t,m,s)-nets and (t,s)-sequences", 1995).
///
/// Of n points, n a power of two, every parameter has one in each n-th part of its range. Parameter
/// number 49 and those after it are random. A trial's values depend on the seed and its number
/// alone, so any number of workers proposes the same trials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sobol;

impl Sampler for Sobol {
    fn propose(&self, number: usize, ranges: &Ranges, _seen: &[Seen], rng: &Rng) -> Values {
        let mut rest = rng.fork("sobol rest").fork(number as u64);
        ranges.fill(|axis, parameter| {
            let scramble = rng.fork("sobol").fork(axis as u64).next_u64() as u32;
            let u = match sobol(number as u32, axis) {
                Some(bits) => (f64::from(scrambled(bits, scramble)) + 0.5) / 4_294_967_296.0,
                None => rest.unit(),
            };
            parameter.at(u)
        })
    }
}

/// One coordinate of point `index`, as 32 bits after the binary point; none on an axis without
/// direction numbers.
fn sobol(index: u32, axis: usize) -> Option<u32> {
    if axis == 0 {
        return Some(index.reverse_bits());
    }
    let (polynomial, first) = DIRECTIONS.get(axis - 1)?;
    let degree = first.len();
    let mut m = [0; 32];
    m[..degree].copy_from_slice(first);
    for i in degree..32 {
        m[i] = m[i - degree];
        for k in 1..=degree {
            if polynomial >> (degree - k) & 1 == 1 {
                m[i] ^= m[i - k] << k;
            }
        }
    }
    let bits = m.iter().enumerate().filter(|(i, _)| index >> i & 1 == 1);
    Some(bits.fold(0, |point, (i, m)| point ^ m << (31 - i)))
}

/// Permutes the halves of the interval, the halves of these and so on, at random: Owen's scrambling
/// by a hash, of B. Burley, "Practical hash-based Owen scrambling", JCGT 9, 2020.
fn scrambled(bits: u32, seed: u32) -> u32 {
    let mut x = bits.reverse_bits().wrapping_add(seed);
    for factor in [0x6c50_b47c, 0xb82f_1e52, 0xc7af_e638, 0x8d22_f6e6] {
        x ^= x.wrapping_mul(factor);
    }
    x.reverse_bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Domain;

    /// The points of SciPy's `qmc.Sobol(scramble=False)`, which come in Gray-code order.
    #[test]
    fn points_are_those_of_scipy() {
        let gray = |i: u32| i ^ i >> 1;
        let point =
            |i: u32, axis: usize| f64::from(sobol(gray(i), axis).expect("an axis of the table")) / 4_294_967_296.0;
        for (axis, values) in SCIPY {
            let found = [1, 2, 3, 5, 100].map(|i| point(i, axis));
            assert_eq!(found, values, "axis {axis}");
        }
        assert_eq!(sobol(1, DIRECTIONS.len() + 1), None);
    }

    #[test]
    fn every_part_of_a_range_gets_one_point() {
        let ranges = Ranges::of(|draw| {
            (0..48).map(|i| draw.value(&format!("x{i}"), Domain::uniform(0.0..=1.0))).collect::<Result<Vec<f64>, _>>()
        })
        .expect("a good space");
        let rng = Rng::seed(3);
        let points: Vec<Values> = (0..64).map(|n| Sobol.propose(n, &ranges, &[], &rng)).collect();
        for axis in 0..48 {
            let mut parts: Vec<usize> = points.iter().map(|p| (p[axis].expect("exists") * 64.0) as usize).collect();
            parts.sort_unstable();
            assert_eq!(parts, (0..64).collect::<Vec<_>>(), "axis {axis}");
        }
        // The first two axes fill squares, too.
        let squares = |p: &Values| (p[0].expect("exists") * 8.0) as usize * 8 + (p[1].expect("exists") * 8.0) as usize;
        let mut parts: Vec<usize> = points.iter().map(squares).collect();
        parts.sort_unstable();
        assert_eq!(parts, (0..64).collect::<Vec<_>>());
    }

    const SCIPY: [(usize, [f64; 5]); 6] = [
        (0, [0.5, 0.75, 0.25, 0.875, 0.4140625]),
        (1, [0.5, 0.25, 0.75, 0.875, 0.2578125]),
        (2, [0.5, 0.25, 0.75, 0.125, 0.7734375]),
        (5, [0.5, 0.75, 0.25, 0.625, 0.7421875]),
        (20, [0.5, 0.25, 0.75, 0.625, 0.7578125]),
        (47, [0.5, 0.25, 0.75, 0.625, 0.7109375]),
    ];
}
