//! The one-cycle policy.

use super::anneal::half_cosine;
use super::{Schedule, non_negative};

/// Up to a large learning rate and down to a tiny one: Smith & Topin, "Super-convergence: very
/// fast training of neural networks using large learning rates" (2018). PyTorch's `OneCycleLR`,
/// which by default varies the momentum too; this does not.
///
/// ```
/// use wengert_nn::{OneCycleLr, Schedule};
/// let schedule = OneCycleLr::new(1.0, 10);
/// assert!((schedule.lr(0) - 1.0 / 25.0).abs() < 1e-15 && schedule.lr(2) == 1.0);
/// assert!((schedule.lr(9) - 4e-6).abs() < 1e-15);
/// ```
#[derive(Clone, Debug)]
pub struct OneCycleLr {
    max: f64,
    steps: u64,
    rising: f64,
    start_divisor: f64,
    end_divisor: f64,
    linear: bool,
    three_phases: bool,
}

impl OneCycleLr {
    /// `steps` steps, 30 % of them up to `max` and the others down, along half cosines, from
    /// max/25 and to 1e-4 of that.
    ///
    /// # Panics
    /// If `max` is negative or not finite, or `steps` is 0.
    #[track_caller]
    pub fn new(max: f64, steps: u64) -> Self {
        assert!(steps > 0, "OneCycleLr: 0 steps");
        let max = non_negative("OneCycleLr", "max", max);
        Self { max, steps, rising: 0.3, start_divisor: 25.0, end_divisor: 1e4, linear: false, three_phases: false }
    }

    /// This share of the steps goes up: PyTorch's `pct_start`.
    ///
    /// # Panics
    /// If it is not a number from 0 to 1.
    #[track_caller]
    pub fn rising(self, share: f64) -> Self {
        assert!((0.0..=1.0).contains(&share), "OneCycleLr: share {share} is not from 0 to 1");
        Self { rising: share, ..self }
    }

    /// It begins with max/`start`, and ends with that over `end`: PyTorch's `div_factor` and
    /// `final_div_factor`.
    ///
    /// # Panics
    /// If one is not a finite number above 0.
    #[track_caller]
    pub fn divisors(self, start: f64, end: f64) -> Self {
        for divisor in [start, end] {
            assert!(divisor > 0.0 && divisor.is_finite(), "OneCycleLr: a divisor of {divisor}");
        }
        Self { start_divisor: start, end_divisor: end, ..self }
    }

    /// Along straight lines instead of cosines.
    pub fn linear(self) -> Self {
        Self { linear: true, ..self }
    }

    /// Down to the first learning rate as fast as up, and only then to the last.
    pub fn three_phases(self) -> Self {
        Self { three_phases: true, ..self }
    }
}

impl Schedule for OneCycleLr {
    /// Steps past the last have the learning rate of the last.
    fn lr(&self, step: u64) -> f64 {
        let first = self.max / self.start_divisor;
        let (last, top) = ((self.steps - 1) as f64, self.rising * self.steps as f64 - 1.0);
        let step = (step as f64).min(last);
        // Where phases end, and with which learning rates.
        let (down, end) = ((2.0 * top, first), (last, first / self.end_divisor));
        let phases = if self.three_phases { [(top, self.max), down, end] } else { [(top, self.max), end, end] };
        let (mut from, mut lr) = (0.0, first);
        for (i, (to, next)) in phases.into_iter().enumerate() {
            if step <= to || i == 2 {
                let share = if to > from { (step - from) / (to - from) } else { 1.0 };
                return if self.linear { lr + (next - lr) * share } else { half_cosine(lr, next, share) };
            }
            (from, lr) = (to, next);
        }
        lr
    }
}
