//! Loss, metrics, learning rate and gradient norm over time.

use wengert_report::{Axis, Number, Plot};

use crate::{Curve, End, Epoch, History, Point, Task};

/// So many points of a curve are drawn; more would only be noise.
const POINTS: usize = 160;

/// A thirtieth of a figure's height can hardly be told from the ground.
const FLAT: f64 = 1.0 / 30.0;

/// A logarithmic axis if a linear one would press a quarter of the values to the ground: below this
/// part of the largest.
fn spaced(axis: Axis, points: &[Point], ground: f64) -> Axis {
    let values: Vec<f64> = points.iter().map(|point| point.mean).filter(|v| v.is_finite()).collect();
    let largest = points.iter().map(|point| point.max).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let low = values.iter().filter(|&&v| v < largest * ground).count();
    if values.iter().all(|&v| v > 0.0) && 4 * low > values.len() { axis.log() } else { axis }
}

/// The points of a curve, merged to few enough.
fn merged(curve: &Curve) -> Vec<Point> {
    let size = curve.len().div_ceil(POINTS).max(1);
    let parts = curve.chunks(size).map(|part| Point {
        step: part[0].step,
        mean: part.iter().map(|point| point.mean).sum::<f64>() / part.len() as f64,
        min: part.iter().map(|point| point.min).fold(f64::INFINITY, f64::min),
        max: part.iter().map(|point| point.max).fold(f64::NEG_INFINITY, f64::max),
    });
    parts.collect()
}

fn line(points: &[Point]) -> impl Iterator<Item = (f64, f64)> {
    points.iter().map(|point| (point.step as f64, point.mean))
}

fn band(points: &[Point]) -> impl Iterator<Item = (f64, f64, f64)> {
    points.iter().map(|point| (point.step as f64, point.min, point.max))
}

/// The loss of every step, and that of the validation data after every epoch.
pub(super) fn loss(history: &History) -> Plot {
    let points = merged(&history.loss);
    let validation: Vec<(f64, f64)> =
        history.epochs.iter().filter_map(|e| Some((e.step as f64, *e.validation.get("loss")?))).collect();
    let (axis, above) = held(spaced(Axis::new("loss"), &points, 0.25), &points, &validation);
    let mut plot = Plot::new("Loss").x(Axis::new("step")).y(axis).band("training", band(&points));
    let mut caption = "The band goes from the smallest to the largest loss of neighbouring steps, ".to_owned();
    // Where a run broke off in the middle of an epoch is to be seen.
    if history.epochs.len() < 3 || matches!(history.end, Some(End::NotFinite(_) | End::Failed(_))) {
        plot = plot.line("training", line(&points));
        caption += "the line is their mean.";
    } else {
        let losses = history.epochs.iter().filter_map(|e| Some((e.step as f64, *e.train.get("loss")?)));
        plot = plot.line("training", losses);
        caption += "the line is the mean of each epoch.";
    }
    if !validation.is_empty() {
        let both = history
            .epochs
            .iter()
            .filter_map(|e| Some((e.step as f64, *e.train.get("loss")?, *e.validation.get("loss")?)));
        plot = plot.gap("gap", both).line("validation", validation);
        caption += " Validation data are judged after each epoch, without dropout and the like.";
    }
    if let Task::Classification { classes } = history.task
        && classes > 1
    {
        plot = plot.rule_y((classes as f64).ln(), format!("ln {classes}, a guess"));
    }
    if let Some(best) = &history.best {
        plot = plot.rule_x(best.step as f64, format!("best: epoch {}", best.epoch));
    }
    plot.caption(caption + &above)
}

/// An axis that does not follow a loss which explodes, and words for what is above it: the course
/// before would be pressed to the ground.
fn held(axis: Axis, points: &[Point], validation: &[(f64, f64)]) -> (Axis, String) {
    let finite = |values: &mut dyn Iterator<Item = f64>| values.filter(|v| v.is_finite()).collect::<Vec<_>>();
    let largest = finite(&mut points.iter().map(|point| point.max)).into_iter().fold(0.0, f64::max);
    let mut means = finite(&mut points.iter().map(|point| point.mean));
    let Some(&start) = means.first() else { return (axis, String::new()) };
    means.sort_by(f64::total_cmp);
    let limit = (20.0 * means[(means.len() - 1) / 2]).max(3.0 * start);
    let losses = points.iter().map(|point| point.min).chain(validation.iter().map(|point| point.1));
    let low = losses.fold(f64::INFINITY, f64::min);
    if low > 0.0 && largest > 10.0 * limit {
        (axis.range(low, limit), format!(" The largest loss, {}, is far above the figure.", Number(largest)))
    } else {
        (axis, String::new())
    }
}

/// Every metric but the loss, with the gap between training and validation.
pub(super) fn metrics(history: &History) -> Vec<Plot> {
    let Some(first) = history.epochs.first() else { return Vec::new() };
    let names = first.train.keys().chain(first.validation.keys().filter(|name| !first.train.contains_key(*name)));
    names.filter(|name| *name != "loss").map(|name| metric(history, name)).collect()
}

fn metric(history: &History, name: &str) -> Plot {
    type Values = fn(&Epoch) -> &indexmap::IndexMap<String, f64>;
    let sides: [(&str, Values); 2] = [("training", |e| &e.train), ("validation", |e| &e.validation)];
    let mut plot = Plot::new(capitalised(name)).x(Axis::new("epoch")).y(Axis::new(name));
    let both =
        history.epochs.iter().filter_map(|e| Some((e.epoch as f64, *e.train.get(name)?, *e.validation.get(name)?)));
    let both: Vec<_> = both.collect();
    if !both.is_empty() {
        plot = plot.gap("gap", both);
    }
    for (side, values) in sides {
        let line: Vec<_> =
            history.epochs.iter().filter_map(|e| Some((e.epoch as f64, *values(e).get(name)?))).collect();
        if !line.is_empty() {
            plot = plot.line(side, line);
        }
    }
    plot
}

pub(super) fn lr(history: &History) -> Plot {
    let points = merged(&history.lr);
    let axis = spaced(Axis::new("learning rate"), &points, FLAT);
    Plot::new("Learning rate").x(Axis::new("step")).y(axis).line("learning rate", line(&points))
}

pub(super) fn gradient_norm(history: &History) -> Plot {
    let points = merged(&history.gradient_norm);
    let axis = spaced(Axis::new("norm"), &points, FLAT);
    Plot::new("Norm of the gradient")
        .caption("Of all parameters as one vector, before clipping.")
        .x(Axis::new("step"))
        .y(axis)
        .band("norm", band(&points))
        .line("norm", line(&points))
}

/// `accuracy` as a heading.
fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
