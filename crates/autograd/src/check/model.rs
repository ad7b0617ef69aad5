//! A recorded loss against finite differences, with respect to parameters.

use wengert_tensor::{Float, Tensor};

use super::Check;
use super::gradcheck::{not_deterministic, not_finite};
use super::input::Input;
use super::report::{Report, suggest};
use crate::replay::{Rerun, Transcript};
use crate::{Param, Var};

const TOLERANCE: f64 = 1e-7;
/// A parameter with more elements is sampled.
const AT_MOST: usize = 4096;

#[track_caller]
pub(super) fn check<'p, T: Float, S: Into<String>>(
    check: &Check,
    loss: Var<'_, T>,
    params: impl IntoIterator<Item = (S, &'p Param<T>)>,
) -> Report {
    let shape = loss.shape();
    assert!(shape.count() == 1, "model: {} has shape {shape}, not one element: no loss", loss.op_name());
    let transcript = Transcript::of(loss);
    let root = transcript.root();
    let params: Vec<(String, &Param<T>, Option<Var<'_, f64>>)> =
        params.into_iter().map(|(name, param)| (name.into(), param, transcript.leaf(param))).collect();

    let tolerance = check.tolerance.unwrap_or(TOLERANCE);
    let mut report = Report { check: "model", tolerance, problem: None, inputs: Vec::new() };
    let base = root.value();
    let again = Transcript::of(loss).root().value();
    report.problem = not_finite(&[base.clone()]).or_else(|| not_deterministic(&[base.clone()], &[again]));
    if report.problem.is_some() {
        return report;
    }

    let leaves: Vec<Var<'_, f64>> = params.iter().filter_map(|(_, _, leaf)| *leaf).collect();
    let one = root.tape().scalar(1.0).reshape(&shape);
    let mut gradients = root.cotangents_of(one, &leaves).into_iter();
    let wanted: Vec<Option<Var<'_, f64>>> =
        params.iter().map(|(_, _, leaf)| leaf.and_then(|_| gradients.next().expect("one a leaf"))).collect();
    // All in one run, and before any leaf is moved.
    root.tape().run(&wanted.iter().flatten().map(|g| g.id).collect::<Vec<_>>());
    let gradients: Vec<Option<Tensor<f64>>> = wanted.into_iter().map(|g| g.map(Var::value)).collect();

    for ((name, param, leaf), gradient) in params.into_iter().zip(gradients) {
        let value = leaf.map_or_else(|| param.value().cast(), Var::value);
        let input = Input { name, value: &value, gradient, at_most: check.at_most.min(AT_MOST), tolerance };
        report.inputs.push(match leaf {
            Some(leaf) => {
                let rerun = Rerun::new(root, leaf);
                let loss_at = |value| rerun.at(value).to_vec();
                // By the plan of the moved ones, so that rounding errors cancel.
                let base = loss_at(value.clone());
                input.check(&base, loss_at)
            }
            None => input.unused(),
        });
    }
    suggest(&mut report.inputs);
    report
}
