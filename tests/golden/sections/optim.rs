//! Trajectories of parameters under given gradients.

use serde_json::Value;
use wengert::prelude::*;
use wengert::{Adadelta, Adagrad, AdamW, Lion, NAdam, RAdam, RmsProp};

use crate::args::Args;
use crate::compare::Tolerance;
use crate::data;

pub(super) fn run(entry: &Value, meta: &Value) -> Option<Result<(), String>> {
    let param = Param::<f64>::new("p", data::numbers(&entry["p0"])?);
    let args = Args::of(entry, 0);
    let mut optimizer = optimizer(kind(entry)?, &args, &param, 1.0)?;
    if !args.all_read() {
        return None;
    }
    let tolerance = Tolerance::of(entry, meta);
    let steps = entry["grads"].as_array()?.iter().zip(entry["params_after_step"].as_array()?);
    for (step, (gradient, want)) in steps.enumerate() {
        let tape = Tape::train(step as u64);
        let gradient: Tensor<f64> = data::numbers(gradient)?.into();
        let loss = (param.on(&tape) * &gradient).sum(..);
        if let Err(error) = optimizer.step(&loss.backward()) {
            return Some(Err(error.to_string()));
        }
        if let Err(why) = tolerance.all_match(&param.value().to_vec(), &data::numbers(want)?) {
            return Some(Err(format!("after step {step}: {why}")));
        }
    }
    Some(Ok(()))
}

/// The file names the optimizer in the entry's name: `opt_adam_…`.
fn kind(entry: &Value) -> Option<&str> {
    entry["op"].as_str().or_else(|| entry["id"].as_str()?.split('_').nth(1))
}

/// The optimizer of that name, with PyTorch's defaults for what the arguments leave out.
#[track_caller]
pub(super) fn optimizer(
    kind: &str,
    args: &Args,
    param: &Param<f64>,
    default_lr: f64,
) -> Option<Box<dyn Optimizer<f64>>> {
    let lr = args.f64_or("lr", 0, default_lr)?;
    let kind = kind.to_lowercase();
    let decay = args.f64_or("weight_decay", 1, 0.0)?;
    let eps = |default| args.f64_or("eps", 3, default);
    let betas = || match args.named("betas") {
        Some(betas) => data::numbers(&betas)?.try_into().ok(),
        None => Some([args.f64_or("beta1", usize::MAX, 0.9)?, args.f64_or("beta2", usize::MAX, 0.999)?]),
    };
    let momentum = args.f64_or("momentum", 2, 0.0)?;
    Some(match &kind[..] {
        "sgd" => {
            let sgd = Sgd::new(param, lr).weight_decay(decay).dampening(args.f64_or("dampening", 4, 0.0)?);
            Box::new(if args.flag("nesterov")? { sgd.nesterov(momentum) } else { sgd.momentum(momentum) })
        }
        "adam" | "adamw" => {
            let decoupled = args.named("weight_decay").is_some() && kind == "adamw";
            let adam = match &kind[..] {
                "adam" => Adam::new(param, lr).weight_decay(decay),
                _ if decoupled => AdamW::new(param, lr).weight_decay(decay),
                _ => AdamW::new(param, lr),
            };
            let [first, second] = betas()?;
            let adam = adam.betas(first, second).eps(eps(1e-8)?);
            Box::new(if args.flag("amsgrad")? { adam.amsgrad() } else { adam })
        }
        "nadam" => {
            let [first, second] = betas()?;
            let nadam = NAdam::new(param, lr).weight_decay(decay).betas(first, second).eps(eps(1e-8)?);
            Box::new(nadam.momentum_decay(args.f64_or("momentum_decay", 4, 0.004)?))
        }
        "radam" => {
            let [first, second] = betas()?;
            Box::new(RAdam::new(param, lr).weight_decay(decay).betas(first, second).eps(eps(1e-8)?))
        }
        "rmsprop" => {
            let rmsprop = RmsProp::new(param, lr).weight_decay(decay).alpha(args.f64_or("alpha", 5, 0.99)?);
            let rmsprop = rmsprop.eps(eps(1e-8)?).momentum(momentum);
            Box::new(if args.flag("centered")? { rmsprop.centered() } else { rmsprop })
        }
        "adagrad" => {
            let start = args.f64_or("initial_accumulator_value", usize::MAX, 0.0)?;
            let adagrad = Adagrad::new(param, lr).weight_decay(decay).eps(eps(1e-10)?).initial_accumulator(start);
            Box::new(adagrad.lr_decay(args.f64_or("lr_decay", 4, 0.0)?))
        }
        "adadelta" => {
            let adadelta = Adadelta::new(param, lr).weight_decay(decay).eps(eps(1e-6)?);
            Box::new(adadelta.rho(args.f64_or("rho", 4, 0.9)?))
        }
        "lion" => {
            let [first, second] = if args.named("betas").is_some() { betas()? } else { [0.9, 0.99] };
            Box::new(Lion::new(param, lr).weight_decay(decay).betas(first, second))
        }
        _ => return None,
    })
}
