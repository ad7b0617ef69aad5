//! Group normalisation.

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Tensor};

use super::normalize::{checked_eps, scaled_by_channel, standardized};
use crate::{Layer, Module, Summary};

/// (x − mean) / √(variance + ε) · γ + β over groups of channels, each image by itself: Wu & He,
/// "Group normalization" (2018), eq. 1 and 7.
///
/// `x` has the shape `[batch, channels, …]`. γ (`weight`) and β (`bias`) have one value a channel
/// and start as 1 and 0.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{GroupNorm, Layer};
/// use wengert_tensor::tensor;
///
/// let norm = GroupNorm::new(2, 4).eps(0.0);
/// let tape = Tape::<f32>::new();
/// let y = norm.forward(tape.var(tensor![[1.0, 3.0, 10.0, 30.0]]));
/// assert_eq!(y.value(), tensor![[-1.0, 1.0, -1.0, 1.0]]);
/// assert_eq!(norm.to_string(), "GroupNorm(2 groups, 4 channels, 8 parameters)");
/// ```
#[derive(Module)]
pub struct GroupNorm<T: Float = f32> {
    /// γ, the scale, `[channels]`.
    pub weight: Option<Param<T>>,
    /// β, the shift, `[channels]`.
    pub bias: Option<Param<T>>,
    groups: usize,
    channels: usize,
    eps: f64,
}

impl<T: Float> GroupNorm<T> {
    /// A layer of so many channels in so many groups.
    ///
    /// # Panics
    /// If the groups do not divide the channels.
    #[track_caller]
    pub fn new(groups: usize, channels: usize) -> Self {
        let fits = groups > 0 && channels.is_multiple_of(groups);
        assert!(fits, "group_norm: {groups} groups do not divide {channels} channels");
        let weight = Some(Param::new("weight", Tensor::ones([channels])));
        let bias = Some(Param::new("bias", Tensor::zeros([channels])));
        Self { weight, bias, groups, channels, eps: 1e-5 }
    }

    /// What is added to the variance; 1e-5 unless told.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps: checked_eps("group_norm", eps), ..self }
    }

    /// Leaves γ and β out.
    pub fn no_affine(self) -> Self {
        Self { weight: None, bias: None, ..self }
    }
}

impl<T: Float> Layer<T> for GroupNorm<T> {
    /// # Panics
    /// If axis 1 of `x` is not the channels.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let (shape, channels) = (x.shape(), self.channels);
        let fits = shape.len() >= 2 && shape[1] == channels;
        assert!(fits, "group_norm: the input's shape {shape} should be [batch, {channels}, …]");
        let size = channels / self.groups * shape[2..].iter().product::<usize>();
        let grouped = x.reshape([shape[0], self.groups, size]);
        let y = standardized(grouped, &[2], self.eps).reshape(shape);
        Summary::note(self, scaled_by_channel(y, &self.weight, &self.bias))
    }
}

impl<T: Float> fmt::Display for GroupNorm<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (groups, channels, count) = (self.groups, self.channels, self.param_count());
        write!(f, "GroupNorm({groups} groups, {channels} channels, {count} parameters)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_layer, message_of};
    use wengert_autograd::Tape;
    use wengert_tensor::Rng;

    #[test]
    fn gradients() {
        let mut rng = Rng::seed(5);
        let norm = GroupNorm::<f64>::new(2, 4);
        norm.weight.as_ref().unwrap().set(Tensor::normal([4], 1.0, 0.5, &mut rng));
        check_layer(&norm, &Tensor::normal([2, 4, 3], 1.0, 2.0, &mut rng));
        check_layer(&norm.no_affine(), &Tensor::normal([3, 4], 1.0, 2.0, &mut rng));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(message_of(|| drop(GroupNorm::<f32>::new(3, 4))), "group_norm: 3 groups do not divide 4 channels");
        assert_eq!(message_of(|| drop(GroupNorm::<f32>::new(0, 4))), "group_norm: 0 groups do not divide 4 channels");
        let message = message_of(|| _ = GroupNorm::<f32>::new(2, 4).forward(Tape::new().var(Tensor::zeros([4, 2]))));
        assert_eq!(message, "group_norm: the input's shape [4, 2] should be [batch, 4, …]");
    }
}
