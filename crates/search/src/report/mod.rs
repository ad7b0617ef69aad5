//! The page of a search.

mod figures;

use wengert_report::{Number, Page, Table};

use crate::importance::importances;
use crate::outcome::{deviation, shown};
use crate::run::StageFound;
use crate::{Outcome, Record, State};

/// How many of the best trials the table shows.
const BEST: usize = 10;

pub(crate) fn page<C>(outcome: &Outcome<C>) -> Page {
    let (stages, metric) = (outcome.stages(), outcome.metric());
    let last = stages.last().expect("a search has a stage");
    let seconds: f64 = stages.iter().flat_map(|stage| &stage.study.trials).filter_map(Record::seconds).sum();
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    let mut key = vec![(format!("best {metric}"), with_deviation(outcome.best().score, outcome.best().deviation))];
    key.extend(
        outcome.test_scores().first().map(|&score| (format!("{metric} on test data"), Number(score).to_string())),
    );
    key.push(("trials".to_owned(), Number(outcome.trials() as f64).to_string()));
    key.push(("seconds of computing".to_owned(), Number(seconds.round()).to_string()));
    let mut page = Page::new(format!("Search: {}", outcome.name()))
        .subtitle(format!("Stages: {}", names.join(", then ")))
        .key_figures(key)
        .section("What it says")
        .findings(&outcome.findings())
        .section("Best trials")
        .table(&best_table(last, metric));
    if stages.len() > 1 {
        page = page.section("From stage to stage");
        if outcome.moves().next().is_some() {
            page = page.table(&moves_table(stages));
        }
        let ranges = figures::narrowing(stages);
        page = page.figures(&figures::all(&ranges));
    }
    for stage in stages {
        let [complete, stopped, failed] =
            [State::Complete, State::Pruned, State::Failed].map(|state| stage.study.count(state));
        page = page.section(format!("Stage {}", stage.name)).text(format!(
            "{} trials: {complete} complete, {stopped} stopped, {failed} failed; {} steps on each of {} folds.",
            stage.study.trials.len(),
            stage.budget,
            stage.folds
        ));
        let scores = figures::Scores::new(stage, metric);
        page = page.wide(&figures::progress(stage, &scores));
        page = page.wide(&figures::curves(stage, &scores));
        let scatter = figures::scatter(stage, &scores);
        page = page.figures(&figures::all(&scatter));
        page = page.wide(&figures::parallel(stage));
        if let Some(found) = importances(&stage.study, &stage.ranges) {
            page = page.wide(&figures::importance(&found));
        }
    }
    page
}

fn best_table(stage: &StageFound, metric: &str) -> Table {
    let parameters = stage.ranges.parameters();
    let columns =
        ["trial", metric, "deviation", "seconds"].into_iter().chain(parameters.iter().map(|p| p.name.as_str()));
    let mut table = Table::new(columns);
    let ranking = stage.study.ranking();
    for trial in ranking.iter().filter(|trial| trial.state == State::Complete).take(BEST) {
        let numbers = [Some(trial.number as f64), trial.score, deviation(trial), trial.seconds()];
        let values = shown(trial, &stage.ranges);
        let value =
            |name: &str| values.iter().find(|(n, _)| n == name).map_or_else(String::new, |(_, value)| value.clone());
        let numbers = numbers.into_iter().map(|number| number.map_or_else(|| "".into(), Into::into));
        table = table.row(numbers.chain(parameters.iter().map(|p| value(&p.name).into())));
    }
    table
}

/// How the ranges of each stage differ from those of the stage before.
fn moves_table(stages: &[StageFound]) -> Table {
    let moves = stages.iter().flat_map(|stage| stage.moves.iter().map(move |moved| (&stage.name, moved)));
    moves.fold(Table::new(["stage", "parameter", "its range"]), |table, (stage, moved)| {
        let (parameter, what) = moved.split_once(": ").unwrap_or(("", moved));
        table.row([stage.as_str().into(), parameter.into(), what.into()])
    })
}

/// A score with its deviation.
fn with_deviation(score: f64, deviation: Option<f64>) -> String {
    deviation.map_or_else(|| Number(score).to_string(), |d| format!("{} ± {}", Number(score), Number(d)))
}
