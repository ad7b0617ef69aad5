//! Are the units alive, and do gradients arrive?

use super::facts::{Facts, name};
use super::rate::exploded;
use super::{Cause, Finding, Rule, Severity};

pub(super) const RULES: &[Rule] = &[bad_start, dead, silent, saturated, vanishing, stale_statistics];

/// Weights that never move, because they and others start alike.
fn bad_start(facts: &Facts<'_>) -> Option<Finding> {
    let (start, end) = (facts.first_snapshot()?, facts.last_snapshot()?);
    let params = start.params.iter().zip(&end.params);
    // Biases may start alike, and their units may be dead: that is something else.
    let mut still = params.filter(|(start, end)| {
        let alike = start.histogram.counts.len() == 1 && !start.name.ends_with("bias");
        alike && start.gradient_rms == 0.0 && end.gradient_rms == 0.0 && end.update_rms == 0.0
    });
    let (param, _) = still.next()?;
    (facts.is_long() && !facts.learnt_well()).then(|| {
        Finding::new(Cause::BadStart, Severity::Serious, 83, "weights start alike, and stay so")
            .because(format!(
                "all values of `{}` are {:.3} at the start, and no gradient arrives there",
                param.name,
                param.histogram.low / 2.0 + param.histogram.high / 2.0
            ))
            .try_this("start weights at random: `Init::he_normal` for relu, `Init::xavier_normal` for tanh")
    })
}

/// Relu units that are 0 for every example.
fn dead(facts: &Facts<'_>) -> Option<Finding> {
    let (layer, share) = facts.worst_at_end(|layer| layer.dead_fraction)?;
    if share < 0.5 {
        return None;
    }
    let (_, at_start) = facts.worst_at_start(|layer| layer.dead_fraction)?;
    let born = at_start > 0.4;
    let serious = (born || share > 0.9) && !facts.learnt_well();
    let (severity, rank) = match (serious, born) {
        (true, true) => (Severity::Serious, 82),
        (true, false) => (Severity::Serious, 66),
        (false, true) => (Severity::Warning, 52),
        (false, false) => (Severity::Warning, 44),
    };
    let percent = 100.0 * share;
    let finding = Finding::new(Cause::DeadUnits, severity, rank, format!("units of {} are dead", name(layer)))
        .because(format!("{percent:.0} % of its units are 0 for every example, at the start {:.0} %", 100.0 * at_start))
        .because(format!("{:.0} % of its outputs are 0", 100.0 * layer.zero_fraction));
    Some(if born {
        revived(finding)
    } else {
        finding
            .try_this("lower the learning rate: units die when a step is too large")
            .try_this("use `leaky_relu`, or batch norm before the activation")
    })
}

/// Relu units that start out 0 for nearly every example, and learn next to nothing.
fn silent(facts: &Facts<'_>) -> Option<Finding> {
    let (layer, zeros) = facts.worst_at_start(|layer| layer.dead_fraction.and(Some(layer.zero_fraction)))?;
    (zeros > 0.95 && facts.is_long() && !facts.learnt_well()).then(|| {
        let title = format!("units of {} are as good as dead", name(layer));
        revived(
            Finding::new(Cause::DeadUnits, Severity::Serious, 82, title)
                .because(format!("{:.1} % of its outputs are 0 at the start", 100.0 * zeros)),
        )
    })
}

/// What to try when units start dead.
fn revived(finding: Finding) -> Finding {
    finding
        .try_this("start the layer before it with `Init::he_normal` and a bias of 0 or slightly above")
        .try_this("use `leaky_relu`, or batch norm before the activation")
}

