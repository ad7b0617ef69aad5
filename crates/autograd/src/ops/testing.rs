//! What the tests of this folder share.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use wengert_tensor::{Rng, Slice, Tensor};

use crate::{Tape, Var, check};

/// Numbers between −1 and 1, the same for the same shape.
pub(crate) fn numbers(shape: &[usize]) -> Tensor<f64> {
    Tensor::uniform(shape, -1.0..1.0, &mut Rng::seed(7))
}

/// Puts an operation through the checks of [`check::op`]: derivatives to second order, strided and
/// repeated inputs.
#[track_caller]
pub(crate) fn gradients<const N: usize>(f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>, at: [Tensor<f64>; N]) {
    check::op(f, at).assert_ok();
}

/// The gradient of the sum of `f`, by value.
pub(super) fn slope(f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>, x: &Tensor<f64>) -> Tensor<f64> {
    let tape = Tape::new();
    let x = tape.var(x);
    f(x).sum(..).grad([x])[0].value()
}

/// The message that `f` panics with.
pub(crate) fn message_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    *payload.downcast::<String>().expect("panics carry a formatted message")
}

/// Tensors of 0 to 3 axes of 0 to 4, counting upwards, some of them permuted, reversed, cut or
/// repeated.
pub(super) fn any_tensor() -> impl Strategy<Value = Tensor<f64>> {
    let axis = (0usize..5, 0u8..4);
    (prop::collection::vec(axis, 0..4), any::<bool>()).prop_map(|(axes, reverse)| {
        let stored: Vec<usize> =
            axes.iter().map(|&(size, how)| if how == 3 { 1 } else { size * (how as usize + 1) }).collect();
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
        if reverse { x.permute(order.into_iter().rev().collect::<Vec<_>>().as_slice()) } else { x }
    })
}
