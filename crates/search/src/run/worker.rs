//! One thread that runs trials.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use wengert_tensor::Rng;

use super::slots::{DIED, Next, SLOT, USELESS, next, seen, slot};
use super::{CARRIED, Objective, Reporter, StageFound, Start, lock};
use crate::journal::{Event, Journal, NewTrial, Studies, now};
use crate::trial::Reason;
use crate::{Curve, JournalError, Record, Stage, State, Stop, Study, Values};

/// A thread with its part of the search.
pub(super) struct Worker<'a> {
    pub(super) thread: usize,
    pub(super) journal: &'a Mutex<Journal>,
    pub(super) stage: &'a Stage,
    pub(super) opened: &'a StageFound,
    pub(super) rng: &'a Rng,
    pub(super) maximize: bool,
    /// Set when the journal cannot be written: then all stop.
    pub(super) failed: &'a AtomicBool,
}

/// A trial that was begun.
struct Begun {
    id: usize,
    number: usize,
    values: Values,
}

enum Todo {
    Run(Begun),
    Wait,
    Done,
}

impl Worker<'_> {
    /// Runs trials until there are none, here and in other processes.
    pub(super) fn work(&self, objective: &Objective<'_>) -> Result<(), JournalError> {
        let ended = self.trials(objective);
        if ended.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        ended
    }

    fn trials(&self, objective: &Objective<'_>) -> Result<(), JournalError> {
        while !self.failed.load(Ordering::Relaxed) {
            match self.begin()? {
                Todo::Run(begun) => self.run(&begun, objective)?,
                Todo::Wait => thread::sleep(Duration::from_millis(100)),
                Todo::Done => break,
            }
        }
        Ok(())
    }

    fn study<'s>(&self, studies: &'s Studies) -> Option<&'s Study> {
        studies.named(&self.opened.study.name)
    }

    /// Takes the next free slot, while nobody else can.
    fn begin(&self) -> Result<Todo, JournalError> {
        let mut journal = lock(self.journal);
        journal.refresh()?;
        let trials = self.study(journal.studies()).map_or(&[][..], |study| &study.trials);
        let ours = trials.iter().filter(|trial| !trial.state.is_finished() && slot(trial).is_some());
        let dead: Vec<usize> = ours.filter(|trial| journal.has_died(trial)).map(|trial| trial.id).collect();
        let ranges = &self.opened.ranges;
        let decide = |studies: &Studies, events: &mut Vec<Event>| {
            // Deleted, while it was searched: there is nothing to do any more.
            let Some(study) = self.study(studies) else { return Todo::Done };
            for &trial in &dead {
                events.push(Event::TrialSystem { trial, key: DIED.to_owned(), value: json!(true) });
                events.push(Event::TrialUser { trial, key: "error".to_owned(), value: json!("its process died") });
                events.push(Event::TrialState { trial, state: State::Failed, values: None, time: Some(now()) });
            }
            let carried = self.carried(study);
            let different = self.stage.sampler.count(ranges).map_or(usize::MAX, |n| n.saturating_add(carried.len()));
            let slot = match next(study, self.stage.trials.min(different), &dead) {
                Next::Slot(slot) => slot,
                Next::Wait => return Todo::Wait,
                Next::Done => return Todo::Done,
            };
            let values = match slot.checked_sub(carried.len()) {
                None => carried[slot].clone(),
                Some(number) => {
                    let seen = seen(study, ranges, &dead);
                    self.stage.sampler.propose(number, ranges, &seen, self.rng)
                }
            };
            let named = ranges.parameters().iter().zip(&values);
            let trial = NewTrial {
                state: State::Running,
                start: Some(now()),
                parameters: named
                    .filter_map(|(p, value)| value.map(|value| (p.name.clone(), value, p.distribution.clone())))
                    .collect(),
                system: [(SLOT.to_owned(), json!(slot))].into_iter().collect(),
                ..NewTrial::default()
            };
            events.push(Event::CreateTrial { study: study.id, trial: Box::new(trial) });
            Todo::Run(Begun { id: studies.next_trial(), number: slot, values })
        };
        journal.update(self.thread, false, decide)
    }

    /// The best trials of the stage before, as far as they lie within the ranges.
    fn carried(&self, study: &Study) -> Vec<Values> {
        let noted = study.system.get(CARRIED).and_then(Value::as_array).into_iter().flatten();
        let values = noted.filter_map(|values| Some(values.as_array()?.iter().map(Value::as_f64).collect::<Values>()));
        values.filter(|values| self.opened.ranges.contains(values)).collect()
    }

    fn run(&self, begun: &Begun, objective: &Objective<'_>) -> Result<(), JournalError> {
        let reporter = TrialReporter { worker: self, trial: begun.id, number: begun.number, failure: Mutex::new(None) };
        let start = Start {
            stage: self.stage,
            ranges: &self.opened.ranges,
            values: &begun.values,
            number: begun.number,
            seed: self.rng.fork("trial").fork(begun.number as u64).next_u64(),
            reporter: &reporter,
        };
        let ended = catch_unwind(AssertUnwindSafe(|| objective(start)));
        if let Some(error) = reporter.failure.into_inner().unwrap_or(None) {
            return Err(error);
        }
        let ended = ended.unwrap_or_else(|payload| Err(Stop(Reason::Error(panicked(&*payload)))));
        let (state, score, note, useless) = match ended {
            Ok(score) if !score.is_finite() => {
                (State::Failed, None, Some(("error", format!("its score was {score}"))), true)
            }
            Ok(score) => (State::Complete, Some(score), None, false),
            Err(Stop(Reason::Behind(why))) => (State::Pruned, None, Some(("stopped", why)), false),
            Err(Stop(Reason::Exploded(why))) => (State::Pruned, None, Some(("stopped", why)), true),
            Err(Stop(Reason::Error(why))) => (State::Failed, None, Some(("error", why)), false),
            Err(Stop(Reason::Search)) => return Ok(()),
        };
        let trial = begun.id;
        let finish = |studies: &Studies, events: &mut Vec<Event>| {
            if let Some((key, why)) = note {
                events.push(Event::TrialUser { trial, key: key.to_owned(), value: why.into() });
            }
            if useless {
                events.push(Event::TrialSystem { trial, key: USELESS.to_owned(), value: json!(true) });
            }
            // As Optuna does: what was stopped has its last score.
            let record = self.study(studies).and_then(|study| study.trials.iter().find(|record| record.id == trial));
            let last = record.filter(|_| state == State::Pruned).and_then(|record| record.last());
            let values = score.or(last.map(|(_, score)| score)).map(|score| vec![score]);
            events.push(Event::TrialState { trial, state, values, time: Some(now()) });
        };
        lock(self.journal).update(self.thread, true, finish)
    }
}

