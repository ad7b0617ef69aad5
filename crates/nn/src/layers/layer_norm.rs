//! Layer normalisation.

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Shape, Tensor};

use super::normalize::{checked_eps, standardized};
use super::{check_end, plus};
use crate::{Layer, Module, Summary};

/// (x − mean) / √(variance + ε) · γ + β over the last axes: Ba et al., "Layer normalization"
/// (2016), eq. 4.
///
/// The axes that it goes over are the last ones of `x`, of given sizes; γ (`weight`), β (`bias`)
/// have one value for each element of them and start as 1 and 0.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Layer, LayerNorm};
/// use wengert_tensor::tensor;
///
/// let norm = LayerNorm::new(2).eps(0.0);
/// let tape = Tape::<f32>::new();
/// let y = norm.forward(tape.var(tensor![[1.0, 3.0], [10.0, 30.0]]));
/// assert_eq!(y.value(), tensor![[-1.0, 1.0], [-1.0, 1.0]]);
/// assert_eq!(norm.to_string(), "LayerNorm([2], 4 parameters)");
/// ```
#[derive(Module)]
pub struct LayerNorm<T: Float = f32> {
    /// γ, the scale, of the shape of the axes.
    pub weight: Option<Param<T>>,
    /// β, the shift, of the shape of the axes.
    pub bias: Option<Param<T>>,
    #[module(skip)]
    shape: Shape,
    eps: f64,
}

impl<T: Float> LayerNorm<T> {
    /// A layer over last axes of these sizes.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let weight = Some(Param::new("weight", Tensor::ones(&shape)));
        let bias = Some(Param::new("bias", Tensor::zeros(&shape)));
        Self { weight, bias, shape, eps: 1e-5 }
    }

    /// What is added to the variance; 1e-5 unless told.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps: checked_eps("layer_norm", eps), ..self }
    }

    /// Leaves β out.
    pub fn no_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// Leaves γ and β out.
    pub fn no_affine(self) -> Self {
        Self { weight: None, bias: None, ..self }
    }
}

/// The last axes, counted from the back, if their sizes are those of `shape`.
#[track_caller]
pub(super) fn last_axes(op: &str, x: &Shape, shape: &Shape) -> Vec<isize> {
    assert!(!shape.is_empty(), "{op}: a layer over no axes");
    check_end(op, x, shape);
    (-(shape.len() as isize)..0).collect()
}

impl<T: Float> Layer<T> for LayerNorm<T> {
    /// # Panics
    /// If the last axes of `x` have other sizes.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let axes = last_axes("layer_norm", &x.shape(), &self.shape);
        let mut y = standardized(x, &axes, self.eps);
        if let Some(weight) = &self.weight {
            y = y * weight;
        }
        Summary::note(self, plus(y, &self.bias))
    }
}

impl<T: Float> fmt::Display for LayerNorm<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LayerNorm({}, {} parameters)", self.shape, self.param_count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_layer, message_of};
    use wengert_autograd::Tape;
    use wengert_tensor::{Rng, tensor};

    #[test]
    fn gradients() {
        let mut rng = Rng::seed(5);
        let norm = LayerNorm::<f64>::new([3, 2]);
        norm.weight.as_ref().unwrap().set(Tensor::normal([3, 2], 1.0, 0.5, &mut rng));
        let x = Tensor::normal([2, 3, 2], 1.0, 2.0, &mut rng);
        check_layer(&norm, &x);
        check_layer(&norm.no_bias(), &x);
        check_layer(&LayerNorm::new(2).no_affine(), &x);
    }

    #[test]
    fn one_value_is_its_mean() {
        let tape = Tape::<f64>::new();
        let x = tape.var(tensor![[5.0], [1e30]]);
        let y = LayerNorm::new(1).forward(x);
        assert_close(&y.value(), &tensor![[0.0], [0.0]], 0.0);
        assert_close(&y.sum(..).grad([x])[0].value(), &tensor![[0.0], [0.0]], 0.0);
    }

    /// In `f32`, against `f64`.
    #[test]
    fn a_large_mean_does_not_swallow_the_digits() {
        let x: Tensor<f32> = Tensor::normal([4, 512], 1e6, 1.0, &mut Rng::seed(1));
        let y = LayerNorm::new(512).forward(Tape::new().var(&x)).value();
        let exact = LayerNorm::new(512).forward(Tape::new().var(x.cast::<f64>())).value();
        y.cast::<f64>().assert_close(&exact, 1e-5, 1e-6);
    }

    #[test]
    fn other_sizes_are_refused() {
        let forward = |shape: &[usize], x: &[usize]| {
            message_of(|| _ = LayerNorm::<f32>::new(shape).forward(Tape::new().var(Tensor::zeros(x))))
        };
        assert_eq!(forward(&[3], &[3, 2]), "layer_norm: the input's shape [3, 2] should end with [3]");
        assert_eq!(forward(&[2, 3], &[3]), "layer_norm: the input's shape [3] should end with [2, 3]");
        assert_eq!(forward(&[], &[3]), "layer_norm: a layer over no axes");
        assert!(message_of(|| drop(LayerNorm::<f32>::new(2).eps(f64::NAN))).contains("eps NaN"));
    }
}
