//! The bilinear layer.

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Rng, Shape, broadcast};

use super::{affine_options, plus};
use crate::{Init, Module, Summary};

/// xᵀ·Aᵢ·y + bᵢ: every output is a weighted sum of the products of both inputs.
///
/// `x` has the shape `[…, left]`, `y` `[…, right]`, the output `[…, outputs]`; the other axes
/// broadcast.
///
/// The weight starts uniform with variance 1/(3·left), the bias as 0.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::Bilinear;
/// use wengert_tensor::{Rng, tensor};
///
/// let layer = Bilinear::new(2, 2, 1, &mut Rng::seed(0));
/// layer.weight.set(tensor![[[1.0, 0.0], [0.0, 10.0]]]);
/// let tape = Tape::<f32>::new();
/// let (x, y) = (tape.var(tensor![[1.0, 2.0]]), tape.var(tensor![[3.0, 4.0]]));
/// assert_eq!(layer.forward(x, y).value(), tensor![[83.0]]);
/// assert_eq!(layer.to_string(), "Bilinear(2 × 2 → 1, 5 parameters)");
/// ```
#[derive(Module)]
pub struct Bilinear<T: Float = f32> {
    /// `[outputs, left, right]`.
    pub weight: Param<T>,
    /// `[outputs]`.
    pub bias: Option<Param<T>>,
    rng: Rng,
}

impl<T: Float> Bilinear<T> {
    /// A layer of so many left and right inputs and outputs, with a bias.
    #[track_caller]
    pub fn new(left: usize, right: usize, outputs: usize, rng: &mut Rng) -> Self {
        let (rng, fans) = (Rng::seed(rng.next_u64()), [left, outputs]);
        let init = Init::ScaledUniform { gain: 3f64.sqrt().recip(), fan: crate::Fan::In };
        let weight = init.param("weight", [outputs, left, right], fans, &rng);
        let bias = Init::Constant(0.0).param("bias", outputs, fans, &rng);
        Self { weight, bias: Some(bias), rng }
    }

    fn fans(&self) -> [usize; 2] {
        let shape = self.weight.shape();
        [shape[1], shape[0]]
    }

    /// The output for the inputs `x` and `y`.
    ///
    /// # Panics
    /// If the last axes are not the inputs, or the others do not broadcast.
    #[track_caller]
    pub fn forward<'t>(&self, x: Var<'t, T>, y: Var<'t, T>) -> Var<'t, T> {
        let (weight, shapes) = (self.weight.shape(), [x.shape(), y.shape()]);
        let [outputs, left, right] = [0, 1, 2].map(|axis| weight[axis]);
        let fits = shapes[0].last() == Some(&left) && shapes[1].last() == Some(&right);
        let [a, b] = &shapes;
        assert!(fits, "bilinear: inputs of shapes {a} and {b} should end with [{left}] and [{right}]");
        let [rows, others] = shapes.each_ref().map(|shape| Shape::from(&shape[..shape.len() - 1]));
        assert!(broadcast(&rows, &others).is_ok(), "bilinear: inputs of shapes {a} and {b} do not broadcast");
        // […, left] · [left, outputs · right], then the sum over the right inputs.
        let rows = self.weight.on(x.tape()).permute([1, 0, 2]).reshape([left, outputs * right]);
        let mut shape = shapes[0].clone();
        shape.sizes_mut().pop();
        shape.sizes_mut().extend([outputs, right]);
        let sums = (x.matmul(rows).reshape(shape) * y.unsqueeze(-2)).sum(-1);
        Summary::note(self, plus(sums, &self.bias))
    }
}

affine_options!(Bilinear);

impl<T: Float> fmt::Display for Bilinear<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shape, count) = (self.weight.shape(), self.param_count());
        write!(f, "Bilinear({} × {} → {}, {count} parameters)", shape[1], shape[2], shape[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check, line_of_panic, message_of};
    use wengert_autograd::Tape;
    use wengert_tensor::Tensor;

    #[test]
    fn by_the_definition() {
        let mut rng = Rng::seed(1);
        let layer = Bilinear::<f64>::new(3, 2, 4, &mut rng).bias(Init::Normal(1.0));
        let (x, y) = (Tensor::normal([5, 3], 0.0, 1.0, &mut rng), Tensor::normal([5, 2], 0.0, 1.0, &mut rng));
        let (a, b) = (layer.weight.value(), layer.bias.as_ref().unwrap().value());
        let output = |n: usize, o: usize| {
            let terms = (0..6).map(|i| x.at([n, i / 2]) * a.at([o, i / 2, i % 2]) * y.at([n, i % 2]));
            b.at([o]) + terms.sum::<f64>()
        };
        let expected = Tensor::from_vec((0..20).map(|i| output(i / 4, i % 4)).collect(), [5, 4]);
        let tape = Tape::new();
        assert_close(&layer.forward(tape.var(&x), tape.var(&y)).value(), &expected, 1e-14);
        let batch = layer.forward(tape.var(x.unsqueeze(0)), tape.var(&y)).value();
        assert_close(&batch, &expected.unsqueeze(0), 1e-14);
        check(|x| layer.forward(x, x.slice(1, ..2)), &x);
    }

    #[test]
    fn inputs_of_other_sizes_are_refused() {
        let layer = Bilinear::<f32>::new(3, 2, 1, &mut Rng::seed(1)).no_bias().weight(Init::Constant(1.0));
        let tape = Tape::new();
        let (x, y) = (tape.var(Tensor::zeros([4, 3])), tape.var(Tensor::zeros([4, 3])));
        let message = message_of(|| _ = layer.forward(x, y));
        assert_eq!(message, "bilinear: inputs of shapes [4, 3] and [4, 3] should end with [3] and [2]");
        assert_eq!(line_of_panic(|| _ = layer.forward(x, y)), line!());
        let y = tape.var(Tensor::zeros([5, 2]));
        assert_eq!(
            message_of(|| _ = layer.forward(x, y)),
            "bilinear: inputs of shapes [4, 3] and [5, 2] do not broadcast"
        );
    }
}