/// What a trial has reported, for rules that judge one at a step.
fn curve(trial: &Record, sign: f64, step: i64) -> Curve<'_> {
    let number = slot(trial).unwrap_or(trial.number);
    Curve::new(number, &trial.curve, sign, step, trial.state == State::Complete)
}

struct TrialReporter<'a> {
    worker: &'a Worker<'a>,
    trial: usize,
    number: usize,
    /// Why the journal could not be written.
    failure: Mutex<Option<JournalError>>,
}

impl TrialReporter<'_> {
    fn write<R>(&self, event: Event, then: impl FnOnce(&Studies) -> R) -> Result<R, Stop> {
        if self.worker.failed.load(Ordering::Relaxed) {
            return Err(Stop(Reason::Search));
        }
        let mut journal = lock(self.worker.journal);
        let written = journal.update(self.worker.thread, false, |_, events| events.push(event));
        match written {
            Ok(()) => Ok(then(journal.studies())),
            Err(error) => {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(Stop(Reason::Search))
            }
        }
    }
}

impl Reporter for TrialReporter<'_> {
    fn report(&self, step: i64, score: f64) -> Result<(), Stop> {
        let worker = self.worker;
        let event = Event::TrialValue { trial: self.trial, step, value: score };
        let why = self.write(event, |studies| {
            let study = worker.study(studies).filter(|_| !worker.stage.rules.is_empty())?;
            let sign = if worker.maximize { -1.0 } else { 1.0 };
            let (own, others): (Vec<&Record>, Vec<&Record>) = study.trials.iter().partition(|t| t.id == self.trial);
            let own = curve(own.first()?, sign, step);
            let others: Vec<Curve<'_>> = others.into_iter().map(|trial| curve(trial, sign, step)).collect();
            debug_assert_eq!(own.number, self.number);
            worker.stage.rules.iter().find_map(|rule| rule.stop(&own, &others))
        });
        why?.map_or(Ok(()), |why| Err(Stop(Reason::Behind(why))))
    }

    fn note(&self, key: &str, value: Value) -> Result<(), Stop> {
        self.write(Event::TrialUser { trial: self.trial, key: key.to_owned(), value }, |_| ())
    }
}

/// What a panic said.
fn panicked(payload: &(dyn Any + Send)) -> String {
    let message = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    format!("it panicked: {}", message.unwrap_or("without words"))
}
