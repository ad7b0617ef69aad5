//! Losses.

use wengert::prelude::*;

use super::one;
use crate::call::{Call, Outputs};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    match op {
        "mse_loss" => match c.args.text("reduction").as_deref() {
            None | Some("mean") => one(c.x(0)?.mse(c.x(1)?)),
            _ => None,
        },
        "cross_entropy" => cross_entropy(c),
        _ => None,
    }
}

fn cross_entropy<'t, T: Float>(c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    let mut loss = CrossEntropy::new().label_smoothing(a.f64_or("label_smoothing", 0, 0.0)?);
    loss = match a.text("reduction").as_deref() {
        None | Some("mean") => loss.reduction(Reduction::Mean),
        Some("sum") => loss.reduction(Reduction::Sum),
        Some("none") => loss.reduction(Reduction::None),
        _ => return None,
    };
    if let Some(class) = a.int("ignore_index", 1) {
        loss = loss.ignore_index(class as i64);
    }
    if let Some(weights) = a.named("weight") {
        loss = loss.class_weights(crate::data::numbers(&weights)?);
    } else if c.count() == 3 {
        loss = loss.class_weights(c.value(2)?.iter().map(Element::to_f64).collect::<Vec<f64>>());
    }
    let (logits, classes) = (c.x(0)?, c.ints(1)?);
    // PyTorch has the classes on axis 1, the library on the last.
    let last = logits.rank() as isize - 1;
    let order: Vec<isize> = [0].into_iter().chain(2..=last).chain([1]).collect();
    let logits = if last > 1 { logits.permute(&order[..]) } else { logits };
    one(loss.of(logits, &classes))
}
