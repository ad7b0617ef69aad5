//! Which learning rate? One sweep over all of them tells.

use std::fmt;

use serde::{Deserialize, Serialize};
use wengert_autograd::{Tape, Var};
use wengert_nn::{Module, Optimizer, StepError};
use wengert_tensor::Float;

use super::before::Restored;

/// A sweep over learning rates, which rise exponentially from step to step: where the loss falls
/// fastest is a good rate, where it diverges the highest that cannot be had. Smith, "Cyclical
/// learning rates for training neural networks" (2017), section 3.3.
///
/// ```
/// use wengert_nn::{Activation, Adam, Layer, Linear, Loss, Module, Optimizer, Sequential};
/// use wengert_tensor::Rng;
/// use wengert_train::{RangeTest, digits};
///
/// let data = digits().map_features(|x| x / 16.0);
/// let mut rng = Rng::seed(1);
/// let net = Sequential::<f32>::new()
///     .then(Linear::new(64, 32, &mut rng))
///     .then_fn(|x| x.relu())
///     .then(Linear::new(32, 10, &mut rng));
/// let mut optimizer = Adam::new(&net, 1.0);
/// let before = net.state_dict();
///
/// let batches = (0..).flat_map(|epoch| data.batches(64, epoch));
/// let rates = RangeTest::new().run(&net, &mut optimizer, batches, |tape, (x, labels)| {
///     net.forward(tape.var(x)).cross_entropy(labels)
/// })?;
/// println!("{rates}");
/// let lr = rates.proposal.unwrap();
/// assert!((1e-3..1e-1).contains(&lr), "{rates}");
/// assert_eq!((net.state_dict(), optimizer.lr()), (before, 1.0)); // as if nothing had been
/// optimizer.set_lr(lr);
/// # Ok::<(), wengert_nn::StepError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RangeTest {
    from: f64,
    to: f64,
    steps: usize,
}

/// What a [`RangeTest`] found; it prints as a curve with what is to be seen there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// The rates, in order, with the loss of each, up to where it diverges.
    pub points: Vec<RatePoint>,
    /// The rate to take: where the loss falls fastest; none if it falls nowhere.
    pub proposal: Option<f64>,
    /// Where the loss is lowest.
    pub lowest: f64,
    /// Where the loss diverges, if it does.
    pub diverges: Option<f64>,
}

/// A step of a [`RangeTest`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// The learning rate.
    pub lr: f64,
    /// The loss after the steps so far, on the batch of this one.
    pub loss: f64,
    /// The mean of this and earlier losses, each counting less than the next.
    pub smoothed: f64,
}

/// How much an earlier loss counts beside the next.
const KEEP: f64 = 0.8;

impl Default for RangeTest {
    fn default() -> Self {
        Self::new()
    }
}

impl RangeTest {
    /// From 1e-7 to 10 in 120 steps.
    pub fn new() -> Self {
        Self { from: 1e-7, to: 10.0, steps: 120 }
    }

    /// Between other rates.
    ///
    /// # Panics
    /// If they are not positive and rising.
    #[track_caller]
    pub fn between(self, from: f64, to: f64) -> Self {
        assert!(from > 0.0 && from < to && to.is_finite(), "range_test: rates from {from} to {to}");
        Self { from, to, ..self }
    }

    /// In another number of steps.
    ///
    /// # Panics
    /// If there are fewer than 10.
    #[track_caller]
    pub fn steps(self, steps: usize) -> Self {
        assert!(steps >= 10, "range_test: {steps} steps show nothing");
        Self { steps, ..self }
    }

    /// Takes the steps, one on each batch, of which `record` records the loss. It ends early if the
    /// batches do, or if the loss diverges. Afterwards model and optimizer are as they were.
    ///
    /// # Errors
    /// Those of the optimizer.
    ///
    /// # Panics
    /// If there is no batch.
    #[track_caller]
    pub fn run<B, T: Float>(
        &self,
        model: &(impl Module<T> + ?Sized),
        optimizer: &mut (impl Optimizer<T> + ?Sized),
        batches: impl IntoIterator<Item = B>,
        record: impl for<'t> Fn(&'t Tape<T>, &B) -> Var<'t, T>,
    ) -> Result<Rates, StepError> {
        let _restored = Restored::new(model);
        let state = optimizer.state();
        let mut points: Vec<RatePoint> = Vec::with_capacity(self.steps);
        let (mut sum, mut weight, mut lowest) = (0.0, 0.0, f64::INFINITY);
        let mut outcome = Ok(None);
        for (i, batch) in batches.into_iter().take(self.steps).enumerate() {
            let lr = self.from * (self.to / self.from).powf(i as f64 / (self.steps - 1) as f64);
            optimizer.set_lr(lr);
            let tape = Tape::train(i as u64);
            let loss = record(&tape, &batch);
            if let Err(error) = optimizer.step(&loss.backward()) {
                outcome = Err(error);
                break;
            }
            let loss = loss.item().to_f64();
            (sum, weight) = (KEEP * sum + loss, KEEP * weight + 1.0);
            let smoothed = sum / weight;
            let first = points.first().map_or(loss, |point| point.loss);
            if !loss.is_finite() || smoothed > first + 2.0 * (first - lowest).abs() + first.abs() {
                outcome = Ok(Some(lr));
                break;
            }
            lowest = lowest.min(smoothed);
            points.push(RatePoint { lr, loss, smoothed });
        }
        optimizer.restore(&state).expect("its own state");
        outcome.map(|diverges| Rates::of(points, diverges))
    }
}

