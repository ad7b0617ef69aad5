//! How training and validation compare.

use super::facts::{Facts, median};
use super::{Cause, Finding, Rule, Severity};
use crate::Epoch;
use crate::watch::before::{About, Verdict};

pub(super) const RULES: &[Rule] = &[labels, overfitting, underfitting, validation_better];

/// Nothing can be learnt, or it can only be learnt by heart: labels that do not belong to the inputs.
fn labels(facts: &Facts<'_>) -> Option<Finding> {
    let (chance, (training, validation)) = (facts.chance?, facts.accuracies()?);
    let guess = (-chance).exp();
    // Unless distances say that labels go with the inputs, little is enough.
    let doubtful = facts.check(About::Neighbours).is_some_and(|check| check.verdict != Verdict::Good);
    let (learnt, passed_on) = if doubtful { (0.1, 0.25) } else { (0.3, 0.1) };
    let by_heart = validation.is_some_and(|validation| {
        training > guess + learnt && validation < guess + f64::max(0.05, passed_on * (training - guess))
    });
    let moving = facts.ratio.is_some_and(|ratio| ratio > 3e-5) && facts.early_ratio.is_some_and(|ratio| ratio < 0.3);
    let level = facts.last > 0.93 * chance && facts.last < 1.3 * chance && training < guess + 0.1;
    let stuck = facts.is_long() && moving && level && !facts.still_falls();
    let finding = |text| Finding::new(Cause::WrongLabels, Severity::Serious, 60, text);
    let finding = if by_heart {
        finding("the model learns its examples by heart, and guesses on others").because(format!(
            "accuracy is {training:.3} in training and {:.3} in validation; guessing has {guess:.3}",
            validation.unwrap_or(0.0)
        ))
    } else if stuck {
        finding("inputs tell the model nothing about the labels")
            .because(format!("the loss ends at {:.3}, where guessing has {chance:.3}", facts.last))
            .because(format!(
                "a step changes the weights by {:.1e} of themselves, so the model does move",
                facts.ratio.unwrap_or(0.0)
            ))
    } else {
        return None;
    };
    Some(
        finding
            .try_this("see by eye that some inputs have the label that they should have; `before::neighbours` does it by distance")
            .try_this("see that inputs and labels are shuffled together, and both splits numbered alike"),
    )
}

/// Training goes well, validation does not.
fn overfitting(facts: &Facts<'_>) -> Option<Finding> {
    let epochs = &facts.history.epochs;
    let losses = |of: fn(&Epoch) -> Option<f64>| epochs.iter().filter_map(of).collect::<Vec<f64>>();
    let validation = losses(|epoch| epoch.validation.get("loss").copied());
    let training = losses(|epoch| epoch.train.get("loss").copied());
    let (last, own) = (*validation.last()?, *training.last()?);
    let lowest = validation.iter().copied().fold(f64::INFINITY, f64::min);
    let best = validation.iter().position(|&loss| loss == lowest)?;
    let evidence = match facts.accuracies() {
        Some((training, Some(validation))) if training - validation > 0.1 => {
            format!("accuracy is {training:.3} in training and {validation:.3} in validation")
        }
        Some(_) => return None,
        None if last > 2.0 * own && last > 1.15 * lowest && best + 3 < epochs.len() => {
            format!("the loss is {own:.4} in training and {last:.4} in validation")
        }
        None => return None,
    };
    Some(
        Finding::new(
            Cause::Overfitting,
            Severity::Warning,
            46,
            "the model overfits: a large gap between training and validation",
        )
        .because(evidence)
        .because_if(last > 1.1 * lowest, || {
            format!(
                "the validation loss was lowest, {lowest:.3}, after epoch {}; now it is {last:.3}",
                epochs[best].epoch
            )
        })
        .because_if(facts.history.params > facts.history.examples && facts.history.examples > 0, || {
            format!("{} parameters for {} examples", facts.history.params, facts.history.examples)
        })
        .try_this("more data, or augmentation")
        .try_this("more regularisation: weight decay, dropout")
        .try_this("stop early, or keep the best model: `early_stopping`, `keep_best`"),
    )
}

/// Neither goes well.
fn underfitting(facts: &Facts<'_>) -> Option<Finding> {
    let (training, validation) = facts.accuracies()?;
    if facts.history.loss.len() < 100 || facts.learnt_nothing() {
        return None;
    }
    let [before, after] = facts.late();
    let gap = validation.map_or(0.0, |validation| training - validation);
    (training < 0.85 && gap < 0.05 && after > 0.9 * before).then(|| {
        Finding::new(Cause::Underfitting, Severity::Warning, 42, "the model is too weak: no gap, and both are low")
            .because(match validation {
                Some(validation) => format!("accuracy is {training:.3} in training and {validation:.3} in validation"),
                None => format!("accuracy is {training:.3} in training"),
            })
            .because(format!("the loss was {before:.3} in the third quarter of the run and {after:.3} in the last"))
            .try_this("more capacity: wider or more layers")
            .try_this("less regularisation; another rate, by a range test")
    })
}

/// Validation goes better than training.
fn validation_better(facts: &Facts<'_>) -> Option<Finding> {
    let epochs = &facts.history.epochs;
    if epochs.len() < 4 {
        return None;
    }
    // A training metric is of the parameters during the epoch: the next one is the one to compare.
    let pairs = epochs[epochs.len() / 2 - 1..].windows(2);
    let numbers = |metric: &str| {
        let both = |pair: &[Epoch]| Some((*pair[1].train.get(metric)?, *pair[0].validation.get(metric)?));
        let (training, validation): (Vec<f64>, Vec<f64>) = pairs.clone().filter_map(both).unzip();
        median(training).zip(median(validation))
    };
    let (metric, training, validation, better) = match numbers("accuracy") {
        Some((training, validation)) => ("accuracy", training, validation, validation > training + 0.03),
        None => {
            let (training, validation) = numbers("loss")?;
            ("loss", training, validation, validation < 0.7 * training)
        }
    };
    let drops =
        facts.last_snapshot().is_some_and(|snapshot| snapshot.layers.iter().any(|layer| layer.kind == "Dropout"));
    (better && !drops).then(|| {
        Finding::new(Cause::ValidationBetter, Severity::Warning, 47, "validation goes better than training")
            .because(format!("{metric} is {validation:.3} in validation and {training:.3} in training"))
            .try_this("look for a leak: `before::copies`")
            .try_this(
                "see that both splits are equally hard; augmentation, dropout and penalties on the loss explain it too",
            )
    })
}
