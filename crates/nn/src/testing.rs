//! What the tests of this crate share.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;

use wengert_autograd::check::Check;
use wengert_autograd::{Tape, Var};
use wengert_tensor::{Rng, Tensor};

use crate::Layer;

/// The message that `f` panics with.
pub(crate) fn message_of(f: impl FnOnce()) -> String {
    let payload = panic::catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast_ref::<&str>().expect("panics carry a message").to_string(),
    }
}

/// The source line of the panic of `f`.
pub(crate) fn line_of_panic(f: impl FnOnce()) -> u32 {
    static HOOK: Mutex<()> = Mutex::new(());
    thread_local!(static LINE: Cell<u32> = const { Cell::new(0) });
    let _one_at_a_time = HOOK.lock().unwrap_or_else(|e| e.into_inner());
    let before = panic::take_hook();
    panic::set_hook(Box::new(|info| LINE.set(info.location().map_or(0, |l| l.line()))));
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    panic::set_hook(before);
    assert!(result.is_err(), "it should panic");
    LINE.get()
}

/// Asserts equal shapes and values: NaN as NaN, infinities as such, finite numbers to a
/// relative tolerance, plus 1e-14 near 0; exactly for a tolerance of 0.
#[track_caller]
pub(crate) fn assert_close(got: &Tensor<f64>, want: &Tensor<f64>, tolerance: f64) {
    assert_eq!(got.shape(), want.shape());
    for (i, (g, w)) in got.iter().zip(want.iter()).enumerate() {
        let allowed = if tolerance > 0.0 { 1e-14 + tolerance * w.abs() } else { 0.0 };
        let same = g == w || (g.is_nan() && w.is_nan()) || (g - w).abs() <= allowed;
        assert!(same, "element {i}: {g}, not {w}\n got: {:?}\nwant: {:?}", got.to_vec(), want.to_vec());
    }
}

/// Checks the gradient of a function at `x`, in train mode, against finite differences.
#[track_caller]
pub(crate) fn check(f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>, x: &Tensor<f64>) {
    Check::new().train(1).gradcheck(|[x]| f(x), [x]).assert_ok();
}

/// Checks the gradients of a layer with respect to its input and every parameter, in train mode.
#[track_caller]
pub(crate) fn check_layer(layer: &impl Layer<f64>, x: &Tensor<f64>) {
    check(|x| layer.forward(x), x);
    let tape = Tape::train(1);
    let y = layer.forward(tape.var(x));
    // Weighted, so that no two elements of the output count alike.
    let weights: Tensor<f64> = Tensor::uniform(y.shape(), 0.5..1.5, &mut Rng::seed(99));
    let params = layer.params();
    Check::new().model((y * &weights).sum(..), params.iter().map(|(name, param)| (name.as_str(), param))).assert_ok();
}
