//! What the file holds, section by section.

mod cases;
mod errors;
mod f32;
mod optim;
mod sched;
mod semantics;

use serde_json::Value;
use wengert::prelude::*;

use crate::Verdict;
use crate::guard::guarded;

type Run = fn(&Value, &Value) -> Verdict;

/// Every section with what runs one of its entries.
pub(crate) const ALL: [(&str, Run); 7] = [
    ("cases", |entry, meta| verdict(|| cases::run(entry, meta))),
    ("errors", |entry, _| errors::run(entry)),
    ("semantics", |entry, meta| verdict(|| semantics::run(entry, meta))),
    ("optim", |entry, meta| verdict(|| optim::run(entry, meta))),
    ("sched", |entry, meta| verdict(|| sched::run(entry, meta))),
    ("f32_ulp", |entry, _| verdict(|| f32::ulp(entry))),
    ("f32_scale", |entry, _| verdict(|| f32::scale(entry))),
];

/// A tape in the mode that the entry is about.
fn tape<T: Float>(entry: &Value) -> Tape<T> {
    let said = entry["expr"].as_str().is_some_and(|text| text.contains("train"));
    if entry["attrs"]["training"].as_bool().unwrap_or(said) { Tape::train(0) } else { Tape::new() }
}

/// `None` is unsupported, a panic a failure.
fn verdict(run: impl FnOnce() -> Option<Result<(), String>>) -> Verdict {
    match guarded(run) {
        Ok(None) => Verdict::Unsupported,
        Ok(Some(Ok(()))) => Verdict::Passed,
        Ok(Some(Err(why))) => Verdict::Failed(why),
        Err(panic) => Verdict::Failed(format!("panicked: {}", panic.message)),
    }
}
