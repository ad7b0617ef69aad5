//! Instance normalisation.

use std::fmt;

use wengert_autograd::{Buffer, Param, Var};
use wengert_tensor::{Float, Tensor};

use super::normalize::{checked_eps, follow, moments, on_axis_1, scaled_by_channel};
use crate::{Layer, Module, Summary};

/// (x − mean) / √(variance + ε) over every channel of every image by itself: Ulyanov et al.,
/// "Instance normalization" (2016), eq. 5.
///
/// `x` has the shape `[batch, channels, …]` with at least one further axis. It has no parameters
/// and keeps nothing unless told.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{InstanceNorm, Layer};
/// use wengert_tensor::tensor;
///
/// let norm = InstanceNorm::new(2).eps(0.0);
/// let tape = Tape::<f32>::new();
/// let y = norm.forward(tape.var(tensor![[[1.0, 3.0], [10.0, 30.0]]]));
/// assert_eq!(y.value(), tensor![[[-1.0, 1.0], [-1.0, 1.0]]]);
/// assert_eq!(norm.affine().to_string(), "InstanceNorm(2 channels, 4 parameters)");
/// ```
#[doc(alias = "InstanceNorm1d")]
#[doc(alias = "InstanceNorm2d")]
#[derive(Module)]
pub struct InstanceNorm<T: Float = f32> {
    /// γ, the scale, `[channels]`.
    pub weight: Option<Param<T>>,
    /// β, the shift, `[channels]`.
    pub bias: Option<Param<T>>,
    /// The running mean, `[channels]`.
    pub running_mean: Option<Buffer<T>>,
    /// The running variance, `[channels]`.
    pub running_var: Option<Buffer<T>>,
    /// Kept for the exchange: PyTorch has it too, and counts nothing.
    num_batches_tracked: Option<Buffer<T>>,
    channels: usize,
    momentum: f64,
    eps: f64,
}

impl<T: Float> InstanceNorm<T> {
    /// A layer of this many channels.
    pub fn new(channels: usize) -> Self {
        Self {
            weight: None,
            bias: None,
            running_mean: None,
            running_var: None,
            num_batches_tracked: None,
            channels,
            momentum: 0.1,
            eps: 1e-5,
        }
    }

    /// What is added to the variance; 1e-5 unless told.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps: checked_eps("instance_norm", eps), ..self }
    }

    /// With γ and β, which start as 1 and 0.
    #[track_caller]
    pub fn affine(self) -> Self {
        let weight = Some(Param::new("weight", Tensor::ones([self.channels])));
        let bias = Some(Param::new("bias", Tensor::zeros([self.channels])));
        Self { weight, bias, ..self }
    }

    /// With a running mean and variance, which go as far towards those of each batch, and are used
    /// in evaluate mode: PyTorch's `track_running_stats=True`, with a `momentum` of 0.1 there.
    ///
    /// # Panics
    /// If `momentum` is not a number from 0 to 1.
    #[track_caller]
    pub fn running_statistics(self, momentum: f64) -> Self {
        assert!((0.0..=1.0).contains(&momentum), "instance_norm: momentum {momentum} is not a number from 0 to 1");
        Self {
            running_mean: Some(Buffer::new("running_mean", Tensor::zeros([self.channels]))),
            running_var: Some(Buffer::new("running_var", Tensor::ones([self.channels]))),
            num_batches_tracked: Some(Buffer::new("num_batches_tracked", Tensor::scalar(T::ZERO))),
            momentum,
            ..self
        }
    }
}

impl<T: Float> InstanceNorm<T> {
    /// What `x` differs from the mean of its channel by, and the variance.
    #[track_caller]
    fn statistics<'t>(&self, x: Var<'t, T>) -> [Var<'t, T>; 2] {
        let (shape, tape) = (x.shape(), x.tape());
        let axes: Vec<isize> = (2..shape.len() as isize).collect();
        let count: usize = shape[2..].iter().product();
        let running = self.running_mean.as_ref().zip(self.running_var.as_ref());
        match running {
            Some((mean, variance)) if !tape.is_training() => {
                let [mean, variance] = [mean, variance].map(|kept| on_axis_1(kept.on(tape), shape.len()));
                [x - mean, variance]
            }
            _ => {
                let [centred, mean, variance] = moments(x, &axes);
                if let Some((running_mean, running_var)) = running.filter(|_| shape[0] > 0 && count > 1) {
                    let rate = tape.scalar(self.momentum);
                    follow(running_mean, mean.mean(0), rate);
                    follow(running_var, variance.mean(0) * (count as f64 / (count - 1) as f64), rate);
                }
                [centred, variance]
            }
        }
    }
}

impl<T: Float> Layer<T> for InstanceNorm<T> {
    /// # Panics
    /// If axis 1 of `x` is not the channels, or in train mode a channel has a single value.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let (shape, channels) = (x.shape(), self.channels);
        let fits = shape.len() >= 3 && shape[1] == channels;
        assert!(fits, "instance_norm: the input's shape {shape} should be [batch, {channels}, length, …]");
        let single = x.tape().is_training() && shape[2..].iter().product::<usize>() == 1;
        assert!(!single, "instance_norm: one value a channel has no variance to train with (shape {shape})");
        let [centred, variance] = self.statistics(x);
        let y = centred * (variance + self.eps).rsqrt();
        Summary::note(self, scaled_by_channel(y, &self.weight, &self.bias))
    }
}

impl<T: Float> fmt::Display for InstanceNorm<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstanceNorm({} channels, {} parameters)", self.channels, self.param_count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_layer, message_of};
    use wengert_autograd::Tape;
    use wengert_tensor::{Rng, tensor};

    #[test]
    fn gradients() {
        let mut rng = Rng::seed(5);
        let norm = InstanceNorm::<f64>::new(2).affine();
        norm.weight.as_ref().unwrap().set(tensor![0.5, -2.0]);
        check_layer(&norm, &Tensor::normal([2, 2, 4], 1.0, 2.0, &mut rng));
        check_layer(&InstanceNorm::new(2), &Tensor::normal([1, 2, 2, 3], 1.0, 2.0, &mut rng));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let forward = |shape: &[usize]| {
            message_of(|| _ = InstanceNorm::<f32>::new(2).forward(Tape::train(0).var(Tensor::zeros(shape))))
        };
        assert_eq!(forward(&[3, 2]), "instance_norm: the input's shape [3, 2] should be [batch, 2, length, …]");
        assert_eq!(
            forward(&[3, 2, 1]),
            "instance_norm: one value a channel has no variance to train with (shape [3, 2, 1])"
        );
    }
}
