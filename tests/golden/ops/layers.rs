//! Layers, with the inputs of the case as their parameters.

use wengert::prelude::*;
use wengert::{
    Bilinear, Embedding, GroupNorm, Gru, InstanceNorm, LayerNorm, Lstm, MultiHeadAttention, Prelu, Recurrent,
    RecurrentCell, RmsNorm, Rnn,
};

use super::{one, two};
use crate::call::{Call, Output, Outputs};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    match op {
        "linear" => linear(c),
        "bilinear" => {
            let (x, y) = (c.x(0)?, c.x(1)?);
            let &[outputs, left, right] = &c.x(2)?.shape()[..] else { return None };
            let layer = Bilinear::<T>::new(left, right, outputs, &mut Rng::seed(0));
            c.give(2, &layer.weight)?;
            if c.count() == 3 {
                return one(layer.no_bias().forward(x, y));
            }
            c.give(3, layer.bias.as_ref()?)?;
            one(layer.forward(x, y))
        }
        "prelu" => {
            let layer = Prelu::<T>::new().channels(c.x(1)?.count());
            c.give(1, &layer.weight)?;
            one(layer.forward(c.x(0)?))
        }
        "embedding" => embedding(c),
        "batch_norm" => batch_norm(c),
        "batch_norm_running" => {
            let x = c.value(0)?;
            let norm = BatchNorm::<T>::new(*x.shape().get(1)?).momentum(a.f64_or("momentum", 0, 0.1)?);
            let tape = Tape::train(0);
            norm.forward(tape.var(x));
            tape.commit();
            two(norm.running_mean.value(), norm.running_var.value())
        }
        "layer_norm" => {
            let x = c.x(0)?;
            let norm = LayerNorm::<T>::new(normalized(c, x)?).eps(a.f64_or("eps", 1, 1e-5)?);
            match affine(c, &norm.weight, &norm.bias)? {
                Affine::None => one(norm.no_affine().forward(x)),
                Affine::Scale => one(norm.no_bias().forward(x)),
                Affine::Both => one(norm.forward(x)),
            }
        }
        "rms_norm" => {
            let x = c.x(0)?;
            let norm = RmsNorm::<T>::new(normalized(c, x)?).eps(a.f64_or("eps", 1, f64::EPSILON)?);
            match affine(c, &norm.weight, &None)? {
                Affine::None => one(norm.no_affine().forward(x)),
                _ => one(norm.forward(x)),
            }
        }
        "group_norm" => {
            let (x, groups) = (c.x(0)?, a.int("groups", 0)?.try_into().ok()?);
            let norm = GroupNorm::<T>::new(groups, *x.shape().get(1)?).eps(a.f64_or("eps", 1, 1e-5)?);
            match affine(c, &norm.weight, &norm.bias)? {
                Affine::None => one(norm.no_affine().forward(x)),
                Affine::Scale => None,
                Affine::Both => one(norm.forward(x)),
            }
        }
        "instance_norm" => {
            let x = c.x(0)?;
            let norm = InstanceNorm::<T>::new(*x.shape().get(1)?).eps(a.f64_or("eps", 0, 1e-5)?);
            if c.count() == 1 {
                return one(norm.forward(x));
            }
            let norm = norm.affine();
            affine(c, &norm.weight, &norm.bias)?;
            one(norm.forward(x))
        }
        "dropout" => {
            // Only what does not depend on the drawn numbers has a known answer.
            a.named("training");
            let layer = Dropout::new(a.f64("p", 0)?);
            let known = !c.tape.is_training() || matches!(a.f64("p", 0)?, 0.0 | 1.0);
            if known { one(layer.forward(c.x(0)?)) } else { None }
        }
        "gru_cell" => recurrent(c, Gru::new),
        "lstm_cell" => recurrent(c, Lstm::new),
        "rnn_cell" | "rnn_tanh_cell" => match a.text("nonlinearity").as_deref() {
            None | Some("tanh") => recurrent(c, Rnn::new),
            Some("relu") => recurrent(c, |inputs, hidden, rng| Rnn::new(inputs, hidden, rng).relu()),
            _ => None,
        },
        "rnn_relu_cell" => recurrent(c, |inputs, hidden, rng| Rnn::new(inputs, hidden, rng).relu()),
        "sdpa" | "attention" | "scaled_dot_product_attention" => attention(c),
        _ => None,
    }
}

/// x·Wᵀ + b: PyTorch keeps the transpose.
fn linear<'t, T: Float>(c: &Call<'t, T>) -> Outputs<'t, T> {
    let y = c.x(0)?.matmul(c.x(1)?.t());
    one(if c.count() == 3 { y + c.x(2)? } else { y })
}

