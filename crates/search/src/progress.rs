//! How far a search is, in the terminal.

use crate::outcome::deviation;
use crate::space::short;
use crate::{Record, Stage, State, Study};

/// Where a search tells how far it is.
pub(crate) struct Screen {
    quiet: bool,
}

impl Screen {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    pub(crate) fn line(&self, text: &str) {
        if !self.quiet {
            println!("{text}");
        }
    }

    pub(crate) fn draw(&self, _stage: &Stage, _study: &Study, _metric: &str, _workers: usize) {}

    pub(crate) fn end(&self, stage: &Stage, study: &Study) {
        let best = study.best().map_or_else(String::new, |best| format!(", best {}", score(best)));
        let [complete, stopped, failed] =
            [State::Complete, State::Pruned, State::Failed].map(|state| study.count(state));
        self.line(&format!("{}: {complete} complete, {stopped} stopped, {failed} failed{best}", stage.name));
    }
}

/// A score with its deviation.
fn score(record: &Record) -> String {
    let deviation = deviation(record).map_or_else(String::new, |deviation| format!(" ± {}", short(deviation)));
    format!("{:.4}{deviation}", record.score.unwrap_or(f64::NAN))
}
