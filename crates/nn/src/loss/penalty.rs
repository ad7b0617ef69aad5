//! Regularisation: penalties on the size of parameters, and a limit to it.

use wengert_autograd::{Param, Tape, Var};
use wengert_tensor::Float;

use crate::Module;
use crate::optim::non_negative;

/// The sum of |p| over all parameters of `module` that are not frozen: the lasso, Tibshirani,
/// "Regression shrinkage and selection via the lasso" (1996).
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::l1_penalty;
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![3.0, -4.0]);
/// let tape = Tape::train(0);
/// assert_eq!(l1_penalty(&w, &tape).item(), 7.0); // loss = loss + l1_penalty(&net, &tape) * 1e-4
/// ```
#[track_caller]
pub fn l1_penalty<'t, T: Float>(module: &(impl Module<T> + ?Sized), tape: &'t Tape<T>) -> Var<'t, T> {
    let mut sum = tape.scalar(0.0);
    for (_, p) in active(module, tape) {
        sum = sum + p.abs().sum(..);
    }
    sum
}

/// The sum of p² over all parameters of `module` that are not frozen. λ times it does for plain
/// gradient descent what a weight decay of 2λ does.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Selection, l2_penalty};
/// use wengert_tensor::tensor;
///
/// let net = (Param::<f64>::new("w", tensor![3.0, -4.0]), Param::new("b", tensor![1.0]));
/// let tape = Tape::train(0);
/// assert_eq!(l2_penalty(&net, &tape).item(), 26.0);
/// assert_eq!(l2_penalty(&Selection::new(&net, "0"), &tape).item(), 25.0);
/// ```
#[track_caller]
pub fn l2_penalty<'t, T: Float>(module: &(impl Module<T> + ?Sized), tape: &'t Tape<T>) -> Var<'t, T> {
    let mut sum = tape.scalar(0.0);
    for (_, p) in active(module, tape) {
        sum = sum + p.square().sum(..);
    }
    sum
}

/// The sum of l1·|p| + l2·p² over all parameters of `module` that are not frozen: the elastic
/// net, Zou & Hastie, "Regularization and variable selection via the elastic net" (2005).
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::elastic_penalty;
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![3.0, -4.0]);
/// assert_eq!(elastic_penalty(&w, &Tape::train(0), 1.0, 0.5).item(), 19.5);
/// ```
#[track_caller]
pub fn elastic_penalty<'t, T: Float>(
    module: &(impl Module<T> + ?Sized),
    tape: &'t Tape<T>,
    l1: f64,
    l2: f64,
) -> Var<'t, T> {
    let mut sum = tape.scalar(0.0);
    for (_, p) in active(module, tape) {
        sum = sum + (p.abs() * l1 + p.square() * l2).sum(..);
    }
    sum
}

/// The parameters that are not frozen, on a tape.
#[track_caller]
fn active<'t, T: Float>(module: &(impl Module<T> + ?Sized), tape: &'t Tape<T>) -> Vec<(Param<T>, Var<'t, T>)> {
    let mut active = Vec::new();
    for param in module.params().into_values().filter(|param| !param.is_frozen()) {
        let p = param.on(tape);
        active.push((param, p));
    }
    active
}

/// Records that what enters each unit becomes no longer than `max` when the tape is committed:
/// for every parameter of `module` with two axes or more that is not frozen, each slice along
/// axis 0 with a norm above `max` is multiplied by max/(norm + 1e-7), as PyTorch's `renorm`.
/// Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting"
/// (2014), section 5.1.
///
/// ```
/// use wengert_autograd::{Param, Tape};
/// use wengert_nn::{Optimizer, Sgd, max_norm};
/// use wengert_tensor::tensor;
///
/// let w = Param::<f64>::new("w", tensor![[3.0, 4.0], [0.3, 0.4]]);
/// let mut optimizer = Sgd::new(&w, 0.0);
/// let tape = Tape::train(0);
/// optimizer.record(&w.on(&tape).sum(..).backward())?;
/// max_norm(&w, &tape, 2.5);
/// tape.commit(); // the step and the projection in one run
/// w.value().assert_close(&tensor![[1.5, 2.0], [0.3, 0.4]], 1e-7, 0.0);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
/// # Panics
/// If `max` is negative or not finite.
#[track_caller]
pub fn max_norm<T: Float>(module: &(impl Module<T> + ?Sized), tape: &Tape<T>, max: f64) {
    let max = non_negative("max_norm", "max", max);
    for (param, p) in active(module, tape).into_iter().filter(|(_, p)| p.rank() > 1) {
        let axes: Vec<isize> = (1..p.rank() as isize).collect();
        let norm = p.norm_keep(&axes[..], 2.0);
        let shorter = norm.gt(max).where_(max / (norm + 1e-7), 1.0);
        param.assign(p * shorter);
    }
}
