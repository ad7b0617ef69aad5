//! Attention.

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Rng, Shape, Tensor};

use super::Linear;
use super::dropout::{Dropout, dropped};
use super::sequence::{form, sequence_options};
use crate::activation::softmax_of_shown;
use crate::{Activation, Init, Layer, Module, Summary};

/// softmax(Q·Kᵀ/√d)·V for several heads, each with its own projections of queries, keys and
/// values: Vaswani et al., "Attention is all you need" (2017), section 3.2.2.
///
/// Sequences have the shape `[length, batch, size]`, or `[batch, length, size]` if told. As a
/// [`Layer`] it attends to its own input; [`attend`](MultiHeadAttention::attend) takes queries,
/// keys and values apart, and a mask.
///
/// The projections of queries, keys and values are one matrix, one below the other; it starts as
/// [`Init::xavier_uniform`], the biases as 0.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Layer, Module, MultiHeadAttention};
/// use wengert_tensor::{Rng, Tensor};
///
/// let mut rng = Rng::seed(0);
/// let layer = MultiHeadAttention::new(16, 4, &mut rng).batch_first().causal();
/// let tape = Tape::<f32>::new();
/// let x = tape.var(Tensor::normal([2, 5, 16], 0.0, 1.0, &mut rng));
/// let y = layer.forward(x);
/// assert_eq!(y.shape(), [2, 5, 16]);
/// // What comes later changes nothing of what came before.
/// let start = layer.forward(x.slice(1, ..3)).value();
/// assert!(y.value().slice(1, ..3).allclose(&start, 1e-5, 1e-6));
/// let names: Vec<String> = layer.params().into_keys().collect();
/// assert_eq!(names, ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]);
/// ```
#[doc(alias = "MultiheadAttention")]
#[derive(Module)]
pub struct MultiHeadAttention<T: Float = f32> {
    /// `[3 · size, size]`: queries, keys, values.
    pub in_proj_weight: Param<T>,
    /// `[3 · size]`.
    pub in_proj_bias: Option<Param<T>>,
    /// From the heads, side by side, to the output.
    pub out_proj: Linear<T>,
    heads: usize,
    causal: bool,
    batch_first: bool,
    dropout: Option<Dropout>,
    rng: Rng,
}

impl<T: Float> MultiHeadAttention<T> {
    /// A layer for vectors of this size, with so many heads.
    ///
    /// # Panics
    /// If the heads do not divide the size.
    #[track_caller]
    pub fn new(size: usize, heads: usize, rng: &mut Rng) -> Self {
        let fits = heads > 0 && size.is_multiple_of(heads);
        assert!(fits, "attention: {heads} heads do not divide the size {size}");
        let mut rng = Rng::seed(rng.next_u64());
        let init = Init::xavier_uniform();
        let in_proj_weight = init.param("in_proj_weight", [3 * size, size], [size, size], &rng);
        let in_proj_bias = Init::Constant(0.0).param("in_proj_bias", 3 * size, [size, size], &rng);
        let out_proj = Linear::new(size, size, &mut rng).weight(init);
        let (in_proj_bias, dropout) = (Some(in_proj_bias), None);
        Self { in_proj_weight, in_proj_bias, out_proj, heads, causal: false, batch_first: false, dropout, rng }
    }

    /// No query sees a later key.
    pub fn causal(self) -> Self {
        Self { causal: true, ..self }
    }

    sequence_options! {
        /// Drops attention weights with this probability.
    }

    /// Starts all projections with other values.
    #[track_caller]
    pub fn weight(self, init: Init) -> Self {
        let size = self.size();
        let in_proj_weight = init.param("in_proj_weight", [3 * size, size], [size, size], &self.rng);
        Self { in_proj_weight, out_proj: self.out_proj.weight(init), ..self }
    }

    /// Leaves all biases out.
    pub fn no_bias(self) -> Self {
        Self { in_proj_bias: None, out_proj: self.out_proj.no_bias(), ..self }
    }

    pub(super) fn heads(&self) -> usize {
        self.heads
    }

    fn size(&self) -> usize {
        self.in_proj_weight.shape()[1]
    }

