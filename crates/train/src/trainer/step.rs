//! One step: forward, backward, update.

use wengert_autograd::{Gradients, Tape, Var};
use wengert_nn::{Accumulator, Clip, StepError};
use wengert_tensor::{Float, Tensor};

use super::not_finite::Symptom;
use super::{Clipping, TrainErrorKind, Trainer};
use crate::metrics::Tally;
use crate::{Snapshot, Task};

/// What a step brought.
pub(super) struct Taken {
    pub(super) loss: f64,
    pub(super) gradient_norm: f64,
    /// The inside of the model, if one was to look.
    pub(super) seen: Option<Snapshot>,
}

impl<B, T: Float> Trainer<'_, B, T> {
    /// Takes step number `step` on some batches, given with their sizes, and looks inside the model. If it
    /// fails the model is as it was.
    pub(super) fn take(
        &mut self,
        step: u64,
        look: bool,
        batches: &[(B, usize)],
        tally: &mut Tally,
    ) -> Result<Taken, TrainErrorKind> {
        // The step's tape holds these values anyway.
        let before = self.values();
        let mut taken = Taken { loss: 0.0, gradient_norm: 0.0, seen: None };
        let examples: usize = batches.iter().map(|(_, size)| size).sum();
        let sums = (batches.len() > 1).then(|| Accumulator::new(self.model));
        for (i, (batch, size)) in batches.iter().enumerate() {
            let share = *size as f64 / examples as f64;
            let seed = self.tape_seed(step, i);
            let last = i + 1 == batches.len();
            let sums = sums.as_ref().map(|sums| (sums, last));
            let part = match self.take_part(seed, batch, share, sums, (look && last).then_some(step)) {
                Ok(part) => part,
                Err(error) => {
                    self.set_values(&before);
                    return Err(error.into());
                }
            };
            if let Some(symptom) = part.symptom(seed) {
                self.set_values(&before);
                return Err(self.diagnose(step, symptom, batch).into());
            }
            taken.loss += part.loss * share;
            taken.gradient_norm = part.gradient_norm.unwrap_or(0.0);
            taken.seen = part.seen;
            tally.add_loss(*size, part.loss);
            if let Some(outputs) = part.outputs {
                tally.add_outputs(&self.learn.metrics, &outputs, batch);
            }
        }
        Ok(taken)
    }

    /// Forward and backward of one batch, which is this share of the step, and if it is the last the
    /// update, with a look inside the model if it is that of a step.
    fn take_part(
        &mut self,
        seed: u64,
        batch: &B,
        share: f64,
        sums: Option<(&Accumulator<T>, bool)>,
        look: Option<u64>,
    ) -> Result<Part<T>, StepError> {
        let tape = Tape::train(seed);
        if look.is_some() {
            tape.watch();
        }
        let [outputs, loss] = self.learn.record(&tape, batch);
        if let Task::Classification { classes } = &mut self.learn.task {
            *classes = outputs.shape().last().map_or(0, |&count| count as u64);
        }
        let mut gradients = if share == 1.0 { loss } else { loss * share }.backward();
        tape.expect([loss]);
        if !self.learn.metrics.is_empty() {
            tape.expect([outputs]);
        }
        let (mut norm, mut seen) = (None, None);
        match sums {
            Some((sums, false)) => sums.add(&gradients)?,
            _ => {
                if let Some((sums, _)) = sums {
                    gradients = sums.finish(gradients)?;
                }
                let whole = match self.clip {
                    None => self.rough_norm(&gradients),
                    Some(_) => gradients.norm(self.model),
                };
                tape.expect([whole]);
                gradients = match self.clip {
                    None => gradients,
                    Some(Clipping::Norm(max)) => gradients.clip_norm_from(whole, self.model, max),
                    Some(Clipping::Value(limit)) => gradients.clip_value(self.model, limit),
                };
                seen = self.watch.step(look.unwrap_or(0), self.model, &mut *self.optimizer, &gradients)?;
                let overflowed = self.clip.is_none() && !whole.item().is_finite();
                norm = Some(if overflowed { gradients.norm(self.model) } else { whole }.item().to_f64());
            }
        }
        let outputs = (!self.learn.metrics.is_empty()).then(|| outputs.value());
        Ok(Part { loss: loss.item().to_f64(), gradient_norm: norm, outputs, seen })
    }

    /// The norm of the gradients by one pass over them, which costs a fraction of [`Clip::norm`]; its
    /// squares may overflow.
    fn rough_norm<'t>(&self, gradients: &Gradients<'t, T>) -> Var<'t, T> {
        let found = self.params.iter().filter_map(|param| gradients.get(param));
        let squares = found.map(|g| (g * g).sum(..));
        squares.reduce(|sum, square| sum + square).unwrap_or_else(|| gradients.tape().scalar(0.0)).sqrt()
    }

    /// The seed of the tape for batch `i` of a step.
    fn tape_seed(&self, step: u64, i: usize) -> u64 {
        // Those of another run are far away.
        self.seed.rotate_left(40) ^ (step * self.accumulate as u64 + i as u64)
    }

    /// The present values of parameters and buffers.
    fn values(&self) -> Vec<Tensor<T>> {
        let params = self.params.iter().map(|param| param.value());
        params.chain(self.buffers.iter().map(|buffer| buffer.value())).collect()
    }

    fn set_values(&self, values: &[Tensor<T>]) {
        let (params, buffers) = values.split_at(self.params.len());
        self.params.iter().zip(params).for_each(|(param, value)| param.set(value));
        self.buffers.iter().zip(buffers).for_each(|(buffer, value)| buffer.set(value));
    }
}

/// What one batch of a step brought.
struct Part<T: Float> {
    loss: f64,
    /// Of the whole step, known with its last batch.
    gradient_norm: Option<f64>,
    outputs: Option<Tensor<T>>,
    seen: Option<Snapshot>,
}

impl<T: Float> Part<T> {
    fn symptom(&self, tape: u64) -> Option<Symptom> {
        let norm = self.gradient_norm.map(|norm| ("gradient norm", norm));
        let numbers = [Some(("loss", self.loss)), norm];
        let (what, value) = numbers.into_iter().flatten().find(|(_, value)| !value.is_finite())?;
        Some(Symptom { what, value, tape })
    }
}
