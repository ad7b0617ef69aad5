//! How far a long job is, in the terminal.

use std::fmt;
use std::io::Write;

/// A progress bar with lines above it.
///
/// The bar needs the feature `progress` and a terminal on standard output; otherwise only the
/// lines are printed, so logs and pipes stay clean. The bar goes when this is dropped.
///
/// ```
/// use wengert_train::Progress;
///
/// let progress = Progress::new("training", 20);
/// for epoch in 0..2 {
///     for _batch in 0..10 {
///         progress.step();
///     }
///     progress.line(format_args!("epoch {epoch} done"));
/// }
/// ```
#[derive(Debug)]
pub struct Progress {
    #[cfg(feature = "progress")]
    bar: indicatif::ProgressBar,
    #[cfg(feature = "progress")]
    label: String,
}

#[cfg(feature = "progress")]
impl Progress {
    /// A bar of `steps` steps.
    pub fn new(label: &str, steps: usize) -> Self {
        use std::io::IsTerminal;

        use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

        let terminal = std::io::stdout().is_terminal();
        let target = if terminal { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            let rate = state.per_sec();
            _ = write!(out, "{rate:.*}/s", usize::from(rate < 10.0));
        };
        let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {rate} {eta}").expect("a valid template");
        let style = style.with_key("rate", rate);
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target).with_style(style);
        Self { bar: bar.with_message(label.to_owned()), label: label.to_owned() }
    }

    /// One step further.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// So many steps further, which were done before: they do not count in the rate.
    pub fn skip(&self, steps: usize) {
        self.bar.inc(steps as u64);
        self.bar.reset_eta();
    }

    /// Shows the loss of the last step.
    pub fn loss(&self, loss: f64) {
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{} loss {loss:.4}", self.label));
        }
    }

    /// Prints a line above the bar.
    pub fn line(&self, text: impl fmt::Display) {
        // Not the bar's own printing, which says nothing where there is no terminal.
        self.bar.suspend(|| Self::print(text));
    }
}

#[cfg(feature = "progress")]
impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(not(feature = "progress"))]
impl Progress {
    /// A bar of `steps` steps.
    pub fn new(_label: &str, _steps: usize) -> Self {
        Self {}
    }

    /// One step further.
    pub fn step(&self) {}

    /// So many steps further, which were done before: they do not count in the rate.
    pub fn skip(&self, _steps: usize) {}

    /// Shows the loss of the last step.
    pub fn loss(&self, _loss: f64) {}

    /// Prints a line above the bar.
    pub fn line(&self, text: impl fmt::Display) {
        Self::print(text);
    }
}

impl Progress {
    /// Prints a line where there is no bar. A reader who has gone (`… | head`) is no reason to stop.
    pub fn print(text: impl fmt::Display) {
        _ = writeln!(std::io::stdout(), "{text}");
    }
}
