//! Runs a file of golden values: `cargo test --test golden` takes the project's own,
//! `GOLDEN=FILE` another of the same form. Prints a line per failure and closes with
//! `golden: N cases, P passed, F failed, U unsupported`.
//!
//! A case is dispatched by its operation, attributes and expression, never by its name. What
//! the library does not have, and attributes that nothing here reads, are *unsupported*; only
//! values that were compared count as passed.

mod args;
mod call;
mod compare;
mod data;
mod eval;
mod expr;
mod guard;
mod ops;
mod sections;

use std::process::ExitCode;

use serde_json::Value;

/// What became of one entry of the file.
enum Verdict {
    Passed,
    Failed(String),
    Unsupported,
}

fn main() -> ExitCode {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/golden.json").to_owned();
    let path = std::env::var("GOLDEN").unwrap_or(own);
    let file = match std::fs::read_to_string(&path).map_err(|e| e.to_string()).and_then(|text| parse(&text)) {
        Ok(file) => file,
        Err(error) => {
            eprintln!("golden: cannot read {path}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (mut total, mut passed, mut failed) = (0, 0, 0);
    for (section, run) in sections::ALL {
        let entries = file[section].as_array().map_or(&[][..], |list| list);
        let mut unsupported = Vec::new();
        for entry in entries {
            match run(entry, &file["meta"]) {
                Verdict::Passed => passed += 1,
                Verdict::Unsupported => unsupported.push(name(entry)),
                Verdict::Failed(why) => {
                    failed += 1;
                    println!("FAILED {section} {} ({}): {why}", name(entry), entry["expr"].as_str().unwrap_or(""));
                }
            }
        }
        if !unsupported.is_empty() {
            println!("unsupported {section}: {}", unsupported.join(" "));
        }
        total += entries.len();
    }
    println!("golden: {total} cases, {passed} passed, {failed} failed, {} unsupported", total - passed - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(text: &str) -> Result<Value, String> {
    let file: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if file["cases"].is_array() { Ok(file) } else { Err("it has no list `cases`".to_owned()) }
}

/// For a person who reads the report.
fn name(entry: &Value) -> &str {
    ["id", "f", "op"].iter().find_map(|key| entry[key].as_str()).unwrap_or("?")
}
