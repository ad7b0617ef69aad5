//! How far a search is, in the terminal.

#[cfg(any(feature = "progress", test))]
mod table;

use std::cell::Cell;

use crate::outcome::deviation;
use crate::space::short;
use crate::{Record, Stage, State, Study};

/// Where a search tells how far it is: a table that is drawn anew, with lines above it, or the lines
/// alone.
pub(crate) struct Screen {
    quiet: bool,
    metric: String,
    /// The best trial that was told of.
    best: Cell<Option<usize>>,
    #[cfg(feature = "progress")]
    table: table::Table,
}

impl Screen {
    pub(crate) fn new(quiet: bool, metric: &str, workers: usize) -> Self {
        #[cfg(not(feature = "progress"))]
        let _ = workers;
        Self {
            quiet,
            metric: metric.to_owned(),
            best: Cell::new(None),
            #[cfg(feature = "progress")]
            table: table::Table::new(quiet, metric, workers),
        }
    }

    /// A line that stays.
    pub(crate) fn line(&self, text: &str) {
        if self.quiet {
            return;
        }
        #[cfg(feature = "progress")]
        self.table.line(text);
        #[cfg(not(feature = "progress"))]
        wengert_train::Progress::print(text);
    }

    /// Draws the table anew, and tells of a better trial.
    pub(crate) fn draw(&self, stage: &Stage, study: &Study) {
        let best = study.best();
        if let Some(best) = best.filter(|best| self.best.get() != Some(best.id)) {
            self.best.set(Some(best.id));
            self.line(&format!("{}: trial {}, {} {}", stage.name, best.number, self.metric, score(best)));
        }
        #[cfg(feature = "progress")]
        self.table.draw(stage, study);
    }

    /// Tells how a stage ended.
    pub(crate) fn end(&self, stage: &Stage, study: &Study) {
        #[cfg(feature = "progress")]
        self.table.clear();
        let best = study.best().map_or_else(String::new, |best| format!(", best {} {}", self.metric, score(best)));
        let [complete, stopped, failed] =
            [State::Complete, State::Pruned, State::Failed].map(|state| study.count(state));
        self.line(&format!("{}: {complete} complete, {stopped} stopped, {failed} failed{best}", stage.name));
    }
}

/// A score with its deviation.
pub(crate) fn score(record: &Record) -> String {
    let deviation = deviation(record).map_or_else(String::new, |deviation| format!(" ± {}", short(deviation)));
    format!("{:.4}{deviation}", record.score.unwrap_or(f64::NAN))
}
