//! What the normalisations share.

use wengert_autograd::{Param, Var};
use wengert_tensor::Float;

/// (x − mean) / √(variance + ε) over some axes, with the biased variance.
#[track_caller]
pub(super) fn standardized<'t, T: Float>(x: Var<'t, T>, axes: &[isize], eps: f64) -> Var<'t, T> {
    let centred = x - x.mean_keep(axes);
    centred / (centred.square().mean_keep(axes) + eps).sqrt()
}

/// y·γ + β, of those that there are, with one value a channel, which is axis 1.
#[track_caller]
pub(super) fn scaled_by_channel<'t, T: Float>(
    mut y: Var<'t, T>,
    weight: &Option<Param<T>>,
    bias: &Option<Param<T>>,
) -> Var<'t, T> {
    if let Some(weight) = weight {
        y = y * on_axis_1(weight.on(y.tape()), y.rank());
    }
    if let Some(bias) = bias {
        y = y + on_axis_1(bias.on(y.tape()), y.rank());
    }
    y
}

/// A value per channel as `[1, channels, 1, …]`, to stand beside an input of that many axes.
#[track_caller]
pub(super) fn on_axis_1<T: Float>(v: Var<'_, T>, rank: usize) -> Var<'_, T> {
    let mut shape = vec![1; rank];
    shape[1] = v.count();
    v.reshape(shape)
}

/// What is added to a variance, if it can be.
#[track_caller]
pub(super) fn checked_eps(op: &str, eps: f64) -> f64 {
    assert!(eps >= 0.0 && eps.is_finite(), "{op}: eps {eps} is not a finite number from 0 up");
    eps
}
