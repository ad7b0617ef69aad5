//! Loss and metrics over several batches.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use wengert_tensor::{Float, Tensor};

use super::Metric;
use crate::history::number;

/// The sums that the loss and the metrics of an epoch are made of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    examples: u64,
    loss: f64,
    /// Of each metric.
    #[serde(with = "number::lists")]
    sums: Vec<Vec<f64>>,
}

/// The metrics of a trainer, of batches as they are loaded.
pub(crate) type Metrics<'a, B, T> = Vec<Box<dyn Metric<B, T> + 'a>>;

impl Tally {
    /// Adds the mean loss of a batch.
    pub(crate) fn add_loss(&mut self, examples: usize, loss: f64) {
        self.examples += examples as u64;
        self.loss += loss * examples as f64;
    }

    /// Adds what the metrics make of a batch.
    pub(crate) fn add_outputs<B, T: Float>(&mut self, metrics: &Metrics<'_, B, T>, outputs: &Tensor<T>, batch: &B) {
        self.sums.resize(metrics.len(), Vec::new());
        for (metric, sums) in metrics.iter().zip(&mut self.sums) {
            metric.add(sums, outputs, batch);
        }
    }

    /// The means by name, `loss` first.
    pub(crate) fn values<B, T: Float>(&self, metrics: &Metrics<'_, B, T>) -> IndexMap<String, f64> {
        let mut values = IndexMap::from([("loss".to_owned(), self.loss / self.examples as f64)]);
        for (i, metric) in metrics.iter().enumerate() {
            let sums = self.sums.get(i).map_or(&[][..], |sums| sums);
            values.insert(metric.name(), metric.value(sums));
        }
        values
    }
}
