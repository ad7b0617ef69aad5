//! The ranges of the next stage: narrowed around the best trials of the last, and widened where the
//! best lie at an edge.

use crate::space::short;
use crate::{Distribution, Parameter, Ranges, Record, Study};

/// How near the best trial is to an edge, as a share of the range, for the range to be widened there.
const NEAR: f64 = 0.1;
/// The part of the range on that side in which half of the good trials must be, too.
const LEAN: f64 = 1.0 / 3.0;
/// By how much of itself it is widened.
const WIDEN: f64 = 1.0 / 3.0;
/// Of this many good trials, one at each side does not count.
const TAIL: usize = 10;
/// How often a choice without good trials would have one, if it were as good as others, for it to be
/// given up: by chance it has none in one of e³ = 20 cases.
const EXPECTED: f64 = 3.0;

/// The next ranges, and what to tell of how they differ.
pub(crate) fn narrow(study: &Study, ranges: &Ranges, keep: f64) -> (Ranges, Vec<String>) {
    let ranking = study.ranking();
    let good = good(&ranking, keep);
    let (mut next, mut told) = (ranges.clone(), Vec::new());
    for parameter in next.parameters_mut() {
        let moved = match parameter.distribution {
            Distribution::Choice { .. } => narrow_choice(parameter, good, &ranking),
            _ => narrow_range(parameter, good),
        };
        told.extend(moved);
    }
    (next, told)
}

/// The trials around which ranges are narrowed, of some in order of merit: this share of them, but at
/// least four.
pub(crate) fn good<'s, 'r>(ranking: &'s [&'r Record], keep: f64) -> &'s [&'r Record] {
    let count = ((keep * ranking.len() as f64).ceil() as usize).max(4).min(ranking.len());
    &ranking[..count]
}

fn narrow_choice(parameter: &mut Parameter, good: &[&Record], all: &[&Record]) -> Option<String> {
    let count = |trials: &[&Record], wanted: Option<usize>| {
        let values = trials.iter().filter_map(|trial| trial.value(&parameter.name));
        values.filter(|&value| wanted.is_none_or(|choice| value == choice as f64)).count()
    };
    let share = count(good, None) as f64 / count(all, None).max(1) as f64;
    let is_given_up =
        |&choice: &usize| count(good, Some(choice)) == 0 && count(all, Some(choice)) as f64 * share >= EXPECTED;
    let (out, open): (Vec<usize>, Vec<usize>) = parameter.open.iter().copied().partition(is_given_up);
    if out.is_empty() {
        return None;
    }
    let labels: Vec<String> = out.iter().map(|&choice| parameter.distribution.show(choice as f64)).collect();
    parameter.open = open;
    Some(format!("{}: given up {}, which no good trial has", parameter.name, labels.join(", ")))
}

/// Where the good trials stand in a range.
pub(crate) struct Standing {
    /// From 0 to 1, the best first.
    pub(crate) units: Vec<f64>,
    /// Whether the best, and half of the rest, lie at the lower or the upper edge.
    pub(crate) at_edge: [bool; 2],
}

pub(crate) fn standing(parameter: &Parameter, good: &[&Record]) -> Option<Standing> {
    let range = &parameter.distribution;
    let units: Vec<f64> = good.iter().filter_map(|trial| trial.value(&parameter.name)).map(|v| range.unit(v)).collect();
    let best = *units.first()?;
    let mut sorted = units.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    // Of discrete values the first and the last are at the edge, wherever their middle is.
    let half = range.count().map_or(0.0, |count| 0.5 / count as f64);
    let low = best - half <= NEAR && median <= LEAN.max(half);
    let high = best + half >= 1.0 - NEAR && median >= 1.0 - LEAN.max(half);
    let several = range.count() != Some(1) && units.len() >= 2;
    Some(Standing { units, at_edge: [several && low && !high, several && high && !low] })
}

fn narrow_range(parameter: &mut Parameter, good: &[&Record]) -> Option<String> {
    let Standing { mut units, at_edge: [at_low, at_high] } = standing(parameter, good)?;
    let line = parameter.distribution.line()?;
    let [old_low, old_high] = parameter.distribution.bounds()?;
    if units.len() < 3 || old_low == old_high {
        return None;
    }
    // As far beyond the good trials as the gap would be if they were spread evenly.
    let margin = 1.0 / (units.len() as f64 + 1.0);
    // Of many, a tenth at each side does not count, unless it is the best.
    let best = units[0];
    units.sort_by(f64::total_cmp);
    let tail = units.len() / TAIL;
    let (least, most) = (units[tail].min(best), units[units.len() - 1 - tail].max(best));
    let from = if at_low { -WIDEN } else { (least - margin).max(0.0) };
    let to = if at_high { 1.0 + WIDEN } else { (most + margin).min(1.0) };
    let [lowest, highest] = parameter.limits;
    let at = |u: f64| line.free_value(line.low + u * (line.high - line.low)).clamp(lowest, highest);
    // Exactly the old bound where nothing moves.
    let low = if from == 0.0 { old_low } else { at(from) };
    let high = if to == 1.0 { old_high } else { at(to) };
    let (low, high) = match parameter.distribution {
        // Readable bounds.
        Distribution::Float { step: None, .. } => (rounded(low, lowest, highest), rounded(high, lowest, highest)),
        _ => (low, high),
    };
    let old = parameter.distribution.clone();
    match &mut parameter.distribution {
        Distribution::Float { low: l, high: h, .. } => (*l, *h) = (low, high),
        Distribution::Int { low: l, high: h, .. } => (*l, *h) = (low as i64, high as i64),
        Distribution::Choice { .. } => return None,
    }
    let (name, new) = (&parameter.name, &parameter.distribution);
    let side = if at_low { "lower" } else { "upper" };
    let widened = (at_low && low < old_low) || (at_high && high > old_high);
    let share = (line.place(high) - line.place(low)) / (line.place(old_high) - line.place(old_low));
    if widened {
        Some(format!("{name}: widened from {old} to {new}, as the best lie at its {side} edge"))
    } else if at_low || at_high {
        Some(format!("{name}: now {new}; the best lie at its {side} edge, which is the limit of what it may be"))
    } else if share < 0.9 {
        Some(format!("{name}: narrowed from {old} to {new}"))
    } else {
        None
    }
}

/// Three significant digits, if that is within the limits.
fn rounded(value: f64, lowest: f64, highest: f64) -> f64 {
    short(value).parse().ok().filter(|short| (lowest..=highest).contains(short)).unwrap_or(value)
}
