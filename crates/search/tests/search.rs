//! Whole searches: what is proposed, stopped, narrowed, found and told.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use wengert::search::*;

#[derive(Clone, Debug, PartialEq, Space)]
struct Config {
    #[space(log(1e-4..=1.0))]
    lr: f64,
    #[space(uniform(1..=3))]
    depth: usize,
    #[space(choice([2u32, 4, 8]))]
    pieces: u32,
    batch_norm: bool,
    update: Update,
}

#[derive(Clone, Debug, PartialEq, Space)]
enum Update {
    Sgd {
        #[space(uniform(0.0..=0.9).step(0.1))]
        momentum: f32,
        decay: Decay,
    },
    Adam,
    Named(#[space(named([("slow", 10), ("fast", 1)]))] i64),
}

#[derive(Clone, Debug, PartialEq, Space)]
enum Decay {
    None,
    Exponential(#[space(uniform(0.5..=1.0))] f64),
}

fn one_stage<C>(
    space: impl Fn(&mut Draw<'_>) -> Result<C, SpaceError> + Send + Sync + 'static,
    stage: Stage,
) -> Search<C> {
    Search::new("test", space).expect("a good space").stage(stage).quiet()
}

#[test]
fn a_trial_receives_a_typed_value_of_its_parameters() {
    let configs = Mutex::new(Vec::new());
    let search = one_stage(Config::draw, Stage::new("all", 200).sampler(Random)).workers(2);
    let outcome = search.run(|trial| {
        configs.lock().expect("no panic").push((trial.number(), trial.config().clone()));
        Ok(0.0)
    });
    let outcome = outcome.expect("a result");
    let configs = configs.into_inner().expect("no panic");
    assert_eq!(configs.iter().map(|(number, _)| number).collect::<BTreeSet<_>>().len(), 200);
    let study = outcome.studies().next().expect("a stage");
    for (number, config) in &configs {
        assert!(
            (1e-4..=1.0).contains(&config.lr) && (1..=3).contains(&config.depth) && [2, 4, 8].contains(&config.pieces)
        );
        let record = &study.trials[*number];
        assert_eq!(record.value("lr"), Some(config.lr));
        let names: Vec<&str> = record.parameters.iter().map(|(name, _, _)| name.as_str()).collect();
        let common = ["lr", "depth", "pieces", "batch_norm", "update"];
        let own: &[&str] = match config.update {
            Update::Sgd { momentum, decay: Decay::None } => {
                assert!((momentum * 10.0 - (momentum * 10.0).round()).abs() < 1e-6);
                &["update.Sgd.momentum", "update.Sgd.decay"]
            }
            Update::Sgd { decay: Decay::Exponential(factor), .. } => {
                assert_eq!(record.value("update.Sgd.decay.Exponential.0"), Some(factor));
                &["update.Sgd.momentum", "update.Sgd.decay", "update.Sgd.decay.Exponential.0"]
            }
            Update::Adam => &[],
            Update::Named(value) => {
                assert!([1, 10].contains(&value));
                &["update.Named.0"]
            }
        };
        assert_eq!(names, [&common, own].concat());
    }
}

#[test]
fn spaces_that_are_impossible_are_refused_by_name_before_anything_runs() {
    fn why<T: Clone>(domain: impl Fn() -> Domain<T> + Send + Sync + 'static) -> String {
        let space = move |draw: &mut Draw<'_>| draw.variant("net", &[("a", &|draw| draw.value("x", domain()))]);
        Search::new("s", space).map(|_| ()).expect_err("refused").to_string()
    }
    let name = "parameter `net.a.x`: ";
    assert_eq!(
        why(|| Domain::uniform(2.0..=1.0)),
        format!("{name}the lower bound 2 is above the upper bound 1; swap them")
    );
    assert_eq!(
        why(|| Domain::log(0.0..=1.0)),
        format!("{name}a logarithmic range begins above 0, not at 0; raise the bound or use `uniform`")
    );
    for refused in [
        why(|| Domain::log(0usize..=8)),
        why(|| Domain::log(-1.0f32..=8.0)),
        why(|| Domain::<f64>::choice([])),
        why(|| Domain::choice(["a", "b", "a"])),
        why(|| Domain::uniform(f64::NAN..=1.0)),
        why(|| Domain::uniform(0.0..=f64::INFINITY)),
        why(|| Domain::uniform(f64::MIN..=f64::MAX)),
        why(|| Domain::uniform(0..=u64::MAX)),
        why(|| Domain::uniform(0.0..=1.0).step(0.0)),
        why(|| Domain::log(1.0..=10.0).step(1.0)),
        why(|| Domain::uniform(0.0..=1.0).within(0.5..=2.0)),
    ] {
        assert!(refused.starts_with(name) && refused.len() > name.len() + 20, "{refused}");
    }
    let twice = |draw: &mut Draw<'_>| {
        draw.value("x", Domain::uniform(0.0..=1.0))?;
        draw.value("x", Domain::uniform(0.0..=1.0))
    };
    let error = Search::new("s", twice).map(|_| ()).expect_err("refused");
    assert_eq!(error.kind, SpaceErrorKind::Twice);
    let none = |draw: &mut Draw<'_>| draw.variant::<()>("v", &[]);
    assert_eq!(Search::new("s", none).map(|_| ()).expect_err("refused").kind, SpaceErrorKind::Empty);
    let search = Search::new("s", |draw| draw.value("x", Domain::uniform(0.0..=1.0))).expect("a good space");
    assert!(matches!(search.run(|_| Ok(0.0)), Err(SearchError::Stages(_))));
}

#[test]
fn ranges_of_one_value_and_of_two_are_searched() {
    let space = |draw: &mut Draw<'_>| {
        let x = draw.value("x", Domain::uniform(1.0..=1.0))?;
        let n = draw.value("n", Domain::log(7usize..=7))?;
        draw.value("zero", Domain::uniform(0.0..=0.0))?;
        draw.value("narrow", Domain::uniform(0.0..=f64::from_bits(1)))?;
        Ok((x, n, draw.value("b", Domain::choice(["only"]))?, draw.value("two", Domain::uniform(0i8..=1))?))
    };
    for sampler in [true, false] {
        let stage = |name| if sampler { Stage::new(name, 20) } else { Stage::new(name, 20).sampler(Grid::new(3)) };
        let search = one_stage(space, stage("a")).stage(stage("b")).workers(1);
        let outcome = search.run(|trial| Ok(trial.config().0 - f64::from(trial.config().3))).expect("a result");
        assert_eq!(outcome.best().config, (1.0, 7, "only", 1));
    }
}

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

#[test]
fn ranges_narrow_around_the_best_in_log_space() {
    let space = |draw: &mut Draw<'_>| {
        let lr: f64 = draw.value("lr", Domain::log(1e-6..=1.0))?;
        Ok((lr, draw.value("noise", Domain::uniform(0.0..=1.0))?, draw.value("act", Domain::choice(["a", "b", "c"]))?))
    };
    let search = one_stage(space, Stage::new("coarse", 64).sampler(Sobol)).stage(Stage::new("fine", 16)).workers(1);
    let outcome = search.run(|trial| {
        let (lr, _, act) = trial.config();
        Ok((lr.log10() + 3.0).powi(2) + if *act == "c" { 30.0 } else { 0.0 })
    });
    let outcome = outcome.expect("a result");
    let fine = outcome.studies().nth(1).expect("two stages");
    let ranges: Vec<String> =
        fine.trials[0].parameters.iter().map(|(name, _, range)| format!("{name} {range}")).collect();
    let lr = fine.trials[0].parameters[0].2.bounds().expect("numbers");
    assert!(lr[0] > 1e-5 && lr[1] < 1e-1 && lr[0] < 1e-3 && lr[1] > 1e-3, "{ranges:?}");
    let noise = fine.trials[0].parameters[1].2.bounds().expect("numbers");
    assert!(noise[1] - noise[0] > 0.8, "{ranges:?}");
    assert!(fine.trials.iter().all(|trial| trial.value("act") != Some(2.0)));
    let moves: Vec<&str> = outcome.moves().collect();
    assert!(moves[0].starts_with("lr: narrowed from 1e-6 … 1 to "), "{moves:?}");
    assert_eq!(moves.last(), Some(&"act: given up c, which no good trial has"));
    // The best of the first stage come first in the second.
    let best = outcome.studies().next().and_then(Study::best).expect("a trial");
    assert_eq!(fine.trials[0].value("lr"), best.value("lr"));
    let important = outcome.importances().next().flatten().expect("enough trials");
    let matter: Vec<&str> = important.parameters.iter().filter(|p| p.matters).map(|p| p.parameter.as_str()).collect();
    assert_eq!(matter, ["act", "lr"], "{important:?}");
}

