//! Whole training steps of models.

use std::time::Instant;

use wengert::prelude::*;

use crate::harness::{Record, labels, linear_weight, measure, reset_peak_memory, uniform};

/// Times training steps; `check` is the loss of the tenth.
pub(crate) fn train<B>(
    mut optimizer: impl Optimizer,
    batches: &[B],
    inner: usize,
    loss: impl for<'t> Fn(&'t Tape, &B) -> Var<'t>,
) -> Record {
    let mut count = 0;
    let mut step = || {
        let tape = Tape::train(count as u64);
        let loss = loss(&tape, &batches[count % batches.len()]);
        count += 1;
        let gradients = loss.backward();
        optimizer.step(&gradients).expect("every parameter has a gradient");
        loss.item()
    };
    let start = Instant::now();
    step();
    let first_call = start.elapsed().as_secs_f64();
    let check = (0..9).map(|_| step()).last().expect("nine steps") as f64;
    reset_peak_memory();
    let record = measure(
        |calls| {
            for _ in 0..calls {
                step();
            }
        },
        inner,
        Some(20),
    );
    Record { check, first_call, ..record }
}

pub(crate) fn pixels(batch: usize, shape: &[usize]) -> Vec<(Tensor, Tensor<i64>)> {
    (0..8).map(|i| (uniform(100 + i, shape, 1.0), labels(200 + i, batch, 10))).collect()
}

/// A layer with the weight that all systems start from, and no bias yet.
pub(crate) fn linear(seed: u64, fan_in: usize, fan_out: usize) -> Linear {
    let layer = Linear::new(fan_in, fan_out, &mut Rng::seed(0)).bias(Init::Constant(0.0));
    layer.weight.set(linear_weight(seed, fan_in, fan_out).t());
    layer
}

#[derive(Module)]
struct Mlp {
    fc1: Linear,
    bn1: BatchNorm,
    fc2: Linear,
    bn2: BatchNorm,
    fc3: Linear,
}

impl Mlp {
    fn new() -> Self {
        Self {
            fc1: linear(11, 784, 512),
            bn1: BatchNorm::new(512),
            fc2: linear(12, 512, 512),
            bn2: BatchNorm::new(512),
            fc3: linear(13, 512, 10),
        }
    }

    fn forward<'t>(&self, x: Var<'t>, activation: impl Fn(Var<'t>) -> Var<'t>) -> Var<'t> {
        let h = activation(self.bn1.forward(self.fc1.forward(x)));
        let h = activation(self.bn2.forward(self.fc2.forward(h)));
        self.fc3.forward(h)
    }
}

pub(crate) fn mlp_sgd() -> Record {
    let net = Mlp::new();
    train(Sgd::new(&net, 0.05).momentum(0.9), &pixels(128, &[128, 784]), 10, |tape, (x, t)| {
        net.forward(tape.var(x.clone()), |h| h.relu()).cross_entropy(t)
    })
}

pub(crate) fn mlp_adam() -> Record {
    let net = Mlp::new();
    train(Adam::new(&net, 1e-3), &pixels(32, &[32, 784]), 10, |tape, (x, t)| {
        net.forward(tape.var(x.clone()), |h| h.leaky_relu(0.01)).cross_entropy(t)
    })
}
