//! What is looked at before the first step.

use wengert_nn::Module;
use wengert_tensor::{Element, Float, Tensor};

use super::Trainer;
use super::learn::Learn;
use super::source::Source;
use crate::before::{self, Before, Checks, Verdict, gradients_of, inputs_of};
use crate::{History, Progress};

/// Checks a model and the training and validation data.
pub(super) type CheckBefore<B, T> =
    fn(&Learn<'_, B, T>, &dyn Module<T>, &dyn Source<B>, Option<&dyn Source<B>>) -> Checks;

impl<B, T: Float> Trainer<'_, B, T> {
    /// Makes the checks before the first step, and says which are not good.
    pub(super) fn check(&self, source: &dyn Source<B>, history: &mut History) {
        let Some(check) = self.check_before.filter(|_| history.steps == 0) else { return };
        history.checks = check(&self.learn, self.model, source, self.validation.as_deref());
        for check in history.checks.iter().filter(|check| check.verdict != Verdict::Good && !self.quiet) {
            Progress::print(check);
        }
    }
}

/// The checks of a classifier.
pub(super) fn check_classes<T: Float>(
    learn: &Learn<'_, (Tensor<T>, Tensor<i64>), T>,
    model: &dyn Module<T>,
    training: &dyn Source<(Tensor<T>, Tensor<i64>)>,
    validation: Option<&dyn Source<(Tensor<T>, Tensor<i64>)>>,
) -> Checks {
    let Some((x, labels)) = stored(training).filter(|(_, labels)| labels.rank() == 1) else {
        return Checks::default();
    };
    let order: Vec<Tensor<i64>> = first_labels(training);
    let validation = validation.and_then(stored);
    let mut checks = Before::new(&model, |x| (learn.outputs)(x.tape(), &(x.value(), Tensor::zeros([0]))), &x, &labels)
        .order(Tensor::concat(&order.iter().collect::<Vec<_>>(), 0));
    if let Some((x, labels)) = &validation {
        checks = checks.validation(x, labels);
    }
    // The model may take no others.
    if let Some(size) = training.even_size() {
        checks = checks.batch(size);
    }
    checks.check()
}

/// The checks of a regressor.
pub(super) fn check_numbers<T: Float>(
    learn: &Learn<'_, (Tensor<T>, Tensor<T>), T>,
    model: &dyn Module<T>,
    training: &dyn Source<(Tensor<T>, Tensor<T>)>,
    validation: Option<&dyn Source<(Tensor<T>, Tensor<T>)>>,
) -> Checks {
    let Some((x, y)) = stored(training) else { return Checks::default() };
    let batch = training.even_size().unwrap_or(SOME);
    let rows = SOME.min(x.shape()[0]);
    let some = x.slice(0, ..(batch * (rows / batch).max(1)) as isize);
    let mut checks = vec![inputs_of(&some, batch, |x| (learn.outputs)(x.tape(), &(x.value(), Tensor::zeros([0]))))];
    if let Some((other, _)) = validation.and_then(stored) {
        checks.push(before::copies(&x, &other));
    }
    let few = ..training.even_size().unwrap_or(8) as isize;
    let few = (x.slice(0, few), y.slice(0, few));
    checks.extend(gradients_of(model, |tape| learn.record(tape, &few)[1]));
    Checks(checks)
}

/// So many inputs show how they are scaled.
const SOME: usize = 256;

/// So many examples are looked at, if they have no more than so many elements.
const EXAMPLES: usize = 1 << 14;
const ELEMENTS: usize = 1 << 24;

/// Examples as they are stored. What cannot be had is for the run to tell.
fn stored<T: Float, L: Element>(source: &dyn Source<(Tensor<T>, Tensor<L>)>) -> Option<(Tensor<T>, Tensor<L>)> {
    let (one, _) = source.stored(1)?;
    source.stored((ELEMENTS / one.count().max(1)).clamp(1, EXAMPLES))
}

/// The labels of the first examples of the first epoch, in their order.
fn first_labels<T: Float>(source: &dyn Source<(Tensor<T>, Tensor<i64>)>) -> Vec<Tensor<i64>> {
    let mut batches = source.epoch(0);
    let batches = std::iter::from_fn(|| batches.next()).map_while(Result::ok);
    let mut count = 0;
    let few = batches.map(|((_, labels), size)| (labels, size)).take_while(|(_, size)| {
        count += size;
        count - size < IN_ORDER
    });
    few.map(|(labels, _)| labels).collect()
}

/// So many labels show whether they come in a random order.
const IN_ORDER: usize = 1000;
