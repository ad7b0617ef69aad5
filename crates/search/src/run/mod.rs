//! Running the stages of a search: workers that take trials from the journal.

mod slots;
mod worker;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use wengert_tensor::Rng;

pub(crate) use self::slots::{DIED, USELESS};
use self::worker::Worker;
use crate::journal::{Event, Journal, Studies};
use crate::narrow::narrow;
use crate::progress::Screen;
use crate::{JournalError, Parameter, Ranges, SearchError, Stage, State, Stop, Study, Values};

/// What a search does, whatever the type of its configurations.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) ranges: Ranges,
    pub(crate) stages: Vec<Stage>,
    pub(crate) maximize: bool,
    pub(crate) metric: String,
    pub(crate) seed: u64,
    pub(crate) workers: Option<usize>,
    pub(crate) journal: Option<PathBuf>,
    pub(crate) explosion: f64,
    pub(crate) quiet: bool,
}

/// What a trial reports to.
pub(crate) trait Reporter {
    fn report(&self, step: i64, score: f64) -> Result<(), Stop>;
    fn note(&self, key: &str, value: Value) -> Result<(), Stop>;
}

/// A trial that begins.
pub(crate) struct Start<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) ranges: &'a Ranges,
    pub(crate) values: &'a Values,
    pub(crate) number: usize,
    pub(crate) seed: u64,
    pub(crate) reporter: &'a dyn Reporter,
}

pub(crate) type Objective<'a> = dyn Fn(Start<'_>) -> Result<f64, Stop> + Sync + 'a;

/// What has become of a search.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) metric: String,
    pub(crate) stages: Vec<StageFound>,
    pub(crate) damaged: Vec<(usize, String)>,
    pub(crate) journal: Mutex<Journal>,
}

/// What has become of one stage.
#[derive(Debug)]
pub(crate) struct StageFound {
    pub(crate) name: String,
    pub(crate) budget: usize,
    pub(crate) folds: usize,
    pub(crate) keep: f64,
    pub(crate) study: Study,
    pub(crate) ranges: Ranges,
    /// How its ranges differ from those of the stage before.
    pub(crate) moves: Vec<String>,
}

/// Keys of what is noted for ourselves.
const RANGES: &str = "wengert:ranges";
const CARRIED: &str = "wengert:carried";
const MOVES: &str = "moves";

impl Plan {
    pub(crate) fn new(name: String, ranges: Ranges) -> Self {
        Self {
            name,
            ranges,
            stages: Vec::new(),
            maximize: false,
            metric: "score".to_owned(),
            seed: 0,
            workers: None,
            journal: None,
            explosion: 3.0,
            quiet: false,
        }
    }

    pub(crate) fn run(&self, workers: usize, objective: &Objective<'_>) -> Result<Found, SearchError> {
        self.check()?;
        let journal = self.journal.as_deref().map_or_else(|| Ok(Journal::in_memory()), Journal::open)?;
        let screen = Screen::new(self.quiet, &self.metric, workers);
        for (line, why) in journal.damaged() {
            screen.line(&format!("journal: line {line} is passed over: {why}"));
        }
        let journal = Mutex::new(journal);
        let mut stages: Vec<StageFound> = Vec::new();
        for stage in &self.stages {
            let opened = self.open(&mut lock(&journal), stage, stages.last())?;
            for moved in &opened.moves {
                screen.line(moved);
            }
            self.work(&journal, stage, &opened, workers, objective, &screen)?;
            let study = lock(&journal).studies().named(&opened.study.name).cloned().unwrap_or(opened.study);
            if study.best().is_none() {
                let mut why = why_none(&study);
                if self.journal.is_some() {
                    why += "; what has failed is not tried again: once it is mended, give the search another name or journal";
                }
                return Err(SearchError::NoScore(stage.name.clone(), why));
            }
            screen.end(stage, &study);
            stages.push(StageFound { study, ..opened });
        }
        let damaged = lock(&journal).damaged().to_vec();
        Ok(Found { name: self.name.clone(), metric: self.metric.clone(), stages, damaged, journal })
    }

    fn check(&self) -> Result<(), SearchError> {
        let names: Vec<&str> = self.stages.iter().map(|stage| stage.name.as_str()).collect();
        match (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
            Some(i) => Err(SearchError::Stages(format!("two stages are called `{}`; rename one", names[i]))),
            None if names.is_empty() => Err(SearchError::Stages("the search has no stage; add one".to_owned())),
            None => Ok(()),
        }
    }

