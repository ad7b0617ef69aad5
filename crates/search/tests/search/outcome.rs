//! What is told at the end, and what is refused when a search goes on.

use wengert::search::*;

use crate::{Config, one_stage};

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
