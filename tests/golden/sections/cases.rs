//! Values, gradients of Σ outputs·weights and, where given, second derivatives.

use serde_json::Value;
use wengert::prelude::*;

use crate::args::Args;
use crate::call::{Call, Output, Outputs};
use crate::compare::{Alternatives, Tolerance, check};
use crate::data::{self, Data};
use crate::guard::guarded;
use crate::{eval, ops};

pub(super) fn run(entry: &Value, meta: &Value) -> Option<Result<(), String>> {
    let single = entry["inputs"].as_array()?.iter().any(|input| input["dtype"] == "f32");
    if single { run_in::<f32>(entry, meta) } else { run_in::<f64>(entry, meta) }
}

fn run_in<T: Float>(entry: &Value, meta: &Value) -> Option<Result<(), String>> {
    let list = |key: &str| entry[key].as_array().map_or(&[][..], |list| list);
    let inputs: Vec<Data> = list("inputs").iter().map(Data::parse).collect::<Option<_>>()?;
    let tape = super::tape::<T>(entry);
    let args = if entry["op"] == "composite" { Args::default() } else { Args::of(entry, inputs.len()) };
    let mut call = Call::new(&tape, inputs, args, entry["expr"].as_str()?);
    call.result = Data::parse(&entry["outputs"][0]).map(|want| want.shape);
    let outputs = match guarded(|| apply(entry, &call)) {
        Ok(outputs) => outputs?,
        // An argument that nobody read may be what it was about.
        Err(_) if !call.args.all_read() => return None,
        Err(panic) => return Some(Err(format!("panicked: {}", panic.message))),
    };
    // Indices, or eigenvectors, may be more than was asked for; less is something else.
    let wanted = entry["outputs"].as_array().map_or(0, Vec::len);
    let outputs = outputs.get(..wanted).filter(|_| call.all_read())?;
    let differentiated: Vec<usize> = (0..call.count()).filter(|&i| entry["grads"][i].is_object()).collect();
    let vars: Vec<Var<'_, T>> = differentiated.iter().map(|&i| call.var(i)).collect::<Option<_>>()?;
    let tolerance = Tolerance::of(entry, meta).at_least(8.0 * T::EPSILON.to_f64());
    Some(compare(entry, outputs, &differentiated, &vars, tolerance))
}

fn apply<'t, T: Float>(entry: &Value, call: &Call<'t, T>) -> Outputs<'t, T> {
    if entry["op"] != "composite" {
        return ops::run(entry["op"].as_str()?, call);
    }
    // The text does not say over which axes a sum goes; the shape does.
    let want = call.result.as_ref()?;
    let fits = |y: &Var<'_, T>| y.shape()[..] == want[..];
    let x = call.all()?;
    let y = eval::formula(&call.expr, &x, false).filter(fits);
    let y = y.or_else(|| eval::formula(&call.expr, &x, true).filter(fits))?;
    Some(vec![Output::Var(y)])
}

fn compare<T: Float>(
    entry: &Value,
    outputs: &[Output<'_, T>],
    differentiated: &[usize],
    vars: &[Var<'_, T>],
    tolerance: Tolerance,
) -> Result<(), String> {
    let also = Alternatives::of(entry);
    for (i, output) in outputs.iter().enumerate() {
        let want = Data::parse(&entry["outputs"][i]).ok_or("an output that cannot be read")?;
        let others = if i == 0 { &also.outputs[..] } else { &[] };
        check(&output.data(), &want, others, tolerance.order(0, entry)).map_err(|why| format!("output {i} {why}"))?;
    }
    if vars.is_empty() {
        return Ok(());
    }
    let terms = outputs.iter().enumerate().map(|(i, output)| match output {
        Output::Var(y) => weighted(*y, &entry["weights"][i]),
        Output::Value(_) => None,
    });
    let Some(loss) = terms.flatten().reduce(|a, b| a + b) else { return Err("has no gradient".to_owned()) };
    let grads = gradients(loss, vars);
    for (&i, grad) in differentiated.iter().zip(&grads) {
        let want = Data::parse(&entry["grads"][i]).ok_or("a gradient that cannot be read")?;
        let others = if i == differentiated[0] { &also.grads[..] } else { &[] };
        check(&data::of(&grad.value()), &want, others, tolerance.order(1, entry))
            .map_err(|why| format!("gradient {i} {why}"))?;
    }
    if !entry["grad2"].is_array() {
        return Ok(());
    }
    let terms = differentiated.iter().zip(&grads).filter_map(|(&i, &g)| weighted(g, &entry["grad2_weights"][i]));
    let Some(loss) = terms.reduce(|a, b| a + b) else { return Ok(()) };
    for (&i, grad) in differentiated.iter().zip(gradients(loss, vars)) {
        let Some(want) = Data::parse(&entry["grad2"][i]) else { continue };
        let got = data::of(&grad.value());
        let others = if i == differentiated[0] { vec![also.of_second(&got, &want)] } else { Vec::new() };
        check(&got, &want, &others, tolerance.order(2, entry)).map_err(|why| format!("second gradient {i} {why}"))?;
    }
    Ok(())
}

/// Σ y·weights; `None` without weights.
fn weighted<'t, T: Float>(y: Var<'t, T>, weights: &Value) -> Option<Var<'t, T>> {
    let weights = Tensor::from_vec(data::numbers(weights)?, y.shape()).cast();
    Some((y * &weights).sum(..))
}

/// The gradients of a scalar; zeros where it does not depend.
fn gradients<'t, T: Float>(loss: Var<'t, T>, x: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    let tape = loss.tape();
    let found = loss.cotangents_of(tape.scalar(1.0), x);
    let zeros = |x: Var<'t, T>| tape.var(Tensor::zeros(x.shape()));
    found.into_iter().zip(x).map(|(g, &x)| g.unwrap_or_else(|| zeros(x))).collect()
}
