//! Root mean square normalisation.

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Shape, Tensor};

use super::layer_norm::last_axes;
use super::normalize::checked_eps;
use crate::{Layer, Module, Summary};

/// x / √(mean of x² + ε) · g over the last axes: Zhang & Sennrich, "Root mean square layer
/// normalization" (2019), eq. 4.
///
/// The axes that it goes over are the last ones of `x`, of given sizes; g (`weight`) has one value
/// for each element of them and starts as 1. ε is the distance from 1 to the next larger number
/// unless told.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Layer, RmsNorm};
/// use wengert_tensor::tensor;
///
/// let norm = RmsNorm::new(2).eps(0.0);
/// let tape = Tape::<f32>::new();
/// assert_eq!(norm.forward(tape.var(tensor![[3.0, -3.0]])).value(), tensor![[1.0, -1.0]]);
/// assert_eq!(norm.to_string(), "RmsNorm([2], 2 parameters)");
/// ```
#[doc(alias = "RMSNorm")]
#[derive(Module)]
pub struct RmsNorm<T: Float = f32> {
    /// g, the scale, of the shape of the axes.
    pub weight: Option<Param<T>>,
    #[module(skip)]
    shape: Shape,
    eps: f64,
}

impl<T: Float> RmsNorm<T> {
    /// A layer over last axes of these sizes.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let weight = Some(Param::new("weight", Tensor::ones(&shape)));
        Self { weight, shape, eps: T::EPSILON.to_f64() }
    }

    /// What is added to the mean of the squares.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps: checked_eps("rms_norm", eps), ..self }
    }

    /// Leaves g out.
    pub fn no_affine(self) -> Self {
        Self { weight: None, ..self }
    }
}

impl<T: Float> Layer<T> for RmsNorm<T> {
    /// # Panics
    /// If the last axes of `x` have other sizes.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let axes = last_axes("rms_norm", &x.shape(), &self.shape);
        let mut y = x / (x.square().mean_keep(&axes[..]) + self.eps).sqrt();
        if let Some(weight) = &self.weight {
            y = y * weight;
        }
        Summary::note(self, y)
    }
}

impl<T: Float> fmt::Display for RmsNorm<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RmsNorm({}, {} parameters)", self.shape, self.param_count())
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
        let norm = RmsNorm::<f64>::new(3);
        norm.weight.as_ref().unwrap().set(tensor![1.5, -0.5, 2.0]);
        let x = Tensor::normal([2, 2, 3], 1.0, 2.0, &mut rng);
        check_layer(&norm, &x);
        check_layer(&RmsNorm::new([2, 3]).no_affine(), &x);
    }

    #[test]
    fn other_sizes_are_refused() {
        let message = message_of(|| _ = RmsNorm::<f32>::new(3).forward(Tape::new().var(Tensor::zeros([3, 2]))));
        assert_eq!(message, "rms_norm: the input's shape [3, 2] should end with [3]");
    }
}
