//! The inside of the model: activations, gradients, updates.

use wengert_report::{Axis, Cell, Plot, Ridges, Table};

use crate::order::descending;
use crate::{Distribution, LayerStats, Snapshot};

/// So many layers get figures of their own; the table has all.
pub(super) const LAYERS: usize = 20;
/// So many rows has a ridge plot.
const ROWS: usize = 12;
/// So many lines have a colour; the rest is grey.
const LINES: usize = 6;

/// A named line, and how much it deserves to be looked at.
struct Series {
    name: String,
    rank: f64,
    points: Vec<(f64, f64)>,
}

/// The lines of highest rank in colour, the others in grey.
fn lines(plot: Plot, series: Vec<Series>) -> Plot {
    let mut order = descending(&series.iter().map(|line| line.rank).collect::<Vec<_>>());
    order.truncate(LINES);
    series.into_iter().enumerate().fold(plot, |plot, (i, series)| {
        if order.contains(&i) { plot.line(series.name, series.points) } else { plot.context("others", series.points) }
    })
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// How large the update of each parameter was beside its value.
pub(super) fn update_ratios(snapshots: &[Snapshot]) -> Option<Plot> {
    let last = snapshots.last().filter(|last| !last.params.is_empty())?;
    let series = last.params.iter().enumerate().map(|(i, param)| {
        let ratio = |snapshot: &Snapshot| Some((snapshot.step as f64, snapshot.params.get(i)?.update_ratio()));
        // A parameter that was 0 has no ratio.
        let points: Vec<_> = snapshots.iter().filter_map(ratio).filter(|point| point.1.is_finite()).collect();
        // By powers of ten from what is healthy.
        let rank = mean(points.iter().map(|point| (point.1 / 1e-3).log10().abs()));
        Series { name: param.name.clone(), rank, points }
    });
    let plot = Plot::new("Update to weight")
        .caption(
            "The root mean square of each parameter's change in a step, by that of its value. About 1e-3 is healthy.",
        )
        .x(Axis::new("step"))
        .y(Axis::new("ratio").log());
    Some(lines(plot, series.collect()).rule_y(1e-3, "1e-3"))
}

/// Shares of each layer over time that should be small: dead, saturated.
pub(super) fn shares(snapshots: &[Snapshot]) -> Vec<Plot> {
    type Share = fn(&LayerStats) -> Option<f64>;
    let shares: [(&str, &str, Share); 2] = [
        ("Dead units", "Units that were 0 for every example of several batches on end.", |layer| layer.dead_fraction),
        ("Saturated units", "Outputs where the activation hardly has a slope.", |layer| layer.saturated_fraction),
    ];
    let plot = |(title, caption, share): (&str, &str, Share)| {
        let layers = snapshots.last()?.layers.iter().enumerate().filter(|(_, layer)| share(layer).is_some());
        let series = layers.map(|(i, layer)| {
            let point = |snapshot: &Snapshot| Some((snapshot.step as f64, share(snapshot.layers.get(i)?)?));
            let points: Vec<_> = snapshots.iter().filter_map(point).collect();
            Series { name: name(layer), rank: mean(points.iter().map(|point| point.1)), points }
        });
        let series: Vec<Series> = series.collect();
        let plot = Plot::new(title).caption(caption).x(Axis::new("step")).y(Axis::new("share").range(0.0, 1.0));
        (!series.is_empty()).then(|| lines(plot, series))
    };
    shares.into_iter().filter_map(plot).collect()
}

/// How far batches are from the running statistics of normalising layers.
pub(super) fn drift(snapshots: &[Snapshot]) -> Option<Plot> {
    let last = snapshots.last().filter(|last| !last.norms.is_empty())?;
    let series = last.norms.iter().enumerate().map(|(i, norm)| {
        let point = |snapshot: &Snapshot| Some((snapshot.step as f64, snapshot.norms.get(i)?.mean_drift));
        let points: Vec<_> = snapshots.iter().filter_map(point).collect();
        Series { name: norm.path.clone(), rank: mean(points.iter().map(|point| point.1)), points }
    });
    let plot = Plot::new("Drift of batch statistics")
        .caption("How far the mean of a batch is from the running mean, in running deviations.")
        .x(Axis::new("step"))
        .y(Axis::new("deviations"));
    Some(lines(plot, series.collect()))
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

/// A number of a layer; none if it has no such number.
type Column = fn(&LayerStats) -> Option<f64>;

/// The layers as they are at the end, with the columns that some layer has.
pub(super) fn table(last: &Snapshot) -> Table {
    let mut columns: Vec<(&str, Column)> = vec![
        ("mean", |layer| Some(layer.output.mean)),
        ("deviation", |layer| Some(layer.output.sd)),
        ("zero, %", |layer| percent(Some(layer.zero_fraction))),
        ("saturated, %", |layer| percent(layer.saturated_fraction)),
        ("dead, %", |layer| percent(layer.dead_fraction)),
        ("gradient's deviation", |layer| Some(layer.gradient.as_ref()?.sd)),
    ];
    columns.retain(|(_, of)| last.layers.iter().any(|layer| of(layer).is_some()));
    let names = ["layer", "type"].into_iter().chain(columns.iter().map(|(name, _)| *name));
    last.layers.iter().fold(Table::new(names), |table, layer| {
        let names = [layer.path.as_str().into(), layer.kind.as_str().into()];
        table.row(names.into_iter().chain(columns.iter().map(|(_, of)| of(layer).map_or("".into(), Cell::from))))
    })
}

/// To a tenth.
fn percent(share: Option<f64>) -> Option<f64> {
    share.map(|share| (1000.0 * share).round() / 10.0)
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
