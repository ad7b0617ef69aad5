//! Losses.

use wengert::prelude::*;
use wengert::{
    Bce, BceWithLogits, CosineEmbedding, Hinge, HingeEmbedding, Huber, KlDiv, L1, MarginRanking, Mse, MultiMargin, Nll,
    SmoothL1, TripletMargin,
};

use super::one;
use crate::call::{Call, Outputs};
use crate::data::numbers;

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    let margin = |default| a.f64_or("margin", 0, default);
    one(match op.trim_end_matches("_loss") {
        "mse" => Mse::new().reduction(reduction(c)?).of(c.x(0)?, c.x(1)?),
        "l1" | "mae" => L1::new().reduction(reduction(c)?).of(c.x(0)?, c.x(1)?),
        "huber" => {
            let loss = Huber::new().delta(a.f64_or("delta", 0, 1.0)?);
            loss.reduction(reduction(c)?).of(c.x(0)?, c.x(1)?)
        }
        "smooth_l1" => {
            let loss = SmoothL1::new().beta(a.f64_or("beta", 0, 1.0)?);
            loss.reduction(reduction(c)?).of(c.x(0)?, c.x(1)?)
        }
        "bce" | "binary_cross_entropy" => {
            let mut loss = Bce::new().reduction(reduction(c)?);
            if c.count() == 3 {
                loss = loss.weight(doubles(c, 2)?);
            }
            loss.of(c.x(0)?, c.x(1)?)
        }
        "bce_with_logits" | "binary_cross_entropy_with_logits" => {
            let mut loss = BceWithLogits::new().reduction(reduction(c)?);
            if let Some(weight) = a.named("pos_weight") {
                loss = loss.pos_weight(listed(&weight)?);
            }
            loss.of(c.x(0)?, c.x(1)?)
        }
        "kl_div" => {
            let mut loss = if a.named("log_target").is_some() && a.flag("log_target")? {
                KlDiv::new().log_target()
            } else {
                KlDiv::new()
            };
            loss = match a.text("reduction").as_deref() {
                Some("batchmean") => loss.batch_mean(),
                _ => loss.reduction(reduction(c)?),
            };
            loss.of(c.x(0)?, c.x(1)?)
        }
        "hinge" => Hinge::new().margin(margin(1.0)?).reduction(reduction(c)?).of(c.x(0)?, c.x(1)?),
        "hinge_embedding" => HingeEmbedding::new().margin(margin(1.0)?).reduction(reduction(c)?).of(c.x(0)?, c.x(1)?),
        "margin_ranking" => {
            let loss = MarginRanking::new().margin(margin(0.0)?).reduction(reduction(c)?);
            loss.of(c.x(0)?, c.x(1)?, c.x(2)?)
        }
        "cosine_embedding" => {
            let loss = CosineEmbedding::new().margin(margin(0.0)?).reduction(reduction(c)?);
            loss.of(c.x(0)?, c.x(1)?, c.x(2)?)
        }
        "triplet_margin" => {
            let loss = TripletMargin::new().margin(margin(1.0)?).norm(a.f64_or("p", 1, 2.0)?);
            loss.reduction(reduction(c)?).of(c.x(0)?, c.x(1)?, c.x(2)?)
        }
        "multi_margin" => {
            let mut loss = MultiMargin::new().margin(margin(1.0)?).reduction(reduction(c)?);
            if a.int_or("p", 1, 1)? == 2 {
                loss = loss.squared();
            }
            loss.of(c.x(0)?, &c.ints(1)?)
        }
        "nll" => {
            let mut loss = Nll::new().reduction(reduction(c)?);
            if c.x(0)?.rank() > 1 {
                loss = loss.class_axis(1);
            }
            if let Some(class) = a.int("ignore_index", 0) {
                loss = loss.ignore_index(class as i64);
            }
            if let Some(weights) = class_weights(c)? {
                loss = loss.class_weights(weights);
            }
            loss.of(c.x(0)?, &c.ints(1)?)
        }
        "cross_entropy" => cross_entropy(c)?,
        _ => return None,
    })
}

fn cross_entropy<'t, T: Float>(c: &Call<'t, T>) -> Option<Var<'t, T>> {
    let (a, logits) = (&c.args, c.x(0)?);
    let mut loss = CrossEntropy::new().label_smoothing(a.f64_or("label_smoothing", 0, 0.0)?).reduction(reduction(c)?);
    if logits.rank() > 1 {
        // PyTorch has the classes on axis 1.
        loss = loss.class_axis(1);
    }
    if let Some(class) = a.int("ignore_index", 1) {
        loss = loss.ignore_index(class as i64);
    }
    if let Some(weights) = class_weights(c)? {
        loss = loss.class_weights(weights);
    }
    Some(match c.ints(1) {
        Some(classes) => loss.of(logits, &classes),
        None => loss.of_probabilities(logits, c.x(1)?),
    })
}

/// The weights of the classes: an attribute, a third input, or none.
fn class_weights<T: Float>(c: &Call<'_, T>) -> Option<Option<Vec<f64>>> {
    Some(match c.args.named("weight") {
        Some(weights) => Some(numbers(&weights)?),
        None if c.count() == 3 => Some(doubles(c, 2)?.to_vec()),
        None => None,
    })
}

fn doubles<T: Float>(c: &Call<'_, T>, i: usize) -> Option<Tensor<f64>> {
    Some(c.value(i)?.cast())
}

/// A number or a list of them.
fn listed(value: &serde_json::Value) -> Option<Tensor<f64>> {
    crate::data::number(value).map(Tensor::scalar).or_else(|| Some(numbers(value)?.into()))
}

/// What the case says, or else what the shape of its result shows.
fn reduction<T: Float>(c: &Call<'_, T>) -> Option<Reduction> {
    match c.args.text("reduction").as_deref() {
        Some("mean") => Some(Reduction::Mean),
        Some("sum") => Some(Reduction::Sum),
        Some("none") => Some(Reduction::None),
        Some(_) => None,
        None if c.result.as_ref().is_some_and(|shape| !shape.is_empty()) => Some(Reduction::None),
        None => Some(Reduction::Mean),
    }
}
