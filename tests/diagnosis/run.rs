//! Training runs on the digits that go well.

use wengert::prelude::*;
use wengert::train::{History, Labelled, Loader, Standardize, Trainer, Transform, digits};
use wengert::{AdamW, Conv2d, Flatten, MaxPool2d, RmsProp};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Net {
    Relu,
    Deep,
    Tanh,
    Leaky,
    Maxout,
    Normed,
    Dropout,
    Convolutions,
    NormedConvolutions,
    /// Ten layers of tanh.
    Ten,
    /// One hidden unit.
    Narrow,
    /// Batch norm whose running statistics hardly move.
    Lagging,
    /// The logarithm of what a relu gives.
    Logarithm,
    /// An operation whose vjp has the wrong sign.
    Flipped,
}

impl Net {
    /// Those that learn well.
    pub(crate) const HEALTHY: [Self; 10] = [
        Self::Relu,
        Self::Deep,
        Self::Tanh,
        Self::Leaky,
        Self::Maxout,
        Self::Normed,
        Self::Dropout,
        Self::Convolutions,
        Self::NormedConvolutions,
        Self::Ten,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    Sgd,
    Momentum,
    Adam,
    AdamW,
    RmsProp,
}

impl Rule {
    pub(crate) const ALL: [Self; 5] = [Self::Sgd, Self::Momentum, Self::Adam, Self::AdamW, Self::RmsProp];

    fn optimizer(self, net: &Sequential, lr: f64) -> Box<dyn Optimizer> {
        match self {
            Self::Sgd => Box::new(Sgd::new(net, lr)),
            Self::Momentum => Box::new(Sgd::new(net, lr).momentum(0.9)),
            Self::Adam => Box::new(Adam::new(net, lr)),
            Self::AdamW => Box::new(AdamW::new(net, lr)),
            Self::RmsProp => Box::new(RmsProp::new(net, lr)),
        }
    }

    /// A rate that works.
    fn lr(self) -> f64 {
        match self {
            Self::Sgd => 0.05,
            Self::Momentum => 0.01,
            Self::Adam | Self::AdamW => 0.003,
            Self::RmsProp => 0.001,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) net: Net,
    rule: Rule,
    pub(crate) seed: u64,
    pub(crate) lr: f64,
    pub(crate) epochs: u64,
    pub(crate) training: Labelled,
    pub(crate) validation: Labelled,
    pub(crate) shuffled: bool,
    pub(crate) outputs: usize,
    /// The deviation of what is added to training inputs, anew in every epoch.
    pub(crate) noise: f32,
    /// What the first weights are multiplied by, all of them and those of the last layer.
    pub(crate) weights: f32,
    pub(crate) last_weights: f32,
    /// The first biases.
    pub(crate) bias: f64,
}

impl Run {
    pub(crate) fn new(net: Net, rule: Rule, seed: u64) -> Self {
        let parts = digits().split([0.8, 0.2], seed);
        let scale = Standardize::fit(parts[0].features()).expect("digits");
        let [training, validation] = parts.map(|part| part.map_features(|x| scale.apply(x)));
        Self {
            net,
            rule,
            seed,
            lr: rule.lr(),
            epochs: if net == Net::NormedConvolutions { 6 } else { 15 },
            training,
            validation,
            shuffled: true,
            outputs: 10,
            noise: 0.0,
            weights: 1.0,
            last_weights: 1.0,
            bias: 0.0,
        }
    }

