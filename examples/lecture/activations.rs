//! Sigmoid, tanh, relu and what came after.

use wengert::prelude::*;
use wengert::report::{Axis, Plot, Ridges};
use wengert::train::{Histogram, LayerStats};

use crate::Claim;
use crate::setup::{Act, Data, Mlp, SEEDS, activations, gradient_ratio, mean, smooth, steps_to, train};

/// Saturation, and the mean of the outputs, in five layers of 256 units.
pub(crate) fn saturation(data: &Data) -> Vec<Claim> {
    let [training, _] = &data.scaled;
    let of = |act, init| {
        let nets = SEEDS.map(|seed| Mlp { init, width: 256, ..Mlp::new(5, act) }.build(data.columns(), seed));
        let layers = nets.each_ref().map(|net| activations(net, training).collect::<Vec<_>>());
        let average = |f: fn(&LayerStats) -> f64| mean(&layers.iter().flatten().map(f).collect::<Vec<_>>());
        Start {
            mean: average(|layer| layer.output.mean),
            sd: average(|layer| layer.output.sd),
            saturated: average(|layer| layer.saturated_fraction.unwrap_or(0.0)),
            passed: mean(&nets.map(|net| gradient_ratio(&net, training))),
            first: layers[0][0].output.histogram.clone(),
        }
    };
    let large = Init::Normal(1.0);
    let (sigmoid, tanh) = (of(Act::Sigmoid, large), of(Act::Tanh, large));
    let [fair, fair_tanh, relu] = [Act::Sigmoid, Act::Tanh, Act::Relu].map(|act| of(act, act.init()));
    let ridges = [("sigmoid", &sigmoid), ("tanh", &tanh)].into_iter().fold(
        Ridges::new("Outputs of the first hidden layer").caption("Weights start as 1·randn."),
        |ridges, (name, Start { first, .. })| ridges.row(name, (first.low, first.high), first.counts.iter().copied()),
    );
    vec![
        Claim::new(
            "A sigmoid saturates and kills gradients",
            sigmoid.saturated > 0.5 && fair.passed < 0.1 * relu.passed,
            format!(
                "with weights of 1·randn {:.0} % of outputs have hardly a slope; even with Xavier's start the first of 5 layers gets {:.1e} of the last one's gradient, with relu {:.1e}",
                100.0 * sigmoid.saturated,
                fair.passed,
                relu.passed
            ),
        )
        .with(ridges),
        Claim::new(
            "Outputs of a sigmoid are not zero-centred",
            fair.mean > 2.0 * fair.sd,
            format!("their mean is {:.2}, their deviation {:.2}", fair.mean, fair.sd),
        ),
        Claim::new(
            "Those of tanh are",
            fair_tanh.mean.abs() < 0.1 * fair_tanh.sd,
            format!("their mean is {:.3}, their deviation {:.2}", fair_tanh.mean, fair_tanh.sd),
        ),
        Claim::new(
            "Tanh still saturates",
            tanh.saturated > 0.5,
            format!("with weights of 1·randn {:.0} % of outputs have hardly a slope", 100.0 * tanh.saturated),
        ),
    ]
}

/// What the layers of a network are like at the start.
struct Start {
    mean: f64,
    sd: f64,
    saturated: f64,
    /// The share of the last layer's gradient that arrives at the first.
    passed: f64,
    /// The outputs of the first layer.
    first: Histogram,
}

/// How fast networks train.
pub(crate) fn speed(data: &Data) -> Vec<Claim> {
    const TARGET: f64 = 0.1;
    let rates = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
    let [sigmoid, tanh, relu] =
        [Act::Sigmoid, Act::Tanh, Act::Relu].map(|act| steps_to(TARGET, Mlp::new(4, act), &data.scaled[0], &rates, 40));
    let plot = [("sigmoid", &sigmoid), ("tanh", &tanh), ("relu", &relu)].into_iter().fold(
        Plot::new("Training loss by activation")
            .caption("Four hidden layers, each activation with its best rate.")
            .x(Axis::new("step")),
        |plot, (name, run)| plot.line(name, smooth(&run.losses)),
    );
    let against = |other: &crate::setup::Fastest| other.steps as f64 / relu.steps as f64;
    let measured = format!(
        "steps to a loss of {TARGET}, each with its best rate and start: relu {}, tanh {}, sigmoid {}",
        relu.told(),
        tanh.told(),
        sigmoid.told()
    );
    vec![
        Claim::new("Relu trains several times faster than sigmoid", against(&sigmoid) >= 3.0, &*measured).with(plot),
        Claim::new("Relu trains several times faster than tanh", against(&tanh) >= 3.0, measured),
    ]
}

