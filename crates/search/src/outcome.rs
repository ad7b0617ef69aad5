//! What a search has found.

use std::fmt;

use serde_json::json;
use wengert_report::{Finding, Page};

use crate::diagnosis::diagnose;
use crate::importance::importances;
use crate::journal::Event;
use crate::run::{Found, StageFound, lock};
use crate::{Importances, Ranges, Record, SearchError, SpaceError, Study, report};

/// What a search has found.
pub struct Outcome<C> {
    best: Best<C>,
    found: Found,
}

/// The best trial of the last stage.
#[derive(Clone, Debug)]
pub struct Best<C> {
    /// Its configuration.
    pub config: C,
    /// Its score: with cross-validation, the mean over the folds.
    pub score: f64,
    /// The standard deviation over the folds, with cross-validation.
    pub deviation: Option<f64>,
    /// Its number in the stage.
    pub number: usize,
    /// Name and value of each of its parameters, as words.
    pub parameters: Vec<(String, String)>,
}

impl<C> Outcome<C> {
    pub(crate) fn new(
        found: Found,
        decode: impl FnOnce(&Ranges, &[Option<f64>]) -> Result<C, SpaceError>,
    ) -> Result<Self, SearchError> {
        let last = found.stages.last().expect("a search has a stage");
        let record = last.study.best().expect("every stage has a score");
        let best = Best {
            config: decode(&last.ranges, &last.ranges.values_of(record))?,
            score: record.score.expect("the best has a score"),
            deviation: deviation(record),
            number: record.number,
            parameters: shown(record, &last.ranges),
        };
        Ok(Self { best, found })
    }

    /// The best trial of the last stage.
    pub fn best(&self) -> &Best<C> {
        &self.best
    }

    /// The trials of every stage.
    pub fn studies(&self) -> impl ExactSizeIterator<Item = &Study> {
        self.found.stages.iter().map(|stage| &stage.study)
    }

    /// How many trials there were in all stages.
    pub fn trials(&self) -> usize {
        self.studies().map(|study| study.trials.len()).sum()
    }

    /// How the ranges of each stage differ from those of the stage before.
    pub fn moves(&self) -> impl Iterator<Item = &str> {
        self.found.stages.iter().flat_map(|stage| &stage.moves).map(String::as_str)
    }

    /// The lines of the journal that were passed over, and why.
    pub fn damaged(&self) -> &[(usize, String)] {
        &self.found.damaged
    }

    /// Notes the score of the final model on data that the search never saw, and returns how often
    /// that was done for this search.
    ///
    /// Only the first is a fair estimate: whoever looks again, and chooses, has made the test data
    /// part of the search. The report says so.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn judge(&self, test_score: f64) -> Result<usize, SearchError> {
        let stage = self.found.stages.last().expect("a search has a stage");
        let mut journal = lock(&self.found.journal);
        let judge = |studies: &crate::journal::Studies, events: &mut Vec<Event>| {
            let mut scores = studies.named(&stage.study.name).map_or_else(Vec::new, test_scores);
            scores.push(test_score);
            let value = json!(scores);
            events.push(Event::StudyUser { study: stage.study.id, key: TEST_SCORES.to_owned(), value });
            scores.len()
        };
        Ok(journal.update(0, true, judge)?)
    }

    /// All scores that [`Outcome::judge`] noted.
    pub fn test_scores(&self) -> Vec<f64> {
        let stage = self.found.stages.last().expect("a search has a stage");
        lock(&self.found.journal).studies().named(&stage.study.name).map_or_else(Vec::new, test_scores)
    }

    /// What the search says about itself: which ranges to move, which parameters did not matter, whether
    /// more trials would help; the worst first.
    pub fn findings(&self) -> Vec<Finding> {
        diagnose(&self.found.stages, &self.test_scores(), self.found.damaged.len())
    }

    /// How much each parameter matters in each stage; none if there are too few trials to say.
    pub fn importances(&self) -> impl Iterator<Item = Option<Importances>> {
        self.found.stages.iter().map(|stage| importances(&stage.study, &stage.ranges))
    }

    /// The page that shows all of it: curves, parameters against scores, ranges, importances.
    pub fn report(&self) -> Page {
        report::page(self)
    }

    pub(crate) fn name(&self) -> &str {
        &self.found.name
    }

    pub(crate) fn stages(&self) -> &[StageFound] {
        &self.found.stages
    }

    pub(crate) fn metric(&self) -> &str {
        &self.found.metric
    }
}

impl<C: fmt::Debug> fmt::Debug for Outcome<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome").field("best", &self.best).field("trials", &self.trials()).finish_non_exhaustive()
    }
}

const TEST_SCORES: &str = "test_scores";

fn test_scores(study: &Study) -> Vec<f64> {
    study.notes.get(TEST_SCORES).and_then(|v| v.as_array()).into_iter().flatten().filter_map(|v| v.as_f64()).collect()
}

/// The deviation over folds that cross-validation noted.
pub(crate) fn deviation(record: &Record) -> Option<f64> {
    record.notes.get("deviation")?.as_f64()
}

/// Name and value of each parameter.
pub(crate) fn shown(record: &Record, ranges: &Ranges) -> Vec<(String, String)> {
    let parameters = ranges.parameters().iter();
    let values = parameters.filter_map(|p| Some((p.name.clone(), p.distribution.show(record.value(&p.name)?))));
    values.collect()
}