impl Rates {
    #[track_caller]
    fn of(points: Vec<RatePoint>, diverges: Option<f64>) -> Self {
        assert!(!points.is_empty(), "range_test: no batch has a finite loss");
        let at_lowest =
            (0..points.len()).min_by(|&a, &b| points[a].smoothed.total_cmp(&points[b].smoothed)).unwrap_or(0);
        // Rates rise by equal factors, so differences are slopes over the logarithm of the rate.
        let slope = |i: usize| points[i + 2].smoothed - points[i.saturating_sub(2)].smoothed;
        let steepest = (2..at_lowest.saturating_sub(1)).min_by(|&a, &b| slope(a).total_cmp(&slope(b)));
        // Noise falls somewhere, too.
        let (first, low) = (points[0].smoothed, points[at_lowest].smoothed);
        let proposal = steepest.filter(|_| first - low > 0.05 * first.abs()).map(|i| points[i].lr);
        Self { lowest: points[at_lowest].lr, points, proposal, diverges }
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let high = self.points.iter().map(|point| point.smoothed).fold(f64::NEG_INFINITY, f64::max);
        let low = self.points.iter().map(|point| point.smoothed).fold(f64::INFINITY, f64::min).min(0.0);
        let every = self.points.len().div_ceil(24).max(1);
        for part in self.points.chunks(every) {
            let holds = |lr: f64| (part[0].lr..=part[part.len() - 1].lr).contains(&lr);
            let point = part[part.len() / 2];
            let share = (point.smoothed - low) / (high - low).max(f64::MIN_POSITIVE);
            let mut mark = String::new();
            if self.proposal.is_some_and(holds) {
                mark += "  ← falls fastest";
            }
            if holds(self.lowest) {
                mark += "  ← lowest";
            }
            writeln!(
                f,
                "{:8.1e}  {:8.4}  {}{mark}",
                point.lr,
                point.smoothed,
                "▪".repeat((share * 40.0).round() as usize)
            )?;
        }
        if let Some(lr) = self.diverges {
            writeln!(f, "{lr:8.1e}  diverges")?;
        }
        match self.proposal {
            Some(lr) => write!(f, "proposed learning rate: {lr:.1e}"),
            None => f.write_str("no learning rate lowers the loss: look for another fault"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wengert_autograd::Param;
    use wengert_nn::{Adam, Module, Sgd, Stateful};
    use wengert_tensor::tensor;

    /// On ½·c·w² plain descent converges for rates below 2/c and is fastest at 1/c.
    #[test]
    fn a_parabola() {
        for curvature in [1.0, 100.0] {
            let w = Param::<f64>::new("w", tensor![3.0, -2.0]);
            let mut optimizer = Sgd::new(&w, 0.5);
            let rates = RangeTest::new()
                .between(1e-6, 1e6)
                .run(&w, &mut optimizer, 0.., |tape, _: &i32| (w.on(tape).square() * (0.5 * curvature)).sum(..))
                .unwrap();
            let (proposal, diverges) = (rates.proposal.unwrap() * curvature, rates.diverges.unwrap() * curvature);
            assert!((0.02..1.0).contains(&proposal), "{rates}");
            assert!((1.5..40.0).contains(&diverges), "{rates}");
            assert_eq!(w.value(), tensor![3.0, -2.0]);
            assert_eq!(optimizer.lr(), 0.5);
        }
    }

    #[test]
    fn an_optimizer_goes_on_as_if_nothing_had_been() {
        let run = |test: bool| {
            let w = Param::<f32>::new("w", tensor![3.0, -2.0]);
            let mut optimizer = Adam::new(&w, 0.1);
            for step in 0..4 {
                if test && step == 2 {
                    RangeTest::new().run(&w, &mut optimizer, 0..50, |tape, _| w.on(tape).square().sum(..)).unwrap();
                }
                let tape = Tape::train(step);
                optimizer.step(&w.on(&tape).square().sum(..).backward()).unwrap();
            }
            (w.state_dict(), optimizer.state())
        };
        assert!(run(true) == run(false));
    }

    #[test]
    fn nothing_is_proposed_where_nothing_helps() {
        let w = Param::<f64>::new("w", tensor![3.0]);
        let rates = RangeTest::new()
            .steps(30)
            .run(&w, &mut Sgd::new(&w, 1.0), 0.., |tape, _: &i32| w.on(tape).sum(..) * 0.0 + 1.0)
            .unwrap();
        assert_eq!((rates.proposal, rates.diverges), (None, None));
        assert!(rates.to_string().ends_with("no learning rate lowers the loss: look for another fault"));
    }

    #[test]
    fn an_error_restores_too() {
        let (used, unused) = (Param::<f64>::new("used", tensor![3.0]), Param::new("unused", tensor![1.0]));
        let both = (used.clone(), unused);
        let mut optimizer = Sgd::new(&both, 0.5);
        let outcome = RangeTest::new().run(&both, &mut optimizer, 0..9, |tape, _| used.on(tape).square().sum(..));
        assert!(outcome.is_err());
        assert_eq!(optimizer.lr(), 0.5);
    }
}
