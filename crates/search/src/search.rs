//! A search as a program declares it.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use wengert_tensor::kernel::parallel;

use crate::run::{Plan, Start};
use crate::trial::Folds;
use crate::{Draw, JournalError, Outcome, Ranges, SpaceError, Stage, Stop, Trial};

/// A search for the configuration with the best score, in stages.
///
/// Every stage narrows the ranges of the next around its best trials, on the scale of each parameter;
/// where the best lie at an edge the range is widened there.
///
/// ```
/// use wengert_search::{Domain, Random, Search, Stage};
///
/// let search = Search::new("parabola", |draw| draw.value("x", Domain::uniform(-10.0f64..=10.0)))?
///     .stage(Stage::new("coarse", 20).sampler(Random))
///     .stage(Stage::new("fine", 20));
/// let outcome = search.run(|trial| Ok((trial.config() - 3.0).powi(2)))?;
/// assert!((outcome.best().config - 3.0).abs() < 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Search<C> {
    space: Box<SpaceFn<C>>,
    plan: Plan,
}

type SpaceFn<C> = dyn Fn(&mut Draw<'_>) -> Result<C, SpaceError> + Send + Sync;

/// Why a search has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum SearchError {
    /// Its space is impossible.
    Space(SpaceError),
    /// Its journal cannot be used.
    Journal(JournalError),
    /// The journal holds a search of this name that is another one: of which study, and why.
    Other(String, String),
    /// No trial of a stage has a score: which stage, and what became of its first trials.
    NoScore(String, String),
    /// It has no stage, or two of the same name.
    Stages(String),
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(error) => error.fmt(f),
            Self::Journal(error) => error.fmt(f),
            Self::Other(study, why) => {
                write!(f, "the journal's study `{study}` is another: {why}; give the search another name or journal")
            }
            Self::NoScore(stage, why) => write!(f, "no trial of stage `{stage}` has a score: {why}"),
            Self::Stages(why) => f.write_str(why),
        }
    }
}

impl Error for SearchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Space(error) => Some(error),
            Self::Journal(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SpaceError> for SearchError {
    fn from(error: SpaceError) -> Self {
        Self::Space(error)
    }
}

impl From<JournalError> for SearchError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl<C> Search<C> {
    /// A search of a space: `Config::draw` of a type that derives [`Space`](trait@crate::Space), or any
    /// function that draws.
    ///
    /// # Errors
    /// If the space is impossible: the error names the parameter.
    pub fn new(
        name: impl Into<String>,
        space: impl Fn(&mut Draw<'_>) -> Result<C, SpaceError> + Send + Sync + 'static,
    ) -> Result<Self, SpaceError> {
        let ranges = Ranges::of(&space)?;
        Ok(Self { space: Box::new(space), plan: Plan::new(name.into(), ranges) })
    }

    /// Looks for the highest score, which is called `metric`.
    pub fn maximize(mut self, metric: impl Into<String>) -> Self {
        (self.plan.maximize, self.plan.metric) = (true, metric.into());
        self
    }

    /// Looks for the lowest score, which is called `metric`. Unless told otherwise it is called
    /// `score`.
    pub fn minimize(mut self, metric: impl Into<String>) -> Self {
        (self.plan.maximize, self.plan.metric) = (false, metric.into());
        self
    }

    /// Adds a stage.
    pub fn stage(mut self, stage: Stage) -> Self {
        self.plan.stages.push(stage);
        self
    }

    /// The seed of everything that is random; 0 unless told.
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.seed = seed;
        self
    }

    /// How many trials run at once, each on a thread of its own. With more than one, kernels use
    /// one thread each while the search runs.
    ///
    /// Unless told, as many as [`threads`](parallel::threads) says.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn workers(mut self, workers: usize) -> Self {
        assert!(workers > 0, "search: at least one worker");
        self.plan.workers = Some(workers);
        self
    }

    /// The file that every event is appended to, in the format of Optuna's journal storage, so that
    /// `optuna-dashboard FILE` shows the search while it runs.
    ///
    /// A search that was killed goes on from it. Several processes may run the same search with
    /// the same file on one machine: they share the trials.
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.plan.journal = Some(path.into());
        self
    }

    /// How many times its first cost a trial's cost may be before it counts as exploded; 3 unless
    /// told.
    ///
    /// # Panics
    /// If it is not above 1.
    #[track_caller]
    pub fn explosion(mut self, factor: f64) -> Self {
        assert!(factor > 1.0, "search: costs vary; a factor of {factor} is not above 1");
        self.plan.explosion = factor;
        self
    }

    /// Prints nothing. Else a table shows how far the search is, on a terminal and with the feature
    /// `progress`; and without them a line tells of each better trial.
    pub fn quiet(mut self) -> Self {
        self.plan.quiet = true;
        self
    }

    /// Runs all stages: what the journal says is done is not done again.
    ///
    /// `objective` makes the score of one trial. If it panics, returns an error, NaN or infinity, the trial has
    /// failed, with the reason in the journal, and the search goes on.
    ///
    /// # Errors
    /// If the journal cannot be read or written, or belongs to another search, or if no trial of a
    /// stage has a score. What was done is in the journal.
    pub fn run(
        &self,
        objective: impl Fn(&Trial<'_, C>) -> Result<f64, Stop> + Sync,
    ) -> Result<Outcome<C>, SearchError> {
        let workers = self.plan.workers.unwrap_or_else(parallel::threads);
        let _threads = (workers > 1).then(OneThread::new);
        let run = |start: Start<'_>| {
            let config = start.ranges.decode(&self.space, start.values).map_err(|e| Stop::error(e.to_string()))?;
            let trial = Trial {
                config: &config,
                reporter: start.reporter,
                number: start.number,
                stage: &start.stage.name,
                budget: start.stage.budget,
                folds: start.stage.folds,
                seed: start.seed,
                explosion: self.plan.explosion,
                progress: Folds::default().into(),
                initial: None.into(),
            };
            objective(&trial)
        };
        let found = self.plan.run(workers, &run)?;
        Outcome::new(found, |ranges, values| ranges.decode(&self.space, values))
    }
}

/// Kernels on one thread, until it is dropped.
struct OneThread(usize);

impl OneThread {
    fn new() -> Self {
        let threads = parallel::threads();
        parallel::set_threads(1);
        Self(threads)
    }
}

impl Drop for OneThread {
    fn drop(&mut self) {
        parallel::set_threads(self.0);
    }
}