    /// What the queries gather from the values, by the keys.
    ///
    /// `hidden` is true where a query must not see a key; it broadcasts to `[batch, heads, queries,
    /// keys]`, so `[queries, keys]` is the same for all, and `[batch, 1, 1, keys]` hides what fills
    /// up short sequences. A query that sees no key gets the bias of `out_proj`, and no gradient
    /// flows through it.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::MultiHeadAttention;
    /// use wengert_tensor::{Rng, Tensor, tensor};
    ///
    /// let layer = MultiHeadAttention::new(4, 2, &mut Rng::seed(0));
    /// let tape = Tape::<f32>::new();
    /// let query = tape.var(Tensor::ones([2, 1, 4]));
    /// let memory = tape.var(Tensor::ones([3, 1, 4]));
    /// let hidden = tensor![[false, false, true], [true, true, true]];
    /// let y = layer.attend(query, memory, memory, Some(&hidden)).value();
    /// assert_eq!(y.select(0, 1), Tensor::zeros([1, 4]));
    /// ```
    /// # Panics
    /// If the shapes do not fit, or the mask does not broadcast.
    #[track_caller]
    pub fn attend<'t>(
        &self,
        query: Var<'t, T>,
        key: Var<'t, T>,
        value: Var<'t, T>,
        hidden: Option<&Tensor<bool>>,
    ) -> Var<'t, T> {
        let [q, k, v] = [query.shape(), key.shape(), value.shape()];
        let batch = usize::from(!self.batch_first);
        let fits = [&q, &k, &v].iter().all(|x| x.len() == 3 && x[2] == self.size() && x[batch] == q[batch]) && k == v;
        let form = form(self.batch_first, self.size());
        assert!(fits, "attention: queries {q}, keys {k} and values {v} should be {form}");
        let parts = [self.part(query, 0, 1), self.part(key, 1, 1), self.part(value, 2, 1)];
        self.gathered(parts, hidden)
    }

    /// The projections number `first` to `first + count` of `x`, side by side.
    #[track_caller]
    fn part<'t>(&self, x: Var<'t, T>, first: usize, count: usize) -> Var<'t, T> {
        let (start, end) = ((first * self.size()) as isize, ((first + count) * self.size()) as isize);
        let tape = x.tape();
        let y = x.matmul(self.in_proj_weight.on(tape).slice(0, start..end).t());
        match &self.in_proj_bias {
            Some(bias) => y + bias.on(tape).slice(0, start..end),
            None => y,
        }
    }

    /// From projected queries, keys and values to the output.
    #[track_caller]
    fn gathered<'t>(&self, parts: [Var<'t, T>; 3], hidden: Option<&Tensor<bool>>) -> Var<'t, T> {
        let (shape, size) = (parts[0].shape(), self.size() / self.heads);
        let order: [isize; 4] = if self.batch_first { [0, 2, 1, 3] } else { [1, 2, 0, 3] };
        let mut of_heads = parts;
        for part in &mut of_heads {
            let [a, b] = [0, 1].map(|axis| part.shape()[axis]);
            *part = part.reshape([a, b, self.heads, size]).permute(order);
        }
        let [query, key, value] = of_heads;
        let scores = (query / (size as f64).sqrt()).matmul(key.t());
        let shown = match self.mask(scores, hidden) {
            Some(hidden) => softmax_of_shown(scores, -1, hidden),
            None => scores.softmax(-1),
        };
        let weights = dropped(shown, self.dropout);
        let back: [isize; 4] = if self.batch_first { [0, 2, 1, 3] } else { [2, 0, 1, 3] };
        Summary::note(self, self.out_proj.forward(weights.matmul(value).permute(back).reshape(shape)))
    }

    /// 1 where a query must not see a key, if there is such a place.
    #[track_caller]
    fn mask<'t>(&self, scores: Var<'t, T>, hidden: Option<&Tensor<bool>>) -> Option<Var<'t, T>> {
        let (tape, shape) = (scores.tape(), scores.shape());
        if let Some(hidden) = hidden {
            let fits = wengert_tensor::broadcast(hidden.shape(), &shape).is_ok_and(|both| both == shape);
            assert!(fits, "attention: a mask of shape {} does not broadcast to {shape}", hidden.shape());
        }
        let later = self.causal.then(|| {
            let [queries, keys] = [shape[2], shape[3]];
            Tensor::build(Shape::from([queries, keys]), |out: &mut [bool]| {
                out.iter_mut().enumerate().for_each(|(i, later)| *later = i % keys > i / keys);
            })
        });
        match (hidden, later) {
            (Some(hidden), Some(later)) => Some(tape.mask(hidden).maximum(tape.mask(&later))),
            (Some(hidden), None) => Some(tape.mask(hidden)),
            (None, later) => later.map(|later| tape.mask(&later)),
        }
    }
}

