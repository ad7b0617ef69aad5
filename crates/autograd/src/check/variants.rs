//! Other shapes than those of the samples, and whether an operation accepts them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use wengert_tensor::{Shape, Tensor};

/// Inputs of other shapes, made of the samples, each with what is special about it: axes that have
/// one size among the samples keep having one size, and single inputs lose or gain axes, for
/// operations that broadcast.
pub(super) fn variants<const N: usize>(samples: &[Tensor<f64>; N]) -> Vec<(&'static str, [Tensor<f64>; N])> {
    let mut found: Vec<(&'static str, [Tensor<f64>; N])> = Vec::new();
    let mut add = |what, x: [Tensor<f64>; N]| {
        let same = |y: &[Tensor<f64>; N]| x.iter().zip(y).all(|(x, y)| x.shape() == y.shape());
        if !same(samples) && !found.iter().any(|(_, y)| same(y)) {
            found.push((what, x));
        }
    };
    let mut sizes: Vec<usize> = samples.iter().flat_map(|x| x.shape().to_vec()).filter(|&size| size > 0).collect();
    sizes.sort_unstable();
    sizes.dedup();
    if samples.iter().all(|x| x.count() > 0) {
        add("no axes", samples.each_ref().map(first));
    }
    for &size in &sizes {
        add("no elements", samples.each_ref().map(|x| cut(x, |_, have| have == size, 0)));
    }
    for &size in sizes.iter().filter(|&&size| size > 1) {
        add("size 1", samples.each_ref().map(|x| cut(x, |_, have| have == size, 1)));
    }
    if N > 1 {
        for k in 0..N {
            let with = |x: Tensor<f64>| {
                let mut changed = samples.clone();
                changed[k] = x;
                changed
            };
            let x = &samples[k];
            for axis in 0..x.rank() {
                add("broadcast", with(cut(x, |which, _| which == axis, 1)));
            }
            if x.rank() > 0 && x.count() > 0 {
                add("broadcast", with(x.select(0, 0)));
                add("broadcast", with(first(x)));
            }
            add("broadcast", with(twice(x)));
        }
    }
    add("one axis more", samples.each_ref().map(twice));
    found
}

/// The first element, without axes.
fn first(x: &Tensor<f64>) -> Tensor<f64> {
    Tensor::scalar(x.iter().next().expect("it has elements"))
}

/// The first `size` of each axis that `chosen` picks by number and size.
fn cut(x: &Tensor<f64>, chosen: impl Fn(usize, usize) -> bool, size: usize) -> Tensor<f64> {
    let axes = x.shape().to_vec().into_iter().enumerate().filter(|&(axis, have)| have > size && chosen(axis, have));
    axes.fold(x.clone(), |x, (axis, _)| x.slice(axis as isize, ..size)).contiguous()
}

/// With a new first axis of size 2: itself, and its elements in the opposite order.
fn twice(x: &Tensor<f64>) -> Tensor<f64> {
    let values = x.iter().chain(x.flip(..).iter()).collect();
    let shape: Shape = [2].into_iter().chain(x.shape().to_vec()).collect();
    Tensor::from_vec(values, shape)
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// The result, or the message of the panic that `f` ended with, which prints nothing.
pub(super) fn quietly<R>(f: impl FnOnce() -> R) -> Result<R, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    QUIET.set(before);
    result.map_err(|payload| match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast_ref::<&str>().map_or_else(String::new, |message| (*message).to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use wengert_tensor::tensor;

    use super::*;

    #[test]
    fn linked_axes_stay_linked_and_single_inputs_broadcast() {
        let samples = [Tensor::<f64>::zeros([2, 3]), Tensor::zeros([3])];
        let shapes: Vec<String> =
            variants(&samples).iter().map(|(_, [a, b])| format!("{} {}", a.shape(), b.shape())).collect();
        for expected in ["[] []", "[0, 3] [3]", "[2, 0] [0]", "[2, 1] [1]", "[2, 1] [3]", "[3] [3]", "[2, 3] []"] {
            assert!(shapes.iter().any(|shapes| shapes == expected), "{expected} is not among {shapes:?}");
        }
        assert!(shapes.iter().any(|shapes| shapes == "[2, 2, 3] [2, 3]"), "{shapes:?}");
        let [(_, [x]), ..] = &variants(&[tensor![5.0, 6.0]])[..] else { panic!("there are variants") };
        assert_eq!(*x, Tensor::scalar(5.0));
    }

    #[test]
    fn panics_are_kept_and_not_printed() {
        assert_eq!(quietly(|| 3), Ok(3));
        assert_eq!(quietly(|| -> i32 { panic!("no {}", 7) }), Err("no 7".to_owned()));
        assert_eq!(quietly(|| quietly(|| -> i32 { panic!("inner") })), Ok(Err("inner".to_owned())));
    }
}