fn embedding<'t, T: Float>(c: &Call<'t, T>) -> Outputs<'t, T> {
    let &[count, size] = &c.x(1)?.shape()[..] else { return None };
    let mut layer = Embedding::<T>::new(count, size, &mut Rng::seed(0));
    if let Some(padding) = c.args.int("padding_idx", 0) {
        layer = layer.padding(if padding < 0 { padding + count as isize } else { padding }.try_into().ok()?);
    }
    c.give(1, &layer.weight)?;
    one(layer.forward(c.tape, &c.ints(0)?))
}

/// Inputs x, γ, β in training, x, running mean, running variance, γ, β in evaluation.
fn batch_norm<'t, T: Float>(c: &Call<'t, T>) -> Outputs<'t, T> {
    let (x, training) = (c.x(0)?, c.tape.is_training());
    c.args.named("training");
    let norm = BatchNorm::<T>::new(*x.shape().get(1)?).eps(c.args.f64_or("eps", 0, 1e-5)?);
    let first = if training { 1 } else { 3 };
    if !training {
        norm.running_mean.set(c.value(1)?);
        norm.running_var.set(c.value(2)?);
    }
    if c.count() == first {
        return one(norm.no_affine().forward(x));
    }
    c.give(first, norm.gamma()?)?;
    c.give(first + 1, norm.beta()?)?;
    one(norm.forward(x))
}

/// The axes of the second input, or the last one.
fn normalized<T: Float>(c: &Call<'_, T>, x: Var<'_, T>) -> Option<Vec<usize>> {
    if c.args.named("normalized_shape").is_some() {
        return c.args.ints("normalized_shape", usize::MAX)?.into_iter().map(|n| n.try_into().ok()).collect();
    }
    let shape = if c.count() > 1 { c.x(1)?.shape() } else { x.shape().last().copied().into_iter().collect() };
    Some(shape.to_vec())
}

/// Which of scale and shift a case has.
enum Affine {
    None,
    Scale,
    Both,
}

/// Gives inputs 1 and 2 to a layer, as far as they are there.
fn affine<T: Float>(c: &Call<'_, T>, weight: &Option<Param<T>>, bias: &Option<Param<T>>) -> Option<Affine> {
    if c.count() > 1 {
        c.give(1, weight.as_ref()?)?;
    }
    if c.count() > 2 {
        c.give(2, bias.as_ref()?)?;
    }
    [Affine::None, Affine::Scale, Affine::Both].into_iter().nth(c.count() - 1)
}

/// One step of a sequence: inputs x, the `S` states, the weights of x and of the state, and the
/// biases, if there are any.
fn recurrent<'t, const S: usize, C: RecurrentCell<S>, T: Float>(
    c: &Call<'t, T>,
    new: impl Fn(usize, usize, &mut Rng) -> Recurrent<C, S, T>,
) -> Outputs<'t, T> {
    let (x, state) = (c.x(0)?, c.x(1)?);
    let mut layer = new(*x.shape().get(1)?, *state.shape().get(1)?, &mut Rng::seed(0));
    if c.count() == S + 3 {
        layer = layer.no_bias();
    }
    let params = layer.params();
    for (i, name) in ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"].into_iter().enumerate() {
        if S + 1 + i < c.count() {
            c.give(S + 1 + i, params.get(name)?)?;
        }
    }
    let mut start = [state.unsqueeze(0); S];
    for (i, part) in start.iter_mut().enumerate() {
        *part = c.x(1 + i)?.unsqueeze(0);
    }
    let (_, end) = layer.unroll(x.unsqueeze(0), Some(start));
    Some(end.into_iter().map(|part| Output::Var(part.select(0, 0))).collect())
}

/// A layer of one head whose projections leave everything as it is.
fn attention<'t, T: Float>(c: &Call<'t, T>) -> Outputs<'t, T> {
    let (q, k, v) = (c.x(0)?, c.x(1)?, c.x(2)?);
    let shape = q.shape();
    let (&size, &length) = (shape.last()?, shape.iter().rev().nth(1)?);
    if k.shape().last() != v.shape().last() {
        return None;
    }
    let mut layer = MultiHeadAttention::<T>::new(size, 1, &mut Rng::seed(0)).batch_first().no_bias();
    if c.args.flag("is_causal")? {
        layer = layer.causal();
    }
    layer.params()["in_proj_weight"].set(Tensor::eye(size).tile(&[3, 1]));
    layer.out_proj.weight.set(Tensor::eye(size));
    // A mask of the case shows what is seen.
    let hidden = if c.count() > 3 { Some(c.bools(3)?.map(|seen| !seen)) } else { None };
    if hidden.as_ref().is_some_and(|hidden| hidden.rank() != 2) {
        return None;
    }
    let batches = |x: Var<'t, T>, length: isize| x.reshape([-1, length, x.shape()[x.rank() - 1] as isize]);
    let keys = *k.shape().iter().rev().nth(1)? as isize;
    let y = layer.attend(batches(q, length as isize), batches(k, keys), batches(v, keys), hidden.as_ref());
    one(y.reshape(shape))
}
