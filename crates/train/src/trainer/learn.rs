//! What a model is to learn: from a batch to outputs, loss and metrics.

use wengert_autograd::{Tape, Var};
use wengert_tensor::{Float, Tensor};

use crate::metrics::Metrics;
use crate::{Metric, Task};

/// Records the outputs of a batch.
type Outputs<'a, B, T> = dyn for<'t> Fn(&'t Tape<T>, &B) -> Var<'t, T> + 'a;

/// Records the loss of outputs for their batch.
type LossOf<'a, B, T> = dyn for<'t> Fn(Var<'t, T>, &B) -> Var<'t, T> + 'a;

pub(super) struct Learn<'a, B, T: Float> {
    pub(super) task: Task,
    pub(super) outputs: Box<Outputs<'a, B, T>>,
    pub(super) loss: Box<LossOf<'a, B, T>>,
    pub(super) metrics: Metrics<'a, B, T>,
}

impl<B, T: Float> Learn<'_, B, T> {
    /// Outputs and loss of a batch.
    pub(super) fn record<'t>(&self, tape: &'t Tape<T>, batch: &B) -> [Var<'t, T>; 2] {
        let outputs = (self.outputs)(tape, batch);
        [outputs, (self.loss)(outputs, batch)]
    }
}

/// A metric of targets, for batches of inputs and targets.
pub(super) struct OfTargets<M>(pub(super) M);

impl<X, Y, T: Float, M: Metric<Y, T>> Metric<(X, Y), T> for OfTargets<M> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn larger_is_better(&self) -> bool {
        self.0.larger_is_better()
    }

    fn add(&self, sums: &mut Vec<f64>, outputs: &Tensor<T>, (_, targets): &(X, Y)) {
        self.0.add(sums, outputs, targets);
    }

    fn value(&self, sums: &[f64]) -> f64 {
        self.0.value(sums)
    }
}