impl<T: Float> Layer<T> for MultiHeadAttention<T> {
    /// # Panics
    /// If `x` is no batch of sequences of vectors of the layer's size.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let (shape, form) = (x.shape(), form(self.batch_first, self.size()));
        let fits = shape.len() == 3 && shape[2] == self.size();
        assert!(fits, "attention: the input's shape {shape} should be {form}");
        let (all, size) = (self.part(x, 0, 3), self.size() as isize);
        self.gathered([0, 1, 2].map(|i| all.slice(-1, i * size..(i + 1) * size)), None)
    }
}

impl<T: Float> fmt::Display for MultiHeadAttention<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, heads, count) = (self.size(), self.heads, self.param_count());
        write!(f, "MultiHeadAttention({size}, {heads} heads")?;
        for (set, word) in [(self.causal, "causal"), (self.batch_first, "batch first")] {
            if set {
                write!(f, ", {word}")?;
            }
        }
        write!(f, ", {count} parameters)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check, check_layer, message_of};
    use wengert_autograd::Tape;
    use wengert_autograd::check::gradgradcheck;
    use wengert_tensor::tensor;

    #[test]
    fn gradients() {
        let mut rng = Rng::seed(3);
        let layer = MultiHeadAttention::<f64>::new(4, 2, &mut rng);
        let x = Tensor::normal([3, 2, 4], 0.0, 1.0, &mut rng);
        check_layer(&layer, &x);
        let causal = layer.causal().batch_first().no_bias();
        check_layer(&causal, &x);
        gradgradcheck(|[x]| causal.forward(x), [&x]).assert_ok();
        let hidden = tensor![[false, true, true], [true, true, true], [false, false, false]];
        let masked = MultiHeadAttention::<f64>::new(4, 2, &mut rng);
        check(|x| masked.attend(x, x.square(), x, Some(&hidden)), &x);
    }

    #[test]
    fn a_causal_layer_hides_the_upper_triangle() {
        let mut rng = Rng::seed(3);
        let new = || MultiHeadAttention::<f64>::new(4, 2, &mut Rng::seed(1));
        let x = Tensor::normal([3, 2, 4], 0.0, 1.0, &mut rng);
        let tape = Tape::new();
        let v = tape.var(&x);
        let upper = tensor![[false, true, true], [false, false, true], [false, false, false]];
        let by_mask = new().attend(v, v, v, Some(&upper)).value();
        assert_close(&new().causal().forward(v).value(), &by_mask, 1e-14);
        // Which axis comes first changes the places of the values alone.
        let first = new().causal().batch_first().forward(v.transpose(0, 1)).value();
        assert_close(&first.transpose(0, 1), &by_mask, 1e-14);
        // A mask adds to what is hidden anyway.
        let none = Tensor::full([2, 1, 1, 3], false);
        assert_close(&new().causal().attend(v, v, v, Some(&none)).value(), &by_mask, 1e-14);
    }

    #[test]
    fn a_query_that_sees_nothing_is_zero_with_gradient_zero() {
        let layer = MultiHeadAttention::<f64>::new(2, 1, &mut Rng::seed(1));
        let tape = Tape::train(0);
        let x = tape.var(tensor![[[1e3, -1e3]], [[f64::MAX, 1.0]]]);
        let hidden = tensor![[true, true], [true, true]];
        let y = layer.attend(x, x, x, Some(&hidden));
        assert_eq!(y.value(), Tensor::zeros([2, 1, 2]));
        let loss = (y * 3.0).sum(..);
        assert_eq!(loss.grad([x])[0].value(), Tensor::zeros([2, 1, 2]));
        let gradient = loss.backward().get(&layer.in_proj_weight).unwrap().value();
        assert_eq!(gradient, Tensor::zeros([6, 2]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let message = message_of(|| drop(MultiHeadAttention::<f32>::new(6, 4, &mut Rng::seed(1))));
        assert_eq!(message, "attention: 4 heads do not divide the size 6");
        let layer = MultiHeadAttention::<f32>::new(4, 2, &mut Rng::seed(1));
        let tape = Tape::new();
        let [a, b] = [[3, 1, 4], [3, 2, 4]].map(|shape| tape.var(Tensor::zeros(shape)));
        assert_eq!(
            message_of(|| _ = layer.attend(a, b, b, None)),
            "attention: queries [3, 1, 4], keys [3, 2, 4] and values [3, 2, 4] should be [length, batch, 4]"
        );
        let message = message_of(|| _ = layer.attend(b, b, b, Some(&tensor![true, false])));
        assert_eq!(message, "attention: a mask of shape [2] does not broadcast to [2, 2, 3, 3]");
        let message = message_of(|| _ = layer.forward(tape.var(Tensor::zeros([3, 4]))));
        assert_eq!(message, "attention: the input's shape [3, 4] should be [length, batch, 4]");
    }
}
