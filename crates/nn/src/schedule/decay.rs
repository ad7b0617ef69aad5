//! Schedules that fall for ever.

use wengert_tensor::Float;

use super::{Schedule, non_negative};

/// lr·γ^⌊step/every⌋: PyTorch's `StepLR`.
///
/// ```
/// use wengert_nn::{Schedule, StepLr};
/// let schedule = StepLr::new(1.0, 2, 0.5);
/// assert_eq!([0, 1, 2, 3, 4].map(|step| schedule.lr(step)), [1.0, 1.0, 0.5, 0.5, 0.25]);
/// ```
#[derive(Clone, Debug)]
pub struct StepLr {
    lr: f64,
    every: u64,
    gamma: f64,
}

impl StepLr {
    /// From `lr`, times `gamma` every so many steps.
    ///
    /// # Panics
    /// If `lr` or `gamma` is negative or not finite, or `every` is 0.
    #[track_caller]
    pub fn new(lr: f64, every: u64, gamma: f64) -> Self {
        assert!(every > 0, "StepLr: every 0 steps");
        Self { lr: non_negative("StepLr", "lr", lr), every, gamma: non_negative("StepLr", "gamma", gamma) }
    }
}

impl Schedule for StepLr {
    fn lr(&self, step: u64) -> f64 {
        self.lr * power(self.gamma, step / self.every)
    }
}

/// lr·γⁿ after n of the milestones: PyTorch's `MultiStepLR`.
///
/// ```
/// use wengert_nn::{MultiStepLr, Schedule};
/// let schedule = MultiStepLr::new(1.0, [1, 3], 0.5);
/// assert_eq!([0, 1, 2, 3].map(|step| schedule.lr(step)), [1.0, 0.5, 0.5, 0.25]);
/// ```
#[derive(Clone, Debug)]
pub struct MultiStepLr {
    lr: f64,
    milestones: Vec<u64>,
    gamma: f64,
}

impl MultiStepLr {
    /// From `lr`, times `gamma` from each of these steps on, twice from one that is named twice.
    ///
    /// # Panics
    /// If `lr` or `gamma` is negative or not finite.
    #[track_caller]
    pub fn new(lr: f64, milestones: impl Into<Vec<u64>>, gamma: f64) -> Self {
        let (lr, gamma) = (non_negative("MultiStepLr", "lr", lr), non_negative("MultiStepLr", "gamma", gamma));
        Self { lr, milestones: milestones.into(), gamma }
    }
}

impl Schedule for MultiStepLr {
    fn lr(&self, step: u64) -> f64 {
        self.lr * power(self.gamma, self.milestones.iter().filter(|&&milestone| milestone <= step).count() as u64)
    }
}

/// lr·γ^step: PyTorch's `ExponentialLR`.
///
/// ```
/// use wengert_nn::{ExponentialLr, Schedule};
/// assert_eq!(ExponentialLr::new(1.0, 0.5).lr(3), 0.125);
/// ```
#[derive(Clone, Debug)]
pub struct ExponentialLr {
    lr: f64,
    gamma: f64,
}

impl ExponentialLr {
    /// From `lr`, times `gamma` at every step.
    ///
    /// # Panics
    /// If one is negative or not finite.
    #[track_caller]
    pub fn new(lr: f64, gamma: f64) -> Self {
        Self { lr: non_negative("ExponentialLr", "lr", lr), gamma: non_negative("ExponentialLr", "gamma", gamma) }
    }
}

impl Schedule for ExponentialLr {
    fn lr(&self, step: u64) -> f64 {
        self.lr * power(self.gamma, step)
    }
}

/// lr/(1 + k·step): Robbins & Monro's sequence, "A stochastic approximation method" (1951).
///
/// ```
/// use wengert_nn::{InverseTimeLr, Schedule};
/// assert_eq!(InverseTimeLr::new(1.0, 0.5).lr(6), 0.25);
/// ```
#[derive(Clone, Debug)]
pub struct InverseTimeLr {
    lr: f64,
    decay: f64,
}

impl InverseTimeLr {
    /// From `lr`, with k = `decay`.
    ///
    /// # Panics
    /// If one is negative or not finite.
    #[track_caller]
    pub fn new(lr: f64, decay: f64) -> Self {
        Self { lr: non_negative("InverseTimeLr", "lr", lr), decay: non_negative("InverseTimeLr", "decay", decay) }
    }
}

impl Schedule for InverseTimeLr {
    fn lr(&self, step: u64) -> f64 {
        self.lr / (1.0 + self.decay * step as f64)
    }
}

/// Our own power: the platform's may differ in the last bit.
fn power(base: f64, exponent: u64) -> f64 {
    Float::pow(base, exponent as f64)
}
