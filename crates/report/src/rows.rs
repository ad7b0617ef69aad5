//! One value or interval a row, each with its name.

use crate::axis::{Axis, MARGIN, draw_horizontal};
use crate::figure::{Drawing, Figure};
use crate::markup::{Attribute, Markup, Px};
use crate::number::Number;
use crate::scale::{Scale, Spacing, extent};
use crate::text::{fitted, width as text_width};

const ROW: f64 = 22.0;

/// A chart of named rows: bars with their uncertainty (how important each parameter is), or
/// intervals (how a range narrowed).
///
/// ```
/// use wengert_report::{Axis, Figure, Rows};
///
/// let importance = Rows::new("Importance")
///     .axis(Axis::new("share of the variance"))
///     .bar("learning rate", 0.71, Some((0.62, 0.80)))
///     .bar("width", 0.08, None);
/// let narrowing = Rows::new("Learning rate")
///     .axis(Axis::new("learning rate").log())
///     .range("coarse", (1e-6, 1.0), Some(2e-3))
///     .range("fine", (3e-4, 1e-2), Some(1.4e-3));
/// assert!(importance.svg(360.0).contains("width") && narrowing.svg(360.0).contains("coarse"));
/// ```
#[derive(Clone, Debug)]
pub struct Rows {
    title: String,
    caption: String,
    axis: Axis,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    name: String,
    bar: bool,
    value: Option<f64>,
    interval: Option<(f64, f64)>,
}

impl Rows {
    /// A chart without rows.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), caption: String::new(), axis: Axis::new(""), rows: Vec::new() }
    }

    /// How it is to be read.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// The axis of the values.
    pub fn axis(mut self, axis: Axis) -> Self {
        self.axis = axis;
        self
    }

    /// A bar from 0 (of a logarithmic axis, from its low end) to a value, and the interval in
    /// which the true value may be.
    pub fn bar(self, name: impl Into<String>, value: f64, interval: Option<(f64, f64)>) -> Self {
        self.row(Row { name: name.into(), bar: true, value: Some(value), interval })
    }

    /// An interval, with a dot at one value of it.
    pub fn range(self, name: impl Into<String>, interval: (f64, f64), value: Option<f64>) -> Self {
        self.row(Row { name: name.into(), bar: false, value, interval: Some(interval) })
    }

    fn row(mut self, row: Row) -> Self {
        self.rows.push(row);
        self
    }
}

impl Row {
    fn told(&self) -> String {
        let mut text = self.name.clone();
        if let Some(value) = self.value {
            text += &format!(": {}", Number(value));
        }
        if let Some((low, high)) = self.interval {
            text += &format!(", {} to {}", Number(low), Number(high));
        }
        text
    }

    fn draw(&self, out: &mut Markup, scale: &Scale, middle: f64) {
        let at = |v: f64| scale.clamped(v);
        let told = self.told();
        match (self.bar, self.value, self.interval) {
            (true, Some(value), interval) => {
                let zero = if scale.spacing() == Spacing::Linear { at(0.0) } else { at(scale.domain().0) };
                // A value that is not a number has no bar.
                let end = if value.is_nan() { zero } else { at(value) };
                let (x, y) = (zero.min(end), middle - 6.0);
                let (w, h) = ((end - zero).abs(), 12.0);
                let place: [Attribute; 5] =
                    [("class", &"bar s1"), ("x", &Px(x)), ("y", &Px(y)), ("width", &Px(w)), ("height", &Px(h))];
                out.titled("rect", &place, &told);
                if let Some((low, high)) = interval.filter(|(low, high)| !low.is_nan() && !high.is_nan()) {
                    let (low, high) = (at(low), at(high));
                    let (a, b, top) = (Px(low), Px(high), Px(middle - 3.5));
                    let d = format!("M{a} {}H{b}M{a} {top}v7M{b} {top}v7", Px(middle));
                    out.titled("path", &[("class", &"whisker"), ("d", &d)], &told);
                }
            }
            (_, value, interval) => {
                if let Some((low, high)) = interval.filter(|(low, high)| !low.is_nan() && !high.is_nan()) {
                    let d = format!("M{} {}H{}", Px(at(low)), Px(middle), Px(at(high)));
                    out.titled("path", &[("class", &"range s1"), ("d", &d)], &told);
                }
                if let Some(value) = value.filter(|value| !value.is_nan()) {
                    let d = format!("M{} {}h0", Px(at(value)), Px(middle));
                    out.titled("path", &[("class", &"points s1"), ("d", &d)], &told);
                }
            }
        }
    }
}

impl Figure for Rows {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    fn description(&self) -> String {
        let rows: Vec<String> = self.rows.iter().map(Row::told).collect();
        rows.join("; ")
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut out = Markup::default();
        let widest = self.rows.iter().map(|row| text_width(&row.name)).fold(0.0, f64::max);
        let left = (widest + 10.0).min(0.42 * width);
        let (right, top) = (width - MARGIN, 4.0);
        let bottom = top + ROW * self.rows.len().max(1) as f64;
        let values = self.rows.iter().flat_map(|row| {
            let (low, high) = row.interval.unzip();
            [row.value, low, high, row.bar.then_some(0.0)].into_iter().flatten()
        });
        let scale = self.axis.scale(extent(values, self.axis.spacing()), 0.04, left, right);
        let ticks = self.axis.horizontal_ticks(&scale, right - left);
        draw_horizontal(&mut out, &self.axis.label, &ticks, [left, right, top, bottom]);
        for (i, row) in self.rows.iter().enumerate() {
            let middle = top + ROW * (i as f64 + 0.5);
            let name = fitted(&row.name, left - 8.0);
            out.element("text", &[("class", &"end"), ("x", &Px(left - 8.0)), ("y", &Px(middle + 3.5))], name);
            row.draw(&mut out, &scale, middle);
        }
        Drawing { shapes: out, height: bottom + if self.axis.label.is_empty() { 20.0 } else { 36.0 } }
    }
}
