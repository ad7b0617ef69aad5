//! Embeddings.

use std::fmt;

use wengert_autograd::{Param, Tape, Var};
use wengert_tensor::{Float, Rng, Tensor};

use crate::{Init, Module, Summary};

/// A learned vector for each of so many things: words, characters, categories.
///
/// The weight is `[count, size]` and starts standard normal. A vector that occurs several times
/// in a batch gathers all of its gradients.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::Embedding;
/// use wengert_tensor::{Rng, tensor};
///
/// let embedding = Embedding::<f32>::new(10, 4, &mut Rng::seed(0)).padding(0);
/// let tape = Tape::new();
/// let x = embedding.forward(&tape, &tensor![[3, 1, 0], [3, 0, 0]]);
/// assert_eq!(x.shape(), [2, 3, 4]);
/// assert_eq!(x.value().select(0, 1).select(0, 1), tensor![0.0, 0.0, 0.0, 0.0]);
/// assert_eq!(embedding.to_string(), "Embedding(10 × 4, padding 0, 40 parameters)");
/// ```
#[derive(Module)]
pub struct Embedding<T: Float = f32> {
    /// `[count, size]`.
    pub weight: Param<T>,
    padding: Option<usize>,
    rng: Rng,
}

impl<T: Float> Embedding<T> {
    /// Vectors of this size for so many things.
    #[track_caller]
    pub fn new(count: usize, size: usize, rng: &mut Rng) -> Self {
        let rng = Rng::seed(rng.next_u64());
        let weight = Init::Normal(1.0).param("weight", [count, size], [count, size], &rng);
        Self { weight, padding: None, rng }
    }

    /// Starts the vectors with other values; that of the padding stays 0.
    #[track_caller]
    pub fn weight(self, init: Init) -> Self {
        let shape = self.weight.shape();
        let weight = init.param("weight", &shape, [shape[0], shape[1]], &self.rng);
        let layer = Self { weight, ..self };
        match layer.padding {
            Some(index) => layer.padding(index),
            None => layer,
        }
    }

    /// What only fills sequences up: its vector starts as 0 and gets no gradient.
    ///
    /// # Panics
    /// If there is no such index.
    #[track_caller]
    pub fn padding(self, index: usize) -> Self {
        let count = self.weight.shape()[0];
        assert!(index < count, "embedding: padding index {index} is out of range for {count}");
        let others = Tensor::build([count, 1], |out| {
            out.fill(T::ONE);
            out[index] = T::ZERO;
        });
        self.weight.set(&self.weight.value() * &others);
        Self { padding: Some(index), ..self }
    }

    /// The vectors of these indices, as a last axis.
    ///
    /// # Panics
    /// If an index is out of range. Negative ones are, too: what ignores or pads with −1 elsewhere
    /// would otherwise learn the last vector.
    #[track_caller]
    pub fn forward<'t>(&self, tape: &'t Tape<T>, indices: &Tensor<i64>) -> Var<'t, T> {
        let weight = self.weight.shape();
        let wrong = indices.iter().find(|index| !(0..weight[0] as i64).contains(index));
        if let Some(index) = wrong {
            panic!("embedding: index {index} among {} is out of range for a weight of {weight}", indices.shape());
        }
        let mut rows = self.weight.on(tape).index_select(0, indices);
        if let Some(padding) = self.padding {
            let padded = indices.map(|index| index == padding as i64);
            rows = tape.mask(&padded.unsqueeze(-1)).where_(rows.detach(), rows);
        }
        Summary::note(self, rows)
    }
}

impl<T: Float> fmt::Display for Embedding<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = self.weight.shape();
        write!(f, "Embedding({} × {}, ", shape[0], shape[1])?;
        if let Some(index) = self.padding {
            write!(f, "padding {index}, ")?;
        }
        write!(f, "{} parameters)", self.param_count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, line_of_panic, message_of};
    use wengert_autograd::check::Check;
    use wengert_tensor::tensor;

    #[test]
    fn repeated_rows_gather_and_padding_gets_nothing() {
        let layer = Embedding::<f64>::new(4, 2, &mut Rng::seed(1)).padding(1);
        layer.weight.set(tensor![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]);
        let tape = Tape::train(0);
        let y = layer.forward(&tape, &tensor![[0, 1, 2], [0, 1, 3]]);
        let expected = tensor![[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[1.0, 2.0], [3.0, 4.0], [7.0, 8.0]]];
        assert_eq!(y.value(), expected);
        let weights = tensor![[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]];
        let loss = (y * &weights).sum(..);
        let dw = loss.backward().get(&layer.weight).unwrap().value();
        assert_close(&dw, &tensor![[5.0, 5.0], [0.0, 0.0], [3.0, 3.0], [6.0, 6.0]], 0.0);
    }

    #[test]
    fn gradients() {
        let layer = Embedding::<f64>::new(5, 3, &mut Rng::seed(1));
        let tape = Tape::train(0);
        let loss = layer.forward(&tape, &tensor![[0, 4, 4], [2, 0, 4]]).tanh().sum(..);
        Check::new().model(loss, [("weight", &layer.weight)]).assert_ok();
    }

    #[test]
    fn the_padding_stays_zero_in_any_order_of_options() {
        let new = || Embedding::<f64>::new(3, 2, &mut Rng::seed(1));
        for layer in [new().padding(2).weight(Init::Uniform(1.0)), new().weight(Init::Uniform(1.0)).padding(2)] {
            let value = layer.weight.value();
            assert_eq!(value.select(0, 2), tensor![0.0, 0.0]);
            assert!(value.at([0, 0]) != 0.0);
        }
    }

    #[test]
    fn indices_out_of_range_are_refused() {
        let layer = Embedding::<f32>::new(3, 2, &mut Rng::seed(1));
        let tape = Tape::new();
        assert_eq!(line_of_panic(|| _ = layer.forward(&tape, &tensor![3])), line!());
        let message = message_of(|| _ = layer.forward(&tape, &tensor![0, -1]));
        assert_eq!(message, "embedding: index -1 among [2] is out of range for a weight of [3, 2]");
        let message = message_of(|| drop(layer.padding(3)));
        assert_eq!(message, "embedding: padding index 3 is out of range for 3");
    }
}
