//! What batch normalisation does.

use wengert::prelude::*;
use wengert::report::{Axis, Plot};

use crate::Claim;
use crate::setup::{Act, Data, Mlp, SEEDS, error_of_mean, gradient_ratio, mean, score, train};

/// Gradients at the first of ten layers.
pub(crate) fn flow(data: &Data) -> Vec<Claim> {
    let [without, with] = [false, true].map(|norm| {
        mean(&SEEDS.map(|seed| {
            let net = Mlp { norm, init: Init::Normal(0.05), ..Mlp::new(10, Act::Tanh) };
            gradient_ratio(&net.build(data.columns(), seed), &data.scaled[0])
        }))
    });
    vec![Claim::new(
        "Batch norm improves gradient flow",
        with > 10.0 * without,
        format!(
            "of ten layers of tanh that start with 0.05·randn the first gets {without:.1e} of the last one's gradient, with batch norm {with:.1e}"
        ),
    )]
}

/// The highest rate with which training converges.
pub(crate) fn rates(data: &Data) -> Vec<Claim> {
    let rates: Vec<f64> = (-4..8).map(|power| 2f64.powi(power)).collect();
    let highest = |norm| {
        let converges = |lr: &&f64| {
            SEEDS.iter().all(|&seed| {
                let net = Mlp { norm, ..Mlp::new(4, Act::Relu) }.build(data.columns(), seed);
                train(&net, &mut Sgd::new(&net, **lr), &data.scaled[0], 3, seed, 0.0).last() < 1.0
            })
        };
        rates.iter().take_while(|lr| converges(lr)).last().copied().unwrap_or(0.0)
    };
    let (without, with) = (highest(false), highest(true));
    vec![Claim::new(
        "Batch norm allows rates that diverge without it",
        with >= 4.0 * without,
        format!(
            "the highest rate, by powers of two, with which four layers of relu get to a loss below 1 in 3 epochs: {without} without, {with} with"
        ),
    )]
}

/// How much the scale of the first weights matters.
pub(crate) fn start(data: &Data) -> Vec<Claim> {
    let scales = [0.01, 0.03, 0.1, 0.3, 1.0];
    let [training, validation] = &data.scaled;
    let accuracies = |norm| {
        scales.map(|scale| {
            mean(&SEEDS.map(|seed| {
                let net = Mlp { norm, init: Init::Normal(scale), ..Mlp::new(4, Act::Relu) };
                let net = net.build(data.columns(), seed);
                train(&net, &mut Sgd::new(&net, 0.05), training, 10, seed, 0.0);
                score(&net, validation)
            }))
        })
    };
    let (without, with) = (accuracies(false), accuracies(true));
    let points = |of: [f64; 5]| scales.into_iter().zip(of).collect::<Vec<_>>();
    let plot = Plot::new("Accuracy by the scale of the first weights")
        .x(Axis::new("scale of the start").log())
        .y(Axis::new("validation accuracy").range(0.0, 1.0))
        .line("without batch norm", points(without))
        .line("with", points(with));
    let range = |of: [f64; 5]| of.into_iter().fold(0.0, f64::max) - of.into_iter().fold(1.0, f64::min);
    let told = |of: [f64; 5]| of.map(|accuracy| format!("{accuracy:.2}")).join(", ");
    vec![
        Claim::new(
            "Batch norm makes the start matter little",
            range(with) < range(without) / 3.0,
            format!(
                "accuracy after 10 epochs when weights start with {scales:?}·randn: {} without, {} with",
                told(without),
                told(with)
            ),
        )
        .with(plot),
    ]
}

/// Errors on other examples, when the training examples are all learnt; with the same start, examples and
/// batches with and without.
pub(crate) fn regularises(data: &Data) -> Vec<Claim> {
    const PAIRS: u64 = 24;
    let [training, validation] = &data.scaled;
    let errors = |norm, seed| {
        let order = Rng::seed(seed).permutation(training.len());
        let few = training.rows(&order.iter().take(300).map(|row| row as usize).collect::<Vec<_>>());
        let net = Mlp { norm, width: 128, ..Mlp::new(3, Act::Relu) }.build(data.columns(), seed);
        train(&net, &mut Sgd::new(&net, 0.1), &few, 60, seed, 0.0);
        [&few, validation].map(|data| 100.0 * (1.0 - score(&net, data)))
    };
    let pairs: Vec<_> = (1..=PAIRS).map(|seed| [false, true].map(|norm| errors(norm, seed))).collect();
    let average = |norm: usize, split: usize| mean(&pairs.iter().map(|pair| pair[norm][split]).collect::<Vec<_>>());
    let gains: Vec<f64> = pairs.iter().map(|[without, with]| without[1] - with[1]).collect();
    let (gain, error) = (mean(&gains), error_of_mean(&gains));
    vec![Claim::new(
        "Batch norm regularises somewhat",
        gain > 2.0 * error,
        format!(
            "300 examples learnt, to errors of {:.1} % without and {:.1} % with: errors on others are {:.1} % and {:.1} %, a gain of {gain:.1} ± {error:.1} % over {PAIRS} pairs of runs",
            average(0, 0),
            average(1, 0),
            average(0, 1),
            average(1, 1),
        ),
    )]
}

/// γ and β that undo it.
pub(crate) fn identity(data: &Data) -> Vec<Claim> {
    let raw = data.raw[0].features();
    // Columns that never vary have nothing to be scaled by.
    let varies: Vec<i64> =
        (0..).zip(raw.std(0, 0).iter()).filter(|(_, sd)| *sd > 0.01).map(|(column, _)| column).collect();
    let x = raw.index_select(1, &varies.into());
    let norm = BatchNorm::<f32>::new(x.shape()[1]);
    norm.gamma().expect("it has one").set((x.var(0, 0) + 1e-5).map(f32::sqrt));
    norm.beta().expect("it has one").set(x.mean(0));
    let tape = Tape::train(0);
    let y = norm.forward(tape.var(&x)).value();
    let (difference, largest) = (y.max_abs_diff(&x), x.iter().fold(0f32, f32::max));
    vec![Claim::new(
        "Batch norm can recover the identity with β = E[x], γ = √Var[x]",
        difference < 1e-4 * f64::from(largest),
        format!("outputs differ from inputs of up to {largest} by at most {difference:.0e}"),
    )]
}
