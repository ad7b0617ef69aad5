use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::*;

/// A journal's path in a folder of its own, which goes in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("wengert-journal-{name}-{}", alive::unique()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn journal(&self) -> PathBuf {
        self.0.join("study.jsonl")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn create(journal: &mut Journal, name: &str) {
    let event = Event::CreateStudy { name: name.into(), directions: vec![2] };
    journal.update(0, true, |_, events| events.push(event)).expect("written");
}

fn add_trial(journal: &mut Journal, note: &str) -> usize {
    let trial = NewTrial { user: [("note".into(), json!(note))].into_iter().collect(), ..NewTrial::default() };
    let create = |studies: &Studies, events: &mut Vec<Event>| {
        events.push(Event::CreateTrial { study: 0, trial: Box::new(trial) });
        studies.next_trial()
    };
    journal.update(0, false, create).expect("written")
}

fn finish(journal: &mut Journal, trial: usize, score: f64) {
    let event = Event::TrialState { trial, state: State::Complete, values: Some(vec![score]), time: Some(1.0) };
    journal.update(0, true, |_, events| events.push(event)).expect("written");
}

#[test]
fn what_was_written_is_read_back() {
    let folder = Folder::new("round");
    let mut first = Journal::open(&folder.journal()).expect("opened");
    create(&mut first, "digits");
    let trial = add_trial(&mut first, "é\n\"");
    first
        .update(0, false, |_, events| events.push(Event::TrialValue { trial, step: 3, value: f64::NAN }))
        .expect("written");
    finish(&mut first, trial, f64::INFINITY);
    finish(&mut first, trial, 0.0);
    let second = Journal::open(&folder.journal()).expect("opened");
    let study = second.studies().named("digits").expect("the study");
    assert!(study.maximize);
    let found = &study.trials[0];
    assert_eq!((found.score, found.state), (Some(f64::INFINITY), State::Complete));
    assert_eq!(found.notes["note"], json!("é\n\""));
    assert!(found.curve[&3].is_nan());
    assert!(!folder.0.join("study.jsonl.lock").exists());
}

#[test]
fn two_processes_see_each_other() {
    let folder = Folder::new("two");
    let mut first = Journal::open(&folder.journal()).expect("opened");
    let mut second = Journal::open(&folder.journal()).expect("opened");
    create(&mut first, "s");
    let ids: Vec<usize> = (0..6).map(|i| add_trial(if i % 2 == 0 { &mut first } else { &mut second }, "")).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5]);
    first.refresh().expect("read");
    assert_eq!(first.studies().named("s"), second.studies().named("s"));
    let of_second = first.studies().named("s").expect("the study").trials[1].clone();
    assert!(!first.has_died(&of_second));
    drop(second);
    assert!(first.has_died(&of_second));
}

#[test]
fn many_threads_lose_nothing() {
    let folder = Folder::new("threads");
    create(&mut Journal::open(&folder.journal()).expect("opened"), "s");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut journal = Journal::open(&folder.journal()).expect("opened");
                for _ in 0..25 {
                    let trial = add_trial(&mut journal, "");
                    finish(&mut journal, trial, 1.0);
                }
            });
        }
    });
    let journal = Journal::open(&folder.journal()).expect("opened");
    let trials = &journal.studies().named("s").expect("the study").trials;
    assert_eq!(trials.len(), 100);
    assert!(trials.iter().all(|trial| trial.state == State::Complete));
    assert!(journal.damaged().is_empty());
}

