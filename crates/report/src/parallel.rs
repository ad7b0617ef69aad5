//! Parallel coordinates: points of many axes.

use crate::axis::Axis;
use crate::figure::{Drawing, Figure};
use crate::markup::{Markup, Px, path};
use crate::number::Number;
use crate::scale::{Place, extent};
use crate::text::{fitted, inside};

/// How far apart the axes are.
const ROW: f64 = 64.0;

/// Points in a space of many axes (trials of a search), each a line across all of them. Axes lie
/// flat below one another, so that their names and ticks have room on any screen.
///
/// The better the score the stronger the line; the best is orange.
///
/// ```
/// use wengert_report::{Axis, Figure, Parallel};
///
/// let trials = Parallel::new("Trials", [Axis::new("rate").log(), Axis::new("activation").categories(["relu", "tanh"])])
///     .line([Some(1e-3), Some(0.0)], 0.97, "trial 0: 0.97")
///     .line([Some(1e-1), None], 0.31, "trial 1: 0.31"); // it had no activation
/// assert!(trials.svg(360.0).contains("trial 0"));
/// ```
#[derive(Clone, Debug)]
pub struct Parallel {
    title: String,
    caption: String,
    axes: Vec<Axis>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    values: Vec<Option<f64>>,
    score: f64,
    label: String,
}

impl Parallel {
    /// A chart with these axes, and no lines.
    pub fn new(title: impl Into<String>, axes: impl IntoIterator<Item = Axis>) -> Self {
        Self { title: title.into(), caption: String::new(), axes: axes.into_iter().collect(), lines: Vec::new() }
    }

    /// How it is to be read.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// One point: its value on each axis, or none where it has none; a score, of which larger is
    /// better; and what it is.
    ///
    /// # Panics
    /// If there are not as many values as axes.
    #[track_caller]
    pub fn line(mut self, values: impl IntoIterator<Item = Option<f64>>, score: f64, label: impl Into<String>) -> Self {
        let values: Vec<_> = values.into_iter().collect();
        let (n, axes) = (values.len(), self.axes.len());
        assert!(n == axes, "parallel coordinates {:?}: {n} values for {axes} axes", self.title);
        self.lines.push(Line { values, score, label: label.into() });
        self
    }
}

impl Figure for Parallel {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    fn description(&self) -> String {
        let best = self.lines.iter().filter(|line| !line.score.is_nan()).max_by(|a, b| a.score.total_cmp(&b.score));
        let Some(best) = best else { return String::new() };
        let values = self.axes.iter().zip(&best.values).filter_map(|(axis, value)| {
            let value = (*value)?;
            Some(format!("{} {}", axis.label, axis.category(value).map_or(Number(value).to_string(), str::to_owned)))
        });
        format!("{} lines. The best, {}: {}.", self.lines.len(), best.label, values.collect::<Vec<_>>().join(", "))
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut out = Markup::default();
        let (left, right) = (10.0, width - 10.0);
        let level = |i: usize| 20.0 + ROW * i as f64;
        let scales: Vec<_> = (0..self.axes.len())
            .map(|i| {
                let values = self.lines.iter().filter_map(|line| line.values[i]);
                self.axes[i].scale(extent(values, self.axes[i].spacing()), 0.0, left, right)
            })
            .collect();

        let mut order: Vec<&Line> = self.lines.iter().collect();
        // What is not a number is the worst, and lies below.
        let key = |line: &Line| if line.score.is_nan() { f64::NEG_INFINITY } else { line.score };
        order.sort_by(|a, b| key(a).total_cmp(&key(b)));
        let last = order.len().saturating_sub(1);
        for (rank, line) in order.iter().enumerate() {
            let place = |i: usize| match scales[i].place(line.values[i]?) {
                Place::At(x) => Some((x.clamp(left, right), level(i))),
                Place::Below | Place::Above => None,
            };
            let d = path((0..self.axes.len()).map(place));
            // By rank: scores may differ by orders of magnitude.
            let share = rank as f64 / last.max(1) as f64;
            let (class, opacity) =
                if rank == last { ("line s2", 1.0) } else { ("line s1", 0.06 + 0.6 * share.powi(3)) };
            let opacity = format!("{opacity:.2}");
            out.titled("path", &[("class", &class), ("stroke-opacity", &opacity), ("d", &d)], &line.label);
        }

        for (i, (axis, scale)) in self.axes.iter().zip(&scales).enumerate() {
            let y = level(i);
            out.empty("path", &[("class", &"axis"), ("d", &path([Some((left, y)), Some((right, y))]))]);
            let name = fitted(&axis.label, right - left);
            out.element("text", &[("class", &"note strong"), ("x", &Px(left)), ("y", &Px(y - 7.0))], name);
            for tick in axis.horizontal_ticks(scale, right - left) {
                let length = if tick.label.is_some() { 4.0 } else { 2.5 };
                let d = path([Some((tick.at, y)), Some((tick.at, y + length))]);
                out.empty("path", &[("class", &"axis"), ("d", &d)]);
                if let Some(text) = &tick.label {
                    let x = Px(inside(tick.at, text, width));
                    out.element("text", &[("class", &"note mid"), ("x", &x), ("y", &Px(y + 15.0))], text);
                }
            }
        }
        Drawing { shapes: out, height: level(self.axes.len().saturating_sub(1)) + 22.0 }
    }
}
