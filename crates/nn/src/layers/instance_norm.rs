//! Instance normalisation.

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Tensor};

use super::normalize::{checked_eps, scaled_by_channel, standardized};
use crate::{Layer, Module, Summary};

/// (x − mean) / √(variance + ε) over every channel of every image by itself: Ulyanov et al.,
/// "Instance normalization" (2016), eq. 5.
///
/// `x` has the shape `[batch, channels, …]` with at least one further axis. It has no parameters
/// unless told.
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
    channels: usize,
    eps: f64,
}

impl<T: Float> InstanceNorm<T> {
    /// A layer of this many channels.
    pub fn new(channels: usize) -> Self {
        Self { weight: None, bias: None, channels, eps: 1e-5 }
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
    pub fn affine(self) -> Self {
        let weight = Some(Param::new("weight", Tensor::ones([self.channels])));
        let bias = Some(Param::new("bias", Tensor::zeros([self.channels])));
        Self { weight, bias, ..self }
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
        let axes: Vec<isize> = (2..shape.len() as isize).collect();
        let y = standardized(x, &axes, self.eps);
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
