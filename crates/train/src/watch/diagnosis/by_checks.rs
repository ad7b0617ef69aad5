//! What the checks before training found, as findings.

use super::facts::Facts;
use super::{Cause, Finding, Severity};
use crate::watch::before::{About, Check, Verdict};

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    facts.history.checks.iter().filter_map(|check| finding(check, facts)).collect()
}

fn finding(check: &Check, facts: &Facts<'_>) -> Option<Finding> {
    let (cause, rank, text) = match check.about {
        About::Gradients => (Cause::WrongGradient, 100, "a gradient is not that of the loss"),
        About::Splits => (Cause::Leak, 95, "training and validation data share examples"),
        About::Labels => (Cause::WrongLabels, 94, "the labels are not numbered like the outputs"),
        About::Neighbours => (Cause::WrongLabels, 93, "labels do not go with their inputs"),
        About::Order => (Cause::UnshuffledData, 92, "examples come in an order"),
        About::Inputs => (Cause::UnscaledInputs, 90, "inputs are not centred and scaled"),
        About::Regularisation => (Cause::Regularisation, 56, "regularisation does not reach the loss"),
        About::InitialLoss => (Cause::InitialLoss, 55, "the loss of the untrained model is off"),
        About::Few => (Cause::Underfitting, 54, "the model cannot fit even a few examples"),
    };
    let (severity, rank) = match (check.verdict, check.about) {
        (Verdict::Good, _) => return None,
        // The check itself says so; what was learnt all the same needs no diagnosis.
        (Verdict::Doubtful, About::InitialLoss) if facts.learnt_well() => return None,
        (Verdict::Doubtful, _) => (Severity::Note, rank / 4),
        // What explodes or dies after such a start does so because of it.
        (Verdict::Bad, About::InitialLoss) if !facts.learnt_well() => (Severity::Serious, 80),
        (Verdict::Bad, About::InitialLoss | About::Regularisation) => (Severity::Warning, rank),
        // Batch norm forgives it.
        (Verdict::Bad, About::Inputs) if facts.learnt_well() => (Severity::Warning, rank),
        (Verdict::Bad, _) => (Severity::Serious, rank),
    };
    Some(Finding::new(cause, severity, rank, text).because(check.found.clone()).try_this(check.advice.clone()))
}
