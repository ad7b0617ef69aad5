//! The hyperparameters of a network for handwritten digits, from coarse to fine, by
//! cross-validation; the best configuration is then trained on all but the test set, and judged on
//! that once.
//!
//! ```text
//! cargo run --release --example search -- [--json] [--seed S] [--workers N] [--journal FILE] [--report FILE]
//! ```
//!
//! Killed at any moment, it goes on where it was when it is run again; run twice at the same time,
//! the two share the work. `optuna-dashboard search.jsonl` shows the journal in a browser.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use wengert::prelude::*;
use wengert::search::{Halving, Search, Sobol, Space, Stage, Stop};
use wengert::train::{FitError, Labelled, Standardize, Transform, accuracy, digits};
use wengert::{CosineLr, ExponentialLr, RmsProp, Schedule, StepLr};

const BATCH: usize = 32;
/// Epochs of the last stage, and of the final training.
const EPOCHS: usize = 30;

#[derive(Clone, Debug, Space)]
struct Config {
    #[space(uniform(1..=3))]
    depth: usize,
    #[space(log(16..=128))]
    width: usize,
    activation: Nonlinearity,
    batch_norm: bool,
    #[space(uniform(0.0..=0.5).within(0.0..=0.9))]
    dropout: f64,
    #[space(log(1e-4..=1.0))]
    lr: f64,
    decay: Decay,
    update: Update,
    #[space(log(1e-6..=1e-1))]
    weight_decay: f64,
}

#[derive(Clone, Debug, Space)]
enum Nonlinearity {
    Sigmoid,
    Tanh,
    Relu,
    LeakyRelu {
        #[space(log(1e-3..=0.3))]
        slope: f64,
    },
    Maxout {
        #[space(uniform(2..=4).within(2..=8))]
        pieces: usize,
    },
}

/// How the learning rate falls.
#[derive(Clone, Debug, Space)]
enum Decay {
    Constant,
    Cosine,
    /// By a factor each epoch.
    Exponential {
        #[space(uniform(0.5..=1.0))]
        factor: f64,
    },
    /// By a factor every third of the time.
    Step {
        #[space(log(0.05..=0.8).within(0.01..=1.0))]
        factor: f64,
    },
}

#[derive(Clone, Debug, Space)]
enum Update {
    Sgd {
        #[space(uniform(0.5..=0.99).within(0.0..=0.999))]
        momentum: f64,
        nesterov: bool,
    },
    RmsProp,
    Adam {
        #[space(uniform(0.8..=0.99).within(0.0..=0.999))]
        beta: f64,
    },
}

impl Config {
    fn net(&self, rng: &mut Rng) -> Sequential {
        let mut net = Sequential::new();
        let mut inputs = 64;
        for _ in 0..self.depth {
            net = match &self.activation {
                Nonlinearity::Maxout { pieces } => net.then(Maxout::new(inputs, self.width, *pieces, rng)),
                _ => net.then(Linear::new(inputs, self.width, rng)),
            };
            if self.batch_norm {
                net = net.then(BatchNorm::new(self.width));
            }
            net = match self.activation {
                Nonlinearity::Sigmoid => net.then_fn(|x| x.sigmoid()),
                Nonlinearity::Tanh => net.then_fn(|x| x.tanh()),
                Nonlinearity::Relu => net.then_fn(|x| x.relu()),
                Nonlinearity::LeakyRelu { slope } => net.then_fn(move |x| x.leaky_relu(slope)),
                Nonlinearity::Maxout { .. } => net,
            };
            net = net.then(Dropout::new(self.dropout));
            inputs = self.width;
        }
        net.then(Linear::new(inputs, 10, rng))
    }

    fn optimizer(&self, net: &Sequential) -> Box<dyn Optimizer> {
        match self.update {
            Update::Sgd { momentum, nesterov } => {
                let sgd = Sgd::new(net, self.lr).weight_decay(self.weight_decay);
                Box::new(if nesterov { sgd.nesterov(momentum) } else { sgd.momentum(momentum) })
            }
            Update::RmsProp => Box::new(RmsProp::new(net, self.lr).weight_decay(self.weight_decay)),
            Update::Adam { beta } => {
                Box::new(Adam::new(net, self.lr).betas(beta, 0.999).weight_decay(self.weight_decay))
            }
        }
    }

    fn schedule(&self, epochs: u64) -> Box<dyn Schedule> {
        match self.decay {
            Decay::Constant => Box::new(self.lr),
            Decay::Cosine => Box::new(CosineLr::new(self.lr, epochs)),
            Decay::Exponential { factor } => Box::new(ExponentialLr::new(self.lr, factor)),
            Decay::Step { factor } => Box::new(StepLr::new(self.lr, epochs.div_ceil(3), factor)),
        }
    }

