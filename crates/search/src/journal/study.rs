//! What the lines of a journal add up to.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::event::{Event, NewTrial, State};
use crate::Distribution;

/// A study as a journal tells it: the trials of one stage of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// Its position in the journal, counting every study that was ever made.
    pub(crate) id: usize,
    /// Its name.
    pub name: String,
    /// Whether higher scores are better.
    pub maximize: bool,
    /// The trials, in order of their numbers.
    pub trials: Vec<Record>,
    /// What was noted of it.
    pub notes: Map<String, Value>,
    /// What programs noted for themselves.
    pub(crate) system: Map<String, Value>,
}

/// A trial as a journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its position in the journal, counting the trials of all studies.
    pub(crate) id: usize,
    /// Its number in its study, counted from 0.
    pub number: usize,
    /// Where it stands.
    pub state: State,
    /// Its score, once it has one.
    pub score: Option<f64>,
    /// Name, value and range of each parameter.
    pub parameters: Vec<(String, f64, Distribution)>,
    /// What it reported, by step.
    pub curve: BTreeMap<i64, f64>,
    /// What was noted of it.
    pub notes: Map<String, Value>,
    pub(crate) system: Map<String, Value>,
    /// Who began it.
    pub(crate) worker: String,
    /// When it began and ended, in seconds since the start of 1970.
    pub(crate) time: [Option<f64>; 2],
}

impl Study {
    /// The trials that are complete or were stopped, the best first: complete ones by their score,
    /// then those that were stopped by how far they came, then by their last score.
    pub fn ranking(&self) -> Vec<&Record> {
        let sign = if self.maximize { -1.0 } else { 1.0 };
        let mut ranked: Vec<((i64, f64), &Record)> = Vec::new();
        for trial in &self.trials {
            let key = match (trial.state, trial.score.filter(|score| !score.is_nan())) {
                (State::Complete, Some(score)) => (i64::MIN, sign * score),
                (State::Pruned, _) => trial.last().map_or((0, f64::INFINITY), |(step, score)| (-step, sign * score)),
                _ => continue,
            };
            ranked.push((key, trial));
        }
        ranked.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        ranked.into_iter().map(|(_, trial)| trial).collect()
    }

    /// The complete trial with the best score; of equal ones the oldest.
    pub fn best(&self) -> Option<&Record> {
        self.ranking().first().copied().filter(|trial| trial.state == State::Complete)
    }

    /// How many trials stand so.
    pub fn count(&self, state: State) -> usize {
        self.trials.iter().filter(|trial| trial.state == state).count()
    }
}

impl Record {
    /// The value of a parameter, if it has it.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.parameters.iter().find(|(n, _, _)| n == name).map(|(_, value, _)| *value)
    }

    /// How long it took, in seconds.
    pub fn seconds(&self) -> Option<f64> {
        let [start, end] = self.time;
        Some((end? - start?).max(0.0))
    }

    /// The last step that it reported, and its score there.
    pub fn last(&self) -> Option<(i64, f64)> {
        self.curve.last_key_value().map(|(&step, &score)| (step, score))
    }
}

/// All studies of a journal.
#[derive(Debug, Default)]
pub(crate) struct Studies {
    all: Vec<Option<Study>>,
    /// Where each trial is: its study and its number in it.
    trials: Vec<(usize, usize)>,
}

impl Studies {
    /// Those that were not deleted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Study> {
        self.all.iter().flatten()
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Study> {
        self.iter().find(|study| study.name == name)
    }

    /// The number that the next trial will have, over all studies.
    pub(crate) fn next_trial(&self) -> usize {
        self.trials.len()
    }

    /// The number that the next study will have.
    pub(crate) fn next_study(&self) -> usize {
        self.all.len()
    }

    /// As Optuna does it: what speaks of a study or trial that is not there, or of a trial that is
    /// finished, changes nothing.
    pub(crate) fn apply(&mut self, worker: &str, event: Event) {
        match event {
            Event::CreateStudy { name, directions } => {
                if self.named(&name).is_none() {
                    let (id, maximize) = (self.all.len(), directions.first() == Some(&2));
                    let (trials, notes, system) = Default::default();
                    self.all.push(Some(Study { id, name, maximize, trials, notes, system }));
                }
            }
            Event::DeleteStudy { study } => {
                if let Some(study) = self.all.get_mut(study) {
                    *study = None;
                }
            }
            Event::StudyUser { study, key, value } => {
                self.study(study).map(|study| study.notes.insert(key, value));
            }
            Event::StudySystem { study, key, value } => {
                self.study(study).map(|study| study.system.insert(key, value));
            }
            Event::CreateTrial { study, trial } => {
                let id = self.trials.len();
                if let Some(found) = self.study(study) {
                    let number = found.trials.len();
                    found.trials.push(Record::new(id, number, worker, *trial));
                    self.trials.push((study, number));
                }
            }
            Event::TrialParameter { trial, name, value, distribution } => {
                if let Some(trial) = self.unfinished(trial) {
                    trial.parameters.retain(|(n, _, _)| *n != name);
                    trial.parameters.push((name, value, distribution));
                }
            }
            Event::TrialState { trial, state, values, time } => {
                let Some(trial) = self.unfinished(trial) else { return };
                if (trial.state, state) == (State::Running, State::Running) {
                    return;
                }
                if state != State::Waiting {
                    trial.time[usize::from(state.is_finished())] = time;
                }
                if state == State::Running {
                    trial.worker = worker.to_owned();
                }
                trial.state = state;
                trial.score = values.as_ref().and_then(|values| values.first()).copied().or(trial.score);
            }
            Event::TrialValue { trial, step, value } => {
                self.unfinished(trial).map(|trial| trial.curve.insert(step, value));
            }
            Event::TrialUser { trial, key, value } => {
                self.unfinished(trial).map(|trial| trial.notes.insert(key, value));
            }
            Event::TrialSystem { trial, key, value } => {
                self.unfinished(trial).map(|trial| trial.system.insert(key, value));
            }
            Event::Nothing => {}
        }
    }

    fn study(&mut self, id: usize) -> Option<&mut Study> {
        self.all.get_mut(id)?.as_mut()
    }

    fn unfinished(&mut self, id: usize) -> Option<&mut Record> {
        let (study, number) = *self.trials.get(id)?;
        let trial = &mut self.study(study)?.trials[number];
        (!trial.state.is_finished()).then_some(trial)
    }
}

impl Record {
    fn new(id: usize, number: usize, worker: &str, trial: NewTrial) -> Self {
        Self {
            id,
            number,
            state: trial.state,
            score: trial.values.and_then(|values| values.first().copied()),
            parameters: trial.parameters,
            curve: trial.curve.into_iter().collect(),
            notes: trial.user,
            system: trial.system,
            worker: worker.to_owned(),
            time: [trial.start, trial.end],
        }
    }
}
