//! The figures of a search.

use wengert_report::{Axis, Figure, Parallel, Plot, Rows};

use crate::importance::Importances;
use crate::run::StageFound;
use crate::{Distribution, Parameter, Record, State};

pub(super) fn all<F: Figure>(figures: &[F]) -> Vec<&dyn Figure> {
    figures.iter().map(|figure| figure as &dyn Figure).collect()
}

/// The axis of a parameter, on its own scale.
fn axis(parameter: &Parameter) -> Axis {
    let axis = Axis::new(&parameter.name);
    match (&parameter.distribution, names(parameter)) {
        (_, Some(names)) => axis.categories(names),
        (range, None) if range.is_log() => axis.log(),
        _ => axis,
    }
}

/// The values of a choice, or of a few whole numbers, between which an axis should show nothing.
fn names(parameter: &Parameter) -> Option<Vec<String>> {
    let range = &parameter.distribution;
    let count = match range {
        Distribution::Choice { choices } => choices.len(),
        Distribution::Int { log: false, .. } => range.count().filter(|&count| count <= FEW)?,
        _ => return None,
    };
    Some((0..count).map(|i| range.show(range.at((i as f64 + 0.5) / count as f64))).collect())
}

const FEW: usize = 8;

/// Where a value stands on the axis of its parameter.
fn place(parameter: &Parameter, value: f64) -> f64 {
    match (names(parameter), parameter.distribution.bounds()) {
        (Some(names), Some(_)) => (parameter.distribution.unit(value) * names.len() as f64 - 0.5).round(),
        _ => value,
    }
}

/// The scores that an axis shows: all of them, or, if the worse half lies far away from the better, as
/// far beyond the middle as the middle is from the best.
pub(super) struct Scores<'a> {
    metric: &'a str,
    shown: Option<(f64, f64)>,
}

impl<'a> Scores<'a> {
    pub(super) fn new(stage: &StageFound, metric: &'a str) -> Self {
        let sign = if stage.study.maximize { -1.0 } else { 1.0 };
        let all = [State::Complete, State::Pruned].into_iter().flat_map(|state| with_state(stage, state));
        let mut sorted: Vec<f64> = all.map(|(_, score)| sign * score).filter(|score| score.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let shown = match sorted[..] {
            [best, .., worst] if sorted.len() >= 8 => {
                let near = sorted[sorted.len() / 2] - best;
                let (from, to) = (best - 0.1 * near, best + 2.0 * near);
                (worst - best > 4.0 * near && from < to).then_some((from, to))
            }
            _ => None,
        };
        Self { metric, shown: shown.map(|(from, to)| if sign < 0.0 { (-to, -from) } else { (from, to) }) }
    }

    fn axis(&self) -> Axis {
        let axis = Axis::new(self.metric);
        self.shown.map_or(axis.clone(), |(low, high)| axis.range(low, high))
    }

    fn place(&self, score: f64) -> f64 {
        self.shown.map_or(score, |(low, high)| score.clamp(low, high))
    }

    /// What to tell of the scores that the axis does not show.
    fn told(&self) -> &'static str {
        if self.shown.is_some() { " Scores far behind are drawn at the edge." } else { "" }
    }
}

fn label(stage: &StageFound, trial: &Record) -> String {
    let values = crate::outcome::shown(trial, &stage.ranges);
    let values: Vec<String> = values.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let score = trial.score.map_or_else(String::new, |score| format!("{score:.4}, "));
    format!("trial {}: {score}{}", trial.number, values.join(", "))
}

fn with_state(stage: &StageFound, state: State) -> impl Iterator<Item = (&Record, f64)> {
    let trials = stage.study.trials.iter().filter(move |trial| trial.state == state);
    trials.filter_map(|trial| Some((trial, trial.score?)))
}

/// Each trial's score, and the best so far.
pub(super) fn progress(stage: &StageFound, scores: &Scores<'_>) -> Plot {
    let sign = if stage.study.maximize { -1.0 } else { 1.0 };
    let mut best = f64::INFINITY;
    let complete: Vec<(f64, f64)> =
        with_state(stage, State::Complete).map(|(t, score)| (t.number as f64, score)).collect();
    let so_far: Vec<(f64, f64)> = complete
        .iter()
        .map(|&(number, score)| {
            best = best.min(sign * score);
            (number, scores.place(sign * best))
        })
        .collect();
    let points =
        |state| with_state(stage, state).map(|(t, score)| (t.number as f64, scores.place(score), label(stage, t)));
    Plot::new("Trials, and the best so far")
        .caption(format!("Trials that were stopped have the score of their last step.{}", scores.told()))
        .x(Axis::new("trial"))
        .y(scores.axis())
        .labelled_points("complete", points(State::Complete))
        .labelled_points("stopped", points(State::Pruned))
        .steps("best so far", so_far)
}

