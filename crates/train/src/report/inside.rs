//! The inside of the model: activations, gradients, updates.

use wengert_report::{Axis, Plot, Ridges, Table};

use crate::{Distribution, History, LayerStats, Snapshot};

/// So many layers get figures of their own; the table has all.
const LAYERS: usize = 20;
/// So many rows has a ridge plot.
const ROWS: usize = 12;
/// So many lines have a colour; the rest is grey.
const LINES: usize = 6;

/// How large the update of each parameter was beside its value. The parameters that are furthest
/// from what is healthy have a colour.
pub(super) fn update_ratios(snapshots: &[Snapshot]) -> Option<Plot> {
    let last = snapshots.last().filter(|last| !last.params.is_empty())?;
    let distance = |ratio: f64| {
        let distance = (ratio / 1e-3).log10().abs();
        // One that was 0 has no ratio.
        if distance.is_finite() { distance } else { -1.0 }
    };
    let mut order: Vec<usize> = (0..last.params.len()).collect();
    order.sort_by(|&a, &b| {
        let of = |i: usize| distance(last.params[i].update_ratio());
        of(b).total_cmp(&of(a))
    });
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

/// Of each layer, the histograms of its outputs and of the gradient that arrives there.
pub(super) fn ridges(history: &History) -> Vec<Ridges> {
    let snapshots = chosen(&history.snapshots);
    let Some(last) = snapshots.last() else { return Vec::new() };
    let mut figures = Vec::new();
    for (i, layer) in last.layers.iter().enumerate().take(LAYERS) {
        let name = name(layer);
        let of = |title: String, what: &str, distribution: fn(&LayerStats) -> Option<&Distribution>| {
            let ridges = Ridges::new(title).axis(Axis::new(what));
            snapshots.iter().fold(ridges, |ridges, snapshot| {
                let Some(distribution) = snapshot.layers.get(i).and_then(distribution) else { return ridges };
                let histogram = &distribution.histogram;
                ridges.row(snapshot.step.to_string(), (histogram.low, histogram.high), histogram.counts.iter().copied())
            })
        };
        figures.push(of(name.clone(), "output", |layer| Some(&layer.output)));
        if layer.gradient.is_some() {
            figures.push(of(format!("{name}, gradient"), "gradient", |layer| layer.gradient.as_ref()));
        }
    }
    figures
}

/// Whether there are more layers than have figures.
pub(super) fn left_out(history: &History) -> Option<usize> {
    history.snapshots.last()?.layers.len().checked_sub(LAYERS).filter(|&n| n > 0)
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
