//! Maxout units.

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Rng};

use super::{affine_options, check_end, plus};
use crate::{Activation, Init, Layer, Module, Summary};

/// The largest of several affine maps: a layer that learns its own, piecewise linear and
/// convex, activation.
///
/// hᵢ(x) = maxⱼ W\[j, i\]·x + b\[j, i\] over the pieces j: Goodfellow et al., "Maxout
/// networks" (2013), section 2. Pieces that tie share the gradient.
///
/// `x` has the shape `[…, inputs]`, the output `[…, outputs]`. All pieces are one matrix
/// product: the weight is `[pieces · outputs, inputs]`, piece after piece. For convolutions there
/// is the activation [`maxout`](crate::Activation::maxout).
///
/// The weight starts normal with variance 1/inputs, which keeps the size of signals through
/// two pieces without a further activation; the bias starts as 0.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Init, Layer, Maxout};
/// use wengert_tensor::{Rng, Tensor, tensor};
///
/// // |x| = max(x, -x)
/// let layer = Maxout::new(1, 1, 2, &mut Rng::seed(0));
/// layer.weight.set(tensor![[1.0], [-1.0]]);
/// let tape = Tape::<f32>::new();
/// assert_eq!(layer.forward(tape.var(tensor![[3.0], [-2.0]])).value(), tensor![[3.0], [2.0]]);
/// assert_eq!(layer.to_string(), "Maxout(1 → 1, 2 pieces, 4 parameters)");
/// ```
#[derive(Module)]
pub struct Maxout<T: Float = f32> {
    /// `[pieces · outputs, inputs]`.
    pub weight: Param<T>,
    /// `[pieces · outputs]`.
    pub bias: Option<Param<T>>,
    pieces: usize,
    rng: Rng,
}

impl<T: Float> Maxout<T> {
    /// A layer of this many inputs, outputs and pieces to each output, with biases.
    ///
    /// # Panics
    /// If there are no pieces.
    #[track_caller]
    pub fn new(inputs: usize, outputs: usize, pieces: usize, rng: &mut Rng) -> Self {
        assert!(pieces > 0, "maxout: the largest of no pieces");
        let rng = Rng::seed(rng.next_u64());
        // More than there can be stays more than there can be.
        let (fans, rows) = ([inputs, outputs], pieces.saturating_mul(outputs));
        let init = Init::ScaledNormal { gain: crate::gain::LINEAR, fan: crate::Fan::In };
        let weight = init.param("weight", [rows, inputs], fans, &rng);
        let bias = Init::Constant(0.0).param("bias", rows, fans, &rng);
        Self { weight, bias: Some(bias), pieces, rng }
    }

    /// Inputs and outputs.
    fn fans(&self) -> [usize; 2] {
        let shape = self.weight.shape();
        [shape[1], shape[0] / self.pieces]
    }
}

affine_options!(Maxout);

impl<T: Float> Layer<T> for Maxout<T> {
    /// # Panics
    /// If the last axis of `x` is not the inputs.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let weight = self.weight.on(x.tape());
        check_end("maxout", &x.shape(), &weight.shape()[1..]);
        let y = plus(x.matmul(weight.t()), &self.bias);
        Summary::note(self, y.maxout(self.pieces, -1))
    }
}

impl<T: Float> fmt::Display for Maxout<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([inputs, outputs], pieces, count) = (self.fans(), self.pieces, self.param_count());
        write!(f, "Maxout({inputs} → {outputs}, {pieces} pieces, {count} parameters)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_layer};
    use wengert_autograd::Tape;
    use wengert_tensor::Tensor;

    #[test]
    fn it_is_the_largest_of_its_pieces() {
        let (rows, inputs, outputs) = (5, 3, 4);
        for pieces in 1..5 {
            let mut rng = Rng::seed(pieces as u64);
            let layer = Maxout::<f64>::new(inputs, outputs, pieces, &mut rng).bias(Init::Normal(1.0));
            let x = Tensor::<f64>::normal([rows, inputs], 0.0, 1.0, &mut rng);
            let (w, b) = (layer.weight.value(), layer.bias.as_ref().unwrap().value());
            let piece = |row: usize, column: usize| {
                b.at([column]) + (0..inputs).map(|i| x.at([row, i]) * w.at([column, i])).sum::<f64>()
            };
            let largest = |row, unit| (0..pieces).map(|j| piece(row, j * outputs + unit)).fold(f64::MIN, f64::max);
            let expected = (0..rows * outputs).map(|i| largest(i / outputs, i % outputs)).collect();
            let tape = Tape::new();
            let y = layer.forward(tape.var(&x)).value();
            assert_close(&y, &Tensor::from_vec(expected, [rows, outputs]), 1e-14);
            check_layer(&layer, &x);
        }
    }

    #[test]
    fn other_ranks() {
        let layer = Maxout::<f64>::new(3, 2, 3, &mut Rng::seed(1)).no_bias().weight(Init::xavier_uniform());
        let tape = Tape::new();
        for (input, output) in [(vec![3], vec![2]), (vec![4, 5, 3], vec![4, 5, 2]), (vec![0, 3], vec![0, 2])] {
            assert_eq!(layer.forward(tape.var(Tensor::ones(input))).value().shape()[..], output);
        }
        assert_eq!(layer.param_count(), 18);
    }

    #[test]
    #[should_panic(expected = "maxout: the largest of no pieces")]
    fn no_pieces_are_refused() {
        Maxout::<f32>::new(3, 2, 0, &mut Rng::seed(1));
    }
}
