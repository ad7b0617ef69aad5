//! A search whose processes are killed, several at once, goes on where it was.
//!
//! The test starts itself as the process to be killed, so it has no harness.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use wengert::search::*;

const TRIALS: usize = 40;

fn search(journal: Option<&Path>) -> Outcome<f64> {
    let space = |draw: &mut Draw<'_>| draw.value("x", Domain::uniform(0.0..=1.0));
    let stage = |name| Stage::new(name, TRIALS).budget(3).sampler(Random);
    let mut search = Search::new("killed", space).expect("a good space").stage(stage("coarse")).stage(stage("fine"));
    search = search.seed(3).workers(2).quiet();
    if let Some(journal) = journal {
        search = search.journal(journal);
    }
    let outcome = search.run(|trial| {
        for step in 1..=trial.budget() {
            if journal.is_some() {
                sleep(Duration::from_millis(2));
            }
            trial.report(step, trial.config() / step as f64)?;
        }
        Ok(trial.config() + trial.seed() as f64 * 1e-20)
    });
    outcome.expect("a result")
}

fn start(journal: &Path) -> Child {
    let this = std::env::current_exe().expect("this program");
    Command::new(this).env("WENGERT_KILL_TEST", journal).spawn().expect("a child")
}

/// Score and curve of every complete trial of each stage, by its value.
type Results = Vec<BTreeMap<u64, (Option<f64>, BTreeMap<i64, u64>)>>;

fn results(outcome: &Outcome<f64>) -> Results {
    let stage = |study: &Study| {
        let mut found = BTreeMap::new();
        for trial in study.trials.iter().filter(|trial| trial.state == State::Complete) {
            let curve = trial.curve.iter().map(|(&step, score)| (step, score.to_bits())).collect();
            let value = trial.value("x").expect("a value").to_bits();
            let twice = found.insert(value, (trial.score, curve));
            assert_eq!(twice, None, "trial {} of {} was done before", trial.number, study.name);
        }
        found
    };
    outcome.studies().map(stage).collect()
}

fn main() {
    if let Some(journal) = std::env::var_os("WENGERT_KILL_TEST") {
        search(Some(&PathBuf::from(journal)));
        return;
    }
    let folder = std::env::temp_dir().join(format!("wengert-kill-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let journal = folder.join("killed.jsonl");
    let undisturbed = results(&search(None));
    assert!(undisturbed.iter().all(|stage| stage.len() == TRIALS));

    let kills: u64 = std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12);
    let mut rng = wengert::Rng::seed(std::process::id().into());
    let mut other = start(&journal);
    for _ in 0..kills {
        let mut child = start(&journal);
        sleep(Duration::from_micros(rng.below(60_000)));
        child.kill().expect("killed");
        child.wait().expect("ended");
        std::mem::swap(&mut child, &mut other);
        if child.try_wait().expect("known").is_some() {
            other = start(&journal);
        } else {
            other = child;
        }
    }
    other.kill().expect("killed");
    other.wait().expect("ended");
    assert!(start(&journal).wait().expect("ended").success());

    let outcome = search(Some(&journal));
    assert!(results(&outcome) == undisturbed, "not the results of a search that nobody disturbed");
    let failed: usize = outcome.studies().map(|study| study.count(State::Failed)).sum();
    drop(outcome);
    let left: Vec<_> = std::fs::read_dir(&folder).expect("read").map(|e| e.expect("read").file_name()).collect();
    assert_eq!(left, ["killed.jsonl"]);
    println!("{kills} kills: {failed} trials died, and their slots were filled");
    std::fs::remove_dir_all(&folder).expect("removed");
}
