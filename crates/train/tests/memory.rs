//! Trains for many steps, by a trainer and by a loop, and looks at the memory of the process now and
//! then: it must be flat. `STEPS=100000` takes so many steps; 3000 unless told.

use std::error::Error;
use std::fs;
use std::ops::ControlFlow;

use wengert_autograd::{Tape, Var};
use wengert_nn::{Activation, Adam, BatchNorm, Dropout, Layer, Linear, Loss, Optimizer};
use wengert_tensor::Rng;
use wengert_train::{Labelled, Loader, Trainer, digits};

type Net = (Linear, BatchNorm, Dropout, Linear);

fn net() -> Net {
    let mut rng = Rng::seed(1);
    (Linear::new(64, 16, &mut rng), BatchNorm::new(16), Dropout::new(0.2), Linear::new(16, 10, &mut rng))
}

fn forward<'t>(net: &Net, x: Var<'t>) -> Var<'t> {
    net.3.forward(net.2.forward(net.1.forward(net.0.forward(x)).relu()))
}

/// The memory of this process at some steps, and what may come in later.
struct Memory {
    name: &'static str,
    steps: u64,
    /// In MB, after a tenth of the steps.
    early: f64,
}

impl Memory {
    /// It may grow by so many MB after a tenth of the steps: pages, not structures.
    const SLACK: f64 = 3.0;

    fn new(name: &'static str, steps: u64) -> Self {
        Self { name, steps, early: f64::INFINITY }
    }

    fn after(&mut self, step: u64) -> Result<(), Box<dyn Error>> {
        if ![self.steps / 10, self.steps / 2, self.steps].contains(&step) {
            return Ok(());
        }
        let status = fs::read_to_string("/proc/self/status")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
        let now = resident.ok_or("no VmRSS")?.trim().parse::<f64>()? / 1024.0;
        println!("{}: {now:.1} MB after {step} steps", self.name);
        if step == self.steps / 10 {
            self.early = now;
        }
        assert!(now < self.early + Self::SLACK, "{}: {:.1} MB became {now:.1} MB", self.name, self.early);
        Ok(())
    }
}

fn by_trainer(training: &Loader<Labelled>, validation: Loader<Labelled>, steps: u64) -> Result<(), Box<dyn Error>> {
    let (net, mut memory) = (net(), Memory::new("trainer", steps));
    let mut outcome = Ok(());
    let history = Trainer::classifier(&net, Adam::new(&net, 0.001), |x| forward(&net, x))
        .validation(validation)
        .epochs(steps.div_ceil(training.len() as u64))
        .after_step(|history| {
            outcome = memory.after(history.steps);
            if history.steps == steps || outcome.is_err() {
                return ControlFlow::Break("enough".to_owned());
            }
            ControlFlow::Continue(())
        })
        .quiet()
        .fit(training)?;
    println!("trainer: a history of {} kB", history.to_json().len() / 1024);
    outcome
}

fn by_hand(training: &Loader<Labelled>, steps: u64) -> Result<(), Box<dyn Error>> {
    let (net, mut memory) = (net(), Memory::new("loop", steps));
    let mut optimizer = Adam::new(&net, 0.001);
    let mut step = 0;
    for epoch in 0.. {
        for batch in training.epoch(epoch) {
            let (x, labels) = batch?;
            let tape = Tape::train(step);
            optimizer.step(&forward(&net, tape.var(x)).cross_entropy(&labels).backward())?;
            step += 1;
            memory.after(step)?;
            if step == steps {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let steps = std::env::var("STEPS").map_or(Ok(3000), |steps| steps.parse())?;
    let parts = digits().split([0.2, 0.1, 0.7], 1);
    let [training, validation, _] = parts.map(|part| part.map_features(|x| x / 16.0));
    let training = Loader::new(training, 16).shuffle(1);
    by_hand(&training, steps)?;
    by_trainer(&training, Loader::new(validation, 50), steps)
}
