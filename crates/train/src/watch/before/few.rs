//! Can the model learn anything at all?

use wengert_autograd::{Tape, Var};
use wengert_nn::{Adam, CrossEntropy, Module, Optimizer};
use wengert_tensor::{Float, Tensor};

use super::{About, Check};
use crate::accuracy;

/// So many examples are to be fitted.
pub(super) const FEW: usize = 20;
const STEPS: u64 = 200;
/// As good as zero: the right class has a probability of 98 %.
const ZERO: f64 = 0.02;

/// Whether the model can fit a few examples to a loss of zero and an accuracy of 1, which says that
/// inputs, model, loss and gradients hang together. Up to 20 of the rows are taken, at even
/// distances; regularisation other than that of the model itself is left out. Afterwards the
/// model is as it was. A model of fewer parameters than examples need not be able to.
///
/// `forward` makes scores of inputs, with the classes on the last axis.
///
/// ```
/// use wengert_nn::{Layer, Linear, Module};
/// use wengert_tensor::Rng;
/// use wengert_train::before::{Verdict, fits_few};
/// use wengert_train::digits;
///
/// let net = Linear::<f32>::new(64, 10, &mut Rng::seed(0));
/// let (before, data) = (net.state_dict(), digits());
/// let check = fits_few(&net, |x| net.forward(x / 16.0), data.features(), data.labels());
/// assert_eq!(check.verdict, Verdict::Good);
/// assert_eq!(net.state_dict(), before);
/// ```
/// # Panics
/// If the numbers of rows differ, or the model panics.
#[track_caller]
pub fn fits_few<T: Float>(
    model: &(impl Module<T> + ?Sized),
    forward: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>,
    x: &Tensor<T>,
    labels: &Tensor<i64>,
) -> Check {
    fits(model, &forward, x, labels, None)
}

/// The same with a model that takes batches of this size.
#[track_caller]
pub(super) fn fits<T: Float>(
    model: &(impl Module<T> + ?Sized),
    forward: &(impl for<'t> Fn(Var<'t, T>) -> Var<'t, T> + ?Sized),
    x: &Tensor<T>,
    labels: &Tensor<i64>,
    batch: Option<usize>,
) -> Check {
    let (rows, x, labels) = few(x, labels, FEW, batch);
    let _restored = Restored::new(model);
    let mut best = Fit { loss: f64::INFINITY, accuracy: 0.0, step: 0 };
    // What is too fast for one model is too slow for another.
    for lr in [0.01, 0.001, 0.1] {
        let _restored = Restored::new(model);
        let mut optimizer = Adam::new(model, lr);
        for step in 0..STEPS {
            let tape = Tape::train(step);
            let scores = forward(tape.var(&x));
            let loss = CrossEntropy::new().of(scores, &labels);
            tape.expect([scores]);
            if optimizer.step(&loss.backward()).is_err() || !loss.item().is_finite() {
                break;
            }
            best.keep(step, scores, loss, &labels);
            if step % 10 == 9 {
                // Without dropout, which the model may have.
                let tape = Tape::new();
                let scores = forward(tape.var(&x));
                best.keep(step + 1, scores, CrossEntropy::new().of(scores, &labels), &labels);
            }
            if best.is_perfect() {
                let found = format!("{rows} are fitted in {} steps, to a loss of {:.3}", best.step, best.loss);
                return Check::good(About::Few, found);
            }
        }
    }
    let Fit { loss, accuracy, .. } = best;
    let params: usize = model.params().values().map(|param| param.shape().count()).sum();
    if params < rows && loss.is_finite() {
        return Check::good(
            About::Few,
            format!("{rows} are more than {params} parameters can fit: the loss stays at {loss:.3}"),
        );
    }
    let found =
        format!("{rows} cannot be fitted in {STEPS} steps: the loss stays at {loss:.3}, the accuracy at {accuracy:.2}");
    let advice = "before anything else, make the model fit them: see that outputs are scores, that no gradient is cut \
                  off or wrong, that units are alive, and that equal inputs have equal labels; then give it more capacity";
    Check::bad(About::Few, found, advice)
}

/// How well the examples are fitted at best.
struct Fit {
    loss: f64,
    accuracy: f64,
    step: u64,
}

impl Fit {
    fn keep<T: Float>(&mut self, step: u64, scores: Var<'_, T>, loss: Var<'_, T>, labels: &Tensor<i64>) {
        let loss = loss.item().to_f64();
        if loss < self.loss {
            let accuracy = accuracy(&scores.value().argmax(-1), labels);
            *self = Self { loss, accuracy, step };
        }
    }

    fn is_perfect(&self) -> bool {
        self.loss < ZERO && self.accuracy == 1.0
    }
}

/// Up to `count` rows at even distances, which in sorted data are of many classes, and how many; repeated
/// to make a batch, if its size is given.
#[track_caller]
pub(super) fn few<T: Float>(
    x: &Tensor<T>,
    labels: &Tensor<i64>,
    count: usize,
    batch: Option<usize>,
) -> (usize, Tensor<T>, Tensor<i64>) {
    let rows = labels.shape().first().copied().unwrap_or(0);
    assert!(x.shape().first() == Some(&rows), "inputs of shape {} for labels of shape {}", x.shape(), labels.shape());
    let count = count.min(rows).min(batch.unwrap_or(count));
    let size = if count > 0 { batch.unwrap_or(count) } else { 0 };
    let chosen: Tensor<i64> = (0..size).map(|i| (i % count * rows / count) as i64).collect();
    (count, x.index_select(0, &chosen), labels.index_select(0, &chosen))
}

/// Gives a model its values back when it is dropped, also when the model panics.
pub(in crate::watch) struct Restored<'m, T: Float, M: Module<T> + ?Sized> {
    model: &'m M,
    params: Vec<Tensor<T>>,
    buffers: Vec<Tensor<T>>,
}

impl<'m, T: Float, M: Module<T> + ?Sized> Restored<'m, T, M> {
    pub(in crate::watch) fn new(model: &'m M) -> Self {
        let params = model.params().values().map(|param| param.value()).collect();
        let buffers = model.buffers().values().map(|buffer| buffer.value()).collect();
        Self { model, params, buffers }
    }
}

impl<T: Float, M: Module<T> + ?Sized> Drop for Restored<'_, T, M> {
    fn drop(&mut self) {
        self.model.params().values().zip(&self.params).for_each(|(param, value)| param.set(value));
        self.model.buffers().values().zip(&self.buffers).for_each(|(buffer, value)| buffer.set(value));
    }
}
