//! Functions of variables against finite differences.

use wengert_tensor::{Rng, Tensor};

use super::Check;
use super::input::{Input, unravel};
use super::report::{Problem, Report, suggest};
use crate::{Tape, Var};

/// A function of `N` variables, as users write it.
pub(super) type Function<'a, const N: usize> = &'a dyn for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>;
/// A function from a list of inputs to a list of outputs.
type Outputs<'a> = &'a dyn for<'t> Fn(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>;

const TOLERANCE: f64 = 1e-8;

#[track_caller]
pub(super) fn first_order<const N: usize>(check: &Check, f: Function<'_, N>, x: [Tensor<f64>; N]) -> Report {
    let names = (0..N).map(|i| i.to_string()).collect();
    let outputs: Outputs<'_> = &|x| vec![f(x.try_into().expect("as many as were given"))];
    run(check, "gradcheck", outputs, names, x.to_vec(), 0.0)
}

#[track_caller]
pub(super) fn second_order<const N: usize>(check: &Check, f: Function<'_, N>, x: [Tensor<f64>; N]) -> Report {
    let value = {
        let tape = check.tape();
        f(x.each_ref().map(|x| tape.var(x.clone()))).value()
    };
    let cotangent = Tensor::uniform(value.shape(), 0.5..1.5, &mut Rng::seed(1));
    // Where the gradient is zero to rounding, so is everything that could be compared.
    let scale = value.iter().zip(cotangent.iter()).map(|(y, g)| (y * g).abs()).filter(|v| v.is_finite()).sum();
    let names = (0..N).map(|i| i.to_string()).chain(["cotangent".to_owned()]).collect();
    let outputs: Outputs<'_> = &|inputs| {
        let (g, x) = inputs.split_last().expect("the cotangent is the last");
        let x: [Var<'_, f64>; N] = x.try_into().expect("as many as were given");
        f(x).vjp(*g, x).to_vec()
    };
    run(check, "gradgradcheck", outputs, names, x.into_iter().chain([cotangent]).collect(), scale)
}

impl Check {
    pub(super) fn tape(&self) -> Tape<f64> {
        self.train.map_or_else(Tape::new, Tape::train)
    }
}

#[track_caller]
fn run(
    check: &Check,
    name: &'static str,
    f: Outputs<'_>,
    names: Vec<String>,
    x: Vec<Tensor<f64>>,
    scale: f64,
) -> Report {
    let values = |x: &[Tensor<f64>]| -> Vec<Tensor<f64>> {
        let tape = check.tape();
        let vars: Vec<Var<'_, f64>> = x.iter().map(|x| tape.var(x.clone())).collect();
        f(&vars).into_iter().map(Var::value).collect()
    };
    let tolerance = check.tolerance.unwrap_or(TOLERANCE);
    let mut report = Report { check: name, tolerance, problem: None, inputs: Vec::new() };
    let base = values(&x);
    report.problem = not_finite(&base).or_else(|| not_deterministic(&base, &values(&x)));
    if report.problem.is_some() {
        return report;
    }

    let weights = weights(&base);
    let weighted = |y: &[Tensor<f64>]| -> Vec<f64> {
        y.iter().zip(&weights).flat_map(|(y, w)| y.iter().zip(w.to_vec()).map(|(y, w)| y * w)).collect()
    };
    let gradients: Vec<Option<Tensor<f64>>> = {
        let tape = check.tape();
        let vars: Vec<Var<'_, f64>> = x.iter().map(|x| tape.var(x.clone())).collect();
        let terms = f(&vars).into_iter().zip(&weights).map(|(y, w)| (y * w).sum(..));
        gradients(terms.reduce(|a, b| a + b).expect("there is an output"), &vars)
    };

    let base = weighted(&base);
    for (number, (name, gradient)) in names.into_iter().zip(gradients).enumerate() {
        let input = Input { name, value: &x[number], gradient, at_most: check.at_most, tolerance, scale };
        let mut moved = x.clone();
        report.inputs.push(input.check(&base, |value| {
            moved[number] = value;
            weighted(&values(&moved))
        }));
    }
    suggest(&mut report.inputs);
    report
}

/// What the elements of each output are multiplied with before they are summed: 1 for one
/// scalar; else of both signs and no two alike, so that nothing cancels.
fn weights(outputs: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
    if let [y] = outputs
        && y.count() == 1
    {
        return vec![Tensor::ones(y.shape())];
    }
    let mut rng = Rng::seed(2);
    let mut weight = || (0.5 + rng.unit()) * if rng.below(2) == 0 { 1.0 } else { -1.0 };
    outputs.iter().map(|y| Tensor::build(y.shape(), |out| out.fill_with(&mut weight))).collect()
}

/// The gradients of a root of one element, in one run.
pub(super) fn gradients<'t>(root: Var<'t, f64>, x: &[Var<'t, f64>]) -> Vec<Option<Tensor<f64>>> {
    let tape = root.tape();
    // Half of what a cotangent of 2 gives: a rule that forgets its cotangent is right where that is 1.
    let found = root.cotangents_of(tape.scalar(2.0).reshape(root.shape()), x);
    tape.compute(found.iter().flatten().copied());
    found.into_iter().map(|g| g.map(|g| g.value() * 0.5)).collect()
}

pub(super) fn not_finite(outputs: &[Tensor<f64>]) -> Option<Problem> {
    outputs.iter().enumerate().find_map(|(output, y)| {
        let (element, value) = y.iter().enumerate().find(|(_, v)| !v.is_finite())?;
        Some(Problem::NotFinite { output, index: unravel(element, y.shape()), value })
    })
}

pub(super) fn not_deterministic(first: &[Tensor<f64>], second: &[Tensor<f64>]) -> Option<Problem> {
    let differs = first.len() != second.len() || first.iter().zip(second).any(|(a, b)| !a.bits_eq(b));
    let by = |(a, b): (&Tensor<f64>, &Tensor<f64>)| {
        if a.shape() == b.shape() { a.max_abs_diff(b) } else { f64::INFINITY }
    };
    differs.then(|| Problem::NotDeterministic(first.iter().zip(second).map(by).fold(0.0, f64::max)))
}
