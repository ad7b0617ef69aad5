//! Events as a run goes on.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::{Value, json};

use super::wire::Message;
use super::{TensorBoard, curves};
use crate::{Callback, History};

/// So often, at least, does what was written become visible.
const FLUSH: Duration = Duration::from_secs(5);
/// Of every so many steps the loss is written.
const EVERY: u64 = 10;
/// The status of a session that starts, in TensorFlow's `event.proto`.
const START: u64 = 1;

impl TensorBoard {
    fn step(&mut self, history: &History) -> io::Result<()> {
        let step = history.steps - 1;
        if step.is_multiple_of(EVERY) {
            for (tag, curve) in curves(history) {
                curve.last().map_or(Ok(()), |value| self.scalar(tag, step, value))?;
            }
        }
        if let Some(snapshot) = history.snapshots.last().filter(|last| last.step == step) {
            self.snapshot(snapshot)?;
        }
        if self.flushed.elapsed() > FLUSH { self.flush() } else { Ok(()) }
    }

    /// Writes, unless that failed before: the file is to end with a whole event.
    fn attempt(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) -> ControlFlow<String> {
        if !self.failed
            && let Err(error) = write(self)
        {
            self.failed = true;
            // `eprintln!` would panic where nobody listens any more.
            let _ = writeln!(io::stderr(), "TensorBoard: {error}; training goes on without it");
        }
        ControlFlow::Continue(())
    }
}

impl Callback for TensorBoard {
    fn after_step(&mut self, history: &History) -> ControlFlow<String> {
        self.steps = history.steps;
        self.attempt(|board| board.step(history))
    }

    fn after_epoch(&mut self, history: &History) -> ControlFlow<String> {
        self.attempt(|board| {
            history.epochs.last().map_or(Ok(()), |epoch| board.epoch(epoch))?;
            board.flush()
        })
    }

    fn state(&self) -> Value {
        json!(self.steps)
    }

    /// Tells TensorBoard to forget what an interrupted run wrote after its checkpoint.
    fn restore(&mut self, state: &Value) -> Result<(), String> {
        self.steps = state.as_u64().ok_or_else(|| format!("a number of steps is not {state}"))?;
        let start = Message::default().int(1, START);
        self.event(self.steps, |event| event.bytes(7, &start.0)).map_err(|error| error.to_string())
    }
}
