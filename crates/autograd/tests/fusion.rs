//! Fusion never changes a value beyond rounding: random graphs give the same values and
//! gradients with the planner fusing and with one kernel an entry.

use proptest::prelude::*;
use wengert_autograd::{Tape, Var, set_fusion};
use wengert_tensor::{Rng, Tensor, tensor};

/// One more variable from two earlier ones; the numbers choose.
fn grow<'t>(vars: &[Var<'t, f64>], (kind, i, j, axis): (u8, usize, usize, usize)) -> Var<'t, f64> {
    let a = vars[i % vars.len()];
    let b = vars[j % vars.len()];
    let axis = (axis % a.rank().max(1)) as isize;
    // Two operands that broadcast, whatever their shapes.
    let fits = wengert_tensor::broadcast(&a.shape(), &b.shape()).is_ok();
    let b = if fits { b } else { b.mean(..) };
    match kind % 16 {
        0 => a + b,
        1 => a * b * 0.5,
        2 => a - b,
        3 => a / (1.5 + b * b),
        4 => a.tanh(),
        5 => (a * 0.3).exp(),
        6 => a.sigmoid() * b,
        7 => a.maximum(b),
        8 if a.rank() > 0 => a.sum_keep(axis) * 0.3,
        9 if a.rank() > 0 => a.mean(axis),
        10 if a.rank() > 0 => a - a.max_keep(axis),
        11 if a.rank() >= 2 => a.t() * 0.9,
        12 if a.rank() >= 2 => a.t().matmul(a) * 0.1,
        13 if a.rank() >= 2 => a.reshape([a.count()]).sum(0) + b,
        14 if a.rank() < 5 => a.unsqueeze(axis) * 0.9,
        15 if a.rank() > 0 => (a * 0.8).mean_keep(axis).expand(&a.shape()[..]) * 0.7,
        _ => a * a * 0.2,
    }
}

type Recipe = Vec<(u8, usize, usize, usize)>;

/// Values of the last variables and gradients of their weighted sum, in one run or, the gradients
/// first, in a run for each.
fn evaluate(shape: &[usize], recipe: &Recipe, train: bool, at_once: bool) -> Vec<Tensor<f64>> {
    let mut rng = Rng::seed(7);
    let tape = if train { Tape::<f64>::train(0) } else { Tape::<f64>::new() };
    let x = tape.var(Tensor::normal(shape, 0.0, 1.0, &mut rng));
    let last = shape.len() - 1;
    let w = tape.var(Tensor::normal([shape[last]], 0.0, 1.0, &mut rng));
    let s = tape.var(Tensor::normal([], 0.0, 1.0, &mut rng));
    let mut vars = vec![x, w, s, x.t() * 1.0];
    for &step in recipe {
        vars.push(grow(&vars, step));
    }
    let outputs = &vars[vars.len().saturating_sub(3)..];
    let loss = outputs.iter().map(|v| v.tanh().mean(..)).reduce(|a, b| a + b * 0.7).expect("outputs");
    if train {
        loss.item();
    }
    let gradients = loss.grad([x, w, s]);
    let [second] = gradients[0].square().sum(..).grad([x]);
    let wanted: Vec<Var<'_, f64>> =
        gradients.into_iter().chain([second, loss]).chain(outputs.iter().copied()).collect();
    if at_once {
        tape.compute(wanted.iter().copied());
    }
    wanted.iter().map(|v| v.value()).collect()
}

