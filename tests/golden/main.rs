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
    guard::install();
    let (mut passed, mut failed, mut unsupported) = (0, 0, 0);
    for (section, run) in sections::ALL {
        let (mut entries, mut here) = (0, 0);
        for entry in file[section].as_array().into_iter().flatten() {
            entries += 1;
            match run(entry, &file["meta"]) {
                Verdict::Passed => here += 1,
                Verdict::Unsupported => unsupported += 1,
                Verdict::Failed(why) => {
                    failed += 1;
                    println!("FAILED {section} {}: {why}", label(entry));
                }
            }
        }
        if entries > 0 {
            println!("{section}: {here} of {entries} passed");
        }
        passed += here;
    }
    println!(
        "golden: {} cases, {passed} passed, {failed} failed, {unsupported} unsupported",
        passed + failed + unsupported
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(text: &str) -> Result<Value, String> {
    let file: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if file["cases"].is_array() { Ok(file) } else { Err("it has no list `cases`".to_owned()) }
}

/// For a person who reads the report.
fn label(entry: &Value) -> String {
    let name = ["id", "f", "op"].iter().find_map(|key| entry[key].as_str()).unwrap_or("?");
    match entry["expr"].as_str() {
        Some(expr) => format!("{name} ({expr})"),
        None => name.to_owned(),
    }
}
