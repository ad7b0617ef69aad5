//! Schedules that reach their end after a number of steps.

use std::f64::consts::PI;

use wengert_tensor::Float;

use super::{Schedule, non_negative};

/// A share of the way, from 0 at the first of `steps` steps to 1 after the last.
fn share(step: u64, steps: u64) -> f64 {
    if step >= steps { 1.0 } else { step as f64 / steps as f64 }
}

/// On half a cosine from one value to another, after this share of the way.
pub(super) fn half_cosine(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) / 2.0 * (Float::cos(PI * share) + 1.0)
}

/// Evenly from one learning rate to another, and that for ever: PyTorch's `LinearLR`.
///
/// ```
/// use wengert_nn::{LinearLr, Schedule};
/// let schedule = LinearLr::new(0.0, 1.0, 4);
/// assert_eq!([0, 1, 4, 9].map(|step| schedule.lr(step)), [0.0, 0.25, 1.0, 1.0]);
/// ```
#[derive(Clone, Debug)]
pub struct LinearLr {
    from: f64,
    to: f64,
    steps: u64,
}

impl LinearLr {
    /// From `from` at step 0 to `to` at step number `steps`.
    ///
    /// # Panics
    /// If a learning rate is negative or not finite.
    #[track_caller]
    pub fn new(from: f64, to: f64, steps: u64) -> Self {
        Self { from: non_negative("LinearLr", "from", from), to: non_negative("LinearLr", "to", to), steps }
    }
}

impl Schedule for LinearLr {
    fn lr(&self, step: u64) -> f64 {
        self.from + (self.to - self.from) * share(step, self.steps)
    }
}

/// lr·(1 − step/steps)^power, and 0 for ever: PyTorch's `PolynomialLR`.
///
/// ```
/// use wengert_nn::{PolynomialLr, Schedule};
/// let schedule = PolynomialLr::new(1.0, 4, 2.0);
/// assert_eq!([0, 2, 4, 9].map(|step| schedule.lr(step)), [1.0, 0.25, 0.0, 0.0]);
/// ```
#[derive(Clone, Debug)]
pub struct PolynomialLr {
    lr: f64,
    steps: u64,
    power: f64,
}

impl PolynomialLr {
    /// From `lr` at step 0 to 0 at step number `steps`.
    ///
    /// # Panics
    /// If `lr` or `power` is negative or not finite.
    #[track_caller]
    pub fn new(lr: f64, steps: u64, power: f64) -> Self {
        let (lr, power) = (non_negative("PolynomialLr", "lr", lr), non_negative("PolynomialLr", "power", power));
        Self { lr, steps, power }
    }
}

impl Schedule for PolynomialLr {
    fn lr(&self, step: u64) -> f64 {
        self.lr * Float::pow(1.0 - share(step, self.steps), self.power)
    }
}

/// Down half a cosine, and up again if there are more steps: PyTorch's `CosineAnnealingLR`.
///
/// min + (lr − min)·(1 + cos(π·step/steps))/2.
///
/// ```
/// use wengert_nn::{CosineLr, Schedule};
/// let schedule = CosineLr::new(1.0, 4).min(0.5);
/// assert_eq!([0, 2, 4, 8].map(|step| schedule.lr(step)), [1.0, 0.75, 0.5, 1.0]);
/// ```
#[doc(alias = "CosineAnnealingLR")]
#[derive(Clone, Debug)]
pub struct CosineLr {
    lr: f64,
    min: f64,
    steps: u64,
}

impl CosineLr {
    /// From `lr` at step 0 to 0 at step number `steps`.
    ///
    /// # Panics
    /// If `lr` is negative or not finite, or `steps` is 0.
    #[track_caller]
    pub fn new(lr: f64, steps: u64) -> Self {
        assert!(steps > 0, "CosineLr: 0 steps");
        Self { lr: non_negative("CosineLr", "lr", lr), min: 0.0, steps }
    }

    /// To this learning rate instead of 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn min(self, min: f64) -> Self {
        Self { min: non_negative("CosineLr", "min", min), ..self }
    }
}

impl Schedule for CosineLr {
    fn lr(&self, step: u64) -> f64 {
        // Within one period, where the cosine is most accurate.
        half_cosine(self.lr, self.min, (step % self.steps.saturating_mul(2)) as f64 / self.steps as f64)
    }
}

/// Down half a cosine again and again, each longer than the last: Loshchilov & Hutter, "SGDR:
/// stochastic gradient descent with warm restarts" (2017), equation 5. PyTorch's
/// `CosineAnnealingWarmRestarts`.
///
/// ```
/// use wengert_nn::{CosineRestartsLr, Schedule};
/// let schedule = CosineRestartsLr::new(1.0, 2).times_longer(2);
/// assert_eq!([0, 1, 2, 4, 6].map(|step| schedule.lr(step)), [1.0, 0.5, 1.0, 0.5, 1.0]);
/// ```
#[doc(alias = "CosineAnnealingWarmRestarts")]
#[derive(Clone, Debug)]
pub struct CosineRestartsLr {
    lr: f64,
    min: f64,
    steps: u64,
    longer: u64,
}

impl CosineRestartsLr {
    /// From `lr` towards 0 within `steps` steps, and again.
    ///
    /// # Panics
    /// If `lr` is negative or not finite, or `steps` is 0.
    #[track_caller]
    pub fn new(lr: f64, steps: u64) -> Self {
        assert!(steps > 0, "CosineRestartsLr: 0 steps");
        Self { lr: non_negative("CosineRestartsLr", "lr", lr), min: 0.0, steps, longer: 1 }
    }

    /// Towards this learning rate instead of 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn min(self, min: f64) -> Self {
        Self { min: non_negative("CosineRestartsLr", "min", min), ..self }
    }

    /// Each so many times as long as the last; 1 unless told.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn times_longer(self, longer: u64) -> Self {
        assert!(longer > 0, "CosineRestartsLr: 0 times longer");
        Self { longer, ..self }
    }
}

impl Schedule for CosineRestartsLr {
    fn lr(&self, step: u64) -> f64 {
        let (mut step, mut steps) = (step, self.steps);
        if self.longer == 1 {
            step %= steps;
        }
        while step >= steps {
            step -= steps;
            steps = steps.saturating_mul(self.longer);
        }
        half_cosine(self.lr, self.min, share(step, steps))
    }
}
