//! An axis: what it measures, how its values are spaced, and how it is drawn.

use crate::markup::{Markup, Px, path};
use crate::scale::{Scale, Spacing, Tick};
use crate::text::{fitted, inside, width};

/// What is left free to the right of a horizontal axis.
pub(crate) const MARGIN: f64 = 8.0;

/// What an axis measures, and how.
///
/// ```
/// use wengert_report::Axis;
///
/// let rate = Axis::new("learning rate").log();
/// let kind = Axis::new("activation").categories(["relu", "tanh"]); // for the values 0 and 1
/// let share = Axis::new("accuracy").range(0.0, 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct Axis {
    pub(crate) label: String,
    spacing: Spacing,
    categories: Vec<String>,
    range: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis, as long as its data need.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), spacing: Spacing::Linear, categories: Vec::new(), range: None }
    }

    /// Spaces values by their logarithms. Values that are not positive are marked at the low end.
    pub fn log(mut self) -> Self {
        self.spacing = Spacing::Log;
        self
    }

    /// Names the values 0, 1, 2, ….
    pub fn categories<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.categories = names.into_iter().map(Into::into).collect();
        self
    }

    /// Shows exactly this interval, whatever the data are.
    ///
    /// # Panics
    /// If the interval is empty, or holds what the axis cannot show.
    #[track_caller]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        assert!(low < high && (high - low).is_finite(), "axis {:?}: {low} … {high} is no interval", self.label);
        self.range = Some((low, high));
        self
    }

    pub(crate) fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// The name of a value, if it is that of a category.
    pub(crate) fn category(&self, value: f64) -> Option<&str> {
        let index = (value >= 0.0 && value.fract() == 0.0).then_some(value as usize)?;
        self.categories.get(index).map(String::as_str)
    }

    /// The scale from `start` to `end` for data of this extent.
    pub(crate) fn scale(&self, extent: Option<(f64, f64)>, margin: f64, start: f64, end: f64) -> Scale {
        if !self.categories.is_empty() {
            let last = self.categories.len() as f64 - 0.5;
            return Scale::new(Spacing::Linear, Some((-0.5, last)), 0.0, start, end);
        }
        // A range for which a logarithmic axis has no place counts as none.
        match self.range.filter(|&(low, _)| self.spacing == Spacing::Linear || low > 0.0) {
            Some(range) => Scale::new(self.spacing, Some(range), 0.0, start, end),
            None => Scale::new(self.spacing, extent, margin, start, end),
        }
    }

    /// Ticks on a scale, `room` of them with labels at most.
    pub(crate) fn ticks(&self, scale: &Scale, room: usize) -> Vec<Tick> {
        if self.categories.is_empty() {
            return scale.ticks(room);
        }
        let named = self.categories.iter().enumerate();
        named.map(|(i, name)| Tick { at: scale.clamped(i as f64), label: Some(name.clone()) }).collect()
    }

    /// The ticks of a horizontal axis whose labels leave each other room.
    pub(crate) fn horizontal_ticks(&self, scale: &Scale, length: f64) -> Vec<Tick> {
        let widest = |ticks: &[Tick]| ticks.iter().filter_map(|t| t.label.as_deref()).map(width).fold(0.0, f64::max);
        let most = ((length / 62.0) as usize).min(10);
        let mut ticks = self.ticks(scale, most);
        if self.categories.is_empty() {
            for room in (2..most).rev() {
                let labelled: Vec<f64> = ticks.iter().filter(|t| t.label.is_some()).map(|t| t.at).collect();
                let closest = labelled.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f64::INFINITY, f64::min);
                if widest(&ticks) + 8.0 <= closest {
                    break;
                }
                ticks = self.ticks(scale, room);
            }
        } else {
            let each = length / self.categories.len() as f64 - 4.0;
            ticks.iter_mut().for_each(|tick| tick.label = tick.label.take().map(|label| fitted(&label, each)));
        }
        ticks
    }
}

/// Draws a horizontal axis below `bottom`: grid lines up to `top`, tick labels, and at the right
/// end what it measures.
pub(crate) fn draw_horizontal(out: &mut Markup, label: &str, ticks: &[Tick], [left, right, top, bottom]: [f64; 4]) {
    let grid = ticks.iter().filter(|tick| tick.label.is_some());
    let lines = grid.flat_map(|tick| [Some((tick.at, top)), Some((tick.at, bottom)), None]);
    out.empty("path", &[("class", &"grid"), ("d", &path(lines))]);
    let small = ticks.iter().flat_map(|tick| {
        let length = if tick.label.is_some() { 4.0 } else { 2.5 };
        [Some((tick.at, bottom)), Some((tick.at, bottom + length)), None]
    });
    let base = [Some((left, bottom)), Some((right, bottom)), None];
    out.empty("path", &[("class", &"axis"), ("d", &path(base.into_iter().chain(small)))]);
    for tick in ticks {
        if let Some(text) = &tick.label {
            out.element(
                "text",
                &[("class", &"tick mid"), ("x", &Px(inside(tick.at, text, right + MARGIN))), ("y", &Px(bottom + 15.0))],
                text,
            );
        }
    }
    if !label.is_empty() {
        let label = fitted(&format!("{label} →"), right - left);
        out.element("text", &[("class", &"name end"), ("x", &Px(right)), ("y", &Px(bottom + 30.0))], label);
    }
}

/// Draws a vertical axis at `left`: grid lines to `right`, tick labels, and above it what it
/// measures.
pub(crate) fn draw_vertical(out: &mut Markup, label: &str, ticks: &[Tick], [left, right, top, _]: [f64; 4]) {
    let lines = ticks.iter().filter(|tick| tick.label.is_some());
    let lines = lines.flat_map(|tick| [Some((left, tick.at)), Some((right, tick.at)), None]);
    out.empty("path", &[("class", &"grid"), ("d", &path(lines))]);
    for tick in ticks {
        if let Some(text) = &tick.label {
            out.element("text", &[("class", &"tick end"), ("x", &Px(left - 6.0)), ("y", &Px(tick.at + 3.5))], text);
        }
    }
    if !label.is_empty() {
        let label = fitted(&format!("↑ {label}"), right);
        out.element("text", &[("class", &"name"), ("x", &Px(0.0)), ("y", &Px(top - 9.0))], label);
    }
}
