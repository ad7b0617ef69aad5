//! Where a NaN or an infinity came from.

use wengert_autograd::Tape;
use wengert_nn::Clip;
use wengert_tensor::{Float, Tensor};

use super::Trainer;
use crate::{NotFinite, layer_of};

/// What was not finite in a step.
pub(super) struct Symptom {
    pub(super) what: &'static str,
    pub(super) value: f64,
    /// The seed of the tape on which it was.
    pub(super) tape: u64,
}

impl<B, T: Float> Trainer<'_, B, T> {
    /// Runs a batch of step `step` again, one operation at a time. The model is as it was before the step.
    pub(super) fn diagnose(&self, step: u64, Symptom { what, value, tape }: Symptom, batch: &B) -> NotFinite {
        let mut text = format!("the {what} of step {step} is {value}");
        let mut found =
            NotFinite { step, what: what.to_owned(), value, op: None, layer: None, line: None, text: String::new() };
        let all_finite = |value: Tensor<T>| value.iter().all(T::is_finite);
        if let Some((name, _)) = self.model.params().into_iter().find(|(_, param)| !all_finite(param.value())) {
            found.text =
                format!("{text}; the update of the step before it left numbers in `{name}` that are not finite");
            return found;
        }
        let tape = Tape::train(tape);
        tape.watch();
        let [_, loss] = self.learn.record(&tape, batch);
        let gradients = loss.backward();
        if let Some(anomaly) = tape.anomaly_in([loss, gradients.norm(self.model)]) {
            found.layer = layer_of(&anomaly, self.model, &tape);
            if let Some(layer) = &found.layer {
                text += &format!(", in or next to layer `{layer}`");
            }
            text += &format!("\n  {anomaly}");
            found.op = Some(anomaly.op.to_owned());
            found.line = Some(anomaly.at.to_string());
        }
        found.text = text;
        found
    }
}