    fn build(&self) -> Sequential {
        let rng = &mut Rng::seed(self.seed).fork("net");
        let mut linear = |inputs, outputs| {
            let layer = Linear::new(inputs, outputs, rng).bias(Init::Constant(self.bias));
            let tanh = matches!(self.net, Net::Tanh | Net::Ten);
            let layer = if tanh { layer.weight(Init::xavier_normal()) } else { layer };
            layer.weight.set(layer.weight.value() * self.weights);
            layer
        };
        let last = |layer: Linear| {
            layer.weight.set(layer.weight.value() * self.last_weights);
            layer
        };
        let convolution = |inputs, seed| Conv2d::new(inputs, 4, 3, &mut Rng::seed(self.seed).fork(seed)).padding(1);
        let (net, n) = (Sequential::new(), self.outputs);
        match self.net {
            Net::Relu => net.then(linear(64, 64)).then_fn(|x| x.relu()).then(last(linear(64, n))),
            Net::Deep => {
                let net = (0..3).fold(net, |net, _| net.then(linear(64, 64)).then_fn(|x| x.relu()));
                net.then(last(linear(64, n)))
            }
            Net::Tanh => {
                let net = net.then(linear(64, 64)).then_fn(|x| x.tanh());
                net.then(linear(64, 32)).then_fn(|x| x.tanh()).then(last(linear(32, n)))
            }
            Net::Leaky => {
                let net = net.then(linear(64, 64)).then_fn(|x| x.leaky_relu(0.01));
                net.then(linear(64, 32)).then_fn(|x| x.leaky_relu(0.01)).then(last(linear(32, n)))
            }
            Net::Maxout => net.then(Maxout::new(64, 32, 2, &mut Rng::seed(self.seed))).then(last(linear(32, n))),
            Net::Normed => {
                let net = net.then(linear(64, 64)).then(BatchNorm::new(64)).then_fn(|x| x.relu());
                let net = net.then(linear(64, 32)).then(BatchNorm::new(32)).then_fn(|x| x.relu());
                net.then(last(linear(32, n)))
            }
            Net::Dropout => {
                let net = net.then(linear(64, 128)).then_fn(|x| x.relu()).then(Dropout::new(0.5));
                let net = net.then(linear(128, 64)).then_fn(|x| x.relu()).then(Dropout::new(0.3));
                net.then(last(linear(64, n)))
            }
            Net::Convolutions => {
                let net = net.then_fn(|x| x.reshape([-1, 1, 8, 8])).then(convolution(1, "0")).then_fn(|x| x.relu());
                net.then(MaxPool2d::new(2)).then(Flatten::new()).then(last(linear(64, n)))
            }
            Net::NormedConvolutions => {
                let net = net.then_fn(|x| x.reshape([-1, 1, 8, 8]));
                let net = net.then(convolution(1, "0")).then(BatchNorm::new(4)).then_fn(|x| x.relu());
                let net = net.then(convolution(4, "1")).then(BatchNorm::new(4)).then_fn(|x| x.relu());
                net.then(MaxPool2d::new(2)).then(Flatten::new()).then(last(linear(64, n)))
            }
            Net::Ten => {
                let net = (0..9).fold(net, |net, _| net.then(linear(64, 64)).then_fn(|x| x.tanh()));
                net.then(last(linear(64, n)))
            }
            Net::Narrow => net.then(linear(64, 1)).then_fn(|x| x.tanh()).then(last(linear(1, n))),
            Net::Lagging => {
                let net = net.then(linear(64, 64).bias(Init::Constant(20.0)));
                net.then(BatchNorm::new(64).momentum(0.0005)).then_fn(|x| x.relu()).then(last(linear(64, n)))
            }
            Net::Logarithm => net.then(linear(64, 64)).then_fn(|x| x.relu().ln()).then(last(linear(64, n))),
            Net::Flipped => {
                let net = net.then(linear(64, 64)).then_fn(|x| x.tape().map(Flipped, [x]));
                net.then_fn(|x| x.relu()).then(last(linear(64, n)))
            }
        }
    }

    pub(crate) fn history(&self) -> History {
        let net = self.build();
        let loader = Loader::new(self.training.clone(), 64);
        let loader = if self.shuffled { loader.shuffle(self.seed) } else { loader };
        let noise = self.noise;
        let noisy =
            move |(x, label): (Tensor, Tensor<i64>), rng: &mut Rng| (x + Tensor::normal([64], 0.0, noise, rng), label);
        let loader = if noise > 0.0 { loader.augment(self.seed, noisy) } else { loader };
        let outcome = Trainer::classifier(&net, self.rule.optimizer(&net, self.lr), |x| net.forward(x))
            .validation(Loader::new(self.validation.clone(), 400))
            .epochs(self.epochs)
            .quiet()
            .fit(&loader);
        outcome.unwrap_or_else(|error| *error.history)
    }
}

/// x, with a vjp of the wrong sign.
#[derive(Clone)]
struct Flipped;

impl Elementwise<1> for Flipped {
    const NAME: &'static str = "flipped";

    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x
    }

    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 1], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [-g].into()
    }
}