/// Sigmoid and tanh units that have no slope.
fn saturated(facts: &Facts<'_>) -> Option<Finding> {
    let (layer, share) = facts.worst_at_end(|layer| layer.saturated_fraction)?;
    let (first, at_start) = facts.worst_at_start(|layer| layer.saturated_fraction)?;
    let born = at_start > 0.5;
    if !born && (share < 0.85 || facts.learnt_well()) {
        return None;
    }
    let (layer, rank) = if born { (first, 81) } else { (layer, 64) };
    let severity = if facts.learnt_well() { Severity::Warning } else { Severity::Serious };
    let rank = if facts.learnt_well() { 46 } else { rank };
    let finding =
        Finding::new(Cause::SaturatedUnits, severity, rank, format!("units of {} are saturated", name(layer))).because(
            format!(
                "{:.0} % of their outputs have hardly any slope at the start, {:.0} % at the end",
                100.0 * at_start,
                100.0 * share
            ),
        );
    Some(if born {
        finding
            .try_this("start the layer before with smaller weights, `Init::xavier_normal`, and scale the inputs")
            .try_this("use relu, or batch norm before the activation")
    } else {
        finding.try_this("lower the learning rate").try_this("use relu, or batch norm before the activation")
    })
}

/// Activations or gradients that shrink from layer to layer.
fn vanishing(facts: &Facts<'_>) -> Option<Finding> {
    let snapshot = facts.first_snapshot()?;
    // A last layer of zeros lets nothing through in the first step, and does soon after.
    let soon = facts.history.snapshots.iter().take_while(|snapshot| snapshot.step <= 20).last();
    let after = soon.filter(|_| !exploded(facts)).unwrap_or(snapshot);
    // Of weights, which have a value at the start.
    let weights = after.params.iter().zip(&snapshot.params).filter(|(_, start)| start.value_rms > 0.0);
    let mut weights = weights.map(|(param, _)| param);
    let (first, last) = (weights.next()?, weights.next_back()?);
    let gone = first.gradient_rms < 1e-4 * last.gradient_rms || last.gradient_rms == 0.0;
    // The last layer may start with small weights, and does so on purpose.
    let ends = snapshot.layers.first().zip(snapshot.layers.iter().rev().nth(1));
    let collapsed = ends.filter(|(first, last)| last.output.sd < 1e-3 * first.output.sd);
    if !(gone || collapsed.is_some()) || !facts.is_long() || facts.learnt_well() {
        return None;
    }
    let what = if collapsed.is_some() {
        "activations collapse from layer to layer"
    } else {
        "gradients do not arrive at the first layers"
    };
    Some(
        Finding::new(Cause::VanishingGradients, Severity::Serious, 81, what)
            .because_all(collapsed.map(|(first, last)| {
                let [a, b] = [first, last].map(|layer| format!("of {} it is {:.1e}", name(layer), layer.output.sd));
                format!("their deviation at the start: {a}, {b}")
            }))
            .because(format!(
                "at the start the gradient of `{}` is {:.1e}, that of `{}` {:.1e}",
                first.name, first.gradient_rms, last.name, last.gradient_rms
            ))
            .try_this(
                "start weights so that activations keep their size: `Init::he_normal` for relu, `Init::xavier_normal` for tanh",
            )
            .try_this("add batch norm or residual connections"),
    )
}

/// Running statistics that lag behind those of the batches.
fn stale_statistics(facts: &Facts<'_>) -> Option<Finding> {
    let snapshot = facts.last_snapshot()?;
    let off = |norm: &&crate::NormStats| {
        let var = norm.var_ratio.max(norm.var_ratio.recip());
        norm.mean_drift > 1.0 || var > 4.0
    };
    let norm = snapshot.norms.iter().find(off)?;
    let (training, validation) = facts.accuracies().and_then(|(training, validation)| Some((training, validation?)))?;
    (facts.is_long() && validation < training - 0.05).then(|| {
        Finding::new(Cause::StaleStatistics, Severity::Serious, 62, "running statistics are not those of the batches")
            .because(format!(
                "in `{}` the batch mean is {:.1} running deviations off, its variance {:.1} times the running one",
                norm.path, norm.mean_drift, norm.var_ratio
            ))
            .because(format!(
                "accuracy is {training:.3} with those of the batch, {validation:.3} with the running ones"
            ))
            .try_this("give `BatchNorm` a larger momentum, or train for more steps before evaluating")
            .try_this("see that training and validation data are prepared alike")
    })
}
