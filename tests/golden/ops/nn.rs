//! Layers and losses.

use wengert::prelude::*;

use super::{one, two};
use crate::call::{Call, Outputs};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    match op {
        "linear" => linear(c),
        "batch_norm" => batch_norm(c),
        "batch_norm_running" => {
            let x = c.value(0)?;
            let norm = BatchNorm::<T>::new(*x.shape().get(1)?).momentum(a.f64_or("momentum", 0, 0.1)?);
            let tape = Tape::train(0);
            norm.forward(tape.var(x));
            tape.commit();
            two(norm.running_mean.value(), norm.running_var.value())
        }
        "dropout" => {
            // Only what does not depend on the drawn numbers has a known answer.
            let (p, training) = (a.f64("p", 0)?, a.flag("training")?);
            let known = !training || p == 0.0 || p == 1.0;
            if known { one(Dropout::new(p).forward(c.x(0)?)) } else { None }
        }
        "mse_loss" => match a.text("reduction").as_deref() {
            None | Some("mean") => one(c.x(0)?.mse(c.x(1)?)),
            _ => None,
        },
        "cross_entropy" => cross_entropy(c),
        "embedding" => one(c.x(1)?.index_select(0, &c.ints(0)?)),
        _ => None,
    }
}

/// x·Wᵀ + b: PyTorch keeps the transpose.
fn linear<'t, T: Float>(c: &Call<'t, T>) -> Outputs<'t, T> {
    let y = c.x(0)?.matmul(c.x(1)?.t());
    one(if c.count() == 3 { y + c.x(2)? } else { y })
}

/// Inputs x, γ, β in training, x, running mean, running variance in evaluation.
fn batch_norm<'t, T: Float>(c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    let norm = BatchNorm::<T>::new(*c.x(0)?.shape().get(1)?).eps(a.f64_or("eps", 0, 1e-5)?);
    if a.flag("training")? {
        c.give(1, norm.gamma()?)?;
        c.give(2, norm.beta()?)?;
    } else {
        norm.running_mean.set(c.value(1)?);
        norm.running_var.set(c.value(2)?);
    }
    one(norm.forward(c.x(0)?))
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
