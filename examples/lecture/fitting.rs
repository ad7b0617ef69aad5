//! What the loss tells.

use wengert::prelude::*;
use wengert::report::{Axis, Plot};
use wengert::train::{Labelled, Loader, Trainer};
use wengert::{AdamW, l2_penalty};

use crate::Claim;
use crate::setup::{Act, Data, Mlp, SEEDS, mean, score, train};

/// Rates that are far too low and far too high.
pub(crate) fn rates(data: &Data) -> Vec<Claim> {
    let [training, validation] = &data.scaled;
    let build = || Mlp::new(2, Act::Relu).build(data.columns(), 1);
    let net = build();
    let before = loss(&net, training);
    train(&net, &mut Sgd::new(&net, 1e-6), training, 10, 1, 0.0);
    let after = loss(&net, training);

    let net = build();
    let huge = Trainer::classifier(&net, Sgd::new(&net, 1e6), |x| net.forward(x))
        .validation(Loader::new(validation.clone(), 500))
        .no_checks()
        .quiet()
        .fit(&Loader::new(training.clone(), 64).shuffle(1));
    let (holds, measured) = match huge {
        Ok(history) => (false, format!("the loss ends at {:.2e}", history.loss.last().unwrap_or(f64::NAN))),
        Err(error) => (true, error.to_string().lines().next().unwrap_or_default().to_owned()),
    };
    vec![
        Claim::new(
            "A rate of 1e-6 barely moves the loss",
            (before - after).abs() < 0.02 * before,
            format!("from {before:.4} to {after:.4} in 10 epochs"),
        ),
        Claim::new("A huge one makes it NaN", holds, format!("with 1e6, {measured}")),
    ]
}

fn loss(net: &Sequential, data: &Labelled) -> f64 {
    let tape = Tape::new();
    f64::from(net.forward(tape.var(data.features())).cross_entropy(data.labels()).item())
}

/// The gap between training and validation, and what closes it.
pub(crate) fn gap(data: &Data) -> Vec<Claim> {
    let [training, validation] = &data.scaled;
    let few = training.rows(&(0..150).collect::<Vec<_>>());
    let strengths = [0.0, 0.001, 0.003, 0.01, 0.03];
    let runs = strengths.map(|strength| {
        let scores = SEEDS.map(|seed| {
            let dropout = if strength > 0.0 { 0.5 } else { 0.0 };
            let net = Mlp { width: 128, dropout, ..Mlp::new(2, Act::Relu) }.build(data.columns(), seed);
            let mut optimizer = AdamW::new(&net, 0.003).weight_decay(0.0);
            for step in 0..400 {
                let (x, labels) = few.batches(50, seed * 10_000 + step).next().expect("data");
                let tape = Tape::train(step);
                let loss = net.forward(tape.var(x)).cross_entropy(&labels) + l2_penalty(&net, &tape) * strength;
                optimizer.step(&loss.backward()).expect("every parameter is used");
            }
            (score(&net, &few), score(&net, validation))
        });
        let (own, others): (Vec<f64>, Vec<f64>) = scores.into_iter().unzip();
        (mean(&own), mean(&others))
    });
    let gaps = runs.map(|(own, others)| own - others);
    let best = (1..5).max_by(|&a, &b| runs[a].1.total_cmp(&runs[b].1)).expect("four strengths");
    let plot = Plot::new("Accuracy by regularisation")
        .caption("150 examples; from the second point on with dropout and an L2 penalty.")
        .x(Axis::new("penalty"))
        .line("training", strengths.into_iter().zip(runs.map(|run| run.0)))
        .line("validation", strengths.into_iter().zip(runs.map(|run| run.1)));
    vec![
        Claim::new(
            "A big gap between training and validation is overfitting",
            runs[0].0 > 0.99 && gaps[0] > 0.1,
            format!("150 examples, {:.3} accuracy on them and {:.3} on others", runs[0].0, runs[0].1),
        ),
        Claim::new(
            "Regularisation closes the gap",
            runs[best].1 > runs[0].1 && gaps[best] < gaps[0],
            format!(
                "with dropout and a penalty of {} it is {:.3}, not {:.3}: {:.3} and {:.3}",
                strengths[best], gaps[best], gaps[0], runs[best].0, runs[best].1
            ),
        )
        .with(plot),
    ]
}
