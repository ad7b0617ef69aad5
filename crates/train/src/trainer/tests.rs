//! A run does what a loop does, wherever it is interrupted, and tells what went wrong.

mod failures;
mod options;
mod resuming;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{Labelled, TrainErrorKind};
use wengert_autograd::Tape;
use wengert_nn::{Activation, Adam, BatchNorm, Clip, CosineLr, Dropout, Layer, Linear, Loss, Sgd, StateDict};
use wengert_tensor::Rng;

/// With a layer that draws and a layer that keeps statistics.
type Net = (Linear, BatchNorm, Dropout, Linear);

fn net(seed: u64) -> Net {
    let mut rng = Rng::seed(seed);
    (Linear::new(3, 8, &mut rng), BatchNorm::new(8), Dropout::new(0.3), Linear::new(8, 2, &mut rng))
}

fn forward<'t>(net: &Net, x: Var<'t>) -> Var<'t> {
    net.3.forward(net.2.forward(net.1.forward(net.0.forward(x)).relu()))
}

/// Points and whether they are in the unit ball.
fn points(n: usize, seed: u64) -> Labelled {
    let x: Tensor = Tensor::normal([n, 3], 0.0, 0.7, &mut Rng::seed(seed));
    let inside = (&x * &x).sum(1).iter().map(|square| i64::from(square < 1.0)).collect::<Vec<_>>();
    Labelled::new(x, inside.into())
}

fn loader(n: usize, size: usize) -> Loader<Labelled> {
    Loader::new(points(n, 1), size).shuffle(2)
}

/// A folder that is not there yet and goes with this.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("wengert-trainer-{}-{count}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// All that a run left, without the time that it took.
fn essence(net: &Net, mut history: History) -> (StateDict, String) {
    let mut epochs: Vec<crate::Epoch> = history.epochs.to_vec();
    history.epochs = crate::Thinned::new(1);
    for epoch in &mut epochs {
        epoch.seconds = 0.0;
    }
    (net.state_dict(), format!("{} {epochs:?}", history.to_json()))
}

#[test]
fn a_loop_of_ten_lines_gives_the_same_bits() {
    let (loader, schedule) = (loader(50, 8), CosineLr::new(0.05, 40));
    let trained = net(1);
    let history = Trainer::classifier(&trained, Adam::new(&trained, 0.05), |x| forward(&trained, x))
        .validation(Loader::new(points(20, 9), 7))
        .schedule(CosineLr::new(0.05, 40))
        .clip_norm(0.5)
        .epochs(4)
        .quiet()
        .fit(&loader)
        .unwrap();

    let by_hand = net(1);
    let mut optimizer = Adam::new(&by_hand, 0.05);
    let mut step = 0;
    let mut losses = Vec::new();
    for epoch in 0..4 {
        for batch in loader.epoch(epoch) {
            let (x, labels) = batch.unwrap();
            let tape = Tape::train(step);
            let loss = forward(&by_hand, tape.var(x)).cross_entropy(&labels);
            optimizer.set_lr(schedule.lr(step));
            optimizer.step(&loss.backward().clip_norm(&by_hand, 0.5)).unwrap();
            losses.push(f64::from(loss.item()));
            step += 1;
        }
    }
    assert_eq!(trained.state_dict(), by_hand.state_dict());
    assert_eq!((history.steps, history.loss.len()), (28, 28));
    assert!(history.loss.iter().map(|point| point.mean).eq(losses.iter().copied()));
    assert_eq!(history.lr.last(), Some(schedule.lr(27)));
    assert_eq!((history.examples, history.batch, history.params), (50, 8, 66));
    assert_eq!(history.task, Task::Classification { classes: 2 });

    let first = history.epochs[0].to_string();
    assert!(
        first.starts_with("epoch   1  loss 0.")
            && first.contains(", accuracy 0.")
            && first.contains("; validation: loss ")
    );

    // The last batch of an epoch has two examples and counts as much less.
    let expected = (losses[21..27].iter().sum::<f64>() * 8.0 + losses[27] * 2.0) / 50.0;
    let last = history.epochs.last().unwrap();
    assert!((last.train["loss"] - expected).abs() < 1e-12);
    let unseen = points(20, 9);
    let scores = forward(&by_hand, Tape::new().var(unseen.features())).value();
    assert_eq!(last.validation["accuracy"], crate::accuracy(&scores.argmax(1), unseen.labels()));
}
