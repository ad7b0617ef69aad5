//! The error of a small network on the digits, by cross-validation.

use wengert::prelude::*;
use wengert::search::{Draw, SpaceError, Stop};
use wengert::train::{FitError, Labelled, Standardize, Transform, accuracy, digits};

/// What is searched.
#[derive(Clone, Debug, wengert::search::Space)]
pub(super) struct Config {
    #[space(log(1e-4..=1.0))]
    lr: f64,
    #[space(log(8..=64))]
    width: usize,
    #[space(uniform(1..=3))]
    depth: usize,
    batch_norm: bool,
    #[space(uniform(0.0..=0.5))]
    dropout: f64,
    #[space(log(1e-6..=1e-1))]
    weight_decay: f64,
    update: Update,
}

#[derive(Clone, Debug, wengert::search::Space)]
enum Update {
    Sgd {
        #[space(uniform(0.0..=0.99))]
        momentum: f64,
    },
    Adam,
}

pub(super) fn space(draw: &mut Draw<'_>) -> Result<Config, SpaceError> {
    wengert::search::Space::draw(draw)
}

/// The training part of the digits, in folds, each scaled by its training rows.
pub(super) fn folds(k: usize) -> Result<Vec<[Labelled; 2]>, FitError> {
    let [data, _] = digits().stratified_split([0.8, 0.2], 0);
    let scaled = data.stratified_k_folds(k, 0).map(|fold| {
        let scale = Standardize::fit(fold[0].features())?;
        Ok(fold.map(|part| part.map_features(|x| scale.apply(x))))
    });
    scaled.collect()
}

impl Config {
    /// The error on the second part after each epoch of training on the first, told to `after`.
    pub(super) fn error(
        &self,
        [training, validation]: &[Labelled; 2],
        epochs: usize,
        after: impl Fn(usize, f64) -> Result<(), Stop>,
    ) -> Result<f64, Stop> {
        let mut rng = Rng::seed(7);
        let mut net: Sequential = Sequential::new();
        let mut inputs = 64;
        for _ in 0..self.depth {
            net = net.then(Linear::new(inputs, self.width, &mut rng));
            if self.batch_norm {
                net = net.then(BatchNorm::new(self.width));
            }
            net = net.then_fn(|x| x.relu()).then(Dropout::new(self.dropout));
            inputs = self.width;
        }
        let net = net.then(Linear::new(inputs, 10, &mut rng));
        let mut optimizer: Box<dyn Optimizer> = match self.update {
            Update::Sgd { momentum } => {
                Box::new(Sgd::new(&net, self.lr).momentum(momentum).weight_decay(self.weight_decay))
            }
            Update::Adam => Box::new(Adam::new(&net, self.lr).weight_decay(self.weight_decay)),
        };
        let mut error = 1.0;
        for epoch in 1..=epochs {
            for (step, (x, labels)) in training.batches(32, epoch as u64).enumerate() {
                let tape = Tape::train((epoch * 1000 + step) as u64);
                let loss = net.forward(tape.var(x)).cross_entropy(&labels);
                optimizer.step(&loss.backward())?;
            }
            let tape = Tape::new();
            let scores = net.forward(tape.var(validation.features())).value();
            error = 1.0 - accuracy(&scores.argmax(1), validation.labels());
            after(epoch, error)?;
        }
        Ok(error)
    }
}
