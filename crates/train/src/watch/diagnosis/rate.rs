//! Does the loss go down? The learning rate, and what looks like it.

use super::facts::{Facts, mean};
use super::{Cause, Finding, Rule, Severity};
use crate::End;
use crate::watch::before::About;

pub(super) const RULES: &[Rule] = &[not_finite, too_high, wrong_direction, wrong_aim, too_low, plateau, initial_loss];

/// Updates of this share of the weights tear them apart.
pub(super) const HUGE: f64 = 0.3;
/// Updates of this share of the weights change nothing in thousands of steps.
const TINY: f64 = 3e-5;

/// A loss or gradient that is none, while the updates were small.
fn not_finite(facts: &Facts<'_>) -> Option<Finding> {
    let Some(End::NotFinite(found)) = &facts.history.end else { return None };
    if found.step > 0 && exploded(facts) {
        return None;
    }
    let first = found.step == 0;
    let text = if first { "the very first loss is not finite" } else { "a number that is none came up suddenly" };
    let finding = Finding::new(Cause::NotFinite, Severity::Serious, 96, text);
    Some(
        blamed(finding, facts)
            .because_if(!first, || {
                format!("the loss before was {:.3}, the largest {:.3}", facts.last_finite(), facts.largest())
            })
            .try_this("look at the inputs of the operation that is named: logarithms and roots of 0, divisions by 0")
            .try_this("look for NaN among the inputs and labels"),
    )
}

/// Adds where the first number that is none came from.
fn blamed(finding: Finding, facts: &Facts<'_>) -> Finding {
    let Some(End::NotFinite(found)) = &facts.history.end else { return finding };
    let place = [
        found.layer.as_ref().map(|layer| format!(" in layer `{layer}`")),
        found.op.as_ref().map(|op| format!(" by the operation `{op}`")),
        found.line.as_ref().map(|line| format!(" recorded at {line}")),
    ];
    let place: String = place.into_iter().flatten().collect();
    finding.because(format!("step {}: the {} is {}{place}", found.step, found.what, found.value))
}

pub(super) fn exploded(facts: &Facts<'_>) -> bool {
    let start = facts.chance.map_or(facts.first, |chance| chance.max(facts.first));
    facts.largest() > 5.0 * start.abs() + 1.0 || facts.early_ratio.is_some_and(|ratio| ratio > HUGE)
}

/// The loss explodes, or the updates are as large as the weights.
fn too_high(facts: &Facts<'_>) -> Option<Finding> {
    let huge = facts.early_ratio.is_some_and(|ratio| ratio > HUGE);
    let ended = matches!(facts.history.end, Some(End::NotFinite(_))) && facts.history.steps > 1;
    let (explodes, rises) = (exploded(facts), facts.is_long() && facts.last > 1.5 * facts.first + 0.5);
    // Some come back from an explosion, but not from steps many times the size of the weights.
    let absurd = facts.early_ratio.is_some_and(|ratio| ratio > 10.0 * HUGE);
    let forgiven = facts.learnt_well() && !ended && !absurd && facts.largest() < 100.0 * facts.first.abs();
    if !(explodes && !forgiven || rises) {
        return None;
    }
    let finding = Finding::new(Cause::RateTooHigh, Severity::Serious, 80, "the learning rate is too high");
    let finding = if ended { blamed(finding, facts) } else { finding };
    let lr = facts.history.lr.first();
    Some(
        finding
            .because_if(explodes || rises, || {
                format!(
                    "the loss was {:.3} at the start, {:.3e} at most and {:.3e} at the end",
                    facts.first, facts.peak, facts.last
                )
            })
            .because_if(huge, || {
                format!(
                    "a step changed the weights by {:.1e} of themselves, where 1e-3 is healthy",
                    facts.early_ratio.unwrap_or(0.0)
                )
            })
            .try_this(match lr {
                Some(lr) => {
                    format!("divide the learning rate, {lr:.1e} at the start, by 10 or more; a range test proposes one")
                }
                None => "divide the learning rate by 10 or more; a range test proposes one".to_owned(),
            })
            .try_this("warm the rate up, clip gradients, add batch norm"),
    )
}

/// The loss rises steadily while the updates are small: uphill.
fn wrong_direction(facts: &Facts<'_>) -> Option<Finding> {
    let points = &facts.history.loss;
    if !facts.is_long() || facts.check(About::Gradients).is_some() {
        return None;
    }
    let small = facts.early_ratio.is_some_and(|ratio| ratio < 0.03);
    let [a, b, c] = [0, 1, 2].map(|part| {
        let third = points.len() / 30;
        mean(points[part * third..(part + 1) * third.max(1)].iter().map(|point| point.mean))
    });
    (small && a < b && b < c && c > 1.05 * a).then(|| {
        Finding::new(
            Cause::WrongGradient,
            Severity::Serious,
            85,
            "the loss rises from the start, although steps are small",
        )
        .because(format!("the loss goes from {a:.3} by {b:.3} to {c:.3} within a tenth of the run"))
        .because(format!("a step changes the weights by {:.1e} of themselves", facts.early_ratio.unwrap_or(0.0)))
        .try_this("check the gradients: `before::gradients`, and `check::op` of your own operations")
        .try_this("see that the loss is to be small, not large")
    })
}

