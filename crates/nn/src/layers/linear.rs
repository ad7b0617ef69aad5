//! The fully connected layer.

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Rng};

use super::{affine_options, check_end, plus};
use crate::{Init, Layer, Module, Summary};

/// x·Wᵀ + b: every output is a weighted sum of all inputs.
///
/// `x` has the shape `[…, inputs]`, the output `[…, outputs]`. The weight is kept as
/// `[outputs, inputs]`, one row an output, as in PyTorch.
///
/// The weight starts as [`Init::he_normal`], fit for a relu to follow, the bias as 0.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Init, Layer, Linear};
/// use wengert_tensor::{Rng, Tensor};
///
/// let mut rng = Rng::seed(0);
/// // A small positive bias keeps every relu alive at the start.
/// let layer = Linear::new(64, 32, &mut rng).bias(Init::Constant(0.01));
/// let tape = Tape::<f32>::new();
/// let h = layer.forward(tape.var(Tensor::zeros([8, 64])));
/// assert_eq!(h.value(), Tensor::full([8, 32], 0.01));
/// assert_eq!(layer.to_string(), "Linear(64 → 32, 2080 parameters)");
/// ```
#[derive(Module)]
pub struct Linear<T: Float = f32> {
    /// `[outputs, inputs]`.
    pub weight: Param<T>,
    /// `[outputs]`.
    pub bias: Option<Param<T>>,
    rng: Rng,
}

impl<T: Float> Linear<T> {
    /// A layer of this many inputs and outputs, with a bias.
    ///
    /// # Panics
    /// If the weight cannot be allocated.
    #[track_caller]
    pub fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Self {
        let rng = Rng::seed(rng.next_u64());
        let fans = [inputs, outputs];
        let weight = Init::he_normal().param("weight", [outputs, inputs], fans, &rng);
        let bias = Init::Constant(0.0).param("bias", outputs, fans, &rng);
        Self { weight, bias: Some(bias), rng }
    }

    /// Inputs and outputs.
    fn fans(&self) -> [usize; 2] {
        let shape = self.weight.shape();
        [shape[1], shape[0]]
    }
}

affine_options!(Linear);

impl<T: Float> Layer<T> for Linear<T> {
    /// # Panics
    /// If the last axis of `x` is not the inputs.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let weight = self.weight.on(x.tape());
        check_end("linear", &x.shape(), &weight.shape()[1..]);
        Summary::note(self, plus(x.matmul(weight.t()), &self.bias))
    }
}

impl<T: Float> fmt::Display for Linear<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([inputs, outputs], count) = (self.fans(), self.param_count());
        write!(f, "Linear({inputs} → {outputs}, {count} parameters)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_layer, line_of_panic, message_of};
    use wengert_autograd::Tape;
    use wengert_tensor::{Tensor, tensor};

    #[test]
    fn it_is_the_affine_map() {
        let layer = Linear::<f64>::new(2, 3, &mut Rng::seed(1));
        layer.weight.set(tensor![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]);
        layer.bias.as_ref().unwrap().set(tensor![0.5, 0.0, -0.5]);
        let tape = Tape::new();
        let y = layer.forward(tape.var(tensor![[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]]));
        assert_eq!(y.value(), tensor![[1.5, 2.0, 2.5], [4.5, 5.0, 5.5], [-1.5, -1.0, -0.5]]);
        assert_eq!(layer.forward(tape.var(tensor![1.0, 1.0])).value(), tensor![5.5, 7.0, 8.5]);
        let plain = layer.no_bias();
        assert_eq!(plain.forward(tape.var(tensor![[[1.0, 1.0]]])).value(), tensor![[[5.0, 7.0, 9.0]]]);
        assert_eq!(plain.param_count(), 6);
    }

    #[test]
    fn gradients() {
        let mut rng = Rng::seed(2);
        let layer = Linear::new(3, 2, &mut rng);
        check_layer(&layer, &Tensor::normal([4, 3], 0.0, 1.0, &mut rng));
        check_layer(&layer.no_bias(), &Tensor::normal([2, 2, 3], 0.0, 1.0, &mut rng));
    }

    #[test]
    fn an_empty_batch_has_zero_gradients() {
        let layer = Linear::<f64>::new(2, 3, &mut Rng::seed(1));
        let tape = Tape::train(0);
        let y = layer.forward(tape.var(Tensor::zeros([0, 2])));
        let gradients = y.sum(..).backward();
        assert_eq!(gradients.get(&layer.weight).unwrap().value(), Tensor::zeros([3, 2]));
        assert_eq!(gradients.get(layer.bias.as_ref().unwrap()).unwrap().value(), Tensor::zeros([3]));
    }

    #[test]
    fn layers_draw_from_streams_of_their_own() {
        let second = |first: fn(&mut Rng) -> Linear| {
            let mut rng = Rng::seed(3);
            first(&mut rng);
            Linear::<f32>::new(4, 4, &mut rng).weight.value()
        };
        let after = second(|rng| Linear::new(2, 2, rng));
        assert_eq!(after, second(|rng| Linear::new(50, 20, rng).weight(Init::Normal(1.0)).no_bias()));
        let twins = [(); 2].map(|()| Linear::<f64>::new(4, 4, &mut Rng::seed(3)).weight.value());
        assert_close(&twins[0], &twins[1], 0.0);
        assert_close(&twins[0].cast(), &Linear::<f32>::new(4, 4, &mut Rng::seed(3)).weight.value().cast(), 1e-7);
    }

    #[test]
    fn inputs_of_another_size_are_refused() {
        let layer = Linear::<f32>::new(2, 3, &mut Rng::seed(1));
        let tape = Tape::new();
        let x = tape.var(Tensor::zeros([5, 4]));
        assert_eq!(message_of(|| _ = layer.forward(x)), "linear: the input's shape [5, 4] should end with [2]");
        assert_eq!(line_of_panic(|| _ = layer.forward(x)), line!());
    }
}