#[test]
fn where_the_best_lie_at_an_edge_the_range_is_widened_and_the_user_told() {
    let space = |draw: &mut Draw<'_>| {
        let lr: f64 = draw.value("lr", Domain::log(1e-6..=1e-4))?;
        let x: f64 = draw.value("x", Domain::uniform(-1.0..=1.0))?;
        let width = draw.value("width", Domain::log(8usize..=32))?;
        let share: f64 = draw.value("share", Domain::uniform(0.0..=0.5).within(0.0..=0.5))?;
        Ok((lr, x, width, share))
    };
    let mut search = one_stage(space, Stage::new("1", 40).sampler(Sobol)).workers(1);
    for stage in ["2", "3", "4"] {
        search = search.stage(Stage::new(stage, 40));
    }
    let outcome = search.run(|trial| {
        let &(lr, x, width, share) = trial.config();
        assert!(share <= 0.5 && lr > 0.0 && width >= 1);
        Ok((lr.log10() + 2.5).powi(2)
            + (x - 2.0).powi(2)
            + (width as f64).log2().powi(2) / 4.0
            + 4.0 * (1.0 - share).powi(2))
    });
    let outcome = outcome.expect("a result");
    let moves: Vec<&str> = outcome.moves().collect();
    let told = |start: &str, what: &str| moves.iter().any(|m| m.starts_with(start) && m.contains(what));
    assert!(told("lr: widened from 1e-6 … 1e-4 to ", "as the best lie at its upper edge"), "{moves:#?}");
    assert!(told("x: widened from ", "upper edge"), "{moves:#?}");
    assert!(told("width: widened from ", "lower edge"), "{moves:#?}");
    assert!(told("share: ", "the limit of what it may be"), "{moves:#?}");
    let (lr, x, ..) = outcome.best().config;
    assert!(lr > 1e-4 && x > 1.0, "{:?}", outcome.best());
}

