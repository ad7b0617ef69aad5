//! The inside of the model: activations, gradients, updates.

use wengert_report::{Axis, Plot, Ridges, Table};

use crate::{Distribution, LayerStats, Snapshot};

/// So many layers get figures of their own; the table has all.
pub(super) const LAYERS: usize = 20;
/// So many rows has a ridge plot.
const ROWS: usize = 12;
/// So many lines have a colour; the rest is grey.
const LINES: usize = 6;

/// How large the update of each parameter was beside its value. The parameters that are furthest
/// from what is healthy have a colour.
pub(super) fn update_ratios(snapshots: &[Snapshot]) -> Option<Plot> {
    let last = snapshots.last().filter(|last| !last.params.is_empty())?;
    // By the mean number of powers of ten from what is healthy; one that was 0 has no ratio.
    let distance = |i: usize| {
        let ratios = snapshots.iter().filter_map(|snapshot| Some(snapshot.params.get(i)?.update_ratio()));
        let distances: Vec<f64> = ratios.map(|r| (r / 1e-3).log10().abs()).filter(|d| d.is_finite()).collect();
        distances.iter().sum::<f64>() / distances.len().max(1) as f64
    };
    let distances: Vec<f64> = (0..last.params.len()).map(distance).collect();
    let mut order: Vec<usize> = (0..distances.len()).collect();
    order.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]));
    order.truncate(LINES);
    let mut plot = Plot::new("Update to weight")
        .caption(
            "The root mean square of each parameter's change in a step, by that of its value. About 1e-3 is healthy.",
        )
        .x(Axis::new("step"))
        .y(Axis::new("ratio").log());
    for (i, param) in last.params.iter().enumerate() {
        let ratios = snapshots.iter().filter_map(|snapshot| {
            let ratio = snapshot.params.get(i)?.update_ratio();
            ratio.is_finite().then_some((snapshot.step as f64, ratio))
        });
        plot = if order.contains(&i) { plot.line(&param.name, ratios) } else { plot.context("others", ratios) };
    }
    Some(plot.rule_y(1e-3, "1e-3"))
}

/// Shares of each layer over time that should be small: dead, saturated.
pub(super) fn shares(snapshots: &[Snapshot]) -> Vec<Plot> {
    type Share = fn(&LayerStats) -> Option<f64>;
    let shares: [(&str, &str, Share); 2] = [
        ("Dead units", "Units that were 0 for every example of several batches on end.", |layer| layer.dead_fraction),
        ("Saturated units", "Outputs where the activation hardly has a slope.", |layer| layer.saturated_fraction),
    ];
    let plots = shares.into_iter().filter_map(|(title, caption, share)| {
        let last = snapshots.last()?;
        let mut plot = Plot::new(title).caption(caption).x(Axis::new("step")).y(Axis::new("share").range(0.0, 1.0));
        let mut any = false;
        for (i, layer) in last.layers.iter().enumerate().filter(|(_, layer)| share(layer).is_some()) {
            let line = snapshots.iter().filter_map(|s| Some((s.step as f64, share(s.layers.get(i)?)?)));
            plot = plot.line(name(layer), line);
            any = true;
        }
        any.then_some(plot)
    });
    plots.collect()
}

/// How far batches are from the running statistics of normalising layers.
pub(super) fn drift(snapshots: &[Snapshot]) -> Option<Plot> {
    let last = snapshots.last().filter(|last| !last.norms.is_empty())?;
    let mut plot = Plot::new("Drift of batch statistics")
        .caption("How far the mean of a batch is from the running mean, in running deviations.")
        .x(Axis::new("step"))
        .y(Axis::new("deviations"));
    for (i, norm) in last.norms.iter().enumerate() {
        let drift = snapshots.iter().filter_map(|s| Some((s.step as f64, s.norms.get(i)?.mean_drift)));
        plot = plot.line(&norm.path, drift);
    }
    Some(plot)
}

/// What is looked at, at each layer.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Output,
    Gradient,
}

impl Side {
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Output => {
                "Histograms of what each layer gave, the earliest step at the top. The highest bin of each row has the \
                 same height; the outermost values are cut off."
            }
            Self::Gradient => "Histograms of the gradient of the loss by what each layer gave.",
        }
    }

    fn of(self, layer: &LayerStats) -> Option<&Distribution> {
        match self {
            Self::Output => Some(&layer.output),
            Self::Gradient => layer.gradient.as_ref(),
        }
    }
}

/// The histograms of each layer over time.
pub(super) fn ridges(snapshots: &[Snapshot], side: Side) -> Vec<Ridges> {
    let snapshots = chosen(snapshots);
    let Some(last) = snapshots.last() else { return Vec::new() };
    let layers = last.layers.iter().enumerate().take(LAYERS).filter(|(_, layer)| side.of(layer).is_some());
    let figure = |(i, layer): (usize, &LayerStats)| {
        snapshots.iter().fold(Ridges::new(name(layer)), |ridges, snapshot| {
            let Some(distribution) = snapshot.layers.get(i).and_then(|layer| side.of(layer)) else { return ridges };
            let histogram = &distribution.histogram;
            ridges.row(snapshot.step.to_string(), (histogram.low, histogram.high), histogram.counts.iter().copied())
        })
    };
    layers.map(figure).collect()
}

/// The layers as they are at the end.
pub(super) fn table(last: &Snapshot) -> Table {
    let columns = ["layer", "type", "mean", "deviation", "zero", "saturated", "dead", "gradient's deviation"];
    last.layers.iter().fold(Table::new(columns), |table, layer| {
        let share = |share: Option<f64>| share.map_or("".into(), |share| format!("{:.1} %", 100.0 * share).into());
        table.row([
            layer.path.as_str().into(),
            layer.kind.as_str().into(),
            layer.output.mean.into(),
            layer.output.sd.into(),
            share(Some(layer.zero_fraction)),
            share(layer.saturated_fraction),
            share(layer.dead_fraction),
            layer.gradient.as_ref().map_or("".into(), |gradient| gradient.sd.into()),
        ])
    })
}

fn name(layer: &LayerStats) -> String {
    if layer.path.is_empty() { layer.kind.clone() } else { format!("{} ({})", layer.path, layer.kind) }
}

/// Few enough snapshots, at even distances, the first and the last among them.
fn chosen(snapshots: &[Snapshot]) -> Vec<&Snapshot> {
    let n = snapshots.len();
    let rows = n.min(ROWS);
    (0..rows).map(|i| &snapshots[if rows > 1 { i * (n - 1) / (rows - 1) } else { 0 }]).collect()
}
