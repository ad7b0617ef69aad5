//! What holds for every operation: an example, a value against a naive reference, the battery of
//! [`wengert::check::op`] at drawn shapes, and mistakes that are refused by name.
//!
//! The operations are read from the sources, so a new one fails here until it has its case.

mod cases;
#[path = "../golden/guard.rs"]
mod guard;
mod sources;
mod trial;

use std::collections::BTreeSet;

use guard::{Panic, guarded};
use trial::Trial;

/// One operation, by the name of its method.
struct Case {
    name: &'static str,
    run: fn(&mut Trial),
}

/// How often shapes are drawn.
const DRAWS: u64 = 4;

fn all() -> impl Iterator<Item = &'static Case> {
    cases::ALL.iter().copied().flatten()
}

#[test]
fn every_operation_has_an_example() {
    let methods = sources::read().methods;
    assert!(methods.len() > 130, "only {} operations are found in the sources", methods.len());
    let missing = methods.iter().filter(|method| !method.has_example);
    let missing: Vec<String> = missing.map(|method| format!("{}: {}", method.file, method.name)).collect();
    assert!(missing.is_empty(), "without an example: {missing:#?}");
}

#[test]
fn every_operation_has_a_case() {
    let methods = sources::read().methods;
    let exist: BTreeSet<&str> = methods.iter().map(|method| &method.name[..]).collect();
    let cases: BTreeSet<&str> = all().map(|case| case.name).collect();
    assert_eq!(cases.len(), all().count(), "a case for each");
    let missing: Vec<_> = exist.difference(&cases).collect();
    assert!(missing.is_empty(), "without a case in tests/registry/cases: {missing:?}");
    let gone: Vec<_> = cases.difference(&exist).collect();
    assert!(gone.is_empty(), "cases of operations that do not exist: {gone:?}");
}

#[test]
fn every_operation_passes() {
    let sources = sources::read();
    let check = |case: &Case| {
        let takes_arguments = sources.methods.iter().any(|method| method.name == case.name && method.takes_arguments);
        let blame = |Panic { message, file, line }| format!("{}: {message} ({file}:{line})", case.name);
        guarded(|| run(case, takes_arguments)).map_err(blame)
    };
    let results: Vec<Result<BTreeSet<&str>, String>> = std::thread::scope(|scope| {
        let families = cases::ALL.iter().map(|cases| scope.spawn(|| cases.iter().map(check).collect::<Vec<_>>()));
        let families: Vec<_> = families.collect();
        families.into_iter().flat_map(|family| family.join().expect("panics are caught")).collect()
    });
    let failures: Vec<&str> = results.iter().filter_map(|result| result.as_ref().err().map(String::as_str)).collect();
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), results.len(), failures.join("\n"));
    let recorded: BTreeSet<&str> = results.into_iter().flatten().flatten().collect();
    let unreached: Vec<_> = sources.primitives.iter().filter(|name| !recorded.contains(&name[..])).collect();
    assert!(unreached.is_empty(), "operations that no case records: {unreached:?}");
}

/// Runs a case at all its shapes; the names of the operations that it recorded.
fn run(case: &Case, takes_arguments: bool) -> BTreeSet<&'static str> {
    let mut trials: Vec<Trial> = (0..DRAWS).map(|seed| Trial::new(case.name, seed)).collect();
    trials.iter_mut().for_each(|trial| (case.run)(trial));
    assert!(trials.iter().all(|trial| trial.compared), "no value was compared with a reference");
    assert!(trials.iter().all(|trial| trial.verified), "no gradient was checked");
    assert!(!takes_arguments || trials.iter().all(|trial| trial.refused), "no mistake is refused");
    trials.into_iter().flat_map(|trial| trial.recorded).collect()
}
