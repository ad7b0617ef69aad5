//! Lines, bands, points and intervals over two axes.

mod draw;
mod legend;
mod thin;

use crate::axis::Axis;
use crate::figure::{Drawing, Figure};
use crate::number::Number;

/// A chart of two axes. Marks are added one by one; those of one name have one colour and one entry
/// in the legend.
///
/// Values that an axis cannot show (NaN, infinities, nothing positive on a logarithmic one) break a
/// line, and are marked by a cross at the edge.
///
/// ```
/// use wengert_report::{Axis, Figure, Plot};
///
/// let plot = Plot::new("Loss")
///     .caption("Training in steps, validation after each epoch.")
///     .x(Axis::new("step"))
///     .y(Axis::new("loss").log())
///     .line("training", [(0.0, 2.3), (10.0, 0.9), (20.0, 0.2)])
///     .band("training", [(0.0, 2.1, 2.5), (10.0, 0.7, 1.2), (20.0, 0.1, 0.3)])
///     .line("validation", [(10.0, 1.0), (20.0, 0.4)])
///     .rule_y(2.303, "ln 10");
/// assert!(plot.svg(360.0).contains("validation"));
/// ```
#[derive(Clone, Debug)]
pub struct Plot {
    title: String,
    caption: String,
    x: Axis,
    y: Axis,
    height: Option<f64>,
    marks: Vec<Mark>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Mark {
    name: String,
    shape: Shape,
    /// Grey, behind the others.
    context: bool,
}

#[derive(Clone, Debug)]
enum Shape {
    Line(Vec<(f64, f64)>),
    Band(Vec<(f64, f64, f64)>),
    Points(Vec<(f64, f64, Option<String>)>),
}

#[derive(Clone, Debug)]
struct Rule {
    vertical: bool,
    at: f64,
    label: String,
}

impl Plot {
    /// A chart without marks.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            caption: String::new(),
            x: Axis::new(""),
            y: Axis::new(""),
            height: None,
            marks: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// How it is to be read.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// The horizontal axis.
    pub fn x(mut self, axis: Axis) -> Self {
        self.x = axis;
        self
    }

    /// The vertical axis.
    pub fn y(mut self, axis: Axis) -> Self {
        self.y = axis;
        self
    }

    /// The height of the space for marks, in pixels.
    pub fn height(mut self, height: f64) -> Self {
        self.height = Some(height);
        self
    }

    /// A line through points `(x, y)` in their order.
    pub fn line(self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.mark(name.into(), Shape::Line(points.into_iter().collect()), false)
    }

    /// Steps through points `(x, y)`: each value holds until the next, as the best so far does.
    pub fn steps(self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut corners: Vec<(f64, f64)> = Vec::new();
        for (x, y) in points {
            if let Some(&(_, held)) = corners.last() {
                corners.push((x, held));
            }
            corners.push((x, y));
        }
        self.mark(name.into(), Shape::Line(corners), false)
    }

    /// A thin grey line behind the others, one of many that show what is usual.
    pub fn context(self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.mark(name.into(), Shape::Line(points.into_iter().collect()), true)
    }

    /// The space between two values at each x, `(x, low, high)`, in the colour of its name: the
    /// smallest and largest of what a line's points are means of.
    pub fn band(self, name: impl Into<String>, band: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.mark(name.into(), Shape::Band(band.into_iter().collect()), false)
    }

    /// A grey band between two lines, `(x, one, other)`.
    pub fn gap(self, name: impl Into<String>, band: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.mark(name.into(), Shape::Band(band.into_iter().collect()), true)
    }

    /// A dot at each `(x, y)`.
    pub fn points(self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().map(|(x, y)| (x, y, None)).collect();
        self.mark(name.into(), Shape::Points(points), false)
    }

    /// A dot at each `(x, y, label)`; the label is shown when the dot is pointed at.
    pub fn labelled_points(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64, String)>,
    ) -> Self {
        let points = points.into_iter().map(|(x, y, label)| (x, y, Some(label))).collect();
        self.mark(name.into(), Shape::Points(points), false)
    }

    /// A vertical line across the chart.
    pub fn rule_x(mut self, at: f64, label: impl Into<String>) -> Self {
        self.rules.push(Rule { vertical: true, at, label: label.into() });
        self
    }

    /// A horizontal line across the chart.
    pub fn rule_y(mut self, at: f64, label: impl Into<String>) -> Self {
        self.rules.push(Rule { vertical: false, at, label: label.into() });
        self
    }

    fn mark(mut self, name: String, shape: Shape, context: bool) -> Self {
        self.marks.push(Mark { name, shape, context });
        self
    }
}

impl Figure for Plot {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    fn description(&self) -> String {
        let of = |axis: &Axis| if axis.label.is_empty() { "value".into() } else { axis.label.clone() };
        let mut text = format!("{} against {}.", of(&self.y), of(&self.x));
        for mark in &self.marks {
            let Shape::Line(points) = &mark.shape else { continue };
            if let (false, [first, .., last]) = (mark.context, &points[..]) {
                text += &format!(" {}: from {} to {}.", mark.name, Number(first.1), Number(last.1));
            }
        }
        text
    }

    fn draw(&self, width: f64) -> Drawing {
        draw::draw(self, width)
    }
}