/// The loss falls by a lot, and the model still guesses.
fn wrong_aim(facts: &Facts<'_>) -> Option<Finding> {
    let (chance, (training, _)) = (facts.chance?, facts.accuracies()?);
    let guess = (-chance).exp();
    // With its sign wrong it falls without end.
    let falls = facts.last < facts.first - 2.0 * chance && facts.last < 0.0;
    (facts.is_long() && falls && training < guess + 0.1).then(|| {
        Finding::new(Cause::WrongGradient, Severity::Serious, 84, "the loss falls, and the scores get no better")
            .because(format!("the loss goes from {:.3} to {:.3}", facts.first, facts.last))
            .because(format!("the accuracy is {training:.3}; guessing has {guess:.3}"))
            .try_this("see the sign of the loss: it is to be small where the scores are right")
    })
}

/// The loss hardly moves, and neither do the weights.
fn too_low(facts: &Facts<'_>) -> Option<Finding> {
    let ratio = facts.ratio?;
    // Single steps differ by their batches; a start far from guessing moves a lot, and gets nowhere.
    let moved = (facts.early - facts.last) / facts.early.abs();
    let stuck = moved.abs() < 0.2 || facts.chance.is_some_and(|chance| facts.last > chance);
    let alive = facts.last_snapshot()?.params.iter().any(|param| param.gradient_rms > 1e-7);
    (facts.is_long() && ratio < TINY && stuck && alive && !facts.learnt_well()).then(|| {
        Finding::new(Cause::RateTooLow, Severity::Serious, 70, "the learning rate is too low")
            .because(format!("a step changes the weights by {ratio:.1e} of themselves, where 1e-3 is healthy"))
            .because(format!(
                "the loss went from {:.4} to {:.4} in {} steps",
                facts.early, facts.last, facts.history.steps
            ))
            .try_this(match facts.history.lr.first() {
                Some(lr) => format!(
                    "multiply the learning rate, {lr:.1e} at the start, by {:.0e}; a range test proposes one",
                    1e-3 / ratio
                ),
                None => "raise the learning rate; a range test proposes one".to_owned(),
            })
    })
}

/// The loss has stopped falling while the steps are still large.
fn plateau(facts: &Facts<'_>) -> Option<Finding> {
    let points = &facts.history.loss;
    if points.len() < 100 || facts.learnt_well() || facts.learnt_nothing() {
        return None;
    }
    let late = &points[points.len() / 2..];
    let [before, after] = facts.late();
    let (low, high) = late
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| (low.min(point.min), high.max(point.max)));
    let lr = facts.history.lr.last().zip(facts.history.lr.first());
    let constant = lr.is_none_or(|(last, first)| last > 0.5 * first);
    let large = facts.ratio.is_some_and(|ratio| ratio > 3e-3);
    (constant && large && after > 0.95 * before && high > 2.0 * after).then(|| {
        Finding::new(Cause::Plateau, Severity::Warning, 48, "the loss has stopped falling, and jumps about")
            .because(format!("its mean was {before:.3} in the third quarter of the run and {after:.3} in the last"))
            .because(format!("single steps went from {low:.3} to {high:.3}"))
            .try_this("let the learning rate fall: `reduce_on_plateau`, or a schedule such as `CosineLr`")
    })
}

/// The loss of the first step, if no check before looked at it.
fn initial_loss(facts: &Facts<'_>) -> Option<Finding> {
    let chance = facts.chance?;
    let off = facts.first > 4.0 * chance + 2.0 && facts.check(About::InitialLoss).is_none();
    off.then(|| {
        Finding::new(Cause::InitialLoss, Severity::Warning, 50, "the loss of the untrained model is off")
            .because(format!("it is {:.3}, where guessing has {chance:.3}", facts.first))
            .try_this("start the last layer with smaller weights, and scale the inputs")
    })
}

impl Facts<'_> {
    /// The largest finite loss.
    fn largest(&self) -> f64 {
        let finite = self.history.loss.iter().map(|point| point.max).filter(|max| max.is_finite());
        finite.fold(f64::NEG_INFINITY, f64::max)
    }

    fn last_finite(&self) -> f64 {
        let means = self.history.loss.iter().rev().map(|point| point.mean);
        means.into_iter().find(|mean| mean.is_finite()).unwrap_or(f64::NAN)
    }
}
