//! Histograms over time.

use std::fmt::Write;

use crate::axis::{Axis, MARGIN, draw_horizontal};
use crate::figure::{Drawing, Figure};
use crate::markup::{Markup, Px};
use crate::number::Number;
use crate::scale::extent;
use crate::text::{fitted, width as text_width};

/// How far apart the rows are, and how many of these distances the highest bin spans.
const ROW: f64 = 15.0;
const OVERLAP: f64 = 2.4;
/// This share of the values may be outside, on either side.
const OUTLIERS: f64 = 0.002;

/// Histograms above each other, the earliest at the top: how a distribution changes.
///
/// The highest bin of each row has the same height, so that a row shows where values are, not how
/// many there are.
///
/// ```
/// use wengert_report::{Axis, Figure, Ridges};
///
/// let ridges = Ridges::new("Activations of fc1")
///     .axis(Axis::new("activation"))
///     .row("0", (-1.0, 1.0), [1, 5, 9, 4])
///     .row("100", (-2.0, 2.0), [3, 8, 7, 2]);
/// assert!(ridges.svg(360.0).contains("class=\"ridge\""));
/// ```
#[derive(Clone, Debug)]
pub struct Ridges {
    title: String,
    caption: String,
    axis: Axis,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    name: String,
    range: (f64, f64),
    counts: Vec<u64>,
}

impl Ridges {
    /// A chart without rows.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), caption: String::new(), axis: Axis::new(""), rows: Vec::new() }
    }

    /// How it is to be read.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// The axis of the values that were counted.
    pub fn axis(mut self, axis: Axis) -> Self {
        self.axis = axis;
        self
    }

    /// A histogram: how many values were in each of the bins of one width that cut a range.
    pub fn row(mut self, name: impl Into<String>, range: (f64, f64), counts: impl IntoIterator<Item = u64>) -> Self {
        self.rows.push(Row { name: name.into(), range, counts: counts.into_iter().collect() });
        self
    }
}

impl Row {
    /// The range without the outermost bins that hold next to nothing: a few values far out would
    /// leave no room for the others.
    fn middle(&self) -> Option<(f64, f64)> {
        let (low, high) = self.shown()?;
        let few = self.counts.iter().map(|&count| count as f64).sum::<f64>() * OUTLIERS;
        let empty = |counts: &mut dyn Iterator<Item = &u64>| {
            let mut sum = 0.0;
            let outside = counts.take_while(|&&count| {
                sum += count as f64;
                sum <= few
            });
            outside.count() as f64
        };
        let (before, after) = (empty(&mut self.counts.iter()), empty(&mut self.counts.iter().rev()));
        let width = (high / 2.0 - low / 2.0) / self.counts.len() as f64 * 2.0;
        Some((low + before * width, high - after * width))
    }

    /// The range, unless there is nothing to draw.
    fn shown(&self) -> Option<(f64, f64)> {
        let (low, high) = self.range;
        let any = self.counts.iter().any(|&count| count > 0);
        (any && low.is_finite() && high.is_finite() && low <= high).then_some(self.range)
    }
}

impl Figure for Ridges {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    fn description(&self) -> String {
        let told = |row: &Row| format!("{}: {} to {}", row.name, Number(row.range.0), Number(row.range.1));
        match &self.rows[..] {
            [] => String::new(),
            [only] => told(only),
            [first, .., last] => format!("{} histograms. {}. {}.", self.rows.len(), told(first), told(last)),
        }
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut out = Markup::default();
        let widest = self.rows.iter().map(|row| text_width(&row.name)).fold(0.0, f64::max);
        let (left, right) = ((widest + 10.0).min(0.3 * width), width - MARGIN);
        let peak = ROW * OVERLAP;
        let top = 4.0;
        let base = |i: usize| top + peak + ROW * i as f64;
        let bottom = base(self.rows.len().saturating_sub(1));

        let ends = self.rows.iter().filter_map(Row::middle).flat_map(|(low, high)| [low, high]);
        let scale = self.axis.scale(extent(ends, self.axis.spacing()), 0.02, left, right);
        let ticks = self.axis.horizontal_ticks(&scale, right - left);
        draw_horizontal(&mut out, &self.axis.label, &ticks, [left, right, top, bottom]);
        for (i, row) in self.rows.iter().enumerate() {
            let foot = base(i);
            let name = fitted(&row.name, left - 8.0);
            out.element("text", &[("class", &"tick end"), ("x", &Px(left - 8.0)), ("y", &Px(foot + 1.0))], name);
            let Some((low, high)) = row.shown() else { continue };
            let highest = *row.counts.iter().max().expect("a count") as f64;
            let bins = row.counts.len() as f64;
            // All values in one point are a spike that can still be seen.
            let (from, to) = (scale.clamped(low), scale.clamped(high));
            let (from, to) = if to - from < 2.0 { (from - 1.0, from + 1.0) } else { (from, to) };
            let mut d = format!("M{} {}", Px(from), Px(foot));
            for (bin, &count) in row.counts.iter().enumerate() {
                let x = from + (to - from) * (bin as f64 + 0.5) / bins;
                write!(d, " {} {}", Px(x), Px(foot - peak * count as f64 / highest)).expect("a string takes any text");
            }
            write!(d, " {} {}", Px(to), Px(foot)).expect("a string takes any text");
            let told = format!("{}: {} to {}", row.name, Number(low), Number(high));
            out.titled("path", &[("class", &"ridge"), ("d", &d)], told);
        }
        Drawing { shapes: out, height: bottom + if self.axis.label.is_empty() { 20.0 } else { 36.0 } }
    }
}
