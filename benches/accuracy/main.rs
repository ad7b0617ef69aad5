//! The accuracy of the functions of `f32`, swept over the numbers of every magnitude:
//! `cargo bench --bench accuracy` prints a table and fails if a function is worse than promised.
//! `-- --stride N` looks at every `N`-th number instead of every 997th, `-- --only NAME` at one
//! function.
#![forbid(unsafe_code)]

mod sweep;

use std::process::ExitCode;

use sweep::{ROWS, Worst, worst};

/// What follows `--name` on the command line.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn main() -> ExitCode {
    let stride = option("--stride").map_or(997, |n| n.parse().expect("the stride is a number from 1 up"));
    let only = option("--only");
    println!("| function | for x from | to | largest error (ulp) | at x = | promised |");
    println!("|---|---|---|---|---|---|");
    let mut held = true;
    for row in ROWS.iter().filter(|row| only.as_ref().is_none_or(|name| name == row.name)) {
        let Worst { error, at } = worst(row, stride);
        let end =
            |x: f32| if x.is_finite() { x.to_string() } else { if x > 0.0 { "∞" } else { "−∞" }.to_owned() };
        let (name, from, to, bound) = (row.name, end(row.from), end(row.to), row.bound);
        let mark = if error <= bound { "" } else { " **not held**" };
        held &= error <= bound;
        println!("| {name} | {from} | {to} | {error:.3} | {at:e} | {bound}{mark} |");
    }
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
