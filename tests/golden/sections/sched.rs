//! Learning rates step by step, from PyTorch's schedulers.

use serde_json::Value;
use wengert::{
    CosineLr, CosineRestartsLr, ExponentialLr, InverseTimeLr, LinearLr, MultiStepLr, OneCycleLr, PlateauLr,
    PolynomialLr, Schedule, StepLr,
};

use crate::args::Args;
use crate::compare::Tolerance;
use crate::data;

pub(super) fn run(entry: &Value, meta: &Value) -> Option<Result<(), String>> {
    let want = data::numbers(&entry["lr_before_step_k"])?;
    let args = Args::of(entry, 0);
    let name = entry["id"].as_str()?.trim_start_matches("sched_");
    let got = if name.starts_with("plateau") {
        plateau(entry, &args, want.len())?
    } else {
        let schedule = schedule(name, &args, entry["base_lr"].as_f64()?)?;
        (0..want.len() as u64).map(|step| schedule.lr(step)).collect()
    };
    args.all_read().then(|| Tolerance::of(entry, meta).all_match(&got, &want))
}

/// The schedule that the entry's name begins with.
fn schedule(name: &str, args: &Args, lr: f64) -> Option<Box<dyn Schedule>> {
    let count = |name, default: f64| args.f64_or(name, usize::MAX, default).map(|n| n as u64);
    let number = |name, default| args.f64_or(name, usize::MAX, default);
    let gamma = || number("gamma", 0.1);
    let steps = || args.f64("total_iters", usize::MAX).map(|n| n as u64);
    let begins = |with: &str| name.starts_with(with);
    Some(if begins("cosine_warm") || begins("warm_restarts") || begins("cosine_restarts") {
        let first = args.f64("T_0", usize::MAX)? as u64;
        Box::new(CosineRestartsLr::new(lr, first).min(number("eta_min", 0.0)?).times_longer(count("T_mult", 1.0)?))
    } else if begins("cosine") {
        Box::new(CosineLr::new(lr, args.f64("T_max", usize::MAX)? as u64).min(number("eta_min", 0.0)?))
    } else if begins("exponential") {
        Box::new(ExponentialLr::new(lr, args.f64("gamma", usize::MAX)?))
    } else if begins("multistep") {
        let milestones = args.ints("milestones", usize::MAX)?.into_iter().map(|n| n as u64);
        Box::new(MultiStepLr::new(lr, milestones.collect::<Vec<_>>(), gamma()?))
    } else if begins("step") {
        Box::new(StepLr::new(lr, args.f64("step_size", usize::MAX)? as u64, gamma()?))
    } else if begins("linear") {
        let (start, end) = (number("start_factor", 1.0 / 3.0)?, number("end_factor", 1.0)?);
        Box::new(LinearLr::new(lr * start, lr * end, steps()?))
    } else if begins("constant") {
        Box::new((lr * number("factor", 1.0 / 3.0)?).then(steps()?, lr))
    } else if begins("poly") {
        Box::new(PolynomialLr::new(lr, steps()?, number("power", 1.0)?))
    } else if begins("inverse_time") {
        Box::new(InverseTimeLr::new(lr, args.f64("decay", usize::MAX)?))
    } else if begins("one_cycle") || begins("onecycle") {
        let (max, steps) = (args.f64("max_lr", usize::MAX)?, args.f64("total_steps", usize::MAX)? as u64);
        let (start, end) = (number("div_factor", 25.0)?, number("final_div_factor", 1e4)?);
        let cycle = OneCycleLr::new(max, steps).rising(number("pct_start", 0.3)?).divisors(start, end);
        let cycle = if args.flag("three_phase")? { cycle.three_phases() } else { cycle };
        match args.text("anneal_strategy").as_deref() {
            None | Some("cos") => Box::new(cycle),
            Some("linear") => Box::new(cycle.linear()),
            _ => return None,
        }
    } else {
        return None;
    })
}

/// The learning rates before each step, with a metric after each.
fn plateau(entry: &Value, args: &Args, count: usize) -> Option<Vec<f64>> {
    let mut plateau = PlateauLr::new(entry["base_lr"].as_f64()?)
        .patience(args.f64_or("patience", usize::MAX, 10.0)? as u64)
        .cooldown(args.f64_or("cooldown", usize::MAX, 0.0)? as u64)
        .factor(args.f64_or("factor", usize::MAX, 0.1)?)
        .min(args.f64_or("min_lr", usize::MAX, 0.0)?);
    let threshold = args.f64_or("threshold", usize::MAX, 1e-4)?;
    plateau = match args.text("threshold_mode").as_deref() {
        None | Some("rel") => plateau.threshold(threshold),
        Some("abs") => plateau.absolute_threshold(threshold),
        _ => return None,
    };
    plateau = match args.text("mode").as_deref() {
        None | Some("min") => plateau,
        Some("max") => plateau.maximize(),
        _ => return None,
    };
    let mut lrs = vec![plateau.lr()];
    lrs.extend(data::numbers(&entry["metrics"])?.into_iter().map(|metric| plateau.observe(metric)));
    lrs.truncate(count);
    Some(lrs)
}
