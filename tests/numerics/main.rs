//! What every operation must return: accuracy, conventions where mathematics leaves a choice, and
//! what is refused. The golden file holds more cases; here each promise stands by itself.

mod accuracy;
mod conventions;
#[path = "../golden/guard.rs"]
mod guard;
mod refusals;
mod sums;
#[path = "../../benches/accuracy/sweep.rs"]
mod sweep;
mod table;

use wengert::prelude::*;

/// The value of `f` at `x`, and the gradient of its sum.
fn at(f: impl for<'t> FnOnce(Var<'t, f64>) -> Var<'t, f64>, x: Tensor<f64>) -> [Tensor<f64>; 2] {
    let tape = Tape::new();
    let x = tape.var(x);
    let y = f(x);
    let [dx] = y.sum(..).grad([x]);
    [y.value(), dx.value()]
}

/// [`at`] a number.
fn at_point(f: impl for<'t> FnOnce(Var<'t, f64>) -> Var<'t, f64>, x: f64) -> [f64; 2] {
    at(f, x.into()).map(|y| y.item())
}

/// How far `got` is from `want`, relative to it.
fn off(got: f64, want: f64) -> f64 {
    (got - want).abs() / want.abs()
}

/// The benchmark `accuracy` looks more closely.
#[test]
fn functions_of_single_precision_to_a_few_units_in_the_last_place() {
    for row in &sweep::ROWS {
        let sweep::Worst { error, at } = sweep::worst(row, 49_999);
        assert!(error <= row.bound, "{} is {error} units off at {at:e}, promised are {}", row.name, row.bound);
    }
}
