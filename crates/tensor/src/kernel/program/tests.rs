//! Random programs against an interpreter that computes every step over the whole domain.
//!
//! The maps turn small integers into small integers, exactly, so that results must be equal and
//! not just close.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;
use crate::kernel::parallel::with_threads;
use crate::kernel::{ElementFn, Tiled};

/// A sum of multiples of the arguments, modulo 13.
struct Mix;

/// An integer that is exact in `f32`, whatever reductions made of it.
#[inline(always)]
fn small<T: Float>(x: T) -> T {
    let limit = T::from_f64(1e6);
    x.max_nan(-limit).min_nan(limit).floor()
}

impl<const N: usize> ElementFn<N> for Mix {
    #[inline(always)]
    fn apply<T: Float>(&self, x: [T; N]) -> T {
        let mut sum = T::from_f64(5.0);
        for (i, x) in x.into_iter().enumerate() {
            sum = small(x).mul_add(T::from_f64(i as f64 + 2.0), sum);
        }
        let modulus = T::from_f64(13.0);
        sum - modulus * (sum / modulus).floor()
    }
}

/// Cheap maps, and how many arguments they have.
const CHEAP: [(Arith, usize); 5] =
    [(Arith::Sub, 2), (Arith::Neg, 1), (Arith::Max, 2), (Arith::Le, 2), (Arith::Where, 3)];

/// One of them.
struct Cheap<const I: usize>;

impl<const I: usize, const N: usize> ElementFn<N> for Cheap<I> {
    const ARITH: Option<Arith> = Some(CHEAP[I].0);
    #[inline(always)]
    fn apply<T: Float>(&self, x: [T; N]) -> T {
        cheap(CHEAP[I].0, &x)
    }
}

fn cheap<T: Float>(arith: Arith, x: &[T]) -> T {
    match arith {
        Arith::Sub => x[0] - x[1],
        Arith::Neg => -x[0],
        Arith::Max => x[0].max_nan(x[1]),
        Arith::Le => T::mask(x[0] <= x[1]),
        Arith::Where => [x[1], x[2]][(x[0] == T::ZERO) as usize],
        _ => unreachable!(),
    }
}

/// A random spec with operands for it.
#[derive(Debug)]
struct Case {
    spec: Spec,
    buffers: Vec<(Vec<f64>, usize)>,
    scalars: Vec<f64>,
}

/// One in `n`.
fn chance(rng: &mut Pcg64, n: u32) -> bool {
    rng.random_range(0..n) == 0
}

fn case(seed: u64) -> Case {
    let rng = &mut Pcg64::seed_from_u64(seed);
    let large = chance(rng, 4);
    let rank = rng.random_range(0..=if large { 3 } else { 5 });
    let size = |rng: &mut Pcg64| match (large, chance(rng, 40)) {
        (_, true) => 0,
        (true, _) => rng.random_range(1..40),
        _ => rng.random_range(1..6),
    };
    let domain: Shape = (0..rank).map(|_| size(rng)).collect();
    let reduced: SmallVec<[usize; 4]> = (0..rank).filter(|_| chance(rng, 2)).collect();
    let mut operands = Vec::new();
    let mut buffers = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let (strides, buffer) = operand(rng, &domain);
        operands.push(strides);
        buffers.push(buffer);
    }
    let mut steps: Vec<Step> = (0..operands.len() as u32).map(Step::Load).collect();
    steps.push(Step::Scalar(0));
    for _ in 0..rng.random_range(1..16) {
        // Means and products are rounded: nothing is computed from them.
        let rounded = |step: &Step| matches!(step, Step::Reduce(Reduction::Mean | Reduction::Prod, _));
        let exact: Vec<u32> = (0..steps.len() as u32).filter(|&i| !rounded(&steps[i as usize])).collect();
        let arg = |rng: &mut Pcg64| exact[rng.random_range(0..exact.len())];
        // The largest and smallest of nothing are refused before a program is made, and a product
        // of too many is infinite.
        let reductions = if domain.contains(&0) { 2 } else { 4 + (domain.count() < 90) as usize };
        let all = [Reduction::Sum, Reduction::Mean, Reduction::Max, Reduction::Min, Reduction::Prod];
        let step = match rng.random_range(0..6) {
            0 | 1 if !reduced.is_empty() => Step::Reduce(all[rng.random_range(0..reductions)], arg(rng)),
            5 => Step::Scalar(rng.random_range(0..2)),
            _ => {
                // Cheap ones of what maps made, which is small.
                let made: Vec<u32> =
                    exact.iter().copied().filter(|&i| matches!(steps[i as usize], Step::Map { .. })).collect();
                let map = rng.random_range(0..if made.is_empty() { 4 } else { MAPS as u32 });
                if let Some(&(arith, arity)) = (map as usize).checked_sub(4).map(|i| &CHEAP[i]) {
                    let args = (0..arity).map(|_| made[rng.random_range(0..made.len())]).collect();
                    steps.push(Step::Map { map, args, keep: chance(rng, 2), arith: Some(arith) });
                    continue;
                }
                Step::Map { map, args: (0..=map % 3).map(|_| arg(rng)).collect(), keep: chance(rng, 2), arith: None }
            }
        };
        steps.push(step);
    }
    let last = steps.len() as u32 - 1;
    let mut outputs: Vec<u32> = (0..last).filter(|_| chance(rng, 4)).collect();
    outputs.push(last);
    Case { spec: Spec { domain, reduced, operands, steps, outputs }, buffers, scalars: vec![3.0, 7.0] }
}

