//! A schedule that follows what training achieves.

use super::non_negative;
use crate::exchange::Check;
use crate::{LoadError, StateDict, Stateful};

/// Reduces the learning rate when a metric stops getting better: PyTorch's `ReduceLROnPlateau`.
///
/// ```
/// use wengert_nn::PlateauLr;
/// let mut schedule = PlateauLr::new(1.0).patience(1).factor(0.5);
/// let losses = [0.9, 0.8, 0.8, 0.8, 0.7];
/// assert_eq!(losses.map(|loss| schedule.observe(loss)), [1.0, 1.0, 1.0, 0.5, 0.5]);
/// ```
#[doc(alias = "ReduceLROnPlateau")]
#[derive(Clone, Debug)]
pub struct PlateauLr {
    factor: f64,
    patience: u64,
    cooldown: u64,
    threshold: f64,
    absolute: bool,
    /// 1 if smaller is better, −1 if larger is.
    sign: f64,
    min: f64,
    lr: f64,
    best: f64,
    /// Observations since the best.
    bad: u64,
    /// Observations that are still not counted.
    cooling: u64,
}

impl PlateauLr {
    /// From `lr`, times 0.1 after more than 10 observations in a row that are not smaller by
    /// 1e-4 of the smallest so far.
    ///
    /// # Panics
    /// If `lr` is negative or not finite.
    #[track_caller]
    pub fn new(lr: f64) -> Self {
        Self {
            factor: 0.1,
            patience: 10,
            cooldown: 0,
            threshold: 1e-4,
            absolute: false,
            sign: 1.0,
            min: 0.0,
            lr: non_negative("PlateauLr", "lr", lr),
            best: f64::INFINITY,
            bad: 0,
            cooling: 0,
        }
    }

    /// Larger metrics are better ones.
    pub fn maximize(self) -> Self {
        Self { sign: -1.0, best: f64::NEG_INFINITY, ..self }
    }

    /// What the learning rate is multiplied by.
    ///
    /// # Panics
    /// If it is not from 0 up to, but not, 1.
    #[track_caller]
    pub fn factor(self, factor: f64) -> Self {
        assert!((0.0..1.0).contains(&factor), "PlateauLr: factor {factor} is not from 0 to below 1");
        Self { factor, ..self }
    }

    /// How many observations in a row may bring nothing better.
    pub fn patience(self, patience: u64) -> Self {
        Self { patience, ..self }
    }

    /// How many observations after a reduction do not count as bad.
    pub fn cooldown(self, cooldown: u64) -> Self {
        Self { cooldown, ..self }
    }

    /// What share of the best a better metric must be better by.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn threshold(self, threshold: f64) -> Self {
        Self { threshold: non_negative("PlateauLr", "threshold", threshold), absolute: false, ..self }
    }

    /// What a better metric must be better by.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn absolute_threshold(self, threshold: f64) -> Self {
        Self { absolute: true, ..self.threshold(threshold) }
    }

    /// The learning rate does not fall below this.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn min(self, min: f64) -> Self {
        Self { min: non_negative("PlateauLr", "min", min), ..self }
    }

    /// The learning rate at present.
    pub fn lr(&self) -> f64 {
        self.lr
    }

    /// Notes a metric, such as the loss on validation data after an epoch, and returns the
    /// learning rate from now on. NaN is not better than anything.
    pub fn observe(&mut self, metric: f64) -> f64 {
        let needed = match self.absolute {
            _ if self.best.is_infinite() => self.best,
            true => self.best - self.sign * self.threshold,
            false => self.best * (1.0 - self.sign * self.threshold),
        };
        let better = self.sign * metric < self.sign * needed;
        if better {
            (self.best, self.bad) = (metric, 0);
        } else {
            self.bad += 1;
        }
        if self.cooling > 0 {
            (self.cooling, self.bad) = (self.cooling - 1, 0);
        }
        if self.bad > self.patience {
            let next = (self.lr * self.factor).max(self.min);
            // A change that would be lost in rounding is none.
            if self.lr - next > 1e-8 {
                self.lr = next;
            }
            (self.cooling, self.bad) = (self.cooldown, 0);
        }
        self.lr
    }
}

impl Stateful for PlateauLr {
    fn state(&self) -> StateDict {
        let numbers =
            [("lr", self.lr), ("best", self.best), ("bad", self.bad as f64), ("cooling", self.cooling as f64)];
        let mut state = StateDict::new();
        numbers.into_iter().for_each(|(name, value)| state.insert_number(name, value));
        state
    }

    fn restore(&mut self, state: &StateDict) -> Result<(), LoadError> {
        let mut check = Check::new(state);
        let lr = check.number("lr", "a finite number from 0 up", |lr| lr >= 0.0 && lr.is_finite());
        let best = check.number("best", "a number", |best| !best.is_nan());
        let (bad, cooling) = (check.count("bad"), check.count("cooling"));
        check.finish()?;
        if let (Some(lr), Some(best), Some(bad), Some(cooling)) = (lr, best, bad, cooling) {
            (self.lr, self.best, self.bad, self.cooling) = (lr, best, bad, cooling);
        }
        Ok(())
    }
}
