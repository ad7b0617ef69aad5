//! What is proposed, how trials end, and what is stopped.

use std::sync::atomic::{AtomicUsize, Ordering};

use wengert::search::*;

use crate::{Config, one_stage};

/// What is proposed by methods that do not look at results.
fn proposals(sampler: impl Sampler + 'static, workers: usize, seed: u64) -> Vec<Vec<(String, f64)>> {
    let search = one_stage(Config::draw, Stage::new("all", 30).sampler(sampler)).workers(workers).seed(seed);
    let outcome = search.run(|trial| Ok(trial.config().lr)).expect("a result");
    let trials = &outcome.studies().next().expect("a stage").trials;
    trials
        .iter()
        .map(|trial| trial.parameters.iter().map(|(name, value, _)| (name.clone(), *value)).collect())
        .collect()
}

#[test]
fn any_number_of_workers_tries_the_same() {
    let all = |workers, seed| {
        [proposals(Random, workers, seed), proposals(Sobol, workers, seed), proposals(Grid::new(3), workers, seed)]
    };
    let one = all(1, 5);
    assert_eq!(all(2, 5), one);
    assert_eq!(all(7, 5), one);
    assert_ne!(all(1, 6)[..2], one[..2]);
    assert_eq!(proposals(Tpe::new(), 1, 5), proposals(Tpe::new(), 1, 5));
}

#[test]
fn a_grid_ends_when_all_was_tried() {
    let space = |draw: &mut Draw<'_>| draw.value("x", Domain::uniform(0.0..=3.0));
    let outcome = one_stage(space, Stage::new("grid", 100).sampler(Grid::new(3))).run(|trial| Ok(*trial.config()));
    let outcome = outcome.expect("a result");
    assert_eq!((outcome.trials(), outcome.best().config), (3, 0.5));
}

#[test]
fn failures_are_noted_and_the_search_goes_on() {
    let space = |draw: &mut Draw<'_>| draw.value("x", Domain::uniform(0.0..=1.0));
    let search = one_stage(space, Stage::new("all", 50).budget(3).sampler(Sobol)).workers(2).maximize("score");
    let outcome = search.run(|trial| {
        match trial.number() % 10 {
            0 => panic!("trial {} fell over", trial.number()),
            1 => return Ok(f64::NAN),
            2 => return Err("x".parse::<f64>().expect_err("no number").into()),
            3 => trial.report(1, f64::NAN)?,
            4 => {
                trial.cost(2.3)?;
                trial.cost(6.8)?;
                trial.cost(7.0)?;
            }
            5 => {
                trial.cost(1.0)?;
                trial.cost(f64::INFINITY)?;
            }
            6 => return Err(Stop::error("no such layer")),
            7 => return Ok(f64::INFINITY),
            8 => return trial.cross_validate(0..0, |_| Ok(1.0)),
            _ => {}
        }
        Ok(*trial.config())
    });
    let outcome = outcome.expect("a result");
    let study = outcome.studies().next().expect("a stage");
    let note = |number: usize| {
        let trial = &study.trials[number];
        let note = trial.notes.get("error").or(trial.notes.get("stopped"));
        (trial.state, note.and_then(|v| v.as_str()).unwrap_or_default().to_owned())
    };
    assert_eq!(note(10), (State::Failed, "it panicked: trial 10 fell over".into()));
    assert_eq!(note(11), (State::Failed, "its score was NaN".into()));
    assert_eq!(note(12), (State::Failed, "invalid float literal".into()));
    assert_eq!(note(13), (State::Pruned, "its score was NaN at step 1".into()));
    assert_eq!(note(14), (State::Pruned, "its cost was 7, over 3 times the 2.3 of the start".into()));
    assert_eq!(note(15), (State::Pruned, "its cost was inf, at first 1".into()));
    assert_eq!(note(16), (State::Failed, "no such layer".into()));
    assert_eq!(note(17), (State::Failed, "its score was inf".into()));
    assert_eq!(note(18), (State::Failed, "cross-validation: there are no folds; give two or more".into()));
    assert_eq!(note(19), (State::Complete, String::new()));
    assert!(outcome.best().score > 0.9);
    let titles: Vec<String> = outcome.findings().into_iter().map(|finding| finding.title).collect();
    assert!(titles.contains(&"30 of 50 trials of stage all failed".to_owned()), "{titles:?}");
    assert!(titles.contains(&"25 of 50 trials of stage all exploded".to_owned()), "{titles:?}");
}

#[test]
fn without_any_score_the_reasons_are_told() {
    let space = |draw: &mut Draw<'_>| draw.value("x", Domain::uniform(0.0..=1.0));
    let search = one_stage(space, Stage::new("coarse", 4)).workers(1);
    let error = search.run(|_| -> Result<f64, Stop> { panic!("no data") }).expect_err("no result");
    let text = error.to_string();
    assert!(text.starts_with("no trial of stage `coarse` has a score: trial 0: it panicked: no data"), "{text}");
}

#[test]
fn cross_validation_has_mean_and_deviation_and_reports_by_fold() {
    let space = |draw: &mut Draw<'_>| draw.value("x", Domain::uniform(0.0..=1.0));
    let search = one_stage(space, Stage::new("all", 1).budget(2).folds(3)).workers(1);
    let outcome = search.run(|trial| {
        trial.cross_validate([1.0, 2.0, 6.0], |fold| {
            // Each fold has costs of its own.
            trial.cost(fold)?;
            trial.report(1, 10.0 * fold)?;
            trial.report(2, fold)?;
            Ok(fold)
        })
    });
    let outcome = outcome.expect("a result");
    let best = outcome.best();
    assert_eq!((best.score, best.deviation), (3.0, Some(7f64.sqrt())));
    let trial = outcome.studies().next().and_then(Study::best).expect("a trial");
    let curve: Vec<(i64, f64)> = trial.curve.iter().map(|(&step, &score)| (step, score)).collect();
    assert_eq!(curve, [(1, 10.0), (2, 1.0), (3, 15.0), (4, 1.5), (5, 30.0), (6, 3.0)]);
    assert_eq!(trial.notes["folds"], serde_json::json!([1.0, 2.0, 6.0]));
}

#[test]
fn rules_stop_trials_that_are_behind() {
    let space = |draw: &mut Draw<'_>| draw.value("x", Domain::uniform(0.0..=1.0));
    let steps = AtomicUsize::new(0);
    let search = one_stage(space, Stage::new("all", 32).budget(16).sampler(Sobol).stop(Halving::new(2)));
    let outcome = search.workers(1).maximize("accuracy").run(|trial| {
        for step in 1..=trial.budget() {
            steps.fetch_add(1, Ordering::Relaxed);
            trial.report(step, *trial.config())?;
        }
        Ok(*trial.config())
    });
    let outcome = outcome.expect("a result");
    let study = outcome.studies().next().expect("a stage");
    assert!(steps.into_inner() < 32 * 16 / 2, "most were stopped");
    assert!(study.count(State::Pruned) > 20);
    // The very best is never behind.
    let largest = study.trials.iter().filter_map(|trial| trial.value("x")).fold(0.0, f64::max);
    assert_eq!(outcome.best().config, largest);
    let stopped = study.trials.iter().find(|trial| trial.state == State::Pruned).expect("a stopped trial");
    assert_eq!(stopped.score, stopped.last().map(|(_, score)| score));
    assert!(stopped.notes["stopped"].as_str().expect("a reason").starts_with("at step"));
}
