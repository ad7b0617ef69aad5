//! How data and weights should be at the start.

use wengert::prelude::*;
use wengert::report::{Axis, Plot};
use wengert::train::LayerStats;

use crate::Claim;
use crate::setup::{Act, Data, Mlp, SEEDS, activations, mean, smooth, steps_to};

/// Data as they are, against centred and scaled ones.
pub(crate) fn scaling(data: &Data) -> Vec<Claim> {
    const TARGET: f64 = 0.2;
    let net = Mlp::new(2, Act::Tanh);
    let rates = [3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3];
    let [raw, scaled] = [&data.raw[0], &data.scaled[0]].map(|data| steps_to(TARGET, net, data, &rates, 20));
    let plot = Plot::new("Training loss by the scale of the inputs")
        .caption("Two hidden layers of tanh, each with its best rate.")
        .x(Axis::new("step"))
        .line("as they are", smooth(&raw.losses))
        .line("centred and scaled", smooth(&scaled.losses));
    vec![
        Claim::new(
            "Centring and scaling the data speed up learning",
            raw.steps as f64 >= 1.5 * scaled.steps as f64,
            format!(
                "steps to a loss of {TARGET}, each with its best rate: {} as they are, {} scaled",
                raw.told(),
                scaled.told()
            ),
        )
        .with(plot),
    ]
}

/// Ten layers, and what arrives at the last.
pub(crate) fn ten_layers(data: &Data) -> Vec<Claim> {
    let starts = [
        ("tanh, 0.01·randn", Act::Tanh, Init::Normal(0.01)),
        ("tanh, 1·randn", Act::Tanh, Init::Normal(1.0)),
        ("tanh, Xavier", Act::Tanh, Init::xavier_normal()),
        ("relu, Xavier", Act::Relu, Init::xavier_normal()),
        ("relu, He", Act::Relu, Init::he_normal()),
    ];
    let mut plot = Plot::new("Deviation of activations, layer by layer")
        .x(Axis::new("layer"))
        .y(Axis::new("standard deviation").log());
    let mut first_last = Vec::new();
    for (name, act, init) in starts {
        let runs = SEEDS.map(|seed| {
            let net = Mlp { init, width: 256, ..Mlp::new(10, act) }.build(data.columns(), seed);
            activations(&net, &data.scaled[0]).collect::<Vec<_>>()
        });
        let at = |layer: usize, of: fn(&LayerStats) -> f64| mean(&runs.each_ref().map(|run| of(&run[layer])));
        plot = plot.line(name, (0..10).map(|layer| (layer as f64 + 1.0, at(layer, |l| l.output.sd))));
        let saturated = at(9, |l| l.saturated_fraction.unwrap_or(0.0));
        first_last.push((at(0, |l| l.output.sd), at(9, |l| l.output.sd), saturated));
    }
    let [small, large, xavier, relu_xavier, relu_he] = first_last[..] else { unreachable!("five starts") };
    let told = |(first, last, _): (f64, f64, f64)| format!("deviation {first:.2e} in layer 1, {last:.2e} in layer 10");
    let kept = |(first, last, _): (f64, f64, f64)| last / first;
    vec![
        Claim::new("With 0.01·randn the activations of ten layers collapse to zero", small.1 < 1e-3, told(small))
            .with(plot),
        Claim::new(
            "With 1·randn they saturate",
            large.2 > 0.8,
            format!("{:.0} % of the units of layer 10 have hardly a slope", 100.0 * large.2),
        ),
        Claim::new("Xavier's start keeps them for tanh", kept(xavier) > 0.3 && xavier.2 < 0.1, told(xavier)),
        Claim::new("With relu it does not: they shrink", kept(relu_xavier) < 0.1, told(relu_xavier)),
        Claim::new("Relu needs He's start", kept(relu_he) > 0.3, told(relu_he)),
    ]
}
