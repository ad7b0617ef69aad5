//! The transformer block.

use std::fmt;

use wengert_autograd::Var;
use wengert_tensor::{Float, Rng, Tensor};

use super::dropout::{Dropout, dropped};
use super::{LayerNorm, Linear, MultiHeadAttention};
use crate::{Activation, Layer, Module};

/// Attention, then a network of two layers, each normalised first and added to its input: the
/// pre-norm block of Xiong et al., "On layer normalization in the transformer architecture"
/// (2020), table 1. PyTorch's `TransformerEncoderLayer` with `norm_first=True`; what it is unless
/// told is [`post_norm`](TransformerBlock::post_norm).
///
/// h = x + attention(norm₁(x)), y = h + linear₂(relu(linear₁(norm₂(h)))).
///
/// Sequences have the shape `[length, batch, size]`, or `[batch, length, size]` if told.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Layer, TransformerBlock};
/// use wengert_tensor::{Rng, Tensor};
///
/// let block = TransformerBlock::new(16, 4, 64, &mut Rng::seed(0)).batch_first().causal().gelu();
/// let tape = Tape::<f32>::new();
/// assert_eq!(block.forward(tape.var(Tensor::ones([2, 5, 16]))).shape(), [2, 5, 16]);
/// assert_eq!(block.to_string(), "TransformerBlock(16, 4 heads, 64 hidden, 3280 parameters)");
/// ```
#[doc(alias = "TransformerEncoderLayer")]
#[derive(Module)]
pub struct TransformerBlock<T: Float = f32> {
    /// What lets positions exchange.
    pub self_attn: MultiHeadAttention<T>,
    /// From the size to the hidden size.
    pub linear1: Linear<T>,
    /// From the hidden size to the size.
    pub linear2: Linear<T>,
    /// Before the attention, or after it.
    pub norm1: LayerNorm<T>,
    /// Before the two layers, or after them.
    pub norm2: LayerNorm<T>,
    gelu: bool,
    post_norm: bool,
    dropout: Option<Dropout>,
}

impl<T: Float> TransformerBlock<T> {
    /// A block for vectors of this size, with so many heads and hidden units.
    ///
    /// # Panics
    /// If the heads do not divide the size.
    #[track_caller]
    pub fn new(size: usize, heads: usize, hidden: usize, rng: &mut Rng) -> Self {
        let rng = Rng::seed(rng.next_u64());
        Self {
            self_attn: MultiHeadAttention::new(size, heads, &mut rng.fork("self_attn")),
            linear1: Linear::new(size, hidden, &mut rng.fork("linear1")),
            linear2: Linear::new(hidden, size, &mut rng.fork("linear2")),
            norm1: LayerNorm::new(size),
            norm2: LayerNorm::new(size),
            gelu: false,
            post_norm: false,
            dropout: None,
        }
    }

    /// No position sees a later one.
    pub fn causal(self) -> Self {
        Self { self_attn: self.self_attn.causal(), ..self }
    }

    /// Takes and gives sequences as `[batch, length, size]`.
    pub fn batch_first(self) -> Self {
        Self { self_attn: self.self_attn.batch_first(), ..self }
    }

    /// With [`gelu`](Activation::gelu) instead of relu.
    pub fn gelu(self) -> Self {
        Self { gelu: true, ..self }
    }

    /// Normalises sums instead of what is added: h = norm₁(x + attention(x)),
    /// y = norm₂(h + linear₂(relu(linear₁(h)))), as in Vaswani et al., "Attention is all you need"
    /// (2017), section 3.1. Deep stacks of it need a warm-up.
    pub fn post_norm(self) -> Self {
        Self { post_norm: true, ..self }
    }

    /// Drops attention weights, hidden units and what is added with this probability.
    ///
    /// # Panics
    /// If it is not a probability.
    #[track_caller]
    pub fn dropout(self, p: f64) -> Self {
        Self { self_attn: self.self_attn.dropout(p), dropout: Some(Dropout::new(p)), ..self }
    }

    /// [`forward`](Layer::forward) where positions do not see what `hidden` hides, which is that of
    /// [`MultiHeadAttention::attend`].
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::TransformerBlock;
    /// use wengert_tensor::{Rng, Tensor, tensor};
    ///
    /// let block = TransformerBlock::new(4, 2, 8, &mut Rng::seed(0)).batch_first();
    /// let padding = tensor![[false, false, false], [false, false, true]]; // [batch, keys]
    /// let tape = Tape::<f32>::new();
    /// let x = tape.var(Tensor::normal([2, 3, 4], 0.0, 1.0, &mut Rng::seed(1)));
    /// let y = block.forward_masked(x, &padding.reshape([2, 1, 1, 3]));
    /// assert_eq!(y.shape(), [2, 3, 4]);
    /// ```
    /// # Panics
    /// If `x` is no batch of sequences of vectors of the block's size, or the mask does not broadcast.
    #[track_caller]
    pub fn forward_masked<'t>(&self, x: Var<'t, T>, hidden: &Tensor<bool>) -> Var<'t, T> {
        self.run(x, Some(hidden))
    }

    #[track_caller]
    fn run<'t>(&self, x: Var<'t, T>, hidden: Option<&Tensor<bool>>) -> Var<'t, T> {
        if self.post_norm {
            let h = self.norm1.forward(x + self.attention(x, hidden));
            return self.norm2.forward(h + self.network(h));
        }
        let h = x + self.attention(self.norm1.forward(x), hidden);
        h + self.network(self.norm2.forward(h))
    }

    #[track_caller]
    fn attention<'t>(&self, x: Var<'t, T>, hidden: Option<&Tensor<bool>>) -> Var<'t, T> {
        dropped(self.self_attn.attend_to_itself(x, hidden), self.dropout)
    }

    #[track_caller]
    fn network<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let hidden = self.linear1.forward(x);
        let hidden = if self.gelu { hidden.gelu() } else { hidden.relu() };
        dropped(self.linear2.forward(dropped(hidden, self.dropout)), self.dropout)
    }
}

impl<T: Float> Layer<T> for TransformerBlock<T> {
    /// # Panics
    /// If `x` is no batch of sequences of vectors of the block's size.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.run(x, None)
    }
}

impl<T: Float> fmt::Display for TransformerBlock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = self.linear2.weight.shape();
        let (size, hidden, count) = (shape[0], shape[1], self.param_count());
        write!(f, "TransformerBlock({size}, {} heads, {hidden} hidden, {count} parameters)", self.self_attn.heads())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, check_layer, line_of_panic};
    use wengert_autograd::Tape;
    use wengert_tensor::tensor;

    #[test]
    fn gradients() {
        let mut rng = Rng::seed(3);
        let block = TransformerBlock::<f64>::new(4, 2, 6, &mut rng).causal().gelu().dropout(0.1);
        let x = Tensor::normal([3, 2, 4], 0.0, 1.0, &mut rng);
        check_layer(&block, &x);
        let block = block.post_norm();
        check_layer(&block, &x);
        let hidden = tensor![[false, false, true], [false, false, true], [false, true, false]];
        check(|x| block.forward_masked(x, &hidden), &x);
    }

    #[test]
    fn what_does_not_fit_is_refused_at_the_users_line() {
        let block = TransformerBlock::<f32>::new(4, 2, 6, &mut Rng::seed(1));
        let tape = Tape::new();
        let x = tape.var(Tensor::zeros([3, 4]));
        assert_eq!(line_of_panic(|| _ = block.forward(x)), line!());
    }
}