#[test]
fn the_final_judgement_is_counted() {
    let space = |draw: &mut Draw<'_>| draw.value("x", Domain::uniform(0.0..=1.0));
    let outcome = one_stage(space, Stage::new("all", 5)).run(|trial| Ok(*trial.config())).expect("a result");
    assert_eq!(outcome.judge(0.5).expect("noted"), 1);
    assert_eq!(outcome.judge(0.25).expect("noted"), 2);
    assert_eq!(outcome.test_scores(), [0.5, 0.25]);
    let titles: Vec<String> = outcome.findings().into_iter().map(|finding| finding.title).collect();
    assert!(titles.contains(&"The test data were looked at 2 times".to_owned()), "{titles:?}");
}

#[test]
fn the_report_shows_all_parameters_whatever_happened() {
    let search =
        one_stage(Config::draw, Stage::new("a<b", 30).budget(2).stop(Median::new())).stage(Stage::new("c", 12));
    let outcome = search.workers(1).run(|trial| {
        trial.report(1, trial.config().lr)?;
        if trial.number() == 3 { Ok(f64::INFINITY) } else { Ok(trial.config().lr) }
    });
    let html = outcome.expect("a result").report().html();
    for shown in ["Stage a&lt;b", "update.Sgd.decay.Exponential.0", "What it says", "Importance of each parameter"] {
        assert!(html.contains(shown), "{shown}");
    }
}

