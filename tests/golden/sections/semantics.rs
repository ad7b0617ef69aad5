//! Derivatives of higher order and relations that hold for every operation.

use serde_json::Value;
use wengert::Clip;
use wengert::check::Check;
use wengert::prelude::*;

use crate::args::Args;
use crate::call::{Call, Output};
use crate::compare::Tolerance;
use crate::guard::guarded;
use crate::{data, eval, ops};

pub(super) fn run(entry: &Value, meta: &Value) -> Option<Result<(), String>> {
    match entry["kind"].as_str()? {
        "nth_derivative" => nth_derivative(entry),
        "clip_grad_norm" => clip(entry, meta),
        "metamorphic" => match entry["id"].as_str()? {
            "batch_slice" => Some(every_op(batch_slice)),
            "fd_agree" => Some(every_op(finite_differences)),
            "scale_equivariance" => Some(every_op(scale)),
            "view_vs_copy_bits" => Some(every_op(view_or_copy)),
            _ => None,
        },
        "rule" => match entry["id"].as_str()? {
            "grad_of_grad_detached" => Some(gradient_of_gradient()),
            _ => None,
        },
        _ => None,
    }
}

fn nth_derivative(entry: &Value) -> Option<Result<(), String>> {
    let (name, at) = (entry["f"].as_str()?, entry["x"].as_f64()?);
    let (exact, tol) = (data::numbers(&entry["exact"])?, data::numbers(&entry["tol"])?);
    let tape = Tape::<f64>::new();
    let x = tape.scalar(at);
    let mut y = unary(name, x).or_else(|| eval::formula(name, &[x], false))?;
    for (order, (&want, &relative)) in exact.iter().zip(&tol).enumerate() {
        [y] = y.grad([x]);
        let tolerance = Tolerance { relative, absolute: 0.0 };
        if !tolerance.matches(y.item(), want) {
            return Some(Err(format!("derivative {} is {:?}, not {want:?}", order + 1, y.item())));
        }
    }
    Some(Ok(()))
}

/// The gradients of several parameters, shortened as one vector.
fn clip(entry: &Value, meta: &Value) -> Option<Result<(), String>> {
    let lists = |key: &str| -> Option<Vec<Vec<f64>>> { entry[key].as_array()?.iter().map(data::numbers).collect() };
    let (given, after, norm) = (lists("grads")?, lists("after")?, data::number(&entry["norm"])?);
    let params: Vec<Param<f64>> = given.iter().map(|g| Param::new("p", Tensor::zeros([g.len()]))).collect();
    let tape = Tape::<f64>::train(0);
    let terms = params.iter().zip(&given).map(|(param, g)| (param.on(&tape) * &Tensor::from(g.clone())).sum(..));
    let gradients = terms.reduce(|a, b| a + b)?.backward();
    let found = gradients.norm(&params).item();
    let clipped = gradients.clip_norm(&params, entry["max_norm"].as_f64()?);
    let tolerance = Tolerance::of(entry, meta);
    if !tolerance.matches(found, norm) {
        return Some(Err(format!("the norm is {found:?}, not {norm:?}")));
    }
    let matches = |(param, want): (&Param<f64>, &Vec<f64>)| {
        tolerance.all_match(&clipped.get(param).expect("it has one").value().to_vec(), want)
    };
    Some(params.iter().zip(&after).try_for_each(matches))
}

/// Operations of one variable that keep its rows apart.
const BY_ROW: [&str; 12] =
    ["exp", "tanh", "sigmoid", "sin", "erf", "softplus", "relu", "log1p", "rsqrt", "log", "softmax", "log_softmax"];

fn unary<'t, T: Float>(op: &str, x: Var<'t, T>) -> Option<Var<'t, T>> {
    match ops::run(op, &Call::on(x.tape(), &[x], Args::default()))?.pop()? {
        Output::Var(y) => Some(y),
        Output::Value(_) => None,
    }
}

fn every_op(relation: fn(&str) -> Result<(), String>) -> Result<(), String> {
    BY_ROW.iter().try_for_each(|op| relation(op).map_err(|why| format!("{op} {why}")))
}

fn points<T: Float>(shape: impl Into<Shape>) -> Tensor<T> {
    Tensor::uniform(shape, T::from_f64(0.1)..T::from_f64(2.0), &mut Rng::seed(5))
}

fn value<T: Float>(op: &str, x: &Tensor<T>) -> Tensor<T> {
    let tape = Tape::new();
    unary(op, tape.var(x)).expect("one of the list").value()
}

/// `op(batch)[i] == op(batch[i])` to 2 ulp.
fn batch_slice(op: &str) -> Result<(), String> {
    let batch = points::<f32>([37, 19]);
    let whole = value(op, &batch);
    for i in 0..37 {
        let (row, alone) = (whole.select(0, i), value(op, &batch.select(0, i)));
        for (a, b) in row.iter().zip(alone.iter()) {
            if (a.to_bits() as i64).abs_diff(b.to_bits() as i64) > 2 {
                return Err(format!("is {a:?} in row {i} of a batch, {b:?} alone"));
            }
        }
    }
    Ok(())
}

fn finite_differences(op: &str) -> Result<(), String> {
    let check =
        || Check::new().tolerance(1e-8).gradcheck(|[x]| unary(op, x).expect("one of the list"), [points([2, 3])]);
    guarded(|| check().assert_ok()).map_err(|panic| panic.message)
}

/// Multiplying by a power of two multiplies every gradient exactly.
fn scale(op: &str) -> Result<(), String> {
    let x = points::<f32>([5, 8]);
    let gradient = |factor: f64| {
        let tape = Tape::new();
        let x = tape.var(&x);
        let [g] = (unary(op, x).expect("one of the list").square().sum(..) * factor).grad([x]);
        g.value()
    };
    let one = gradient(1.0);
    for exponent in [-20, -1, 3, 20] {
        let factor = 2f32.powi(exponent);
        if !gradient(factor.into()).bits_eq(&(&one * factor)) {
            return Err(format!("has other gradients when the loss is multiplied by 2^{exponent}"));
        }
    }
    Ok(())
}

fn view_or_copy(op: &str) -> Result<(), String> {
    let x = points::<f32>([12, 9]);
    for view in [x.t(), x.slice(1, 2..7), x.flip(0), x.slice(0, Slice::from(..).step(3))] {
        let (of_view, of_copy) = (value(op, &view), value(op, &Tensor::from_vec(view.to_vec(), view.shape())));
        let elementwise = !op.contains("softmax");
        if elementwise && !of_view.bits_eq(&of_copy) || !of_view.allclose(&of_copy, 1e-15 * 12.0, 0.0) {
            return Err(format!("of a view of shape {} differs from that of a copy", view.shape()));
        }
    }
    Ok(())
}

/// Gradients are variables: differentiating one gives the second derivative, never a silent
/// zero, and one taken off its tape is refused on it.
fn gradient_of_gradient() -> Result<(), String> {
    let tape = Tape::<f64>::new();
    let x = tape.scalar(2.0);
    let [first] = (x * x * x).grad([x]);
    let [second] = first.grad([x]);
    if second.item() != 12.0 {
        return Err(format!("the second derivative of x³ at 2 is {:?}", second.item()));
    }
    let other = Tape::<f64>::new();
    let taken = other.var(first.value());
    match guarded(|| taken * x) {
        Ok(_) => Err("a gradient of another tape was accepted".to_owned()),
        Err(_) => Ok(()),
    }
}
