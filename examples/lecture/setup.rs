//! Data, networks and training runs that the claims share.

use std::error::Error;
use std::path::Path;

use wengert::prelude::*;
use wengert::train::{Labelled, LayerStats, Snapshot, Standardize, Transform, Watch, accuracy, digits, read_idx};

/// What is measured on: training and validation data, as they are and scaled.
pub(crate) struct Data {
    name: String,
    pub(crate) raw: [Labelled; 2],
    pub(crate) scaled: [Labelled; 2],
}

pub(crate) const SEEDS: [u64; 3] = [1, 2, 3];
const BATCH: usize = 64;

impl Data {
    pub(crate) fn load(folder: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let (name, raw) = match folder {
            None => ("the digits".to_owned(), digits().stratified_split([0.8, 0.2], 0)),
            Some(folder) => (format!("MNIST from {folder}"), mnist(Path::new(folder))?.stratified_split([0.8, 0.2], 0)),
        };
        let scale = Standardize::fit(raw[0].features())?;
        let scaled = raw.each_ref().map(|part| part.map_features(|x| scale.apply(x)));
        Ok(Self { name, raw, scaled })
    }

    pub(crate) fn described(&self) -> String {
        let ([training, validation], seeds) = (self.raw.each_ref().map(Labelled::len), SEEDS.len());
        format!("On {}: {training} examples to train on, {validation} to validate; {seeds} seeds each.", self.name)
    }

    pub(crate) fn columns(&self) -> usize {
        self.raw[0].features().shape()[1]
    }
}