/// Strides of an operand that may be permuted, reversed, spaced out and repeated, with a buffer.
fn operand(rng: &mut Pcg64, domain: &Shape) -> (Strides, (Vec<f64>, usize)) {
    let mut order: Vec<usize> = (0..domain.len()).collect();
    if chance(rng, 3) {
        order.sort_by_key(|_| rng.random::<u32>());
    }
    let mut strides: Strides = SmallVec::from_elem(0, domain.len());
    let (repeat, reverse, space) = (chance(rng, 2), chance(rng, 4), chance(rng, 4));
    let (mut step, mut offset) = (1, 0);
    for &axis in order.iter().rev() {
        if repeat && chance(rng, 2) {
            continue;
        }
        if space && chance(rng, 3) {
            step *= 2;
        }
        strides[axis] = step;
        if reverse && chance(rng, 2) && domain[axis] > 0 {
            strides[axis] = -step;
            offset += step as usize * (domain[axis] - 1);
        }
        step *= domain[axis].max(1) as isize;
    }
    let buffer = (0..step.max(1)).map(|_| f64::from(rng.random_range(-4..9))).collect();
    (strides, (buffer, offset))
}

const MAPS: usize = 4 + CHEAP.len();

fn maps<T: Float>() -> [&'static dyn TileMap<T>; MAPS] {
    const ONE: Tiled<Mix, 1> = Tiled(Mix);
    const TWO: Tiled<Mix, 2> = Tiled(Mix);
    const THREE: Tiled<Mix, 3> = Tiled(Mix);
    [
        &ONE,
        &TWO,
        &THREE,
        &ONE,
        &Tiled::<_, 2>(Cheap::<0>),
        &Tiled::<_, 1>(Cheap::<1>),
        &Tiled::<_, 2>(Cheap::<2>),
        &Tiled::<_, 2>(Cheap::<3>),
        &Tiled::<_, 3>(Cheap::<4>),
    ]
}

/// The outputs; written over operands where they can be, if `overwrite`.
fn run<T: Float>(case: &Case, program: &Program<T>, overwrite: bool) -> Vec<(Vec<usize>, Vec<f64>)> {
    let convert = |v: &[f64]| v.iter().map(|&v| T::from_f64(v)).collect::<Vec<T>>();
    let buffers: Vec<_> = case.buffers.iter().map(|(buffer, offset)| (convert(buffer), *offset)).collect();
    let operands: Vec<_> = buffers.iter().map(|(buffer, offset)| Operand { buffer, offset: *offset }).collect();
    let mut over: Vec<Overwrite<T>> = Vec::new();
    for &pair in program.overwrites().iter().filter(|_| overwrite) {
        let (buffer, offset) = &buffers[pair.0 as usize];
        let whole = buffer.len() == case.spec.domain.count() && *offset == 0;
        if whole && over.iter().all(|other| other.pair.0 != pair.0 && other.pair.1 != pair.1) {
            over.push(Overwrite { pair, value: Tensor::from_vec(buffer.clone(), &case.spec.domain) });
        }
    }
    let outputs = program.run(&operands, over, &convert(&case.scalars), &maps()).unwrap();
    outputs.iter().map(|t| (t.shape().to_vec(), t.iter().map(|v| v.to_f64()).collect())).collect()
}

