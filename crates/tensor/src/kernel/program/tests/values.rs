//! Programs of one step, with known values.

use smallvec::SmallVec;

use super::Mix;
use crate::kernel::{ElementFn, Operand, Program, Reduction, Spec, Step, Tiled};
use crate::Float;

/// One map over these operands, and its output.
fn map_over<const N: usize>(domain: &[usize], operands: [(&[f32], &[isize]); N]) -> Vec<f32>
where
    Mix: ElementFn<N>,
{
    let spec = Spec {
        domain: domain.into(),
        reduced: SmallVec::new(),
        operands: operands.iter().map(|(_, strides)| SmallVec::from_slice(strides)).collect(),
        steps: (0..N as u32)
            .map(Step::Load)
            .chain([Step::Map { map: 0, args: (0..N as u32).collect(), keep: false, arith: None }])
            .collect(),
        outputs: vec![N as u32],
    };
    let operands = operands.map(|(buffer, _)| Operand { buffer, offset: 0 });
    Program::compile(spec).run(&operands, Vec::new(), &[], &[&Tiled::<_, N>(Mix)]).unwrap()[0].to_vec()
}

#[test]
fn outputs_larger_than_caches() {
    let (rows, cols) = (3000, 3001);
    let x: Vec<f32> = (0..rows * cols).map(|i| (i % 11) as f32).collect();
    let y = map_over(&[rows, cols], [(&x, &[cols as isize, 1]), (&x, &[1, rows as isize])]);
    for (i, y) in y.into_iter().enumerate() {
        assert_eq!(y, Mix.apply([x[i], x[i / cols + i % cols * rows]]), "element {i}");
    }
}

/// `reduction` of one operand.
fn reduce<T: Float>(domain: &[usize], reduced: &[usize], x: &[T], strides: &[isize], reduction: Reduction) -> Vec<T> {
    let spec = Spec {
        domain: domain.into(),
        reduced: reduced.into(),
        operands: vec![SmallVec::from_slice(strides)],
        steps: vec![Step::Load(0), Step::Reduce(reduction, 0)],
        outputs: vec![1],
    };
    Program::compile(spec).run(&[Operand { buffer: x, offset: 0 }], Vec::new(), &[], &[]).unwrap()[0].to_vec()
}

#[test]
fn long_sums_are_accurate_in_any_order() {
    let n = 10_000_000;
    let (x, y) = (vec![0.1f32; n], vec![0.1f64; n]);
    let expected = n as f64 * f64::from(0.1f32);
    for (domain, reduced, strides) in [
        (&[n][..], &[0][..], &[1][..]),
        (&[n / 4, 4], &[0], &[4, 1]),
        (&[4, n / 4], &[1], &[n as isize / 4, 1]),
        (&[n / 4, 4], &[0], &[1, n as isize / 4]),
        (&[10, n / 20, 2], &[0, 1], &[n as isize / 10, 2, 1]),
    ] {
        for sum in [
            reduce(domain, reduced, &x, strides, Reduction::Sum),
            reduce(domain, reduced, &x, strides, Reduction::Mean),
        ] {
            let count = sum.len() as f64;
            let sum: f64 = sum.iter().map(|&v| f64::from(v)).sum();
            let expected = if sum < 1.0 { expected * count / n as f64 } else { expected };
            assert!((sum - expected).abs() <= 1e-7 * expected, "{domain:?} over {reduced:?}: {sum}, not {expected}");
        }
        let sum: f64 = reduce(domain, reduced, &y, strides, Reduction::Sum).iter().sum();
        assert!((sum - 1e6).abs() <= 1e-13 * 1e6, "{domain:?} over {reduced:?}: {sum}");
    }
}

#[test]
fn means_do_not_overflow_and_extremes_propagate_nan() {
    assert_eq!(reduce(&[4], &[0], &[3e38f32; 4], &[1], Reduction::Mean), [3e38]);
    let mut x = vec![0.5f32; 500];
    x[77] = f32::NAN;
    for (domain, reduced, strides, at) in
        [(&[5, 100][..], &[1][..], &[100, 1][..], 0), (&[5, 100], &[0], &[100, 1], 77), (&[100, 5], &[0], &[5, 1], 2)]
    {
        for reduction in [Reduction::Max, Reduction::Min, Reduction::Sum] {
            let y = reduce(domain, reduced, &x, strides, reduction);
            assert!(y.iter().enumerate().all(|(i, v)| v.is_nan() == (i == at)), "{reduction:?} {y:?}");
        }
    }
}

#[test]
fn reductions_of_nothing() {
    let x: [f32; 0] = [];
    for (reduction, expected) in [
        (Reduction::Sum, 0.0),
        (Reduction::Prod, 1.0),
        (Reduction::Max, f32::NEG_INFINITY),
        (Reduction::Min, f32::INFINITY),
    ] {
        assert_eq!(reduce(&[3, 0], &[1], &x, &[0, 1], reduction), [expected; 3]);
    }
    assert!(reduce(&[0], &[0], &x, &[1], Reduction::Mean)[0].is_nan());
    assert!(reduce(&[0, 3], &[1], &x, &[3, 1], Reduction::Sum).is_empty());
    let huge = 1 << 40;
    assert_eq!(reduce(&[huge, 0, huge], &[0, 1, 2], &x, &[0, 1, 0], Reduction::Sum), [0.0]);
}

#[test]
#[should_panic(expected = "outside of its buffer")]
fn an_operand_that_leaves_its_buffer_is_refused() {
    reduce(&[2, 3], &[1], &[0.0f32; 5], &[3, 1], Reduction::Sum);
}

#[test]
fn an_impossible_output_is_an_error() {
    let spec = Spec {
        domain: [1 << 45].into(),
        reduced: SmallVec::new(),
        operands: vec![],
        steps: vec![Step::Scalar(0)],
        outputs: vec![0],
    };
    assert!(Program::<f32>::compile(spec).run(&[], Vec::new(), &[1.0], &[]).is_err());
}