/// A journal in a folder of its own.
fn journal(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("wengert-search-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join("search.jsonl")
}

#[test]
fn a_journal_of_another_search_is_refused_and_what_differs_is_named() {
    let path = journal("another");
    let run = |high: f64, stage: Stage, seed: u64| {
        let space = move |draw: &mut Draw<'_>| draw.value("x", Domain::uniform(0.0..=high));
        let search = one_stage(space, stage).seed(seed).journal(&path);
        search.run(|trial| Ok(*trial.config())).map(|outcome| outcome.trials()).map_err(|error| error.to_string())
    };
    let stage = |trials| Stage::new("all", trials).budget(3).folds(4);
    assert_eq!(run(5.0, stage(4), 1), Ok(4));
    assert_eq!(run(5.0, stage(6), 1), Ok(6));
    let why = |what: &str| {
        Err(format!("the journal's study `test/all` is another: {what}; give the search another name or journal"))
    };
    assert_eq!(run(10.0, stage(6), 1), why("its range of x is 0 … 5, not 0 … 10"));
    assert_eq!(run(5.0, stage(6).budget(9), 1), why("it has budget 3, not 9"));
    assert_eq!(run(5.0, stage(6).folds(9), 1), why("it has folds 4, not 9"));
    assert_eq!(run(5.0, stage(6), 2), why("it has seed 1, not 2"));
    // Ranges that a hand has made impossible.
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, text.replace(r#""high":5.0"#, r#""high":-5.0"#)).expect("written");
    assert_eq!(run(5.0, stage(6), 1), why("its parameters are not those of the space"));
    std::fs::remove_dir_all(path.parent().expect("a folder")).expect("removed");
}

#[cfg(unix)]
#[test]
fn a_device_is_no_journal() {
    let space = |draw: &mut Draw<'_>| draw.value("x", Domain::uniform(0.0..=1.0));
    let search = one_stage(space, Stage::new("all", 2)).journal("/dev/full");
    let error = search.run(|trial| Ok(*trial.config())).expect_err("refused").to_string();
    assert!(error.contains("it is no regular file") && error.contains("choose another file"), "{error}");
}

#[test]
fn ranges_are_not_widened_beyond_what_their_type_holds() {
    let space = |draw: &mut Draw<'_>| {
        let byte = draw.value("byte", Domain::uniform(1u8..=250))?;
        let signed = draw.value("signed", Domain::uniform(-100i8..=100))?;
        Ok((byte, signed, draw.value("real", Domain::uniform(0.0..=f64::MAX))?))
    };
    let stages = ["b", "c"].map(|name| Stage::new(name, 30));
    let search = stages.into_iter().fold(one_stage(space, Stage::new("a", 30)), Search::stage).workers(1);
    let score = |(byte, signed, real): (u8, i8, f64)| f64::from(byte) + f64::from(signed) + real / f64::MAX;
    let outcome = search.maximize("sum").run(|trial| Ok(score(*trial.config()))).expect("a result");
    let (byte, signed, _) = outcome.best().config;
    assert!(byte > 250 && signed > 100, "widened to {byte} and {signed}");
    let study = outcome.studies().last().expect("a stage");
    for record in &study.trials {
        let value = |name: &str| record.value(name).expect("a value");
        assert!(value("byte") <= 255.0 && value("signed") <= 127.0 && value("real").is_finite());
    }
}

#[test]
fn a_value_that_is_drawn_after_an_if_says_how_to_draw_it() {
    let space = |draw: &mut Draw<'_>| {
        let layers = draw.value("layers", Domain::uniform(1usize..=3))?;
        (0..layers).map(|i| draw.value(&format!("width{i}"), Domain::log(4usize..=64))).collect::<Result<Vec<_>, _>>()
    };
    let outcome = one_stage(space, Stage::new("all", 12)).run(|trial| Ok(trial.config().len() as f64));
    let finding = &outcome.expect("some have one layer").findings()[0];
    assert!(finding.evidence[0].contains("parameter `width1`") && finding.evidence[0].contains("Draw::variant"));
}