fn assert_same(a: &[Tensor<f64>], b: &[Tensor<f64>], tolerance: f64) {
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        assert_eq!(a.shape(), b.shape(), "value {k}");
        for (x, y) in a.iter().zip(b.iter()) {
            let close =
                (x - y).abs() <= tolerance * (1.0 + x.abs().max(y.abs())) || (x.is_nan() && y.is_nan()) || x == y;
            assert!(close, "value {k}: {x} against {y}\n{a}\n{b}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_graphs_agree(
        shape in prop::sample::select(vec![vec![3, 4], vec![1, 5], vec![5, 1], vec![2, 3, 4], vec![17, 130], vec![260, 3], vec![130, 150], vec![1, 1]]),
        recipe in prop::collection::vec((any::<u8>(), 0usize..100, 0usize..100, 0usize..3), 1..14),
        train in any::<bool>(),
        at_once in any::<bool>(),
    ) {
        set_fusion(true);
        let fused = evaluate(&shape, &recipe, train, at_once);
        let again = evaluate(&shape, &recipe, train, at_once);
        assert_same(&fused, &again, 0.0);
        set_fusion(false);
        let separate = evaluate(&shape, &recipe, train, at_once);
        set_fusion(true);
        assert_same(&fused, &separate, 1e-10);
    }
}

/// Totals of what a loop that reduces over one axis makes, and their gradients, in every kind of reduction.
#[test]
fn totals_of_normalised_values() {
    let x = Tensor::<f64>::normal([150, 260], 0.5, 1.0, &mut Rng::seed(3));
    let weights = Tensor::<f64>::normal([150, 260], 0.0, 1.0, &mut Rng::seed(4));
    for axis in [0, 1] {
        for train in [false, true] {
            let evaluate = |fuse| {
                set_fusion(fuse);
                let tape = if train { Tape::train(0) } else { Tape::new() };
                let v = tape.var(&x);
                let d = v - v.mean_keep(axis);
                let y = d / (d.square().mean_keep(axis) + 1e-5).sqrt() * &weights;
                let totals = [y.sum(..), y.mean(..), y.max(..), y.min(..), y.prod(..)];
                if train {
                    totals[0].item();
                }
                let [g] = (totals[0] * 0.3 + totals[1].exp() * totals[2] - totals[3]).grad([v]);
                tape.compute(totals.into_iter().chain([g, y]));
                set_fusion(true);
                totals.into_iter().chain([g, y]).map(|v| v.value()).collect::<Vec<_>>()
            };
            assert_same(&evaluate(true), &evaluate(false), 1e-10);
        }
        let tape = Tape::new();
        tape.profile();
        let v = tape.var(&x);
        ((v - v.mean_keep(axis)) * &weights).sum(..).item();
        let explained = tape.explain();
        let read: Vec<usize> = explained.launches.iter().map(|launch| launch.bytes_read).collect();
        assert!(read.len() == 2 && read[1] < read[0] / 100, "{explained}");
    }
}

/// The same softmax over rows and over columns, against the definition.
#[test]
fn phases_over_rows_and_columns() {
    let mut rng = Rng::seed(1);
    let x = Tensor::<f64>::normal([70, 90], 0.0, 3.0, &mut rng);
    for axis in [0, 1] {
        let tape = Tape::new();
        let v = tape.var(x.clone());
        let e = (v - v.max_keep(axis)).exp();
        let softmax = (e / e.sum_keep(axis)).value();
        for i in 0..70 {
            for j in 0..90 {
                let line: Vec<f64> = if axis == 0 {
                    (0..70).map(|k| x.at([k, j])).collect()
                } else {
                    (0..90).map(|k| x.at([i, k])).collect()
                };
                let want = x.at([i, j]).exp() / line.iter().map(|v| v.exp()).sum::<f64>();
                assert!((softmax.at([i, j]) - want).abs() < 1e-14);
            }
        }
    }
}

/// A gradient made of cheap maps, some of which have an axis more than the loop that they joined.
#[test]
fn maps_are_made_anew_through_views() {
    let tape = Tape::<f64>::new();
    let x = tape.var(tensor![[[1.0], [2.0]], [[3.0], [5.0]]]);
    let loss = (x.mean(0) * &tensor![[7.0], [11.0]]).sum(..);
    assert_eq!(loss.grad([x])[0].value(), tensor![[[3.5], [5.5]], [[3.5], [5.5]]]);
}
