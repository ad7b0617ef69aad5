//! Schedules: how the learning rate changes over the steps.

mod anneal;
mod compose;
mod decay;
mod one_cycle;
mod plateau;

use crate::optim::non_negative;

pub use anneal::{CosineLr, CosineRestartsLr, LinearLr, PolynomialLr};
pub use compose::{LambdaLr, Then, Times, Warmup};
pub use decay::{ExponentialLr, InverseTimeLr, MultiStepLr, StepLr};
pub use one_cycle::OneCycleLr;
pub use plateau::PlateauLr;

/// A learning rate for every step: a pure function, so that a program which goes on after a stop
/// needs nothing but the number of the step.
///
/// Steps are counted from 0 by the program, after batches or after epochs as it likes. A number
/// is the schedule that never changes. PyTorch's `LRScheduler`s give the same values, in closed
/// form where theirs multiply.
///
/// ```
/// use wengert_nn::{CosineLr, Schedule};
///
/// // 5 steps of warm-up, then a cosine from 0.1 down to 0.
/// let schedule = CosineLr::new(0.1, 95).warmup(5, 0.0);
/// assert_eq!(schedule.lr(0), 0.0);
/// assert_eq!(schedule.lr(5), 0.1);
/// assert!(schedule.lr(100) < 1e-15);
/// // In training: optimizer.set_lr(schedule.lr(step));
/// ```
pub trait Schedule {
    /// The learning rate of step number `step`.
    fn lr(&self, step: u64) -> f64;

    /// This schedule for `steps` steps and then `next`, which counts from 0 again; PyTorch's
    /// `SequentialLR`.
    ///
    /// ```
    /// use wengert_nn::{ExponentialLr, Schedule};
    /// let schedule = 0.5.then(2, ExponentialLr::new(1.0, 0.5));
    /// assert_eq!([0, 1, 2, 3].map(|step| schedule.lr(step)), [0.5, 0.5, 1.0, 0.5]);
    /// ```
    #[doc(alias = "SequentialLR")]
    fn then<S: Schedule>(self, steps: u64, next: S) -> Then<Self, S>
    where
        Self: Sized,
    {
        Then { first: self, steps, next }
    }

    /// The product of both; PyTorch's `ChainedScheduler`, when `factor` begins with 1.
    ///
    /// ```
    /// use wengert_nn::{ExponentialLr, Schedule, StepLr};
    /// let schedule = StepLr::new(0.5, 2, 0.5).times(ExponentialLr::new(1.0, 0.5));
    /// assert_eq!([0, 1, 2].map(|step| schedule.lr(step)), [0.5, 0.25, 0.0625]);
    /// ```
    #[doc(alias = "ChainedScheduler")]
    fn times<S: Schedule>(self, factor: S) -> Times<Self, S>
    where
        Self: Sized,
    {
        Times { left: self, right: factor }
    }

    /// First `steps` steps in which the learning rate grows evenly from `start` times this
    /// schedule's first to all of it; then this schedule.
    ///
    /// # Panics
    /// If `start` is negative or not finite.
    #[track_caller]
    fn warmup(self, steps: u64, start: f64) -> Warmup<Self>
    where
        Self: Sized,
    {
        Warmup { steps, start: non_negative("Warmup", "start", start), then: self }
    }
}

impl Schedule for f64 {
    fn lr(&self, _: u64) -> f64 {
        *self
    }
}

impl<S: Schedule + ?Sized> Schedule for Box<S> {
    fn lr(&self, step: u64) -> f64 {
        (**self).lr(step)
    }
}

#[cfg(test)]
mod tests;
