//! Which parameters matter.

mod forest;

use wengert_tensor::Rng;

use self::forest::Tree;
use crate::{Distribution, Ranges, Record, State, Study};

/// How much of the differences between trials one parameter explains by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    /// The name of the parameter.
    pub parameter: String,
    /// The share of the variance, from 0 to 1.
    pub share: f64,
    /// Where the share lies in nine of ten resamplings of the trials.
    pub interval: (f64, f64),
    /// Whether it is above what a parameter of mere noise would get.
    pub matters: bool,
}

/// The importance of every parameter of one stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Importances {
    /// The most important first.
    pub parameters: Vec<Importance>,
    /// The share of the variance between trials that the parameters together foretell, of trials that
    /// were left out: 0 or below if nothing can be said.
    pub explained: f64,
    /// How many trials were compared, and after how many steps, if not at their end.
    pub trials: usize,
    /// The step at which they were compared, if that was not their end.
    pub step: Option<i64>,
}

/// Resamplings of the trials, and trees for each.
const RESAMPLINGS: usize = 50;
const TREES: usize = 6;
/// Trials that are looked at.
const TRIALS: usize = 200;
/// Places of a parameter at which its effect is measured.
const PLACES: usize = 20;
/// Where a parameter stands that does not exist.
const ABSENT: f64 = -0.5;

/// By a functional analysis of variance of random forests (F. Hutter et al., "An efficient approach
/// for assessing hyperparameter importance", 2014): the variance of the mean prediction as one
/// parameter moves, over that of all predictions. The others stay as they were in the trials (partial
/// dependence), since parameters that do not always exist have no uniform distribution. Ranks take the
/// place of scores, so that a few exploded trials do not hide all else. A parameter of noise is added to
/// see what chance alone gets (M. Kursa and W. Rudnicki, "Feature selection with the Boruta package",
/// 2010).
///
/// None with fewer than ten trials or no differences between them.
pub(crate) fn importances(study: &Study, ranges: &Ranges) -> Option<Importances> {
    let (step, trials) = comparable(study);
    // Good and bad ones alike, if there are many.
    let each = trials.len().div_ceil(TRIALS).max(1);
    let trials: Vec<_> = trials.into_iter().step_by(each).collect();
    let targets = ranks(&trials.iter().map(|(_, score)| *score).collect::<Vec<_>>());
    if trials.len() < 10 || variance(&targets) == 0.0 {
        return None;
    }
    let mut rng = Rng::seed(0).fork("importance");
    let parameters = ranges.parameters();
    let points: Vec<Vec<f64>> = trials
        .iter()
        .map(|(trial, _)| {
            let unit = |range: &Distribution, value: Option<f64>| value.map_or(ABSENT, |value| range.unit(value));
            let real = parameters.iter().map(|p| unit(&p.distribution, trial.value(&p.name)));
            real.chain([rng.unit()]).collect()
        })
        .collect();
    let axes = parameters.len() + 1;
    let mut shares: Vec<Vec<f64>> = vec![Vec::new(); axes];
    let mut explained = Vec::new();
    for resampling in 0..RESAMPLINGS {
        let mut rng = rng.fork(resampling as u64);
        let n = points.len() as u64;
        let chosen: Vec<usize> = (0..n).map(|_| rng.below(n) as usize).collect();
        let trees: Vec<Tree> =
            (0..TREES).map(|_| Tree::grow(&points, &targets, &mut chosen.clone(), &mut rng)).collect();
        let predict = |point: &[f64]| trees.iter().map(|tree| tree.predict(point)).sum::<f64>() / TREES as f64;
        let all: Vec<f64> = points.iter().map(|point| predict(point)).collect();
        let total = variance(&all);
        for (axis, shares) in shares.iter_mut().enumerate() {
            shares.push(if total > 0.0 { main_effect(&points, axis, &predict) / total } else { 0.0 });
        }
        let left_out: Vec<usize> = (0..points.len()).filter(|i| !chosen.contains(i)).collect();
        let wrong: f64 = left_out.iter().map(|&i| (all[i] - targets[i]).powi(2)).sum::<f64>() / left_out.len() as f64;
        explained.push(1.0 - wrong / variance(&targets));
    }
    let noise = quantile(shares.pop().expect("the axis of noise"), 0.95);
    let mut found: Vec<Importance> = parameters
        .iter()
        .zip(shares)
        .map(|(parameter, shares)| {
            let [low, share, high] = [0.05, 0.5, 0.95].map(|q| quantile(shares.clone(), q).clamp(0.0, 1.0));
            Importance { parameter: parameter.name.clone(), share, interval: (low, high), matters: share > noise }
        })
        .collect();
    found.sort_by(|a, b| b.share.total_cmp(&a.share));
    Some(Importances { parameters: found, explained: quantile(explained, 0.5), trials: trials.len(), step })
}

/// The trials with a score that means the same for all: at the end, or, where most were stopped,
/// at the last step that two thirds of them reached. Lower scores are better.
fn comparable(study: &Study) -> (Option<i64>, Vec<(&Record, f64)>) {
    let sign = if study.maximize { -1.0 } else { 1.0 };
    let ranking = study.ranking();
    let enough = (2 * ranking.len()).div_ceil(3);
    let complete = || ranking.iter().filter(|trial| trial.state == State::Complete);
    if complete().count() >= enough {
        return (None, complete().filter_map(|trial| Some((*trial, sign * trial.score?))).collect());
    }
    let reached = |step: i64| ranking.iter().filter(|trial| trial.curve.contains_key(&step)).count();
    let mut steps: Vec<i64> = ranking.iter().flat_map(|trial| trial.curve.keys().copied()).collect();
    steps.sort_unstable();
    steps.dedup();
    let Some(&step) = steps.iter().rfind(|&&step| reached(step) >= enough) else {
        return (None, complete().filter_map(|trial| Some((*trial, sign * trial.score?))).collect());
    };
    let scores = ranking.iter().filter_map(|trial| Some((*trial, sign * trial.curve.get(&step)?)));
    (Some(step), scores.collect())
}

/// The variance of the mean prediction as one coordinate takes the places that it has in the trials.
fn main_effect(points: &[Vec<f64>], axis: usize, predict: &dyn Fn(&[f64]) -> f64) -> f64 {
    let mut places: Vec<f64> = points.iter().map(|point| point[axis]).collect();
    places.sort_by(f64::total_cmp);
    let places: Vec<f64> = (0..PLACES).map(|i| places[(2 * i + 1) * places.len() / (2 * PLACES)]).collect();
    let mut means: Vec<f64> = Vec::with_capacity(PLACES);
    for (i, &place) in places.iter().enumerate() {
        if i > 0 && place == places[i - 1] {
            means.push(means[i - 1]);
            continue;
        }
        let moved = points.iter().map(|point| {
            let mut point = point.clone();
            point[axis] = place;
            predict(&point)
        });
        means.push(moved.sum::<f64>() / points.len() as f64);
    }
    variance(&means)
}

/// The place of each value in order; equal ones share theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let below = |v: f64| values.iter().filter(|w| **w < v).count() as f64;
    let equal = |v: f64| values.iter().filter(|w| **w == v).count() as f64;
    values.iter().map(|&v| below(v) + (equal(v) - 1.0) / 2.0).collect()
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
}

fn quantile(mut values: Vec<f64>, q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}
