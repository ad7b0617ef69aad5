//! What the rules look at: a history in a few numbers.

use crate::watch::before::{About, Check};
use crate::{Epoch, History, LayerStats, Snapshot, Task};

pub(super) struct Facts<'h> {
    pub(super) history: &'h History,
    /// The loss of guessing, of a classifier: ln C.
    pub(super) chance: Option<f64>,
    /// The loss of the first step.
    pub(super) first: f64,
    /// The loss at the start: the mean over the first steps.
    pub(super) early: f64,
    /// The loss at the end: the mean over the last steps.
    pub(super) last: f64,
    /// The largest loss of a step; infinite if one was not finite.
    pub(super) peak: f64,
    /// The usual ratio of update to value of weights, over the whole run.
    pub(super) ratio: Option<f64>,
    /// The largest such ratio in the first steps.
    pub(super) early_ratio: Option<f64>,
}

impl<'h> Facts<'h> {
    pub(super) fn of(history: &'h History) -> Self {
        let chance = match history.task {
            Task::Classification { classes } if classes > 1 => Some((classes as f64).ln()),
            _ => None,
        };
        let loss = &history.loss;
        let window = (loss.len() / 20).clamp(1, 20);
        let means: Vec<f64> = loss.windows(window).map(|part| mean(part.iter().map(|point| point.mean))).collect();
        let peak = loss.iter().map(|point| if point.mean.is_finite() { point.max } else { f64::INFINITY });
        let snapshots = &history.snapshots;
        let early = &snapshots[..snapshots.len().min(4)];
        Self {
            history,
            chance,
            first: loss.first().unwrap_or(f64::NAN),
            early: means.first().copied().unwrap_or(f64::NAN),
            last: means.last().copied().unwrap_or(f64::NAN),
            peak: peak.fold(f64::NEG_INFINITY, f64::max),
            ratio: median(snapshots.iter().filter_map(|snapshot| usual_ratio(snapshots, snapshot)).collect()),
            early_ratio: early.iter().filter_map(|snapshot| usual_ratio(snapshots, snapshot)).reduce(f64::max),
        }
    }

    /// Whether there are enough steps to judge the course of the loss.
    pub(super) fn is_long(&self) -> bool {
        self.history.loss.len() >= 30
    }

    /// Whether the loss at the end is no better than at the start, or than guessing.
    pub(super) fn learnt_nothing(&self) -> bool {
        let before = self.chance.map_or(self.first, |chance| chance.min(self.first));
        self.last.is_nan() || self.last >= 0.93 * before
    }

    /// The mean losses of the third and the last quarter of the run.
    pub(super) fn late(&self) -> [f64; 2] {
        let points = &self.history.loss;
        let (before, after) = points[points.len() / 2..].split_at(points.len() / 4);
        [before, after].map(|part| mean(part.iter().map(|point| point.mean)))
    }

    /// Whether the loss still goes down.
    pub(super) fn still_falls(&self) -> bool {
        let [before, after] = self.late();
        after < 0.97 * before
    }

    /// Whether the model does well on its training data.
    pub(super) fn learnt_well(&self) -> bool {
        match self.accuracies() {
            Some((training, _)) => training > 0.95,
            None => self.last < 0.1 * self.first,
        }
    }

    /// Accuracies at the end, of training and validation data.
    pub(super) fn accuracies(&self) -> Option<(f64, Option<f64>)> {
        let at_end = |of: fn(&Epoch) -> Option<f64>| {
            let epochs = &self.history.epochs;
            let last = epochs[epochs.len().saturating_sub(3)..].iter().filter_map(of).collect();
            median(last)
        };
        let training = at_end(|epoch| epoch.train.get("accuracy").copied())?;
        Some((training, at_end(|epoch| epoch.validation.get("accuracy").copied())))
    }

    pub(super) fn check(&self, about: About) -> Option<&Check> {
        self.history.checks.iter().find(|check| check.about == about)
    }

    pub(super) fn first_snapshot(&self) -> Option<&'h Snapshot> {
        self.history.snapshots.first()
    }

    pub(super) fn last_snapshot(&self) -> Option<&'h Snapshot> {
        self.history.snapshots.last()
    }

    /// The layer for which `of` is largest, with that number, at the end; a median over the last snapshots.
    pub(super) fn worst_at_end(&self, of: fn(&LayerStats) -> Option<f64>) -> Option<(&'h LayerStats, f64)> {
        let snapshots = &self.history.snapshots;
        let late = &snapshots[snapshots.len().saturating_sub(3)..];
        let layers = self.last_snapshot()?.layers.iter().enumerate();
        let number = |i: usize| median(late.iter().filter_map(|snapshot| of(snapshot.layers.get(i)?)).collect());
        layers.filter_map(|(i, layer)| Some((layer, number(i)?))).max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The layer for which `of` is largest, with that number, at the start.
    pub(super) fn worst_at_start(&self, of: fn(&LayerStats) -> Option<f64>) -> Option<(&'h LayerStats, f64)> {
        let layers = self.first_snapshot()?.layers.iter();
        layers.filter_map(|layer| Some((layer, of(layer)?))).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// The median ratio of update to value of the parameters that do not start at 0, as biases do.
fn usual_ratio(snapshots: &[Snapshot], snapshot: &Snapshot) -> Option<f64> {
    let start = &snapshots.first()?.params;
    let weights = snapshot.params.iter().zip(start).filter(|(_, start)| start.value_rms > 0.0);
    median(weights.map(|(param, _)| param.update_ratio()).filter(|ratio| !ratio.is_nan()).collect())
}

pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// A layer as a finding names it.
pub(super) fn name(layer: &LayerStats) -> String {
    match (layer.path.as_str(), layer.kind.as_str()) {
        ("", kind) => format!("`{kind}`"),
        (path, kind) => format!("`{path}` ({kind})"),
    }
}
