//! The course of a run: epochs of steps, and what is done between them.

use std::ops::ControlFlow;
use std::time::Instant;

use indexmap::IndexMap;
use wengert_autograd::Tape;
use wengert_nn::StateDict;
use wengert_tensor::Float;

use super::source::{Source, Stream};
use super::{TrainError, TrainErrorKind, Trainer};
use crate::checkpoint::RunState;
use crate::metrics::Tally;
use crate::{Best, Checkpoints, DataError, Diagnosis, End, Epoch, History, NotFinite, Progress, Thinned, Watch};

/// A run under way.
pub(super) struct Run {
    /// All of it but tensors.
    pub(super) state: RunState,
    /// The model of the best epoch, if it is kept.
    pub(super) best: Option<StateDict>,
    /// When the present part of the run began.
    started: Instant,
    seconds_before: f64,
}

impl Run {
    pub(super) fn new(state: RunState, best: Option<StateDict>) -> Self {
        Self { seconds_before: state.seconds, state, best, started: Instant::now() }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }
}

impl<B, T: Float> Trainer<'_, B, T> {
    /// Runs all epochs that are still to come, from a checkpoint on if there is one to resume.
    pub(super) fn run(&mut self, source: &dyn Source<B>) -> Result<History, TrainError> {
        let history = History {
            task: self.learn.task,
            examples: source.examples() as u64,
            params: self.params.iter().map(|param| param.shape().count() as u64).sum(),
            snapshots: Thinned::new(self.watch_every.unwrap_or_else(|| (self.steps(source) / 50).max(50))),
            ..History::new(self.seed)
        };
        self.watch = Watch::new();
        let mut run = Run::new(RunState::new(history), None);
        let outcome = self.begin(source, &mut run).and_then(|()| {
            self.check(source, &mut run.state.history);
            self.epochs_of(source, &mut run)
        });
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.close();
        }
        let mut history = run.state.history;
        history.end = Some(match &outcome {
            Ok(end) => end.clone(),
            Err(TrainErrorKind::NotFinite(found)) => End::NotFinite(NotFinite::clone(found)),
            Err(other) => End::Failed(other.to_string()),
        });
        let diagnosis = Diagnosis::of(&history);
        if !self.quiet && !diagnosis.is_empty() {
            Progress::print(diagnosis);
        }
        match outcome {
            Ok(_) => {
                if let Some(best) = run.best {
                    self.model.load_state_dict(&best).expect("the model's own state");
                }
                Ok(history)
            }
            Err(kind) => Err(TrainError { kind, history: Box::new(history) }),
        }
    }

    /// The number of steps in all epochs.
    fn steps(&self, source: &dyn Source<B>) -> u64 {
        (source.batches().div_ceil(self.accumulate) as u64).saturating_mul(self.epochs)
    }

    fn epochs_of(&mut self, source: &dyn Source<B>, run: &mut Run) -> Result<End, TrainErrorKind> {
        let bar = (!self.quiet).then(|| Progress::new("training", self.steps(source) as usize));
        if let Some(bar) = &bar {
            bar.skip(run.state.history.steps as usize);
        }
        let mut end = self.end_of(run);
        while end.is_none() {
            let after = match self.steps_of(source, run, bar.as_ref())? {
                ControlFlow::Continue(()) => self.end_epoch(run, bar.as_ref())?,
                stopped => stopped,
            };
            end = after.break_value().map(End::Stopped).or_else(|| self.end_of(run));
            let epochs = run.state.epoch;
            let due = |checkpoints: &Checkpoints| checkpoints.is_due_after_epoch(epochs) || end.is_some();
            if self.checkpoints.as_ref().is_some_and(due) {
                self.save(run)?;
            }
        }
        Ok(end.expect("the loop ended"))
    }

    /// Why there is to be no further epoch.
    fn end_of(&self, run: &Run) -> Option<End> {
        let stale = run.state.stale;
        if self.patience.is_some_and(|patience| stale >= patience.max(1)) {
            return Some(End::Stopped(format!("{} has not improved for {stale} epochs", self.monitor)));
        }
        (run.state.epoch >= self.epochs).then_some(End::Finished)
    }

    /// The steps of an epoch that are still to come.
    fn steps_of(
        &mut self,
        source: &dyn Source<B>,
        run: &mut Run,
        bar: Option<&Progress>,
    ) -> Result<ControlFlow<String>, TrainErrorKind> {
        let epoch = run.state.epoch;
        let mut batches = match &run.state.batches {
            Some(state) => source.resume(state)?,
            None => source.epoch(epoch),
        };
        loop {
            let group = self.group(&mut *batches)?;
            if group.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            let step = run.state.history.steps;
            if let Some(lr) = self.rate.of(step, epoch) {
                let possible = lr >= 0.0 && lr.is_finite();
                assert!(
                    possible,
                    "fit: the schedule gives step {step} the learning rate {lr}; it is finite, from 0 up"
                );
                self.optimizer.set_lr(lr);
            }
            let history = &mut run.state.history;
            let look = history.snapshots.is_due(step);
            let taken = self.take(step, look, &group, &mut run.state.tally);
            if step == 0 {
                history.task = self.learn.task;
                history.batch = group.iter().map(|(_, size)| *size as u64).sum();
            }
            let taken = taken?;
            history.loss.push(step, taken.loss);
            history.lr.push(step, self.optimizer.lr());
            history.gradient_norm.push(step, taken.gradient_norm);
            history.steps = step + 1;
            if let Some(seen) = taken.seen {
                history.snapshots.push(seen);
            }
            run.state.batches = Some(batches.state());
            if let Some(bar) = bar {
                bar.loss(taken.loss);
                bar.step();
            }
            let after = self.after_each(|callback| callback.after_step(&run.state.history));
            if after.is_break() {
                return Ok(after);
            }
            if self.checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.is_due_after_step(step + 1)) {
                self.save(run)?;
            }
        }
    }

    /// The batches of the next step: fewer at the end of an epoch, and none after it.
    fn group(&self, batches: &mut dyn Stream<B>) -> Result<Vec<(B, usize)>, DataError> {
        let mut group = Vec::with_capacity(self.accumulate);
        while group.len() < self.accumulate
            && let Some(batch) = batches.next()
        {
            group.push(batch?);
        }
        Ok(group)
    }

    /// Validates, and writes an epoch's entry in the history.
    fn end_epoch(&mut self, run: &mut Run, bar: Option<&Progress>) -> Result<ControlFlow<String>, TrainErrorKind> {
        let validation = match &self.validation {
            Some(source) => self.evaluate_on(&**source)?,
            None => IndexMap::new(),
        };
        run.state.seconds = run.seconds();
        let state = &mut run.state;
        let train = std::mem::take(&mut state.tally).values(&self.learn.metrics);
        state.epoch += 1;
        state.batches = None;
        let (epoch, step) = (state.epoch, state.history.steps);
        let judged = if validation.is_empty() { &train } else { &validation };
        let value = judged[&self.monitor];
        let entry = Epoch { epoch, step, seconds: state.seconds, lr: self.optimizer.lr(), train, validation };
        if let Some(bar) = bar {
            bar.line(&entry);
        }
        state.history.epochs.push(entry);

        let before = state.history.best.as_ref().map(|best| best.value);
        if self.is_better(value, before) {
            let metric = self.monitor.clone();
            state.history.best = Some(Best { epoch, step, metric, value });
            state.stale = 0;
            run.best = self.keep_best.then(|| self.model.state_dict());
        } else {
            state.stale += 1;
        }
        self.rate.observe(value);
        Ok(self.after_each(|callback| callback.after_epoch(&run.state.history)))
    }

    /// Whether the monitored metric says that a model is better than the best before.
    fn is_better(&self, value: f64, before: Option<f64>) -> bool {
        let Some(before) = before else { return !value.is_nan() };
        let mut metrics = self.learn.metrics.iter();
        let larger = metrics.any(|metric| metric.name() == self.monitor && metric.larger_is_better());
        if larger { value > before } else { value < before }
    }

    /// Calls every callback; the first reason to stop is the one.
    fn after_each(
        &mut self,
        mut call: impl FnMut(&mut dyn crate::Callback) -> ControlFlow<String>,
    ) -> ControlFlow<String> {
        let mut after = ControlFlow::Continue(());
        for callback in &mut self.callbacks {
            let own = call(&mut **callback);
            if after.is_continue() {
                after = own;
            }
        }
        after
    }

    /// Loss and metrics on other data, in evaluate mode.
    pub(super) fn evaluate_on(&self, source: &dyn Source<B>) -> Result<IndexMap<String, f64>, DataError> {
        let mut tally = Tally::default();
        let mut batches = source.epoch(0);
        while let Some(batch) = batches.next() {
            let (batch, size) = batch?;
            let tape = Tape::new();
            let [outputs, loss] = self.learn.record(&tape, &batch);
            tape.compute([outputs, loss]);
            tally.add_loss(size, loss.item().to_f64());
            tally.add_outputs(&self.learn.metrics, &outputs.value(), &batch);
        }
        Ok(tally.values(&self.learn.metrics))
    }
}