/// Every step over the whole domain, in the order of the steps.
fn interpret(case: &Case) -> Vec<(Vec<usize>, Vec<f64>)> {
    let Spec { domain, reduced, operands, steps, outputs } = &case.spec;
    let small = domain.reduced(reduced, true);
    let over: usize = reduced.iter().map(|&axis| domain[axis]).product();
    let varies = |axis: &usize, strides: &Strides| domain[*axis] != 1 && strides[*axis] != 0;
    let indices = |shape: &Shape| -> Vec<Vec<usize>> {
        let index = |mut i: usize| {
            let mut index = vec![0; shape.len()];
            for axis in (0..shape.len()).rev() {
                index[axis] = i % shape[axis];
                i /= shape[axis];
            }
            index
        };
        (0..shape.count()).map(index).collect()
    };
    let place = |index: &[usize], shape: &Shape| {
        index.iter().zip(shape.iter()).fold(0, |at, (&i, &size)| at * size + i.min(size - 1))
    };
    let at = |index: &[usize], strides: &Strides, offset: usize| {
        let steps = index.iter().zip(strides).map(|(&i, &s)| i as isize * s);
        (offset as isize + steps.sum::<isize>()) as usize
    };
    // The value of each step at each element that it varies over.
    let mut values: Vec<(bool, Vec<f64>)> = Vec::new();
    for step in steps {
        let kept = !reduced.is_empty()
            && match step {
                Step::Load(o) => !reduced.iter().any(|axis| varies(axis, &operands[*o as usize])),
                Step::Reduce(..) | Step::Scalar(_) => true,
                Step::Map { args, .. } => args.iter().all(|&a| values[a as usize].0),
            };
        let kept = kept || (over == 1 && !reduced.is_empty());
        let shape = if kept { &small } else { domain };
        let of = |v: u32, index: &[usize]| {
            let (kept, v) = &values[v as usize];
            v[place(index, if *kept { &small } else { domain })]
        };
        let result = match step {
            Step::Load(o) => {
                let (buffer, offset) = &case.buffers[*o as usize];
                indices(shape).iter().map(|index| buffer[at(index, &operands[*o as usize], *offset)]).collect()
            }
            Step::Scalar(s) => vec![case.scalars[*s as usize]; shape.count()],
            Step::Map { args, arith, .. } => {
                let map = |index: &Vec<usize>| match args[..] {
                    ref args if let Some(arith) = *arith => {
                        cheap(arith, &args.iter().map(|&a| of(a, index)).collect::<Vec<f64>>())
                    }
                    [a] => Mix.apply([of(a, index)]),
                    [a, b] => Mix.apply([of(a, index), of(b, index)]),
                    [a, b, c] => Mix.apply([of(a, index), of(b, index), of(c, index)]),
                    _ => unreachable!(),
                };
                indices(shape).iter().map(map).collect()
            }
            Step::Reduce(reduction, arg) => {
                let mut folded = vec![reduction.start(); small.count()];
                for index in indices(domain) {
                    let (acc, v) = (&mut folded[place(&index, &small)], of(*arg, &index));
                    *acc = match reduction {
                        Reduction::Sum | Reduction::Mean => *acc + v,
                        Reduction::Prod => *acc * v,
                        Reduction::Max => acc.max(v),
                        Reduction::Min => acc.min(v),
                    };
                }
                folded.iter().map(|&v| if *reduction == Reduction::Mean { v / over as f64 } else { v }).collect()
            }
        };
        values.push((kept, result));
    }
    outputs
        .iter()
        .map(|&o| {
            let (kept, v) = &values[o as usize];
            ((if *kept { &small } else { domain }).to_vec(), v.clone())
        })
        .collect()
}

/// Equal but for the rounding of means and products.
fn assert_close(found: &[(Vec<usize>, Vec<f64>)], expected: &[(Vec<usize>, Vec<f64>)], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (o, ((shape, found), (expected_shape, expected))) in found.iter().zip(expected).enumerate() {
        assert_eq!(shape, expected_shape, "output {o}");
        for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
            let e = if e.abs() > 3e38 && tolerance > 1e-8 { e.signum() * f64::INFINITY } else { e };
            let same = f == e || (f.is_nan() && e.is_nan()) || (f - e).abs() <= tolerance * e.abs().max(1e-30);
            assert!(same, "output {o} element {i}: {f}, not {e}");
        }
    }
}

fn limits(rng: &mut Pcg64) -> Limits {
    if chance(rng, 3) {
        return Limits::USUAL;
    }
    let tile = 1 << rng.random_range(0..8);
    Limits {
        registers: rng.random_range(64..8192),
        tile: (tile, tile << rng.random_range(0..4)),
        block: rng.random_range(1..20_000),
        kept: rng.random_range(1..100),
        task: rng.random_range(1..1000),
    }
}

fn check<T: Float>(case: &Case, limits: &Limits, tolerance: f64) {
    let mut program = Program::<T>::compile_within(case.spec.clone(), limits);
    let once = run(case, &program, false);
    assert_close(&once, &interpret(case), tolerance);
    // Worth all threads, however small.
    program.plan.cost_ns = 1_000_000;
    for threads in [1, 2, 3] {
        with_threads(threads, || {
            let again = run(case, &program, threads != 1);
            let bits = |outputs: &[(Vec<usize>, Vec<f64>)]| -> Vec<u64> {
                outputs.iter().flat_map(|(_, v)| v.iter().map(|v| v.to_bits())).collect()
            };
            assert_eq!(bits(&again), bits(&once), "with {threads} threads");
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn programs_compute_what_an_interpreter_does(seed in any::<u64>()) {
        let case = case(seed);
        let limits = limits(&mut Pcg64::seed_from_u64(!seed));
        check::<f32>(&case, &limits, 1e-6);
        check::<f64>(&case, &limits, 1e-12);
    }
}