/// Whatever part of the last line reached the disk: nothing but that event is lost, and the lines
/// that come after are whole.
#[test]
fn a_torn_last_line_costs_only_that_event() {
    let folder = Folder::new("torn");
    let mut journal = Journal::open(&folder.journal()).expect("opened");
    create(&mut journal, "s");
    let trial = add_trial(&mut journal, "kept");
    let before = fs::read(folder.journal()).expect("read");
    finish(&mut journal, trial, 0.5);
    let whole = fs::read(folder.journal()).expect("read");
    drop(journal);
    for end in before.len()..whole.len() {
        fs::write(folder.journal(), &whole[..end]).expect("written");
        let mut journal = Journal::open(&folder.journal()).expect("opened");
        assert_eq!(journal.studies().named("s").expect("the study").trials[0].notes["note"], json!("kept"));
        // Complete but for its end, it counts as soon as somebody may write.
        let state = if end + 1 == whole.len() { State::Complete } else { State::Running };
        add_trial(&mut journal, "new");
        let trials = &journal.studies().named("s").expect("the study").trials;
        assert_eq!((trials.len(), trials[0].state), (2, state), "cut at {end}");
        let text = fs::read_to_string(folder.journal()).expect("read");
        assert!(text.ends_with('\n') && text.lines().all(|line| Event::parse(line.as_bytes()).is_ok()), "{text}");
    }
}

#[test]
fn lines_edited_by_hand_are_named_and_passed_over() {
    let folder = Folder::new("edited");
    let mut journal = Journal::open(&folder.journal()).expect("opened");
    create(&mut journal, "s");
    add_trial(&mut journal, "a");
    add_trial(&mut journal, "b");
    drop(journal);
    let text = fs::read_to_string(folder.journal()).expect("read");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(1, "");
    lines.insert(2, "# my favourite");
    lines.insert(3, r#"{"op_code":8,"worker_id":"me","trial_id":77,"user_attr":{"a":1}}"#);
    lines.insert(4, r#"{"op_code":4,"worker_id":"me","study_id":5}"#);
    fs::write(folder.journal(), lines.join("\r\n")).expect("written");
    let mut journal = Journal::open(&folder.journal()).expect("opened");
    add_trial(&mut journal, "c");
    assert_eq!(journal.damaged().iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3]);
    assert_eq!(journal.studies().named("s").expect("the study").trials.len(), 3);
    // Shortened while it was open, it is read anew.
    fs::write(folder.journal(), text.lines().next().expect("a line").to_owned() + "\n").expect("written");
    journal.refresh().expect("read");
    assert_eq!(journal.studies().named("s").expect("the study").trials.len(), 0);
}

#[test]
fn other_files_are_refused_and_left_alone() {
    let folder = Folder::new("foreign");
    for text in ["# A readme\nof two lines\n", "no line at all", "{\"op_code\": \"x\"}\n", "\u{1f600}"] {
        fs::write(folder.journal(), text).expect("written");
        let error = Journal::open(&folder.journal()).expect_err("refused");
        assert!(matches!(error, JournalError::Foreign(..)), "{error}");
        assert_eq!(fs::read_to_string(folder.journal()).expect("read"), text);
    }
    let error = Journal::open(&folder.0).expect_err("refused");
    assert!(error.to_string().contains("the journal cannot be written"), "{error}");
    assert!(Journal::open(&folder.0.join("no/such/folder")).is_err());
    let left: Vec<_> = fs::read_dir(&folder.0).expect("read").map(|e| e.expect("read").file_name()).collect();
    assert_eq!(left, ["study.jsonl"]);
}

/// A lock of a process that died is taken over at once; one of Optuna's is waited for.
#[cfg(unix)]
#[test]
fn locks_left_behind_do_not_hold_up() {
    let folder = Folder::new("lock");
    let mut journal = Journal::open(&folder.journal()).expect("opened");
    let lock = folder.0.join("study.jsonl.lock");
    std::os::unix::fs::symlink("././study.jsonl", &lock).expect("linked");
    create(&mut journal, "s");
    assert!(!lock.exists());

    std::os::unix::fs::symlink(folder.journal(), &lock).expect("linked");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| add_trial(&mut journal, ""));
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!waiting.is_finished());
        fs::remove_file(&lock).expect("removed");
        assert_eq!(waiting.join().expect("no panic"), 0);
    });
}
