//! Losses.

use wengert::prelude::*;
use wengert::{Bce, BceWithLogits, Huber, KlDiv, L1, MarginRanking, Mse, Nll, SmoothL1};

use super::one;
use crate::call::{Call, Outputs};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    let mean = || reduction(c, Reduction::Mean);
    // The file leaves it out where nothing is reduced.
    let kept = || reduction(c, Reduction::None);
    match op {
        "mse_loss" => one(Mse::new().reduction(mean()?).of(c.x(0)?, c.x(1)?)),
        "l1_loss" => one(L1::new().reduction(mean()?).of(c.x(0)?, c.x(1)?)),
        "huber" => one(Huber::new().delta(a.f64_or("delta", 0, 1.0)?).reduction(kept()?).of(c.x(0)?, c.x(1)?)),
        "smooth_l1" => one(SmoothL1::new().beta(a.f64_or("beta", 0, 1.0)?).reduction(kept()?).of(c.x(0)?, c.x(1)?)),
        "bce" => one(Bce::new().reduction(mean()?).of(c.x(0)?, c.x(1)?)),
        "bce_with_logits" => one(BceWithLogits::new().reduction(mean()?).of(c.x(0)?, c.x(1)?)),
        "kl_div" => one(KlDiv::new().reduction(mean()?).of(c.x(0)?, c.x(1)?)),
        "nll_loss" => one(Nll::new().reduction(mean()?).of(c.x(0)?, &c.ints(1)?)),
        "margin_ranking" => {
            let loss = MarginRanking::new().margin(a.f64_or("margin", 0, 0.0)?).reduction(kept()?);
            one(loss.of(c.x(0)?, c.x(1)?, c.x(2)?))
        }
        "cross_entropy" => cross_entropy(c),
        _ => None,
    }
}

/// What the attributes say, or else `default`.
fn reduction<T: Float>(c: &Call<'_, T>, default: Reduction) -> Option<Reduction> {
    match c.args.text("reduction").as_deref() {
        None => Some(default),
        Some("mean") => Some(Reduction::Mean),
        Some("sum") => Some(Reduction::Sum),
        Some("none") => Some(Reduction::None),
        _ => None,
    }
}

fn cross_entropy<'t, T: Float>(c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    let mut loss = CrossEntropy::new().reduction(reduction(c, Reduction::Mean)?).label_smoothing(a.f64_or(
        "label_smoothing",
        0,
        0.0,
    )?);
    if let Some(class) = a.int("ignore_index", 1) {
        loss = loss.ignore_index(class as i64);
    }
    if let Some(weights) = a.named("weight") {
        loss = loss.class_weights(crate::data::numbers(&weights)?);
    } else if c.count() == 3 {
        loss = loss.class_weights(c.value(2)?.iter().map(Element::to_f64).collect::<Vec<f64>>());
    }
    // PyTorch has the classes on axis 1.
    let logits = c.x(0)?;
    let axis = if logits.rank() > 1 { 1 } else { 0 };
    one(loss.class_axis(axis).of(logits, &c.ints(1)?))
}
