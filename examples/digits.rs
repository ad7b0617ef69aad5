//! Handwritten digits: check the gradient of a whole network, train it, test it.
//!
//! ```text
//! cargo run --release --example digits -- [--json] [--threads N] [--seed S] [--epochs E] [--report FILE]
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use wengert::CosineLr;
use wengert::prelude::*;
use wengert::report::Page;
use wengert::train::{
    ConfusionMatrix, History, Labelled, Loader, RangeTest, Report, Standardize, Trainer, Transform, digits,
};

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
}

/// The largest error of the gradient of the whole network, in `f64`.
fn check_gradient(net: &Net, data: &Labelled, seed: u64) -> Result<f64, Box<dyn Error>> {
    println!("The gradient of the whole network against finite differences in f64:");
    let mut batches = data.batches(8, seed).take(4);
    let (report, error) = loop {
        let (x, labels) = batches.next().ok_or("no data")?;
        let tape = Tape::train(seed);
        let report = check::model(net.forward(tape.var(x)).cross_entropy(&labels), &net.params());
        let error = if report.is_ok() { report.worst_error() } else { f64::INFINITY };
        // On a kink of leaky_relu or max nothing can be compared; the next batch is elsewhere.
        if error <= 1e-7 || batches.len() == 0 {
            break (report, error);
        }
    };
    println!("{report}");
    if error > 1e-7 {
        return Err("a gradient differs from finite differences by more than 1e-7, or cannot be compared".into());
    }
    Ok(error)
}

/// The run as a page, with the learning rates that an untrained network could learn with, and the
/// pictures of `test` with their scores.
fn report(
    history: &History,
    net: &Net,
    batches: &Loader<Labelled>,
    test: &Labelled,
    scores: &Tensor,
) -> Result<Page, Box<dyn Error>> {
    let fresh = Net::new(&mut Rng::seed(history.seed));
    let endless = (0..).flat_map(|epoch| batches.epoch(epoch)).map_while(Result::ok);
    let rates = RangeTest::new().run(&fresh, &mut Adam::new(&fresh, 0.01), endless, |tape, (x, labels)| {
        fresh.forward(tape.var(x)).cross_entropy(labels)
    })?;
    let report = Report::new(history).title("Handwritten digits").range_test(&rates);
    let report = report.classified(scores, test.labels(), test.features());
    Ok(report.weights("fc1", &net.fc1.weight.value()).page())
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();

    // The same parts whatever the seed, scaled by what the training part says.
    let parts = digits().stratified_split([0.7, 0.1, 0.2], 0);
    let scale = Standardize::fit(parts[0].features())?;
    let [training, validation, test] = parts.map(|part| part.map_features(|x| scale.apply(x)));
    let net = Net::new(&mut Rng::seed(args.seed));
    let gradient_error = check_gradient(&net, &training, args.seed)?;

    let batches = Loader::new(training, 32).shuffle(args.seed);
    let smoothed = CrossEntropy::new().label_smoothing(0.1);
    let history = Trainer::classifier(&net, Adam::new(&net, 0.01), |x| net.forward(x))
        .loss(|scores, labels| smoothed.of(scores, labels))
        .validation(Loader::new(validation, 500))
        .schedule(CosineLr::new(0.01, args.epochs * batches.len() as u64))
        .epochs(args.epochs)
        .seed(args.seed)
        .fit(&batches)?;
    let final_loss = history.epochs.last().ok_or("no epochs")?.train["loss"];

    let scores = net.forward(Tape::new().var(test.features())).value();
    let matrix = ConfusionMatrix::new(&scores.argmax(1), test.labels(), test.classes());
    let (accuracy, seconds) = (matrix.accuracy(), start.elapsed().as_secs_f64());
    println!("\n{matrix}\n\ntest accuracy {accuracy:.4}, {seconds:.1} seconds in total");
    if let Some(path) = args.report {
        let test = test.map_features(|x| scale.invert(x));
        report(&history, &net, &batches, &test, &scores)?.write(&path)?;
        println!("{path} shows the run");
    }
    if args.json {
        let (a, g, l, s) = (accuracy, gradient_error, final_loss, seconds);
        println!(
            r#"{{"test_accuracy":{a:.16e},"max_gradient_error":{g:.16e},"final_loss":{l:.16e},"seconds":{s:.3}}}"#
        );
    }
    Ok(())
}

struct Args {
    json: bool,
    seed: u64,
    epochs: u64,
    report: Option<String>,
}

impl Args {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self { json: false, seed: 0, epochs: 30, report: None };
        while let Some(word) = words.next() {
            if word == "--json" {
                args.json = true;
                continue;
            }
            let value = words.next();
            let number = value.as_ref().and_then(|value| value.parse::<u32>().ok());
            match (word.as_str(), number) {
                ("--report", _) if value.is_some() => args.report = value,
                ("--seed", Some(n)) => args.seed = n.into(),
                ("--epochs", Some(n @ 1..)) => args.epochs = n.into(),
                ("--threads", Some(n @ 1..)) => wengert::set_threads(n as usize),
                _ => {
                    let all = "[--json] [--threads N] [--seed S] [--epochs E] [--report FILE]";
                    return Err(format!("{word}: expected {all}"));
                }
            }
        }
        Ok(args)
    }
}

fn main() -> ExitCode {
    let outcome = Args::parse(std::env::args().skip(1)).map_err(Into::into).and_then(run);
    if let Err(error) = outcome {
        eprintln!("digits: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
