//! One stage of a search.

use crate::{Sampler, StopRule, Tpe};

/// One stage of a search: how many trials, how long each, and where their values come from.
///
/// ```
/// use wengert_search::{Halving, Sobol, Stage};
///
/// let coarse = Stage::new("coarse", 60).budget(3).folds(3).sampler(Sobol).stop(Halving::new(3));
/// let fine = Stage::new("fine", 20).budget(15).folds(5);
/// ```
#[derive(Debug)]
pub struct Stage {
    pub(crate) name: String,
    pub(crate) trials: usize,
    pub(crate) budget: usize,
    pub(crate) folds: usize,
    pub(crate) sampler: Box<dyn Sampler>,
    pub(crate) rules: Vec<Box<dyn StopRule>>,
    pub(crate) keep: f64,
    pub(crate) carry: usize,
}

impl Stage {
    /// This many trials, of budget 1, on two folds, proposed by [`Tpe`]; the first of them the best
    /// of the stage before, a quarter of the trials, but at least one and at most five.
    ///
    /// # Panics
    /// If there is no trial.
    #[track_caller]
    pub fn new(name: impl Into<String>, trials: usize) -> Self {
        assert!(trials > 0, "stage: at least one trial");
        Self {
            name: name.into(),
            trials,
            budget: 1,
            folds: 2,
            sampler: Box::new(Tpe::new()),
            rules: Vec::new(),
            keep: 0.25,
            carry: (trials / 4).clamp(1, 5),
        }
    }

    /// What a trial may spend, in steps of its own: epochs, say. It finds it at
    /// [`Trial::budget`](crate::Trial::budget).
    pub fn budget(self, steps: usize) -> Self {
        Self { budget: steps, ..self }
    }

    /// In how many parts the data are cut for cross-validation. A trial finds it at
    /// [`Trial::folds`](crate::Trial::folds).
    ///
    /// # Panics
    /// If it is below 2.
    #[track_caller]
    pub fn folds(self, folds: usize) -> Self {
        assert!(folds >= 2, "stage: {folds} folds leave nothing to validate on, or to train on; give 2 or more");
        Self { folds, ..self }
    }

    /// Where values come from.
    pub fn sampler(self, sampler: impl Sampler + 'static) -> Self {
        Self { sampler: Box::new(sampler), ..self }
    }

    /// A rule that stops trials early; several may be given.
    pub fn stop(mut self, rule: impl StopRule + 'static) -> Self {
        self.rules.push(Box::new(rule));
        self
    }

    /// The share of its trials, the best of them, around which the ranges of the next stage are narrowed:
    /// 0.25 unless told, and at least four trials.
    ///
    /// # Panics
    /// If it is not above 0 and at most 1.
    #[track_caller]
    pub fn keep(self, share: f64) -> Self {
        assert!(share > 0.0 && share <= 1.0, "stage: a share of {share} is not above 0 and at most 1");
        Self { keep: share, ..self }
    }

    /// How many of the best trials of the stage before are tried again first.
    pub fn carry(self, trials: usize) -> Self {
        Self { carry: trials, ..self }
    }
}