    /// Trains a network, telling of its cost and calling `after` each epoch, counted from 1.
    fn train(
        &self,
        data: &Labelled,
        epochs: usize,
        seed: u64,
        cost: impl Fn(f64) -> Result<(), Stop>,
        mut after: impl FnMut(usize, &Sequential) -> Result<(), Stop>,
    ) -> Result<Sequential, Stop> {
        let rng = Rng::seed(seed);
        let net = self.net(&mut rng.fork("weights"));
        let mut optimizer = self.optimizer(&net);
        let schedule = self.schedule(epochs as u64);
        for epoch in 0..epochs {
            optimizer.set_lr(schedule.lr(epoch as u64));
            let rng = rng.fork("epoch").fork(epoch as u64);
            for (step, (x, labels)) in data.batches(BATCH, rng.clone().next_u64()).enumerate() {
                let tape = Tape::train(rng.fork(step as u64).next_u64());
                let loss = net.forward(tape.var(x)).cross_entropy(&labels);
                optimizer.step(&loss.backward())?;
                cost(loss.item().into())?;
            }
            after(epoch + 1, &net)?;
        }
        Ok(net)
    }
}

fn test(net: &Sequential, data: &Labelled) -> f64 {
    let tape = Tape::new();
    accuracy(&net.forward(tape.var(data.features())).value().argmax(1), data.labels())
}

/// Scaled by what the training part says.
fn scaled([training, other]: [Labelled; 2]) -> Result<[Labelled; 2], FitError> {
    let scale = Standardize::fit(training.features())?;
    Ok([training, other].map(|part| part.map_features(|x| scale.apply(x))))
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    // The search never sees the test set; it is the same whatever the seed.
    let [data, unseen] = digits().stratified_split([0.8, 0.2], 0);

    let mut search = Search::new(format!("digits-{}", args.seed), Config::draw)?
        .maximize("accuracy")
        .stage(Stage::new("coarse", 256).budget(8).folds(3).sampler(Sobol).stop(Halving::new(2).first(8)))
        .stage(Stage::new("fine", 96).budget(EPOCHS).folds(5).stop(Halving::new(2).first(EPOCHS)))
        .seed(args.seed)
        .journal(&args.journal);
    if let Some(workers) = args.workers {
        search = search.workers(workers);
    }
    let outcome = search.run(|trial| {
        let config = trial.config();
        trial.cross_validate(data.stratified_k_folds(trial.folds(), args.seed), |fold| {
            let [training, validation] = scaled(fold)?;
            let report = |epoch, net: &Sequential| trial.report(epoch, test(net, &validation));
            let net = config.train(&training, trial.budget(), trial.seed(), |cost| trial.cost(cost), report)?;
            Ok(test(&net, &validation))
        })
    })?;

    let best = outcome.best();
    let [training, unseen] = scaled([data, unseen])?;
    let net =
        best.config.train(&training, EPOCHS, args.seed, |_| Ok(()), |_, _| Ok(())).map_err(|stop| stop.to_string())?;
    let test_accuracy = test(&net, &unseen);
    let looks = outcome.judge(test_accuracy)?;

    println!("\nbest of {} trials, number {} of the last stage:", outcome.trials(), best.number);
    for (name, value) in &best.parameters {
        println!("  {name:28} {value}");
    }
    let deviation = best.deviation.unwrap_or(f64::NAN);
    println!("cross-validated accuracy {:.4} ± {deviation:.4}", best.score);
    println!("test accuracy {test_accuracy:.4}{}", if looks > 1 { ", and not for the first time" } else { "" });
    for finding in outcome.findings() {
        println!("- {}", finding.title);
    }
    outcome.report().write(&args.report)?;
    println!("journal {}, report {}", args.journal.display(), args.report.display());
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds:.1} seconds in total");
    if args.json {
        let parameters = best.parameters.iter().map(|(name, value)| format!("{name:?}:{value:?}"));
        println!(
            r#"{{"test_accuracy":{test_accuracy},"cv_accuracy":{},"trials":{},"seconds":{seconds:.3},"best":{{{}}}}}"#,
            best.score,
            outcome.trials(),
            parameters.collect::<Vec<_>>().join(",")
        );
    }
    Ok(())
}

struct Args {
    json: bool,
    seed: u64,
    workers: Option<usize>,
    journal: PathBuf,
    report: PathBuf,
}

impl Args {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        const USAGE: &str = "expected [--json] [--seed S] [--workers N] [--journal FILE] [--report FILE]";
        let (journal, report) = ("search.jsonl".into(), "search.html".into());
        let mut args = Self { json: false, seed: 0, workers: None, journal, report };
        while let Some(word) = words.next() {
            if word == "--json" {
                args.json = true;
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{word}: {USAGE}"))?;
            match (word.as_str(), value.parse()) {
                ("--seed", Ok(seed)) => args.seed = seed,
                ("--workers", Ok(n @ 1..)) => args.workers = Some(n as usize),
                ("--journal", _) => args.journal = value.into(),
                ("--report", _) => args.report = value.into(),
                _ => return Err(format!("{word} {value}: {USAGE}")),
            }
        }
        Ok(args)
    }
}

fn main() -> ExitCode {
    let outcome = Args::parse(std::env::args().skip(1)).map_err(Into::into).and_then(run);
    if let Err(error) = outcome {
        eprintln!("search: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
