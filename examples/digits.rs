//! Handwritten digits: check the gradient of a network, train it, test it.
//!
//! ```text
//! cargo run --release --example digits -- [--json] [--threads N] [--seed S] [--epochs E]
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use wengert::prelude::*;
use wengert::train::{ConfusionMatrix, Dataset, Progress, Standardize, accuracy, digits};

#[derive(Module)]
struct Net {
    fc1: Linear,
    bn: BatchNorm,
    fc2: Maxout,
    out: Linear,
}

impl Net {
    fn new(rng: &mut Rng) -> Self {
        Self {
            fc1: Linear::new(64, 64, rng).no_bias(),
            bn: BatchNorm::new(64),
            fc2: Maxout::new(64, 32, 2, rng),
            out: Linear::new(32, 10, rng),
        }
    }

    fn forward<'t>(&self, x: Var<'t>) -> Var<'t> {
        let h = self.bn.forward(self.fc1.forward(x)).leaky_relu(0.01);
        self.out.forward(self.fc2.forward(h))
    }

    fn predict(&self, data: &Dataset) -> Tensor<i64> {
        let tape = Tape::new();
        self.forward(tape.var(data.features())).value().argmax(1)
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let start = Instant::now();
    let Args { json, seed, epochs } = Args::parse()?;

    // The same parts for every seed.
    let parts = digits().split([0.7, 0.1, 0.2], 0);
    let scale = Standardize::fit(parts[0].features());
    let [training, validation, test] = parts.map(|part| part.map_features(|x| scale.apply(x)));
    let rng = Rng::seed(seed);
    let net = Net::new(&mut rng.fork("net"));

    println!("The gradient of the whole network against finite differences, in f64:");
    let tape = Tape::train(seed);
    let (x, labels) = training.batches(16, seed).next().expect("there is data");
    let loss = net.forward(tape.var(x)).cross_entropy(&labels);
    let report = check::Check::new().tolerance(1e-7).model(loss, &net.params());
    println!("{report}\n");
    if !report.is_ok() {
        eprintln!("The gradient of a parameter differs from finite differences by more than 1e-7 (see the table).");
        return Ok(ExitCode::FAILURE);
    }

    let mut optimizer = Adam::new(&net, 0.0);
    let smooth = CrossEntropy::new().label_smoothing(0.1);
    let steps = training.batches(BATCH, 0).len();
    let progress = Progress::new("training", epochs * steps);
    let mut final_loss = f64::NAN;
    for epoch in 0..epochs {
        let mut losses = 0.0;
        for (i, (x, labels)) in training.batches(BATCH, seed + epoch as u64).enumerate() {
            let step = epoch * steps + i;
            optimizer.set_lr(one_cycle(step as f64 / (epochs * steps) as f64));
            let tape = Tape::train(step as u64);
            let loss = smooth.of(net.forward(tape.var(x)), &labels);
            optimizer.step(&loss.backward())?;
            losses += f64::from(loss.item());
            progress.step();
        }
        final_loss = losses / steps as f64;
        let [a, b] = [&training, &validation].map(|part| accuracy(&net.predict(part), part.labels()));
        progress.line(format_args!("epoch {epoch:2}  loss {final_loss:.4}  accuracy {a:.4}, validation {b:.4}"));
    }
    drop(progress);

    let matrix = ConfusionMatrix::new(&net.predict(&test), test.labels(), test.classes());
    let (accuracy, error, seconds) = (matrix.accuracy(), report.worst_error(), start.elapsed().as_secs_f64());
    println!("\nThe test part:\n{matrix}\n\ntest accuracy {accuracy:.4}, {seconds:.1} s in total");
    if json {
        println!(
            r#"{{"test_accuracy":{accuracy:.16e},"max_gradient_error":{error:.16e},"final_loss":{final_loss:.16e},"seconds":{seconds:.16e}}}"#
        );
    }
    Ok(ExitCode::SUCCESS)
}

const BATCH: usize = 32;

/// The learning rate at a share of the way: up, then down to nothing along a cosine.
fn one_cycle(way: f64) -> f64 {
    let warm = 0.2;
    let height = if way < warm { way / warm } else { 0.5 + 0.5 * (std::f64::consts::PI * (way - warm) / (1.0 - warm)).cos() };
    0.01 * height
}

struct Args {
    json: bool,
    seed: u64,
    epochs: usize,
}

impl Args {
    fn parse() -> Result<Self, String> {
        let mut args = Self { json: false, seed: 0, epochs: 30 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().ok_or(format!("{word} needs a number"))?;
                value.parse::<u64>().map_err(|_| format!("{word} needs a number, not `{value}`"))
            };
            match word.as_str() {
                "--json" => args.json = true,
                "--seed" => args.seed = number()?,
                "--epochs" => args.epochs = number()? as usize,
                "--threads" => wengert::set_threads(number()?.max(1) as usize),
                _ => return Err(format!("`{word}` is not one of --json, --threads N, --seed S, --epochs E")),
            }
        }
        Ok(args)
    }
}
