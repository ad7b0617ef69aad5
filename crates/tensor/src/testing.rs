//! What the tests of this crate share.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;

use proptest::prelude::*;

use crate::{Element, Slice, Tensor};

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
    thread_local!(static LINE: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    let _one_at_a_time = HOOK.lock().unwrap_or_else(|e| e.into_inner());
    let before = panic::take_hook();
    panic::set_hook(Box::new(|info| LINE.set(info.location().map_or(0, |l| l.line()))));
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    panic::set_hook(before);
    assert!(result.is_err(), "it should panic");
    LINE.get()
}

/// Tensors of 0 to 3 axes of 0 to 4, counting upwards, under all kinds of strides.
pub(crate) fn any_layout<T: Element>() -> impl Strategy<Value = Tensor<T>> {
    let axis = (0usize..5, 1isize..3, any::<bool>(), any::<bool>());
    (prop::collection::vec(axis, 0..4), any::<prop::sample::Index>()).prop_map(|(axes, rotate)| {
        // Every axis starts larger, and is then cut, reversed, or repeated from one index.
        let sizes: Vec<usize> =
            axes.iter().map(|&(size, step, _, repeat)| if repeat { 1 } else { size * step as usize + 1 }).collect();
        let count: usize = sizes.iter().product();
        let mut t = Tensor::from_vec((0..count).map(|i| T::from_f64(i as f64)).collect(), sizes);
        for (axis, &(size, step, reverse, repeat)) in axes.iter().enumerate() {
            let axis_i = axis as isize;
            if repeat {
                let mut shape = t.shape().clone();
                shape.sizes_mut()[axis] = size;
                t = t.expand(shape);
            } else {
                t = t.slice(axis_i, Slice::from(1..).step(step));
            }
            if reverse {
                t = t.flip(axis_i);
            }
        }
        let rank = t.rank();
        let order: Vec<isize> = (0..rank).map(|a| ((a + rotate.index(rank)) % rank) as isize).collect();
        t.permute(order.as_slice())
    })
}
