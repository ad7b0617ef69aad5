//! Accuracy in `f32`.

use serde_json::Value;
use wengert::prelude::*;

use crate::args::Args;
use crate::call::{Call, Output};
use crate::data;
use crate::expr::{self, Expr};
use crate::ops;

/// Largest errors in units in the last place of the exact value.
pub(super) fn ulp(entry: &Value) -> Option<Result<(), String>> {
    let x: Tensor<f32> = data::numbers(&entry["x"])?.into_iter().map(|v| v as f32).collect();
    let tape = Tape::<f32>::new();
    let y = apply(entry["f"].as_str()?, Args::default(), tape.var(&x))?.to_vec();
    let range = data::numbers(&entry["main_range"])?;
    for ((x, y), want) in x.iter().zip(y).zip(data::numbers(&entry["ref_f64"])?) {
        let inside = (range[0]..=range[1]).contains(&f64::from(x));
        let bound = if inside { &entry["max_ulp_required"] } else { &entry["max_ulp_required_outside"] };
        let Some(bound) = bound.as_f64() else { continue };
        let error = (f64::from(y) - want).abs();
        let normal = f64::from(f32::MIN_POSITIVE);
        if want.abs() > f64::from(f32::MAX) || (want.abs() < normal && error <= normal) {
            continue;
        }
        let unit = 2f64.powi(want.abs().log2().floor().max(-126.0) as i32 - 23);
        if error.is_nan() || error > bound * unit {
            return Some(Err(format!("of {x:?} is {y:?}, {:.2} ulp from {want:?}, not {bound}", error / unit)));
        }
    }
    Some(Ok(()))
}

fn apply(op: &str, args: Args, x: Var<'_, f32>) -> Option<Tensor<f32>> {
    let call = Call::on(x.tape(), &[x], args);
    match ops::run(op, &call)?.pop()? {
        Output::Var(y) if call.all_read() => Some(y.value()),
        _ => None,
    }
}

/// Many or large values.
pub(super) fn scale(entry: &Value) -> Option<Result<(), String>> {
    if entry["op"] == "adam" {
        return steps(entry["gen"].as_str()?.split(" steps").next()?.parse::<f64>().ok()? as u64);
    }
    let x = generate(entry["gen"].as_str()?)?;
    let (op, args) = match expr::parse(entry["op"].as_str()?)? {
        Expr::Name(op) => (op, Args::default()),
        // The arguments stand in the name: `var(correction=1)`.
        Expr::Call(op, _) => (op, Args::of(&serde_json::json!({ "expr": entry["op"] }), 0)),
        _ => return None,
    };
    let tape = Tape::<f32>::new();
    let y = apply(&op, args, tape.var(&x))?;
    if let Some(exact) = entry["exact"].as_f64() {
        let bound = entry["bound_rel"].as_f64().unwrap_or(1e-6);
        let wrong = y
            .iter()
            .map(f64::from)
            .find(|got| (got - exact).abs().is_nan() || (got - exact).abs() > bound * exact.abs());
        return Some(wrong.map_or(Ok(()), |got| Err(format!("is {got:?}, not {exact:?}"))));
    }
    if entry["check"] != "|row sum - 1| <= 1e-6, all >= 0" {
        return None;
    }
    let off = (y.cast::<f64>().sum(-1) - 1.0).abs().max(..).item();
    let right = off <= 1e-6 && y.min(..).item() >= 0.0;
    Some(if right { Ok(()) } else { Err(format!("a row's sum is off by {off:e}")) })
}

/// `[v;n]`, `n copies of v`, `x_i = a + (i mod m), n=…`, `rows x columns, any`.
fn generate(text: &str) -> Option<Tensor<f32>> {
    let text = text.replace(" as f32", "").replace("f32", "").replace('_', "");
    let number = |s: &str| s.trim().parse::<f64>().ok();
    if let Some((value, count)) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')?.split_once(';')) {
        return Some(Tensor::full([number(count)? as usize], number(value)? as f32));
    }
    if let Some((count, value)) = text.split_once("copies of") {
        return Some(Tensor::full([number(count)? as usize], number(value)? as f32));
    }
    if let Some(rest) = text.strip_prefix("xi = ") {
        let (offset, rest) = rest.split_once(" + (i mod ")?;
        let (modulus, count) = rest.split_once("), n=")?;
        let (offset, modulus) = (number(offset)?, number(modulus)? as u64);
        return Some((0..number(count)? as u64).map(|i| (offset + (i % modulus) as f64) as f32).collect());
    }
    let (rows, columns) = text.strip_suffix(", any")?.split_once('x')?;
    let shape = [number(rows)? as usize, number(columns)? as usize];
    Some(Tensor::normal(shape, 0.0, 10.0, &mut Rng::seed(1)))
}

/// That many steps of Adam on x², from 1 to its minimum, without a NaN.
fn steps(count: u64) -> Option<Result<(), String>> {
    let w = Param::<f32>::new("w", Tensor::scalar(1.0));
    let mut optimizer = Adam::new(&w, 1e-3);
    for step in 0..count {
        let tape = Tape::train(step);
        if let Err(error) = optimizer.step(&w.on(&tape).square().backward()) {
            return Some(Err(error.to_string()));
        }
    }
    let w = w.value().item();
    Some(if w.abs() < 0.01 { Ok(()) } else { Err(format!("is {w:?} after {count} steps")) })
}
