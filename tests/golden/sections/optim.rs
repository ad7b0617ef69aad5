//! Trajectories of parameters under given gradients.

use serde_json::Value;
use wengert::prelude::*;

use crate::args::Args;
use crate::compare::Tolerance;
use crate::data;

pub(super) fn run(entry: &Value, meta: &Value) -> Option<Result<(), String>> {
    let param = Param::<f64>::new("p", data::numbers(&entry["p0"])?);
    let mut optimizer = optimizer(entry, &param)?;
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
fn optimizer(entry: &Value, param: &Param<f64>) -> Option<Box<dyn Optimizer<f64>>> {
    let args = Args::of(entry, 0);
    let lr = args.f64("lr", 0)?;
    let decay = args.f64_or("weight_decay", 1, 0.0)?;
    let made: Box<dyn Optimizer<f64>> = match entry["id"].as_str()?.split('_').nth(1)? {
        "sgd" => {
            let momentum = args.f64_or("momentum", 2, 0.0)?;
            let sgd = Sgd::new(param, lr).weight_decay(decay);
            Box::new(if args.flag("nesterov")? { sgd.nesterov(momentum) } else { sgd.momentum(momentum) })
        }
        kind @ ("adam" | "adamw") => {
            let betas = args.named("betas").map_or(Some(vec![0.9, 0.999]), |v| data::numbers(&v))?;
            let &[first, second] = &betas[..] else { return None };
            let adam = Adam::new(param, lr).betas(first, second).eps(args.f64_or("eps", 3, 1e-8)?);
            Box::new(if kind == "adam" { adam.weight_decay(decay) } else { adam.decoupled_weight_decay(decay) })
        }
        _ => return None,
    };
    args.all_read().then_some(made)
}
