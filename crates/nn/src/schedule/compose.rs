//! Schedules made of functions and of others.

use super::Schedule;

/// The schedule that is a function of the step: PyTorch's `LambdaLR`.
///
/// ```
/// use wengert_nn::{LambdaLr, Schedule};
/// let schedule = LambdaLr(|step| 0.1 / (step as f64 + 1.0).sqrt());
/// assert_eq!(schedule.lr(3), 0.05);
/// ```
#[derive(Clone, Debug)]
pub struct LambdaLr<F>(pub F);

impl<F: Fn(u64) -> f64> Schedule for LambdaLr<F> {
    fn lr(&self, step: u64) -> f64 {
        self.0(step)
    }
}

/// One schedule after another: [`Schedule::then`].
#[derive(Clone, Debug)]
pub struct Then<A, B> {
    pub(super) first: A,
    pub(super) steps: u64,
    pub(super) next: B,
}

impl<A: Schedule, B: Schedule> Schedule for Then<A, B> {
    fn lr(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            None => self.first.lr(step),
            Some(step) => self.next.lr(step),
        }
    }
}

/// The product of two schedules: [`Schedule::times`].
#[derive(Clone, Debug)]
pub struct Times<A, B> {
    pub(super) left: A,
    pub(super) right: B,
}

impl<A: Schedule, B: Schedule> Schedule for Times<A, B> {
    fn lr(&self, step: u64) -> f64 {
        self.left.lr(step) * self.right.lr(step)
    }
}

/// A schedule after a warm-up: [`Schedule::warmup`].
#[derive(Clone, Debug)]
pub struct Warmup<S> {
    pub(super) steps: u64,
    pub(super) start: f64,
    pub(super) then: S,
}

impl<S: Schedule> Schedule for Warmup<S> {
    fn lr(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            None => self.then.lr(0) * (self.start + (1.0 - self.start) * (step as f64 / self.steps as f64)),
            Some(step) => self.then.lr(step),
        }
    }
}
