//! What the tests of this crate share: naive comparisons and finite differences.

use std::panic::{self, AssertUnwindSafe};

use wengert_autograd::{Tape, Var};
use wengert_tensor::{Rng, Tensor};

use crate::Layer;

/// The message that `f` panics with.
pub(crate) fn message_of(f: impl FnOnce()) -> String {
    let payload = panic::catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload
            .downcast_ref::<&str>()
            .expect("panics carry a message")
            .to_string(),
    }
}

/// Asserts equal shapes and values: NaN as NaN, infinities as such, finite numbers to a
/// relative tolerance.
#[track_caller]
pub(crate) fn assert_close(got: &Tensor<f64>, want: &Tensor<f64>, tolerance: f64) {
    assert_eq!(got.shape(), want.shape());
    for (i, (g, w)) in got.iter().zip(want.iter()).enumerate() {
        let same =
            g == w || (g.is_nan() && w.is_nan()) || (g - w).abs() <= 1e-14 * tolerance.signum() + tolerance * w.abs();
        assert!(
            same,
            "element {i}: {g}, not {w}\n got: {:?}\nwant: {:?}",
            got.to_vec(),
            want.to_vec()
        );
    }
}

/// Compares the gradient of a function with central differences, over all elements of `x`.
#[track_caller]
pub(crate) fn check(f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>, x: &Tensor<f64>) {
    let value = |x: &Tensor<f64>| {
        let tape = Tape::train(1);
        loss(f(tape.var(x))).item()
    };
    let tape = Tape::train(1);
    let v = tape.var(x);
    let [gradient] = loss(f(v)).grad([v]);
    assert_matches_differences(&gradient.value(), x, value);
}

/// Compares the gradients of a layer, with respect to its input and every parameter, with
/// central differences, in train mode.
#[track_caller]
pub(crate) fn check_layer(layer: &impl Layer<f64>, x: &Tensor<f64>) {
    check(|x| layer.forward(x), x);
    for (name, param) in layer.params() {
        let tape = Tape::train(1);
        let gradients = loss(layer.forward(tape.var(x))).backward();
        let gradient = gradients.of(&param, &name).expect("every parameter is used");
        let held = param.value();
        let value = |p: &Tensor<f64>| {
            param.set(p);
            let tape = Tape::train(1);
            loss(layer.forward(tape.var(x))).item()
        };
        assert_matches_differences(&gradient.value(), &held, value);
        param.set(held);
    }
}

/// A sum that weights every element differently.
fn loss(y: Var<'_, f64>) -> Var<'_, f64> {
    let weights: Tensor<f64> = Tensor::uniform(y.shape(), 0.5..1.5, &mut Rng::seed(99));
    (y * &weights).sum(..)
}

#[track_caller]
fn assert_matches_differences(gradient: &Tensor<f64>, x: &Tensor<f64>, f: impl Fn(&Tensor<f64>) -> f64) {
    let values = x.to_vec();
    let differences = (0..values.len()).map(|i| {
        let step = f64::EPSILON.cbrt() * values[i].abs().max(1.0);
        let moved = |by: f64| {
            let mut values = values.clone();
            values[i] += by;
            f(&Tensor::from_vec(values, x.shape()))
        };
        (moved(step) - moved(-step)) / (2.0 * step)
    });
    for (i, (got, want)) in gradient.iter().zip(differences).enumerate() {
        let fits = (got - want).abs() <= 1e-8 * want.abs().max(1.0);
        assert!(fits, "derivative {i} is {got}, but differences give {want}");
    }
}