/// Units that no example reaches any more.
pub(crate) fn dying(data: &Data) -> Vec<Claim> {
    let [training, _] = &data.scaled;
    let x = training.features();
    // Of runs that end with numbers; none if none does.
    let dead = |act, lr| {
        let shares = (1..=6).filter_map(|seed| {
            let net = Mlp::new(3, act).build(data.columns(), seed);
            // Plain descent ends in NaN at such rates.
            let run = train(&net, &mut Adam::new(&net, lr), training, 4, seed, 0.0);
            run.last().is_finite().then(|| unreached(&net, x))
        });
        let shares: Vec<f64> = shares.collect();
        (!shares.is_empty()).then(|| mean(&shares))
    };
    let rates = [0.003, 0.01, 0.03, 0.1, 0.3];
    let [relu, leaky] = [Act::Relu, Act::Leaky].map(|act| rates.map(|lr| dead(act, lr)));
    let points = |shares: [Option<f64>; 5]| rates.into_iter().zip(shares).filter_map(|(lr, share)| Some((lr, share?)));
    let plot = Plot::new("Units without a gradient after training")
        .caption("Of runs whose loss stays a number.")
        .x(Axis::new("learning rate").log())
        .y(Axis::new("share").range(0.0, 1.0))
        .line("relu", points(relu))
        .line("leaky relu", points(leaky));
    let told = |shares: [Option<f64>; 5]| {
        let share =
            |share: Option<f64>| share.map_or("all diverge".to_owned(), |share| format!("{:.0} %", 100.0 * share));
        shares.map(share).join(", ")
    };
    let most = |shares: [Option<f64>; 5]| shares.into_iter().flatten().fold(0.0, f64::max);
    let [without, with] = [0.0, 0.1].map(|bias| {
        let shares = SEEDS.map(|seed| {
            let net = Mlp { bias, ..Mlp::new(3, Act::Relu) }.build(data.columns(), seed);
            let tape = Tape::new();
            tape.watch();
            net.forward(tape.var(x));
            let relus = tape.notes().into_iter().filter(|note| note.kind == "relu");
            mean(&relus.map(|note| f64::from(note.var.gt(0.0).mean(..).item())).collect::<Vec<_>>())
        });
        mean(&shares)
    });
    vec![
        Claim::new(
            "Relu units die at a high rate",
            most(relu) > 0.2 && relu[0].is_some_and(|share| share < 0.05),
            format!(
                "units that no training example reaches after 4 epochs of Adam with rates of {rates:?}: {}",
                told(relu)
            ),
        )
        .with(plot),
        Claim::new("Those of leaky relu do not", most(leaky) < 0.01, format!("the same: {}", told(leaky))),
        Claim::new(
            "A small positive bias has more relu units active at the start",
            with > without,
            format!(
                "{:.1} % of outputs are above 0 with a bias of 0, {:.1} % with one of 0.1",
                100.0 * without,
                100.0 * with
            ),
        ),
    ]
}

/// The share of hidden units through which no example passes a gradient.
fn unreached(net: &Sequential, x: &Tensor) -> f64 {
    let tape = Tape::train(0);
    tape.watch();
    let labels = Tensor::zeros([x.shape()[0]]);
    net.forward(tape.var(x)).cross_entropy(&labels).backward();
    let notes = tape.notes();
    // What arrives before an activation is what it lets through; units are columns.
    let linear = notes.iter().filter(|note| note.kind == "Linear").rev().skip(1);
    let shares: Vec<f64> = linear
        .map(|note| {
            let largest = note.cotangent.expect("the loss depends on it").abs().max(0).value();
            let dead = largest.iter().filter(|&g| g == 0.0).count();
            dead as f64 / largest.count() as f64
        })
        .collect();
    mean(&shares)
}

/// Maxout against what it generalises.
pub(crate) fn maxout(data: &Data) -> Vec<Claim> {
    let (x, columns) = (data.scaled[0].features(), data.columns());
    let linear = Linear::<f32>::new(columns, 64, &mut Rng::seed(1));
    let maxout = Maxout::<f32>::new(columns, 64, 2, &mut Rng::seed(2));
    let difference = |slope: f64| {
        let weight = linear.weight.value();
        maxout.weight.set(Tensor::concat(&[&weight, &(&weight * slope as f32)], 0));
        let tape = Tape::new();
        let x = tape.var(x);
        let other = linear.forward(x).leaky_relu(slope).value();
        maxout.forward(x).value().max_abs_diff(&other)
    };
    let (relu, leaky) = (difference(0.0), difference(0.01));
    let counts = [linear.param_count(), maxout.param_count()];
    vec![
        Claim::new(
            "Maxout generalises relu and leaky relu",
            relu < 1e-5 && leaky < 1e-5,
            format!(
                "with a second piece of 0 and of 0.01 times the first its outputs differ by at most {relu:.0e} and {leaky:.0e}"
            ),
        ),
        Claim::new(
            "It doubles the parameters",
            counts[1] == 2 * counts[0],
            format!("{} instead of {}", counts[1], counts[0]),
        ),
    ]
}
