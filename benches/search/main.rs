//! How fast the samplers come near the best: on functions with known minima, and on the digits.
//!
//! ```text
//! cargo bench --bench search -- [--seeds N] [--trials N] [--digits] [--only METHOD]
//! cargo bench --bench search -- --serve
//! ```
//!
//! The second form is for comparing with other programs on the same objective: for each line of
//! JSON with the values of a configuration of the digits by name, it writes the error as a line.
#![forbid(unsafe_code)]

mod digits;
mod functions;

use std::error::Error;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use wengert::search::{Draw, Halving, Random, Ranges, Search, Sobol, SpaceError, Stage, Study, Tpe};

const FOLDS: usize = 3;
const EPOCHS: usize = 8;

struct Args {
    seeds: usize,
    trials: usize,
    only: Option<String>,
}

impl Args {
    fn wants(&self, method: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == method)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default| {
        let place = words.iter().position(|word| word == name);
        place.and_then(|i| words.get(i + 1)?.parse().ok()).unwrap_or(default)
    };
    let has = |name: &str| words.iter().any(|word| word == name);
    wengert::set_threads(1);
    if has("--serve") {
        return serve();
    }
    let on_digits = has("--digits");
    let args = Args {
        seeds: number("--seeds", if on_digits { 10 } else { 50 }),
        trials: number("--trials", if on_digits { 40 } else { 100 }),
        only: words.iter().position(|word| word == "--only").and_then(|i| words.get(i + 1).cloned()),
    };
    println!("median [quartiles] of the best so far, {} seeds", args.seeds);
    if on_digits {
        let folds = digits::folds(FOLDS)?;
        let error = |config: &digits::Config| {
            let each = folds.iter().map(|fold| config.error(fold, EPOCHS, |_, _| Ok(())).unwrap_or(1.0));
            each.sum::<f64>() / FOLDS as f64
        };
        compare("digits", digits::space, error, &args)?;
        return staged_digits(&folds, &args);
    }
    compare("branin", functions::branin_space, functions::branin, &args)?;
    compare("hartmann 6", functions::hartmann_space, functions::hartmann, &args)?;
    compare("mixed", functions::mixed_space, functions::mixed, &args)?;
    compare("conditional", functions::conditional_space, functions::conditional, &args)
}

/// One objective with every sampler, and in two stages.
fn compare<C: 'static>(
    name: &str,
    space: fn(&mut Draw<'_>) -> Result<C, SpaceError>,
    objective: impl Fn(&C) -> f64 + Sync,
    args: &Args,
) -> Result<(), Box<dyn Error>> {
    let half = args.trials / 2;
    let methods: [(&str, &dyn Fn() -> Vec<Stage>); 4] = [
        ("random", &|| vec![Stage::new("all", args.trials).sampler(Random)]),
        ("Sobol", &|| vec![Stage::new("all", args.trials).sampler(Sobol)]),
        ("TPE", &|| vec![Stage::new("all", args.trials).sampler(Tpe::new())]),
        ("in two stages", &|| {
            vec![Stage::new("coarse", half).sampler(Sobol), Stage::new("fine", args.trials - half).carry(0)]
        }),
    ];
    for (method, stages) in methods.into_iter().filter(|(method, _)| args.wants(method)) {
        let mut curves = Vec::new();
        for seed in 0..args.seeds {
            let search = Search::new(name, space)?.seed(seed as u64).workers(1).quiet();
            let search = stages().into_iter().fold(search, Search::stage);
            let outcome = search.run(|trial| Ok(objective(trial.config())))?;
            let scores = outcome.studies().flat_map(|study: &Study| &study.trials).map(|trial| trial.score);
            let mut best = f64::INFINITY;
            curves.push(
                scores
                    .map(|score| {
                        best = best.min(score.unwrap_or(f64::INFINITY));
                        best
                    })
                    .collect::<Vec<f64>>(),
            );
        }
        print!("{name:12} {method:14}");
        for quarter in 1..=4 {
            let trials = args.trials * quarter / 4;
            print!("  {trials}: {}", quartiles(curves.iter().map(|curve| curve[trials - 1])));
        }
        println!();
    }
    Ok(())
}

/// The same budget of epochs spent on full trials at random, and in stages that stop early.
fn staged_digits(folds: &[[wengert::train::Labelled; 2]], args: &Args) -> Result<(), Box<dyn Error>> {
    let methods: [(&str, &dyn Fn() -> Vec<Stage>); 2] = [
        ("random", &|| vec![Stage::new("all", args.trials).budget(EPOCHS).folds(FOLDS).sampler(Random)]),
        ("in stages", &|| {
            let coarse =
                Stage::new("coarse", 2 * args.trials).budget(2).folds(FOLDS).sampler(Sobol).stop(Halving::new(3));
            vec![coarse, Stage::new("fine", args.trials).budget(EPOCHS).folds(FOLDS).stop(Halving::new(2).first(4))]
        }),
    ];
    for (method, stages) in methods.into_iter().filter(|(method, _)| args.wants(method)) {
        let (mut best, mut spent) = (Vec::new(), Vec::new());
        for seed in 0..args.seeds {
            let epochs = AtomicUsize::new(0);
            let search = Search::new("digits", digits::space)?.minimize("error").seed(seed as u64).workers(1).quiet();
            let search = stages().into_iter().fold(search, Search::stage);
            let outcome = search.run(|trial| {
                trial.cross_validate(folds, |fold| {
                    trial.config().error(fold, trial.budget(), |epoch, error| {
                        epochs.fetch_add(1, Ordering::Relaxed);
                        trial.report(epoch, error)
                    })
                })
            })?;
            best.push(outcome.best().score);
            spent.push(epochs.into_inner() as f64);
        }
        println!("digits epochs {method:13}  {}  epochs {}", quartiles(best.into_iter()), quartiles(spent.into_iter()));
    }
    Ok(())
}

fn quartiles(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |q: f64| {
        let place = (values.len() - 1) as f64 * q;
        let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
        low + (high - low) * place.fract()
    };
    format!("{:.4} [{:.4} {:.4}]", at(0.5), at(0.25), at(0.75))
}

fn serve() -> Result<(), Box<dyn Error>> {
    let (ranges, folds) = (Ranges::of(digits::space)?, digits::folds(FOLDS)?);
    for line in std::io::stdin().lock().lines() {
        let values: serde_json::Value = serde_json::from_str(&line?)?;
        let values: Vec<Option<f64>> = ranges.parameters().iter().map(|p| values[&p.name].as_f64()).collect();
        let config = ranges.decode(digits::space, &values)?;
        let errors = folds.iter().map(|fold| config.error(fold, EPOCHS, |_, _| Ok(())).unwrap_or(1.0));
        println!("{}", errors.sum::<f64>() / FOLDS as f64);
        std::io::stdout().flush()?;
    }
    Ok(())
}
