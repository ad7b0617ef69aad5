//! What the tests of this folder share.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use wengert_tensor::{Rng, Slice, Tensor};

use crate::{Tape, Var};

/// Numbers between −1 and 1, the same for the same shape.
pub(super) fn numbers(shape: &[usize]) -> Tensor<f64> {
    Tensor::uniform(shape, -1.0..1.0, &mut Rng::seed(7))
}

/// Compares the derivatives of `f` to second order with central differences.
#[track_caller]
pub(super) fn gradients<const N: usize>(f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>, at: [Tensor<f64>; N]) {
    let loss = |x: &[Tensor<f64>; N]| {
        let tape = Tape::new();
        let y = f(x.each_ref().map(|x| tape.var(x)));
        (y * &numbers(&y.shape())).sum(..).item()
    };
    let slopes = |x: &[Tensor<f64>; N]| {
        let tape = Tape::new();
        let x = x.each_ref().map(|x| tape.var(x));
        let y = f(x);
        y.vjp(&numbers(&y.shape()), x).map(|d| d.value())
    };
    compare("first", loss, &slopes, &at);
    let weighted = |x: &[Tensor<f64>; N]| slopes(x).iter().map(|d| dot(&numbers(d.shape()), d)).sum::<f64>();
    let curvatures = |x: &[Tensor<f64>; N]| {
        let tape = Tape::new();
        let x = x.each_ref().map(|x| tape.var(x));
        let y = f(x);
        let d = y.vjp(&numbers(&y.shape()), x);
        let total = d
            .into_iter()
            .map(|d| (d * &numbers(&d.shape())).sum(..))
            .reduce(|a, b| a + b);
        total.expect("there are inputs").grad(x).map(|d| d.value())
    };
    compare("second", weighted, &curvatures, &at);
}

fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    a.iter().zip(b.iter()).map(|(a, b)| a * b).sum()
}

#[track_caller]
fn compare<const N: usize>(
    order: &str,
    f: impl Fn(&[Tensor<f64>; N]) -> f64,
    derivative: &dyn Fn(&[Tensor<f64>; N]) -> [Tensor<f64>; N],
    at: &[Tensor<f64>; N],
) {
    let found = derivative(at);
    for k in 0..N {
        for i in 0..at[k].count() {
            let moved = |by: f64| {
                let mut at = at.clone();
                at[k].make_mut()[i] += by;
                f(&at)
            };
            let h = 1e-4 * at[k].to_vec()[i].abs().max(1.0);
            // Richardson's extrapolation of the central difference.
            let slope = |h: f64| (moved(h) - moved(-h)) / (2.0 * h);
            let expected = (4.0 * slope(h) - slope(2.0 * h)) / 3.0;
            let got = found[k].to_vec()[i];
            let close = (got - expected).abs() <= 1e-7 * expected.abs().max(1.0);
            assert!(
                close,
                "{order} derivative by element {i} of input {k} is {got}, differences give {expected}"
            );
        }
    }
}

/// The gradient of the sum of `f`, by value.
pub(super) fn slope(f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>, x: &Tensor<f64>) -> Tensor<f64> {
    let tape = Tape::new();
    let x = tape.var(x);
    f(x).sum(..).grad([x])[0].value()
}

/// The message that `f` panics with.
pub(super) fn message_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    *payload.downcast::<String>().expect("panics carry a formatted message")
}

/// Tensors of 0 to 3 axes of 0 to 4, counting upwards, some of them permuted, reversed, cut or
/// repeated.
pub(super) fn any_tensor() -> impl Strategy<Value = Tensor<f64>> {
    let axis = (0usize..5, 0u8..4);
    (prop::collection::vec(axis, 0..4), any::<bool>()).prop_map(|(axes, reverse)| {
        let stored: Vec<usize> = axes
            .iter()
            .map(|&(size, how)| if how == 3 { 1 } else { size * (how as usize + 1) })
            .collect();
        let count = stored.iter().product::<usize>();
        let mut x = Tensor::range(1.0..1.0 + count as f64).reshape(stored);
        for (axis, &(size, how)) in axes.iter().enumerate() {
            let at = axis as isize;
            x = match how {
                0 => x,
                1 => x.slice(at, Slice::from(..).step(2)),
                2 => x.slice(at, Slice::from(..).step(-3)),
                _ => {
                    let mut shape = x.shape().clone();
                    shape.sizes_mut()[axis] = size;
                    x.expand(shape)
                }
            };
        }
        let order: Vec<isize> = (0..x.rank() as isize).collect();
        if reverse {
            x.permute(order.into_iter().rev().collect::<Vec<_>>().as_slice())
        } else {
            x
        }
    })
}