/// Every trial's curve, by the step within a fold.
pub(super) fn curves(stage: &StageFound, scores: &Scores<'_>) -> Plot {
    let mut plot = Plot::new("Curves of all trials")
        .caption("By the step within a fold; each point is the mean over the folds that came so far.")
        .x(Axis::new("step"))
        .y(scores.axis());
    for trial in &stage.study.trials {
        plot = plot.context("other trials", curve(stage, trial));
    }
    let ranking = stage.study.ranking();
    for trial in ranking.iter().filter(|trial| trial.state == State::Complete).take(3) {
        plot = plot.line(format!("trial {}", trial.number), curve(stage, trial));
    }
    plot
}

/// What later folds report at a step takes the place of what earlier ones did: it is a mean over more.
fn curve(stage: &StageFound, trial: &Record) -> Vec<(f64, f64)> {
    let steps = stage.budget.max(1) as i64;
    let in_folds = trial.last().is_some_and(|(last, _)| last <= steps * stage.folds as i64);
    let within = trial.curve.iter().map(|(&step, &score)| match in_folds {
        true => ((step - 1).rem_euclid(steps) + 1, score),
        false => (step, score),
    });
    let merged: std::collections::BTreeMap<i64, f64> = within.collect();
    merged.into_iter().map(|(step, score)| (step as f64, score)).collect()
}

/// Score against each parameter.
pub(super) fn scatter(stage: &StageFound, scores: &Scores<'_>) -> Vec<Plot> {
    let plots = stage.ranges.parameters().iter().map(|parameter| {
        let points = |state| {
            let having = with_state(stage, state);
            having.filter_map(|(trial, score)| {
                let value = place(parameter, trial.value(&parameter.name)?);
                Some((value, scores.place(score), label(stage, trial)))
            })
        };
        Plot::new(&parameter.name)
            .x(axis(parameter))
            .y(scores.axis())
            .labelled_points("complete", points(State::Complete))
            .labelled_points("stopped", points(State::Pruned))
    });
    plots.collect()
}

pub(super) fn parallel(stage: &StageFound) -> Parallel {
    let parameters = stage.ranges.parameters();
    let sign = if stage.study.maximize { 1.0 } else { -1.0 };
    let mut figure = Parallel::new("All parameters of the complete trials", parameters.iter().map(axis))
        .caption("A line a trial; the better the stronger, the best in orange.");
    for (trial, score) in with_state(stage, State::Complete) {
        let values: Vec<Option<f64>> =
            parameters.iter().map(|p| trial.value(&p.name).map(|value| place(p, value))).collect();
        figure = figure.line(values, sign * score, label(stage, trial));
    }
    figure
}

pub(super) fn importance(found: &Importances) -> Rows {
    let explained = (100.0 * found.explained.max(0.0)).round();
    let at = found.step.map_or_else(|| "at their end".to_owned(), |step| format!("after {step} steps"));
    let mut rows = Rows::new("Importance of each parameter")
        .axis(Axis::new("share of the variance").range(0.0, 1.0))
        .caption(format!(
            "What each explains by itself of the differences between {} trials {at}, by random forests over ranks; the \
             intervals hold nine of ten resamplings. All together foretell {explained} % of trials that were left out. \
             A star marks what is above noise.",
            found.trials
        ));
    for parameter in &found.parameters {
        let name = format!("{}{}", parameter.parameter, if parameter.matters { " ★" } else { "" });
        rows = rows.bar(name, parameter.share, Some(parameter.interval));
    }
    rows
}

/// The range of each number in every stage, with the value of the best trial.
pub(super) fn narrowing(stages: &[StageFound]) -> Vec<Rows> {
    let Some(first) = stages.first() else { return Vec::new() };
    let figures = first.ranges.parameters().iter().enumerate().filter_map(|(i, parameter)| {
        parameter.distribution.bounds()?;
        // Not by name where numbers are few: their ranges differ from stage to stage.
        let axis = Axis::new(&parameter.name);
        let mut rows = Rows::new(&parameter.name).axis(if parameter.distribution.is_log() { axis.log() } else { axis });
        for stage in stages {
            let [low, high] = stage.ranges.parameters()[i].distribution.bounds()?;
            let best = stage.study.ranking().into_iter().find_map(|trial| trial.value(&parameter.name));
            rows = rows.range(&stage.name, (low, high), best);
        }
        Some(rows)
    });
    figures.collect()
}
