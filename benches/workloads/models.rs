//! Whole training steps of a convolutional network and of a small transformer.

use wengert::prelude::*;
use wengert::{AdamW, Conv2d, Embedding, LayerNorm, Pool};

use crate::harness::{Record, labels, linear_weight, uniform};
use crate::training::{linear, pixels, train};

#[derive(Module)]
struct LeNet {
    c1: Conv2d,
    b1: BatchNorm,
    c2: Conv2d,
    b2: BatchNorm,
    l1: Linear,
    l2: Linear,
}

impl LeNet {
    fn new() -> Self {
        let mut rng = Rng::seed(0);
        let mut conv = |seed, inputs: usize, outputs| {
            let layer = Conv2d::new(inputs, outputs, 5, &mut rng).padding(2).bias(Init::Constant(0.0));
            layer.weight.set(uniform(seed, [outputs, inputs, 5, 5], 1.0 / ((inputs * 25) as f32).sqrt()));
            layer
        };
        Self {
            c1: conv(21, 1, 16),
            b1: BatchNorm::new(16),
            c2: conv(22, 16, 32),
            b2: BatchNorm::new(32),
            l1: linear(23, 1568, 128),
            l2: linear(24, 128, 10),
        }
    }

    fn forward<'t>(&self, x: Var<'t>) -> Var<'t> {
        let h = self.b1.forward(self.c1.forward(x)).relu().max_pool2d(Pool::new(2));
        let h = self.b2.forward(self.c2.forward(h)).relu().max_pool2d(Pool::new(2));
        self.l2.forward(self.l1.forward(h.reshape([x.shape()[0], 1568])).relu())
    }
}

pub(crate) fn lenet_adam() -> Record {
    let net = LeNet::new();
    train(Adam::new(&net, 1e-3), &pixels(64, &[64, 1, 28, 28]), 2, |tape, (x, t)| {
        net.forward(tape.var(x.clone())).cross_entropy(t)
    })
}

const CONTEXT: usize = 64;
const WIDTH: usize = 128;
const HEADS: usize = 4;
const VOCABULARY: usize = 65;

#[derive(Module)]
struct Block {
    n1: LayerNorm,
    n2: LayerNorm,
    qkv: Linear,
    proj: Linear,
    up: Linear,
    down: Linear,
}

impl Block {
    fn new(seed: u64) -> Self {
        Self {
            n1: LayerNorm::new(WIDTH),
            n2: LayerNorm::new(WIDTH),
            qkv: linear(seed, WIDTH, 3 * WIDTH),
            proj: linear(seed + 1, WIDTH, WIDTH),
            up: linear(seed + 2, WIDTH, 4 * WIDTH),
            down: linear(seed + 3, 4 * WIDTH, WIDTH),
        }
    }

    fn forward<'t>(&self, x: Var<'t>, later: &Tensor) -> Var<'t> {
        let (shape, size) = (x.shape(), WIDTH / HEADS);
        let parts = self.qkv.forward(self.n1.forward(x)).split(2, WIDTH);
        let heads = |i: usize| parts[i].reshape([shape[0], CONTEXT, HEADS, size]).transpose(1, 2);
        let scores = heads(0).matmul(heads(1).t()) / (size as f64).sqrt();
        let weights = scores.masked_fill(later, f64::NEG_INFINITY).softmax(-1);
        let x = x + self.proj.forward(weights.matmul(heads(2)).transpose(1, 2).reshape(&shape));
        x + self.down.forward(self.up.forward(self.n2.forward(x)).gelu_tanh())
    }
}

#[derive(Module)]
struct Gpt {
    tok: Embedding,
    pos: Param,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Linear,
}

impl Gpt {
    fn new() -> Self {
        let mut rng = Rng::seed(0);
        let tok = Embedding::new(VOCABULARY, WIDTH, &mut rng);
        tok.weight.set(uniform(31, [VOCABULARY, WIDTH], 0.1));
        let head = Linear::new(WIDTH, VOCABULARY, &mut rng).no_bias();
        head.weight.set(linear_weight(33, WIDTH, VOCABULARY).t());
        Self {
            tok,
            pos: Param::new("pos", uniform(32, [CONTEXT, WIDTH], 0.1)),
            blocks: (0..4).map(|i| Block::new(40 + 10 * i)).collect(),
            norm: LayerNorm::new(WIDTH),
            head,
        }
    }

    fn forward<'t>(&self, tape: &'t Tape, indices: &Tensor<i64>) -> Var<'t> {
        let later = Tensor::build([CONTEXT, CONTEXT], |out| {
            out.iter_mut().enumerate().for_each(|(i, later)| *later = f32::from(u8::from(i % CONTEXT > i / CONTEXT)));
        });
        let x = self.tok.forward(tape, indices) + &self.pos;
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x, &later));
        self.head.forward(self.norm.forward(x))
    }
}

pub(crate) fn gpt_char() -> Record {
    let net = Gpt::new();
    let count = 12 * CONTEXT;
    let tokens = |seed| labels(seed, count, VOCABULARY as u64);
    let batches: Vec<_> = (0..8).map(|i| (tokens(300 + i).reshape([12, CONTEXT]), tokens(400 + i))).collect();
    train(AdamW::new(&net, 1e-3).weight_decay(0.1), &batches, 2, |tape, (x, t)| {
        net.forward(tape, x).reshape([count, VOCABULARY]).cross_entropy(t)
    })
}
