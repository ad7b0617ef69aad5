//! A trial, as the program that it runs sees it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use serde_json::Value;

use crate::run::Reporter;

/// One trial of a search: what to try, and where to report.
pub struct Trial<'a, C> {
    pub(crate) config: &'a C,
    pub(crate) reporter: &'a dyn Reporter,
    pub(crate) number: usize,
    pub(crate) stage: &'a str,
    pub(crate) budget: usize,
    pub(crate) folds: usize,
    pub(crate) seed: u64,
    pub(crate) explosion: f64,
    pub(crate) progress: RefCell<Folds>,
    /// The first cost of this fold.
    pub(crate) initial: Cell<Option<f64>>,
}

/// What the folds have reported.
#[derive(Default)]
pub(crate) struct Folds {
    /// Scores by step, of the folds that are done.
    done: Vec<BTreeMap<i64, f64>>,
    current: BTreeMap<i64, f64>,
}

impl Folds {
    /// How many steps the folds had that are done.
    fn steps(&self) -> i64 {
        self.done.iter().filter_map(|fold| fold.last_key_value()).map(|(&step, _)| step).sum()
    }

    /// The mean over the folds that have come to a step.
    fn mean(&self, step: i64) -> f64 {
        let at: Vec<f64> =
            self.done.iter().chain([&self.current]).filter_map(|fold| fold.get(&step)).copied().collect();
        at.iter().sum::<f64>() / at.len() as f64
    }
}

/// Why a trial ends without a score.
///
/// It is made by `?` from what [`Trial::report`] and [`Trial::cost`] return, and from any error of the
/// program's own.
#[derive(Debug)]
pub struct Stop(pub(crate) Reason);

#[derive(Debug)]
pub(crate) enum Reason {
    /// Stopped by a rule, which says why.
    Behind(String),
    /// The cost has exploded, or the score is NaN.
    Exploded(String),
    /// An error of the program's.
    Error(String),
    /// The whole search stops.
    Search,
}

impl Stop {
    /// The trial is given up, and nothing is learnt from it.
    pub fn error(why: impl Into<String>) -> Self {
        Self(Reason::Error(why.into()))
    }
}

// Not an `Error`, so that every error can become one.
impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Behind(why) | Reason::Exploded(why) | Reason::Error(why) => f.write_str(why),
            Reason::Search => f.write_str("the search stops"),
        }
    }
}

impl<E: Error> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::error(error.to_string())
    }
}

impl<'a, C> Trial<'a, C> {
    /// What to try.
    pub fn config(&self) -> &'a C {
        self.config
    }

    /// Its number in the stage, counted from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The name of the stage.
    pub fn stage(&self) -> &'a str {
        self.stage
    }

    /// What it may spend, in steps.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// In how many folds to cut the data.
    pub fn folds(&self) -> usize {
        self.folds
    }

    /// A seed of its own: the same for the same search, stage and number.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Reports the score after a step, counted from 1, on the present fold.
    ///
    /// The journal has it under the number of steps on all folds so far, as the mean over the folds
    /// that have come to this step. So rules that stop trials count the steps of all folds.
    ///
    /// # Errors
    /// If a rule of the stage stops the trial: pass it on by `?`.
    pub fn report(&self, step: usize, score: f64) -> Result<(), Stop> {
        let step = step as i64;
        let mut folds = self.progress.borrow_mut();
        folds.current.insert(step, score);
        let mean = folds.mean(step);
        if mean.is_nan() {
            return Err(Stop(Reason::Exploded(format!("its score was NaN at step {step}"))));
        }
        self.reporter.report(folds.steps() + step, mean)
    }

    /// Reports what training minimises, as often as you like, so that a trial stops at once when it
    /// has exploded: when it is NaN or infinite, or over three times what it was at first on this fold
    /// (see [`Search::explosion`](crate::Search::explosion)).
    ///
    /// # Errors
    /// If it has exploded: pass it on by `?`.
    pub fn cost(&self, cost: f64) -> Result<(), Stop> {
        let initial = self.initial.get().unwrap_or(cost);
        self.initial.set(Some(initial));
        let why = if !cost.is_finite() {
            format!("its cost was {cost}, at first {}", crate::space::short(initial))
        } else if initial > 0.0 && cost > self.explosion * initial {
            let [cost, initial] = [cost, initial].map(crate::space::short);
            format!("its cost was {cost}, over {} times the {initial} of the start", self.explosion)
        } else {
            return Ok(());
        };
        Err(Stop(Reason::Exploded(why)))
    }

    /// Notes something of this trial in the journal.
    ///
    /// # Errors
    /// If the journal cannot be written: pass it on by `?`.
    pub fn note(&self, key: &str, value: impl Into<Value>) -> Result<(), Stop> {
        self.reporter.note(key, value.into())
    }

    /// Calls `score` for every fold and returns the mean. Each fold's score and their
    /// deviation are noted.
    ///
    /// Within, [`Trial::report`] and [`Trial::cost`] speak of the present fold. So a trial that is
    /// behind stops within its first fold, or at a later one.
    ///
    /// ```
    /// use wengert_search::{Domain, Search, Stage};
    /// use wengert_train::digits;
    ///
    /// let data = digits();
    /// let outcome = Search::new("nearest", |draw| draw.value("rows", Domain::log(10usize..=1000)))?
    ///     .maximize("accuracy")
    ///     .stage(Stage::new("only", 3).folds(4))
    ///     .run(|trial| {
    ///         trial.cross_validate(data.stratified_k_folds(trial.folds(), 1), |[training, validation]| {
    ///             // Train on one part, judge on the other.
    /// #           let _ = (training, validation);
    ///             Ok(0.5)
    ///         })
    ///     })?;
    /// assert_eq!(outcome.best().score, 0.5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    /// # Errors
    /// If a fold fails or is stopped, or there is none.
    pub fn cross_validate<F>(
        &self,
        folds: impl IntoIterator<Item = F>,
        mut score: impl FnMut(F) -> Result<f64, Stop>,
    ) -> Result<f64, Stop> {
        let mut scores = Vec::new();
        for fold in folds {
            self.initial.set(None);
            scores.push(score(fold)?);
            let mut folds = self.progress.borrow_mut();
            let done = std::mem::take(&mut folds.current);
            folds.done.push(done);
        }
        if scores.is_empty() {
            return Err(Stop::error("cross-validation: there are no folds; give two or more"));
        }
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        if scores.len() > 1 && mean.is_finite() {
            let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (scores.len() - 1) as f64;
            self.note("deviation", variance.sqrt())?;
            self.note("folds", scores.clone())?;
        }
        Ok(mean)
    }
}
