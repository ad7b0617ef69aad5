//! Attention.

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Rng, Shape, Tensor};

use super::dropout::{Dropout, dropped};
use super::sequence::{form, sequence_options};
use super::{Linear, plus};
use crate::activation::{check_mask, softmax_of_shown};
use crate::{Activation, Init, Layer, Module, Summary, Visitor};

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
pub struct MultiHeadAttention<T: Float = f32> {
    projections: Projections<T>,
    /// `[3 · size]`.
    pub in_proj_bias: Option<Param<T>>,
    /// From the heads, side by side, to the output.
    pub out_proj: Linear<T>,
    /// The sizes of what queries, keys and values are made of.
    sizes: [usize; 3],
    heads: usize,
    causal: bool,
    batch_first: bool,
    dropout: Option<Dropout>,
    init: Init,
    rng: Rng,
}

/// The matrices that make queries, keys and values, by PyTorch's names.
#[derive(Module)]
enum Projections<T: Float> {
    /// `[3 · size, size]`, one below the other.
    Joint { in_proj_weight: Param<T> },
    /// `[size, …]`, of inputs of several sizes.
    Apart { q_proj_weight: Param<T>, k_proj_weight: Param<T>, v_proj_weight: Param<T> },
}

impl<T: Float> Projections<T> {
    #[track_caller]
    fn drawn(size: usize, inputs: [usize; 3], init: Init, rng: &Rng) -> Self {
        let [q, k, v] = inputs;
        if inputs == [size; 3] {
            let rows = size.saturating_mul(3);
            return Self::Joint { in_proj_weight: init.param("in_proj_weight", [rows, size], [size, size], rng) };
        }
        Self::Apart {
            q_proj_weight: init.param("q_proj_weight", [size, q], [q, size], rng),
            k_proj_weight: init.param("k_proj_weight", [size, k], [k, size], rng),
            v_proj_weight: init.param("v_proj_weight", [size, v], [v, size], rng),
        }
    }
}

