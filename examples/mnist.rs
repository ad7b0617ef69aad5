//! MNIST: a multilayer perceptron and a convolutional network, both with batch norm and dropout.
//!
//! ```text
//! cargo run --release --example mnist -- FOLDER [--model mlp|cnn] [--epochs E] [--seed S] [--threads N]
//! ```
//!
//! FOLDER holds the four files of <http://yann.lecun.com/exdb/mnist/>, as they are or unpacked.
//!
//! Both train on images that are shifted a little at random. Measured with the seed 0: the perceptron
//! reaches 99.02 % on the test images in 12 epochs, 52 seconds of processor time; the convolutional
//! network 99.45 % in 5 epochs, 91 seconds.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use wengert::prelude::*;
use wengert::train::{ConfusionMatrix, IdxError, Labelled, Progress, accuracy, random_shift, read_idx};
use wengert::{AdamW, Conv2d, Flatten, MaxPool2d, OneCycleLr, Schedule};

const BATCH: usize = 100;
const SIDE: usize = 28;

/// Scales pixels by the mean and the standard deviation of the training part.
fn scaled() -> Sequential {
    Sequential::new().then_fn(|x| (x - 0.1307) / 0.3081)
}

fn mlp(rng: &Rng) -> Sequential {
    scaled()
        .then(Flatten::new())
        .then(Linear::new(784, 512, &mut rng.fork("fc1")).no_bias())
        .then(BatchNorm::new(512))
        .then_fn(|x| x.relu())
        .then(Dropout::new(0.3))
        .then(Linear::new(512, 512, &mut rng.fork("fc2")).no_bias())
        .then(BatchNorm::new(512))
        .then_fn(|x| x.relu())
        .then(Dropout::new(0.3))
        .then(Linear::new(512, 10, &mut rng.fork("out")))
}

/// A convolution, the largest of every 2 × 2 pixels, normalised.
fn stage(inputs: usize, outputs: usize, kernel: usize, rng: &Rng) -> Sequential {
    Sequential::new()
        .then(Conv2d::new(inputs, outputs, kernel, &mut rng.clone()).same_padding().no_bias())
        .then(MaxPool2d::new(2))
        .then(BatchNorm::new(outputs))
        .then_fn(|x| x.relu())
}

fn cnn(rng: &Rng) -> Sequential {
    scaled()
        .then(stage(1, 16, 5, &rng.fork("stage1")))
        .then(stage(16, 32, 3, &rng.fork("stage2")))
        .then(stage(32, 64, 3, &rng.fork("stage3")))
        .then(Flatten::new())
        .then(Dropout::new(0.3))
        .then(Linear::new(64 * 3 * 3, 10, &mut rng.fork("out")))
}

/// Images `[rows, 1, 28, 28]` with pixels from 0 to 1, and their labels.
fn load(folder: &Path, part: &str) -> Result<Labelled, Box<dyn Error>> {
    let images: Tensor = read(folder, &format!("{part}-images-idx3-ubyte"))?;
    let labels: Tensor<i64> = read(folder, &format!("{part}-labels-idx1-ubyte"))?;
    let rows = labels.count();
    if images.shape() != &[rows, SIDE, SIDE] || labels.iter().any(|label| label > 9) {
        return Err(format!("{part}: images of shape {} and labels of shape {}", images.shape(), labels.shape()).into());
    }
    Ok(Labelled::new((images / 255.0).reshape([rows, 1, SIDE, SIDE]), labels))
}

fn read<E: Element>(folder: &Path, name: &str) -> Result<Tensor<E>, IdxError> {
    let packed = folder.join(format!("{name}.gz"));
    read_idx(if packed.exists() { packed } else { folder.join(name) })
}

fn predict(net: &Sequential, data: &Labelled) -> Tensor<i64> {
    let of = |x: Tensor| {
        let tape = Tape::new();
        net.forward(tape.var(x)).value().argmax(1)
    };
    let parts: Vec<Tensor<i64>> = data.features().split(0, 500).into_iter().map(of).collect();
    Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0)
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let [training, test] = ["train", "t10k"].map(|part| load(Path::new(&args.folder), part));
    let (training, test) = (training?, test?);
    let start = Instant::now();
    let rng = Rng::seed(args.seed);
    let net = if args.cnn { cnn(&rng) } else { mlp(&rng) };
    println!("{}\n", net.summary([1, 1, SIDE, SIDE]));

    let epochs = args.epochs.unwrap_or(if args.cnn { 5 } else { 12 });
    let steps = epochs * training.batches(BATCH, 0).len();
    let schedule = OneCycleLr::new(if args.cnn { 0.005 } else { 0.003 }, steps as u64);
    let mut optimizer = AdamW::new(&net, 0.0);
    let progress = Progress::new("training", steps);
    let mut step = 0;
    for epoch in 1..=epochs {
        let (mut sum, mut count) = (0.0, 0);
        for (x, labels) in training.batches(BATCH, args.seed + epoch as u64) {
            optimizer.set_lr(schedule.lr(step));
            // The same digit a little elsewhere.
            let x = random_shift(&x, if args.cnn { 2 } else { 1 }, &mut rng.fork(step));
            let tape = Tape::train(args.seed ^ step);
            let loss = net.forward(tape.var(x)).cross_entropy(&labels);
            optimizer.step(&loss.backward())?;
            sum += f64::from(loss.item());
            count += 1;
            step += 1;
            progress.step();
        }
        let (loss, correct) = (sum / f64::from(count), accuracy(&predict(&net, &test), test.labels()));
        let seconds = start.elapsed().as_secs_f64();
        progress.line(format_args!("epoch {epoch:2}  loss {loss:.4}  test accuracy {correct:.4}  {seconds:6.0} s"));
    }
    drop(progress);
    let matrix = ConfusionMatrix::new(&predict(&net, &test), test.labels(), 10);
    println!("\n{matrix}\n\ntest accuracy {:.4}", matrix.accuracy());
    Ok(())
}

struct Args {
    folder: String,
    cnn: bool,
    seed: u64,
    epochs: Option<usize>,
}

impl Args {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let usage = "expected FOLDER [--model mlp|cnn] [--epochs E] [--seed S] [--threads N]";
        let folder = words.next().ok_or(usage)?;
        let mut args = Self { folder, cnn: false, seed: 0, epochs: None };
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or_default();
            match (word.as_str(), value.parse::<u32>()) {
                ("--model", _) if value == "mlp" || value == "cnn" => args.cnn = value == "cnn",
                ("--seed", Ok(n)) => args.seed = n.into(),
                ("--epochs", Ok(n @ 1..)) => args.epochs = Some(n as usize),
                ("--threads", Ok(n @ 1..)) => wengert::set_threads(n as usize),
                _ => return Err(format!("{word} {value}: {usage}")),
            }
        }
        Ok(args)
    }
}

fn main() -> ExitCode {
    let outcome = Args::parse(std::env::args().skip(1)).map_err(Into::into).and_then(run);
    if let Err(error) = outcome {
        eprintln!("mnist: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
