//! All checks of a classifier, in one list.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use wengert_autograd::{Tape, Var};
use wengert_nn::{CrossEntropy, Module};
use wengert_tensor::{Element, Float, Rng, Tensor};

use super::few::{FEW, Restored, few, fits};
use super::{Check, Examples, Verdict};

/// Makes all checks of a classifier. They leave the model as it was.
pub struct Before<'a, T: Float = f32> {
    model: &'a dyn Module<T>,
    forward: Box<Forward<'a, T>>,
    training: Examples<'a, T>,
    validation: Option<Examples<'a, T>>,
    order: Option<Tensor<i64>>,
    penalty: Option<Box<Penalty<'a, T>>>,
    batch: Option<usize>,
}

type Forward<'a, T> = dyn for<'t> Fn(Var<'t, T>) -> Var<'t, T> + 'a;
type Penalty<'a, T> = dyn for<'t> Fn(&'t Tape<T>) -> Var<'t, T> + 'a;

/// The loss of an untrained model is measured on so many examples, or on fewer that make a recording of at
/// most so many elements.
const FOR_LOSS: usize = 256;
const LARGE: usize = 1 << 26;
/// Gradients are checked on so many.
const FOR_GRADIENTS: usize = 8;

impl<'a, T: Float> Before<'a, T> {
    /// Checks of `model`, of which `forward` makes scores of inputs, with the classes on the last
    /// axis, and of training data `[rows, …]` with labels `[rows]`.
    pub fn new(
        model: &'a impl Module<T>,
        forward: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T> + 'a,
        x: &'a Tensor<T>,
        labels: &'a Tensor<i64>,
    ) -> Self {
        let (forward, training) = (Box::new(forward), (x, labels));
        Self { model, forward, training, validation: None, order: None, penalty: None, batch: None }
    }

    /// With these data for validation.
    pub fn validation(mut self, x: &'a Tensor<T>, labels: &'a Tensor<i64>) -> Self {
        self.validation = Some((x, labels));
        self
    }

    /// With labels in the order in which an epoch brings them, to see whether it is random.
    pub fn order(mut self, labels: Tensor<i64>) -> Self {
        self.order = Some(labels);
        self
    }

    /// With a regularisation that is added to the loss.
    ///
    /// ```
    /// use wengert_nn::{Layer, Linear, l2_penalty};
    /// use wengert_tensor::Rng;
    /// use wengert_train::before::{About, Before};
    /// use wengert_train::digits;
    ///
    /// let data = digits().map_features(|x| x / 16.0);
    /// let net = Linear::<f32>::new(64, 10, &mut Rng::seed(1));
    /// let checks = Before::new(&net, |x| net.forward(x), data.features(), data.labels())
    ///     .penalty(|tape| l2_penalty(&net, tape) * 1e-3)
    ///     .check();
    /// assert!(checks.iter().any(|check| check.about == About::Regularisation));
    /// ```
    pub fn penalty(mut self, penalty: impl for<'t> Fn(&'t Tape<T>) -> Var<'t, T> + 'a) -> Self {
        self.penalty = Some(Box::new(penalty));
        self
    }

    /// With a model that takes no batches but of this size. Otherwise every check runs it on as many examples
    /// as it needs, which is quicker.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn batch(mut self, size: usize) -> Self {
        assert!(size > 0, "Before: batches of no examples");
        self.batch = Some(size);
        self
    }

    /// Makes them all, but for those that would take longer than the run should wait for: fitting a few
    /// examples and checking gradients with a large model. [`fits_few`](super::fits_few) and
    /// [`gradients`](super::gradients) on their own always do.
    ///
    /// # Panics
    /// If inputs and labels do not have the same rows, or the model panics.
    #[track_caller]
    pub fn check(&self) -> Checks {
        let (x, labels) = self.training;
        let enough = self.enough();
        let batch = self.batch.unwrap_or(enough);
        let whole = self.batch.map(|batch| batch * (enough / batch).max(1));
        let (_, some, some_labels) = few(x, labels, whole.unwrap_or(enough), whole);
        let tape = Tape::new();
        let scores = (self.forward)(tape.var(some.slice(0, ..batch as isize)));
        let classes = scores.shape().last().copied().unwrap_or(0);

        let mut checks = vec![super::labels(labels, classes)];
        checks.extend(self.order.as_ref().map(super::shuffled));
        checks.push(super::neighbours(self.training, self.validation));
        checks.push(inputs_of(&some, batch, &*self.forward));
        if let Some((other, _)) = self.validation {
            checks.push(super::copies(x, other));
        }
        // Other labels have no loss.
        if labels.iter().all(|label| (0..classes as i64).contains(&label)) {
            // Batch norm has no statistics to evaluate with yet, and dropout is not for measuring.
            let losses = [Tape::train, |_| Tape::new()].map(|tape| {
                let parts = batches(&some, batch).zip(batches(&some_labels, batch));
                let of = |(x, labels): (Tensor<T>, Tensor<i64>)| {
                    CrossEntropy::new().of((self.forward)(tape(0).var(x)), &labels).item().to_f64()
                };
                parts.map(of).sum::<f64>() / some_labels.count().div_ceil(batch) as f64
            });
            let loss = losses[0].min(losses[1]);
            checks.push(super::initial_loss(loss, classes));
            if let Some(penalty) = &self.penalty {
                checks.push(super::regularisation(loss, loss + penalty(&tape).item().to_f64()));
            }
            checks.extend(self.gradients());
            let size = size(&tape) * self.batch.unwrap_or(FEW) / batch.min(some_labels.count()).max(1);
            checks.extend((size < SMALL).then(|| fits(self.model, &*self.forward, x, labels, self.batch)));
        }
        Checks(checks)
    }

    /// How many examples to measure the loss on.
    #[track_caller]
    fn enough(&self) -> usize {
        let (_, x, labels) = few(self.training.0, self.training.1, FOR_GRADIENTS, self.batch);
        let tape = Tape::new();
        (self.forward)(tape.var(x));
        (LARGE / (size(&tape) / labels.count().max(1)).max(1)).clamp(FOR_GRADIENTS, FOR_LOSS)
    }

    #[track_caller]
    fn gradients(&self) -> Option<Check> {
        let (_, x, labels) = few(self.training.0, self.training.1, FOR_GRADIENTS, self.batch);
        gradients_of(self.model, |tape| CrossEntropy::new().of((self.forward)(tape.var(&x)), &labels))
    }
}