impl<T: Float> Module<T> for MultiHeadAttention<T> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        self.projections.visit(visitor);
        visitor.child("in_proj_bias", &self.in_proj_bias);
        visitor.child("out_proj", &self.out_proj);
    }
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
        let (init, sizes) = (Init::xavier_uniform(), [size; 3]);
        Self {
            projections: Projections::drawn(size, sizes, init, &rng),
            in_proj_bias: Some(Init::Constant(0.0).param("in_proj_bias", 3 * size, [size, size], &rng)),
            out_proj: Linear::new(size, size, &mut rng).weight(init),
            sizes,
            heads,
            causal: false,
            batch_first: false,
            dropout: None,
            init,
            rng,
        }
    }

    /// For keys and values made of vectors of other sizes: PyTorch's `kdim` and `vdim`. The
    /// parameters are then called `q_proj_weight`, `k_proj_weight` and `v_proj_weight`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::MultiHeadAttention;
    /// use wengert_tensor::{Rng, Tensor};
    ///
    /// let layer = MultiHeadAttention::new(8, 2, &mut Rng::seed(0)).memory_sizes(3, 5);
    /// let tape = Tape::<f32>::new();
    /// let [query, key, value] = [[4, 1, 8], [6, 1, 3], [6, 1, 5]].map(|shape| tape.var(Tensor::ones(shape)));
    /// assert_eq!(layer.attend(query, key, value, None).shape(), [4, 1, 8]);
    /// ```
    #[track_caller]
    pub fn memory_sizes(self, keys: usize, values: usize) -> Self {
        let sizes = [self.size(), keys, values];
        Self { projections: Projections::drawn(self.size(), sizes, self.init, &self.rng), sizes, ..self }
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
        let projections = Projections::drawn(self.size(), self.sizes, init, &self.rng);
        Self { projections, out_proj: self.out_proj.weight(init), init, ..self }
    }

    /// Leaves all biases out.
    pub fn no_bias(self) -> Self {
        Self { in_proj_bias: None, out_proj: self.out_proj.no_bias(), ..self }
    }

    pub(super) fn heads(&self) -> usize {
        self.heads
    }

    fn size(&self) -> usize {
        self.out_proj.weight.shape()[0]
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
        self.check(&[query, key, value]);
        self.gathered([self.part(query, 0), self.part(key, 1), self.part(value, 2)], hidden)
    }

    /// How much each query attends to each key, `[batch, heads, queries, keys]`, before any
    /// dropout; the arguments are those of [`attend`](MultiHeadAttention::attend).
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::MultiHeadAttention;
    /// use wengert_tensor::{Rng, Tensor};
    ///
    /// let layer = MultiHeadAttention::new(4, 2, &mut Rng::seed(0));
    /// let tape = Tape::<f32>::new();
    /// let x = tape.var(Tensor::ones([4, 1, 4]));
    /// assert_eq!(layer.weights(x, x, None).value(), Tensor::full([1, 2, 4, 4], 0.25));
    /// ```
    /// # Panics
    /// If the shapes do not fit, or the mask does not broadcast.
    #[track_caller]
    pub fn weights<'t>(&self, query: Var<'t, T>, key: Var<'t, T>, hidden: Option<&Tensor<bool>>) -> Var<'t, T> {
        self.check(&[query, key]);
        self.shares(self.of_heads(self.part(query, 0)), self.of_heads(self.part(key, 1)), hidden)
    }

    /// Refuses queries, keys and values that do not fit.
    #[track_caller]
    fn check(&self, inputs: &[Var<'_, T>]) {
        let shapes: Vec<Shape> = inputs.iter().map(|x| x.shape()).collect();
        let (batch, length) = (usize::from(!self.batch_first), usize::from(self.batch_first));
        let of_size = |(x, size): (&Shape, usize)| x.len() == 3 && x[2] == size && x[batch] == shapes[0][batch];
        if shapes.iter().zip(self.sizes).all(of_size) && shapes[1..].iter().all(|x| x[length] == shapes[1][length]) {
            return;
        }
        let named = ["queries", "keys", "values"].iter().zip(&shapes).map(|(name, shape)| format!("{name} {shape}"));
        let forms = self.sizes[..inputs.len()].iter().map(|&size| form(self.batch_first, size));
        let [found, wanted] = [named.collect::<Vec<_>>(), forms.collect()].map(|list| list.join(", "));
        panic!("attention: {found} should be {wanted}");
    }

    /// Projection number `i` of `x`.
    #[track_caller]
    fn part<'t>(&self, x: Var<'t, T>, i: isize) -> Var<'t, T> {
        let (tape, size) = (x.tape(), self.size() as isize);
        let rows = i * size..(i + 1) * size;
        let weight = match &self.projections {
            Projections::Joint { in_proj_weight } => in_proj_weight.on(tape).slice(0, rows.clone()),
            Projections::Apart { q_proj_weight, k_proj_weight, v_proj_weight } => {
                [q_proj_weight, k_proj_weight, v_proj_weight][i as usize].on(tape)
            }
        };
        let y = x.matmul(weight.t());
        match &self.in_proj_bias {
            Some(bias) => y + bias.on(tape).slice(0, rows),
            None => y,
        }
    }

    /// `[batch, heads, length, size of a head]`.
    #[track_caller]
    fn of_heads<'t>(&self, part: Var<'t, T>) -> Var<'t, T> {
        let (shape, order) = (part.shape(), if self.batch_first { [0, 2, 1, 3] } else { [1, 2, 0, 3] });
        part.reshape([shape[0], shape[1], self.heads, self.size() / self.heads]).permute(order)
    }

    /// The softmax of the products of queries and keys.
    #[track_caller]
    fn shares<'t>(&self, query: Var<'t, T>, key: Var<'t, T>, hidden: Option<&Tensor<bool>>) -> Var<'t, T> {
        let scores = (query / ((self.size() / self.heads) as f64).sqrt()).matmul(key.t());
        match self.mask(scores, hidden) {
            Some(hidden) => softmax_of_shown(scores, -1, hidden),
            None => scores.softmax(-1),
        }
    }

    /// From projected queries, keys and values to the output.
    #[track_caller]
    fn gathered<'t>(&self, parts: [Var<'t, T>; 3], hidden: Option<&Tensor<bool>>) -> Var<'t, T> {
        let mut of_heads = parts;
        for part in &mut of_heads {
            *part = self.of_heads(*part);
        }
        let [query, key, value] = of_heads;
        let weights = dropped(self.shares(query, key, hidden), self.dropout);
        let back: [isize; 4] = if self.batch_first { [0, 2, 1, 3] } else { [2, 0, 1, 3] };
        let together = weights.matmul(value).permute(back).reshape(parts[0].shape());
        Summary::note(self, self.out_proj.forward(together))
    }

    /// [`attend`](MultiHeadAttention::attend) with the same queries, keys and values.
    #[track_caller]
    pub(super) fn attend_to_itself<'t>(&self, x: Var<'t, T>, hidden: Option<&Tensor<bool>>) -> Var<'t, T> {
        let (shape, form) = (x.shape(), form(self.batch_first, self.size()));
        let fits = shape.len() == 3 && shape[2] == self.size();
        assert!(fits, "attention: the input's shape {shape} should be {form}");
        let Projections::Joint { in_proj_weight } = &self.projections else {
            return self.attend(x, x, x, hidden);
        };
        // One product for all three.
        let (all, size) = (plus(x.matmul(in_proj_weight.on(x.tape()).t()), &self.in_proj_bias), self.size() as isize);
        self.gathered([0, 1, 2].map(|i| all.slice(-1, i * size..(i + 1) * size)), hidden)
    }

    /// 1 where a query must not see a key, if there is such a place.
    #[track_caller]
    fn mask<'t>(&self, scores: Var<'t, T>, hidden: Option<&Tensor<bool>>) -> Option<Var<'t, T>> {
        let (tape, shape) = (scores.tape(), scores.shape());
        if let Some(hidden) = hidden {
            check_mask("attention", hidden, &shape);
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
        self.attend_to_itself(x, None)
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
        let other = MultiHeadAttention::<f64>::new(4, 2, &mut rng).memory_sizes(3, 4);
        check(|x| other.attend(x, x.slice(2, ..3), x, None), &x);
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
        let gradient = loss.backward().get(&layer.params()["in_proj_weight"]).unwrap().value();
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
            "attention: queries [3, 1, 4], keys [3, 2, 4], values [3, 2, 4] should be \
             [length, batch, 4], [length, batch, 4], [length, batch, 4]"
        );
        let other = MultiHeadAttention::<f32>::new(4, 2, &mut Rng::seed(1)).memory_sizes(2, 3);
        assert_eq!(
            message_of(|| _ = other.forward(b)),
            "attention: queries [3, 2, 4], keys [3, 2, 4], values [3, 2, 4] should be \
             [length, batch, 4], [length, batch, 2], [length, batch, 3]"
        );
        let message = message_of(|| _ = layer.attend(b, b, b, Some(&tensor![true, false])));
        assert_eq!(message, "attention: a mask of shape [2] does not broadcast to [2, 2, 3, 3]");
        let message = message_of(|| _ = layer.forward(tape.var(Tensor::zeros([3, 4]))));
        assert_eq!(message, "attention: the input's shape [3, 4] should be [length, batch, 4]");
    }
}
