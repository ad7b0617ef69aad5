//! What the normalisations share.

use wengert_autograd::{Buffer, Param, Var};
use wengert_tensor::Float;

/// (x − mean) / √(variance + ε) over some axes, with the biased variance.
#[track_caller]
pub(super) fn standardized<'t, T: Float>(x: Var<'t, T>, axes: &[isize], eps: f64) -> Var<'t, T> {
    let [centred, _, variance] = moments(x, axes);
    centred / (variance + eps).sqrt()
}

/// x − mean, the mean and the biased variance over some axes, which keep size 1.
#[track_caller]
pub(super) fn moments<'t, T: Float>(x: Var<'t, T>, axes: &[isize]) -> [Var<'t, T>; 3] {
    // The mean is rounded, which for a mean of 10⁶ is much beside a deviation of 1. The mean of
    // the differences puts it right, and carries the gradient of both.
    let mean = x.mean_keep(axes).detach();
    let apart = x - mean;
    let rest = apart.mean_keep(axes);
    let variance = apart.square().mean_keep(axes) - rest.square();
    // Of equal values, rounding may leave less than nothing.
    let variance = variance.lt(0.0).where_(variance - variance.detach(), variance);
    [apart - rest, mean + rest, variance]
}

/// Records that `running` moves towards a statistic of this batch. It is read through the tape,
/// so a layer that is used twice in a step moves it twice.
#[track_caller]
pub(super) fn follow<'t, T: Float>(running: &Buffer<T>, batch: Var<'t, T>, rate: Var<'t, T>) {
    let old = running.on(batch.tape());
    let batch = batch.detach().reshape(old.shape());
    running.assign(old * (1.0 - rate) + batch * rate);
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