/// The check of the gradients of what `record` records; none of a large model.
#[track_caller]
pub(crate) fn gradients_of<T: Float>(
    model: &(impl Module<T> + ?Sized),
    record: impl for<'t> Fn(&'t Tape<T>) -> Var<'t, T>,
) -> Option<Check> {
    let _restored = Restored::new(model);
    // Off the kinks: where biases start at 0, a relu of nothing lies on one.
    let mut rng = Rng::seed(0);
    for param in model.params().values() {
        let value = param.value();
        if value.iter().all(|v| Some(v) == value.iter().next()) {
            param.set(value + Tensor::normal(param.shape(), T::ZERO, T::from_f64(0.05), &mut rng));
        }
    }
    let tape = Tape::train(0);
    let loss = record(&tape);
    // Every parameter is moved some hundred times.
    let work = size(&tape) * model.params().len();
    (work < 10 * SMALL).then(|| super::gradients(loss, model))
}

/// A recording of fewer elements takes about a hundredth of a second.
const SMALL: usize = 4_000_000;

/// The number of elements on a tape.
fn size<T: Float>(tape: &Tape<T>) -> usize {
    tape.listing().entries.iter().map(|entry| entry.shape.count()).sum()
}

/// Parts of so many rows, the last one of fewer.
fn batches<T: Element>(x: &Tensor<T>, size: usize) -> impl Iterator<Item = Tensor<T>> + '_ {
    let rows = x.shape().first().copied().unwrap_or(0);
    (0..rows).step_by(size).map(move |start| x.slice(0, start as isize..(start + size).min(rows) as isize))
}

/// The check of what the first layer takes in, which need not be what the model does, for `x` in batches of
/// this size.
pub(crate) fn inputs_of<T: Float>(
    x: &Tensor<T>,
    batch: usize,
    forward: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>,
) -> Check {
    let taken = |x: Tensor<T>| taken_in(forward(Tape::new().var(&x))).map_or(x, Var::value);
    let taken: Vec<Tensor<T>> = batches(x, batch).map(taken).collect();
    match &taken[..] {
        [] => super::scaled(x),
        [taken] => super::scaled(taken),
        taken => super::scaled(&Tensor::concat(&taken.iter().collect::<Vec<_>>(), 0)),
    }
}

/// What the first layer takes in: the first value that meets a parameter or buffer. A model may scale
/// its inputs itself.
fn taken_in<T: Float>(scores: Var<'_, T>) -> Option<Var<'_, T>> {
    let entries = scores.tape().listing().entries;
    let mut of_state = vec![false; entries.len()];
    let mut of_data = vec![false; entries.len()];
    for (i, entry) in entries.iter().enumerate() {
        if entry.op == "leaf" {
            (of_state[i], of_data[i]) = (entry.label.is_some(), entry.label.is_none());
        }
        let meets = entry.inputs.iter().any(|&input| of_state[input]);
        let met = entry.inputs.iter().find(|&&input| of_data[input] && !of_state[input]);
        if let Some(&met) = met.filter(|_| meets) {
            return Some(scores.tape().at(met));
        }
        of_state[i] |= meets;
        of_data[i] |= entry.inputs.iter().any(|&input| of_data[input]);
    }
    None
}

/// What several checks found; it prints as a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks(pub Vec<Check>);

impl Checks {
    /// Whether all of them are good.
    pub fn are_good(&self) -> bool {
        self.iter().all(|check| check.verdict == Verdict::Good)
    }
}

impl Deref for Checks {
    type Target = [Check];

    fn deref(&self) -> &[Check] {
        &self.0
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, check) in self.iter().enumerate() {
            write!(f, "{}{check}", if i > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}