/// 10,000 training images, as rows of pixels from 0 to 255.
fn mnist(folder: &Path) -> Result<Labelled, Box<dyn Error>> {
    let find = |name: &str| {
        let packed = folder.join(format!("{name}.gz"));
        if packed.exists() { packed } else { folder.join(name) }
    };
    let images: Tensor = read_idx(find("train-images-idx3-ubyte"))?;
    let labels: Tensor<i64> = read_idx(find("train-labels-idx1-ubyte"))?;
    let rows = 10_000.min(labels.count());
    let images = images.slice(0, ..rows as isize).contiguous();
    Ok(Labelled::new(images.reshape([rows as isize, -1]), labels.slice(0, ..rows as isize).contiguous()))
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Act {
    Sigmoid,
    Tanh,
    Relu,
    Leaky,
}

impl Act {
    /// The start that is made for it.
    pub(crate) fn init(self) -> Init {
        match self {
            Act::Sigmoid | Act::Tanh => Init::xavier_normal(),
            Act::Relu | Act::Leaky => Init::he_normal(),
        }
    }
}

/// A perceptron: how many hidden layers of how many units, of which kind, and how they start.
#[derive(Clone, Copy)]
pub(crate) struct Mlp {
    pub(crate) layers: usize,
    pub(crate) width: usize,
    pub(crate) act: Act,
    pub(crate) init: Init,
    pub(crate) bias: f64,
    pub(crate) norm: bool,
    pub(crate) dropout: f64,
}

impl Mlp {
    pub(crate) fn new(layers: usize, act: Act) -> Self {
        Self { layers, width: 64, act, init: act.init(), bias: 0.0, norm: false, dropout: 0.0 }
    }

    pub(crate) fn build(self, inputs: usize, seed: u64) -> Sequential {
        let rng = Rng::seed(seed);
        let mut net = Sequential::new();
        for i in 0..self.layers {
            let rng = &mut rng.fork("hidden").fork(i as u64);
            let inputs = if i == 0 { inputs } else { self.width };
            let layer = Linear::new(inputs, self.width, rng).weight(self.init).bias(Init::Constant(self.bias));
            net = net.then(layer);
            if self.norm {
                net = net.then(BatchNorm::new(self.width));
            }
            net = match self.act {
                Act::Sigmoid => net.then_fn(|x| x.sigmoid()),
                Act::Tanh => net.then_fn(|x| x.tanh()),
                Act::Relu => net.then_fn(|x| x.relu()),
                Act::Leaky => net.then_fn(|x| x.leaky_relu(0.01)),
            };
            if self.dropout > 0.0 {
                net = net.then(Dropout::new(self.dropout));
            }
        }
        net.then(Linear::new(self.width, 10, &mut rng.fork("out")).weight(Init::xavier_normal()))
    }
}

/// The losses of plain gradient descent; it ends early when the loss is no number, or its running mean below
/// `target`.
pub(crate) struct Run {
    pub(crate) losses: Vec<f64>,
    /// The number of steps to the target, if it was reached.
    pub(crate) reached: Option<usize>,
}

impl Run {
    pub(crate) fn last(&self) -> f64 {
        let end = &self.losses[self.losses.len().saturating_sub(20)..];
        mean(end)
    }
}

pub(crate) fn train(
    net: &Sequential,
    optimizer: &mut dyn Optimizer,
    data: &Labelled,
    epochs: u64,
    seed: u64,
    target: f64,
) -> Run {
    let mut run = Run { losses: Vec::new(), reached: None };
    let mut smooth = f64::NAN;
    for epoch in 0..epochs {
        for (x, labels) in data.batches(BATCH, seed.wrapping_mul(1000) + epoch) {
            let tape = Tape::train(run.losses.len() as u64);
            let loss = net.forward(tape.var(x)).cross_entropy(&labels);
            optimizer.step(&loss.backward()).expect("every parameter is used");
            let loss = f64::from(loss.item());
            run.losses.push(loss);
            smooth = if smooth.is_nan() { loss } else { 0.9 * smooth + 0.1 * loss };
            if smooth < target {
                run.reached = Some(run.losses.len());
            }
            if run.reached.is_some() || !loss.is_finite() {
                return run;
            }
        }
    }
    run
}

/// The fewest steps to the target, over several rates, as a median over the seeds; `epochs` if it is never reached.
pub(crate) fn steps_to(target: f64, net: Mlp, data: &Labelled, rates: &[f64], epochs: u64) -> Fastest {
    let columns = data.features().shape()[1];
    let most = epochs as usize * data.len().div_ceil(BATCH);
    let mut best = Fastest { steps: most, lr: f64::NAN, losses: Vec::new(), reached: false };
    for &lr in rates {
        let mut runs: Vec<Run> = SEEDS
            .map(|seed| {
                let net = net.build(columns, seed);
                train(&net, &mut Sgd::new(&net, lr), data, epochs, seed, target)
            })
            .into();
        runs.sort_by_key(|run| run.reached.unwrap_or(usize::MAX));
        let middle = runs.swap_remove(SEEDS.len() / 2);
        let steps = middle.reached.unwrap_or(most);
        if best.losses.is_empty() || steps < best.steps || (!best.reached && middle.last() < mean(&best.losses)) {
            best = Fastest { steps, lr, reached: middle.reached.is_some(), losses: middle.losses };
        }
    }
    best
}

/// The run with the best rate.
pub(crate) struct Fastest {
    pub(crate) steps: usize,
    pub(crate) reached: bool,
    pub(crate) lr: f64,
    pub(crate) losses: Vec<f64>,
}

impl Fastest {
    pub(crate) fn told(&self) -> String {
        let more = if self.reached { "" } else { "more than " };
        format!("{more}{} (rate {})", self.steps, self.lr)
    }
}

/// The inside of a network at its first step on the training data.
fn look(net: &Sequential, data: &Labelled) -> Snapshot {
    let (x, labels) = data.batches(500, 0).next().expect("data");
    let tape = Tape::train(0);
    tape.watch();
    let gradients = net.forward(tape.var(x)).cross_entropy(&labels).backward();
    let seen = Watch::new().step(0, net, &mut Sgd::new(net, 0.0), &gradients);
    seen.expect("every parameter is used").expect("the tape is watched")
}

/// The activations of a network at its first step, layer by layer.
pub(crate) fn activations(net: &Sequential, data: &Labelled) -> impl Iterator<Item = LayerStats> {
    const KINDS: [&str; 4] = ["sigmoid", "tanh", "relu", "leaky_relu"];
    look(net, data).layers.into_iter().filter(|layer| KINDS.contains(&layer.kind.as_str()))
}

/// How large the gradients are that arrive at the outputs of the first activation, against those at the last.
pub(crate) fn gradient_ratio(net: &Sequential, data: &Labelled) -> f64 {
    let arriving: Vec<f64> =
        activations(net, data).map(|layer| layer.gradient.map_or(0.0, |g| g.mean.hypot(g.sd))).collect();
    arriving[0] / arriving[arriving.len() - 1]
}

pub(crate) fn score(net: &Sequential, data: &Labelled) -> f64 {
    let tape = Tape::new();
    accuracy(&net.forward(tape.var(data.features())).value().argmax(1), data.labels())
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard error of a mean.
pub(crate) fn error_of_mean(values: &[f64]) -> f64 {
    let (centre, n) = (mean(values), values.len() as f64);
    (values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt()
}

/// Running means, which are easier to look at.
pub(crate) fn smooth(losses: &[f64]) -> Vec<(f64, f64)> {
    let mut running = losses.first().copied().unwrap_or(0.0);
    let points = losses.iter().enumerate().map(|(step, &loss)| {
        running = 0.9 * running + 0.1 * loss;
        (step as f64, running)
    });
    points.collect()
}
