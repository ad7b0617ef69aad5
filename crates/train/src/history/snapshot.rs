//! The inside of a model at one step.

use serde::{Deserialize, Serialize};
use wengert_tensor::{Float, Tensor};

use super::{Dated, number};

/// The activations, gradients and parameters of a model at one step. How a large tensor is spread is told
/// by 4096 of its elements from all over it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The number of the step, from 0.
    pub step: u64,
    /// Layers and activations in the order in which they ran.
    pub layers: Vec<LayerStats>,
    /// Parameters in the order of the model.
    pub params: Vec<ParamStats>,
    /// Layers that keep running statistics, in the order of the model.
    pub norms: Vec<NormStats>,
}

impl Dated for Snapshot {
    fn date(&self) -> u64 {
        self.step
    }
}

/// What a layer or an activation gave, and the gradient that arrived there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerStats {
    /// Where it is in the model; of an activation, the layer before it.
    pub path: String,
    /// What it is: `Linear`, `relu`.
    pub kind: String,
    /// Its outputs.
    pub output: Distribution,
    /// The gradient of the loss by its outputs; none if the loss does not depend on them.
    pub gradient: Option<Distribution>,
    /// The share of outputs that are exactly 0.
    #[serde(with = "number")]
    pub zero_fraction: f64,
    /// The share of outputs where the activation hardly has a slope any more; none of an
    /// activation that does not saturate.
    #[serde(with = "number::option")]
    pub saturated_fraction: Option<f64>,
    /// The share of units that are 0 for every example of the batch; none of what has no such
    /// units.
    #[serde(with = "number::option")]
    pub dead_fraction: Option<f64>,
}

/// How numbers are spread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Their mean.
    #[serde(with = "number")]
    pub mean: f64,
    /// Their (biased) standard deviation.
    #[serde(with = "number")]
    pub sd: f64,
    /// How many are where.
    pub histogram: Histogram,
}

/// A parameter and its last change, by root mean squares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParamStats {
    /// Its name in the model.
    pub name: String,
    /// Of its value.
    #[serde(with = "number")]
    pub value_rms: f64,
    /// Of its gradient.
    #[serde(with = "number")]
    pub gradient_rms: f64,
    /// Of its change in this step.
    #[serde(with = "number")]
    pub update_rms: f64,
    /// How its values are spread.
    pub histogram: Histogram,
}

impl ParamStats {
    /// How large the change is beside the value: about 1e-3 is healthy. Infinite or NaN of a
    /// parameter that is 0.
    pub fn update_ratio(&self) -> f64 {
        self.update_rms / self.value_rms
    }
}

/// How far the batch of a step is from the running statistics of a normalising layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormStats {
    /// Where the layer is in the model.
    pub path: String,
    /// The root mean square, over channels, of (mean of the batch − running mean) / running
    /// deviation.
    #[serde(with = "number")]
    pub mean_drift: f64,
    /// The mean, over channels, of variance of the batch / running variance.
    #[serde(with = "number")]
    pub var_ratio: f64,
}

/// How many numbers fall into each of several bins of one width.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::Histogram;
///
/// let values: Tensor = tensor![0.0, 0.1, 0.5, 1.0];
/// let histogram = Histogram::of(&values, 2);
/// assert_eq!((histogram.low, histogram.high), (0.0, 1.0));
/// assert_eq!(histogram.counts, [2, 2]);
/// assert_eq!(histogram.edges(1), (0.5, 1.0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Where the first bin begins.
    pub low: f64,
    /// Where the last bin ends.
    pub high: f64,
    /// The numbers in each bin, which has its lower edge; the last has both.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Of the finite numbers in `values`, from the smallest to the largest.
    ///
    /// Equal numbers are in one bin around them; of none there are no bins.
    ///
    /// # Panics
    /// If `bins` is 0.
    #[track_caller]
    pub fn of<T: Float>(values: &Tensor<T>, bins: usize) -> Self {
        assert!(bins > 0, "histogram: no bins");
        let values = values.contiguous();
        let finite = values.as_slice().unwrap_or(&[]).iter().map(|v| v.to_f64()).filter(|v| v.is_finite());
        let (low, high) = finite.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        Self::between(low, high, finite, bins)
    }

    /// Of finite numbers, of which the smallest and the largest are known.
    pub(crate) fn between(low: f64, high: f64, values: impl Iterator<Item = f64>, bins: usize) -> Self {
        if low > high {
            return Self::default();
        }
        if low == high {
            let around = if low == 0.0 { 0.5 } else { low.abs() / 2.0 };
            return Self { low: low - around, high: high + around, counts: vec![values.count() as u64] };
        }
        let mut counts = vec![0; bins];
        // Halves, whose difference does not overflow.
        let (start, per_bin) = (low / 2.0, bins as f64 / (high / 2.0 - low / 2.0));
        for value in values {
            let place = (value / 2.0 - start) * per_bin;
            counts[(place as usize).min(bins - 1)] += 1;
        }
        Self { low, high, counts }
    }

    /// Where bin `i` begins and ends.
    pub fn edges(&self, i: usize) -> (f64, f64) {
        let at = |i: usize| {
            let share = i as f64 / self.counts.len() as f64;
            self.low * (1.0 - share) + self.high * share
        };
        (at(i), at(i + 1))
    }

    /// How many numbers there are.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}