    /// Finds the study of a stage in the journal, or makes it, with ranges that follow from the stage
    /// before. Whichever process comes first decides; the others read it.
    fn open(
        &self,
        journal: &mut Journal,
        stage: &Stage,
        before: Option<&StageFound>,
    ) -> Result<StageFound, SearchError> {
        let name = format!("{}/{}", self.name, stage.name);
        let (ranges, moves, carried) = match before {
            None => (self.ranges.clone(), Vec::new(), Vec::new()),
            Some(before) => {
                let (ranges, moves) = narrow(&before.study, &before.ranges, before.keep);
                let mut best = before.study.ranking();
                best.truncate(stage.carry);
                let carried = best.into_iter().map(|trial| before.ranges.values_of(trial)).collect();
                (ranges, moves, carried)
            }
        };
        let write = |studies: &Studies, events: &mut Vec<Event>| {
            let found = studies.named(&name);
            let study = found.map_or(studies.next_study(), |study| study.id);
            let directions = vec![if self.maximize { 2 } else { 1 }];
            if found.is_none() {
                events.push(Event::CreateStudy { name: name.clone(), directions });
            }
            // Each that is missing: a process may have died in between.
            let mut note = |key: &str, value: Value, shown: bool| {
                let notes = found.map(|study| if shown { &study.notes } else { &study.system });
                if notes.is_none_or(|notes| !notes.contains_key(key)) {
                    let key = key.to_owned();
                    events.push(match shown {
                        true => Event::StudyUser { study, key, value },
                        false => Event::StudySystem { study, key, value },
                    });
                }
            };
            note("study:metric_names", json!([self.metric]), false);
            note(CARRIED, json!(carried), false);
            note("budget", json!(stage.budget), true);
            note("folds", json!(stage.folds), true);
            note("sampler", json!(format!("{:?}", stage.sampler)), true);
            note("seed", json!(self.seed), true);
            note(MOVES, json!(moves), true);
            note(RANGES, ranges.to_json(), false);
        };
        journal.update(0, true, write)?;
        let study = journal.studies().named(&name).expect("it was there or was made").clone();
        let other = |why: &str| SearchError::Other(name.clone(), why.to_owned());
        if study.maximize != self.maximize {
            return Err(other("it looks for the other end of the scores"));
        }
        let now = [("budget", json!(stage.budget)), ("folds", json!(stage.folds)), ("seed", json!(self.seed))];
        if let Some((key, now)) = now.iter().find(|(key, now)| study.notes[*key] != *now) {
            return Err(other(&format!("it has {key} {}, not {now}", study.notes[*key])));
        }
        let ranges = self.ranges.with_json(&study.system[RANGES]);
        let ranges = ranges.ok_or_else(|| other("its parameters are not those of the space"))?;
        let both = ranges.parameters().iter().zip(self.ranges.parameters());
        let moved = both.filter(|_| before.is_none()).find(|(then, now)| then.distribution != now.distribution);
        if let Some((Parameter { name, distribution: then, .. }, now)) = moved {
            return Err(other(&format!("its range of {name} is {then}, not {}", now.distribution)));
        }
        let moves = study.notes[MOVES].as_array().into_iter().flatten().filter_map(|m| m.as_str().map(str::to_owned));
        Ok(StageFound {
            name: stage.name.clone(),
            budget: stage.budget,
            folds: stage.folds,
            keep: stage.keep,
            moves: moves.collect(),
            study,
            ranges,
        })
    }

    /// Runs what is left of a stage.
    fn work(
        &self,
        journal: &Mutex<Journal>,
        stage: &Stage,
        opened: &StageFound,
        workers: usize,
        objective: &Objective<'_>,
        screen: &Screen,
    ) -> Result<(), SearchError> {
        let rng = Rng::seed(self.seed).fork(stage.name.as_str());
        let failed = AtomicBool::new(false);
        let maximize = self.maximize;
        let worker = |thread| Worker { thread, journal, stage, opened, rng: &rng, maximize, failed: &failed };
        let mut result = Ok(());
        thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|i| scope.spawn(move || worker(i).work(objective))).collect();
            while threads.iter().any(|thread| !thread.is_finished()) {
                if let Some(study) = lock(journal).studies().named(&opened.study.name) {
                    screen.draw(stage, study);
                }
                thread::sleep(Duration::from_millis(50));
            }
            for thread in threads {
                let ended: Result<(), JournalError> = thread.join().unwrap_or_else(|p| std::panic::resume_unwind(p));
                result = std::mem::replace(&mut result, Ok(())).and(ended);
            }
        });
        Ok(result?)
    }
}

/// What became of the first trials of a stage without a score.
fn why_none(study: &Study) -> String {
    let reasons = study.trials.iter().filter_map(|trial| {
        let key = if trial.state == State::Failed { "error" } else { "stopped" };
        Some(format!("trial {}: {}", trial.number, trial.notes.get(key)?.as_str()?))
    });
    let reasons: Vec<String> = reasons.take(3).collect();
    if reasons.is_empty() { "no trial ended".to_owned() } else { reasons.join("; ") }
}

/// A panic of a trial while it held the journal leaves it whole: every change is one event.
pub(crate) fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}
