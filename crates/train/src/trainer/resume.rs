//! A run in checkpoints, and out of them.

use std::io::Write;

use wengert_nn::{LoadError, StateDict, Stateful};
use wengert_tensor::Float;

use super::rate::Rate;
use super::run::Run;
use super::source::Source;
use super::{TrainErrorKind, Trainer};
use crate::checkpoint::{Checkpoint, CheckpointError, CheckpointErrorKind, Newest, part};

impl<B, T: Float> Trainer<'_, B, T> {
    /// Makes ready for checkpoints, and goes on from the newest one if the run is to be resumed.
    pub(super) fn begin(&mut self, source: &dyn Source<B>, run: &mut Run) -> Result<(), TrainErrorKind> {
        let Some(checkpoints) = &mut self.checkpoints else { return Ok(()) };
        let Some(Newest { path, checkpoint, damaged }) = checkpoints.open()? else { return Ok(()) };
        if let Some(batches) = &checkpoint.run.batches {
            source.resume(batches)?;
        }
        self.restore(&checkpoint).map_err(|kind| CheckpointError::new(&path, kind))?;
        let best = checkpoint.best();
        self.watch = checkpoint.run.watch.clone();
        *run = Run::new(checkpoint.run, best);
        run.state.history.end = None;
        for error in damaged {
            let text = format!("{error}; resumed from {}", path.display());
            if !self.quiet {
                // `eprintln!` would panic where nobody listens any more.
                let _ = writeln!(std::io::stderr(), "{text}");
            }
            run.state.history.note(text);
        }
        Ok(())
    }

    /// Writes a checkpoint.
    ///
    /// # Panics
    /// If there are to be none.
    pub(super) fn save(&self, run: &mut Run) -> Result<(), CheckpointError> {
        run.state.seconds = run.seconds();
        run.state.callbacks = self.callbacks.iter().map(|callback| callback.state()).collect();
        run.state.preprocessing = self.preprocessing.clone();
        run.state.watch = self.watch.clone();
        let mut tensors = self.tensors();
        if let Some(best) = &run.best {
            tensors.insert_all(part::BEST, best.clone());
        }
        let checkpoints = self.checkpoints.as_ref().expect("checkpoints are written");
        checkpoints.write(tensors, &run.state)
    }

    /// The tensors of everything that changes.
    fn tensors(&self) -> StateDict {
        let mut tensors = StateDict::new();
        tensors.insert_all(part::MODEL, self.model.state_dict());
        tensors.insert_all(part::OPTIMIZER, self.optimizer.state());
        if let Rate::Plateau(plateau) = &self.rate {
            tensors.insert_all(part::PLATEAU, plateau.state());
        }
        tensors
    }

    /// Takes on the state of a checkpoint; nothing has changed if it does not fit.
    fn restore(&mut self, Checkpoint { tensors, run }: &Checkpoint) -> Result<(), CheckpointErrorKind> {
        let (theirs, own) = (run.history.seed, self.seed);
        if theirs != own {
            return Err(CheckpointErrorKind::OtherRun(format!("its seed is {theirs}, not {own}")));
        }
        if run.preprocessing != self.preprocessing {
            return Err(CheckpointErrorKind::OtherRun("its data were prepared in another way".to_owned()));
        }
        let before = self.tensors();
        let callbacks: Vec<_> = self.callbacks.iter().map(|callback| callback.state()).collect();
        let outcome =
            self.set_tensors(tensors).map_err(|(part, error)| CheckpointErrorKind::Misfit(part, error.into()));
        let outcome = outcome.and_then(|()| {
            self.set_callbacks(&run.callbacks)
                .map_err(|why| CheckpointErrorKind::OtherRun(format!("its callbacks: {why}")))
        });
        if outcome.is_err() {
            self.set_tensors(&before).expect("its own state");
            self.set_callbacks(&callbacks).expect("its own state");
        }
        outcome
    }

    fn set_tensors(&mut self, tensors: &StateDict) -> Result<(), (&'static str, LoadError)> {
        // The best model first: it must fit too.
        let best = tensors.part(part::BEST);
        if !best.is_empty() {
            self.model.load_state_dict(&best).map_err(|error| (part::MODEL, error))?;
        }
        self.model.load_state_dict(&tensors.part(part::MODEL)).map_err(|error| (part::MODEL, error))?;
        self.optimizer.restore(&tensors.part(part::OPTIMIZER)).map_err(|error| (part::OPTIMIZER, error))?;
        if let Rate::Plateau(plateau) = &mut self.rate {
            plateau.restore(&tensors.part(part::PLATEAU)).map_err(|error| (part::PLATEAU, error))?;
        }
        Ok(())
    }

    fn set_callbacks(&mut self, states: &[serde_json::Value]) -> Result<(), String> {
        let (theirs, own) = (states.len(), self.callbacks.len());
        if theirs != own {
            return Err(format!("there were {theirs}, not {own}"));
        }
        self.callbacks.iter_mut().zip(states).try_for_each(|(callback, state)| callback.restore(state))
    }
}
