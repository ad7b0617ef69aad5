//! The layout of a plot, and the shapes of its marks.

use super::thin::thin;
use super::{Plot, Shape, legend};
use crate::axis::{MARGIN, draw_horizontal, draw_vertical};
use crate::figure::Drawing;
use crate::markup::{Markup, Px, path};
use crate::number::Number;
use crate::scale::{Place, Scale, extent};
use crate::text::{fitted, inside, width as text_width};

pub(super) fn draw(plot: &Plot, width: f64) -> Drawing {
    let mut out = Markup::default();
    let legend = legend::draw(&mut out, &plot.marks, &plot.y.label, width);

    let height = plot.height.unwrap_or((0.5 * width).clamp(170.0, 300.0));
    let named = !plot.y.label.is_empty() || plot.rules.iter().any(|rule| rule.vertical);
    let name = if named { 22.0 } else { 8.0 };
    let (top, right) = (legend + name, width - MARGIN);
    let bottom = top + height;

    let y = plot.y.scale(extent(values_y(plot), plot.y.spacing()), 0.06, bottom, top);
    let y_ticks = plot.y.ticks(&y, (height / 36.0) as usize);
    let widest = y_ticks.iter().filter_map(|t| t.label.as_deref()).map(text_width).fold(0.0, f64::max);
    let left = (widest + 8.0).min(0.4 * width);

    let has_points = plot.marks.iter().any(|mark| matches!(mark.shape, Shape::Points(_)));
    let margin = if has_points { 0.03 } else { 0.0 };
    let x = plot.x.scale(extent(values_x(plot), plot.x.spacing()), margin, left, right);
    let x_ticks = plot.x.horizontal_ticks(&x, right - left);

    let frame = [left, right, top, bottom];
    draw_vertical(&mut out, &plot.y.label, &y_ticks, frame);
    draw_horizontal(&mut out, &plot.x.label, &x_ticks, frame);
    // What a given range leaves out is cut off; round caps and dots at the edge are not.
    let (slack, mut lost) = (4.0, Markup::default());
    let (w, h) = (right - left + 2.0 * slack, height + 2.0 * slack);
    let view = format!("{} {} {} {}", Px(left - slack), Px(top - slack), Px(w), Px(h));
    out.open(
        "svg",
        &[
            ("class", &"area"),
            ("x", &Px(left - slack)),
            ("y", &Px(top - slack)),
            ("width", &Px(w)),
            ("height", &Px(h)),
            ("viewBox", &view),
            ("data-frame", &format_args!("{} {} {} {}", Px(left), Px(top), Px(right - left), Px(height))),
            ("data-x", &x),
            ("data-y", &y),
        ],
    );
    marks(&mut out, &mut lost, plot, &x, &y);
    out.close("svg");
    rules(&mut out, plot, &x, &y, frame);
    out.raw(&lost.into_string());

    let below = if plot.x.label.is_empty() { 20.0 } else { 36.0 };
    Drawing { shapes: out, height: bottom + below }
}

fn values_x(plot: &Plot) -> impl Iterator<Item = f64> {
    let marks = plot.marks.iter().flat_map(|mark| -> Box<dyn Iterator<Item = f64>> {
        match &mark.shape {
            Shape::Line(points) => Box::new(points.iter().map(|p| p.0)),
            Shape::Band(points) => Box::new(points.iter().map(|p| p.0)),
            Shape::Points(points) => Box::new(points.iter().map(|p| p.0)),
        }
    });
    marks.chain(plot.rules.iter().filter(|rule| rule.vertical).map(|rule| rule.at))
}

fn values_y(plot: &Plot) -> impl Iterator<Item = f64> {
    let marks = plot.marks.iter().flat_map(|mark| -> Box<dyn Iterator<Item = f64>> {
        match &mark.shape {
            Shape::Line(points) => Box::new(points.iter().map(|p| p.1)),
            Shape::Band(points) => Box::new(points.iter().flat_map(|p| [p.1, p.2])),
            Shape::Points(points) => Box::new(points.iter().map(|p| p.1)),
        }
    });
    marks.chain(plot.rules.iter().filter(|rule| !rule.vertical).map(|rule| rule.at))
}

/// Context first, then bands, then what stands out.
fn marks(out: &mut Markup, lost: &mut Markup, plot: &Plot, x: &Scale, y: &Scale) {
    let names = legend::names(&plot.marks);
    let layer = |shape: &Shape, context: bool| match shape {
        Shape::Band(_) => 0,
        _ if context => 1,
        Shape::Line(_) => 2,
        Shape::Points(_) => 3,
    };
    // Many lines on top of each other would be one grey mass.
    let crowded = plot.marks.iter().filter(|mark| mark.context).count() > 40;
    for wanted in 0..4 {
        for mark in plot.marks.iter().filter(|mark| layer(&mark.shape, mark.context) == wanted) {
            let class = legend::class(&names, mark);
            match &mark.shape {
                Shape::Line(points) => {
                    let placed = place(points.iter().map(|p| (p.0, p.1)), x, y, &mark.name, lost);
                    let d = path(thin(placed));
                    let class = format_args!("line {class}{}", if mark.context && crowded { " faint" } else { "" });
                    out.titled("path", &[("class", &class), ("d", &d)], &mark.name);
                }
                Shape::Band(points) => {
                    for d in outlines(points, x, y) {
                        let class = format_args!("band {class}");
                        out.titled("path", &[("class", &class), ("d", &d)], &mark.name);
                    }
                }
                Shape::Points(points) => {
                    let placed = place(points.iter().map(|p| (p.0, p.1)), x, y, &mark.name, lost);
                    let class = format!("points {class}{}", if points.len() > 200 { " many" } else { "" });
                    let labelled = points.iter().any(|p| p.2.is_some());
                    if labelled {
                        for (point, at) in points.iter().zip(placed) {
                            if let (Some(label), Some((x, y))) = (&point.2, at) {
                                let d = format!("M{} {}h0", Px(x), Px(y));
                                out.titled("path", &[("class", &class), ("d", &d)], label);
                            }
                        }
                    } else {
                        let dots = placed.into_iter().flatten().map(|(x, y)| format!("M{} {}h0", Px(x), Px(y)));
                        out.empty("path", &[("class", &class), ("d", &dots.collect::<String>())]);
                    }
                }
            }
        }
    }
}

/// Where points are; none where an axis cannot show it. Where that begins, a cross is drawn.
fn place(
    points: impl Iterator<Item = (f64, f64)>,
    x: &Scale,
    y: &Scale,
    name: &str,
    lost: &mut Markup,
) -> Vec<Option<(f64, f64)>> {
    let mut placed = Vec::new();
    let mut was_lost = false;
    for (vx, vy) in points {
        let Place::At(px) = x.place(vx) else {
            placed.push(None);
            continue;
        };
        let py = y.place(vy);
        match py {
            Place::At(py) => placed.push(Some((px, py))),
            Place::Below | Place::Above => {
                placed.push(None);
                if !was_lost {
                    let py = y.clamped(vy);
                    let d = format!("M{} {}l6 6m0 -6l-6 6", Px(px - 3.0), Px(py - 3.0));
                    let title = format!("{name}: {} at {}", Number(vy), Number(vx));
                    lost.titled("path", &[("class", &"lost"), ("d", &d)], title);
                }
            }
        }
        was_lost = !matches!(py, Place::At(_));
    }
    placed
}

/// The outline of each piece of a band.
fn outlines(points: &[(f64, f64, f64)], x: &Scale, y: &Scale) -> Vec<String> {
    let place = |&(vx, one, other): &(f64, f64, f64)| {
        // A band on a logarithmic axis that reaches down to 0 goes on to the edge.
        let shown = one.is_finite() && other.is_finite();
        match x.place(vx) {
            Place::At(px) if shown => Some((px, y.clamped(one), y.clamped(other))),
            _ => None,
        }
    };
    let placed: Vec<_> = points.iter().map(place).collect();
    let pieces = placed.split(|point| point.is_none()).filter(|piece| piece.len() > 1);
    pieces
        .map(|piece| {
            let piece: Vec<_> = piece.iter().flatten().collect();
            let one = thin(piece.iter().map(|p| Some((p.0, p.1))).collect());
            let mut other = thin(piece.iter().map(|p| Some((p.0, p.2))).collect());
            other.reverse();
            path(one.into_iter().chain(other)) + "Z"
        })
        .collect()
}

fn rules(out: &mut Markup, plot: &Plot, x: &Scale, y: &Scale, [left, right, top, bottom]: [f64; 4]) {
    for rule in &plot.rules {
        let scale = if rule.vertical { x } else { y };
        let Place::At(at) = scale.place(rule.at) else { continue };
        let ends = if rule.vertical { [(at, top), (at, bottom)] } else { [(left, at), (right, at)] };
        out.empty("path", &[("class", &"rule"), ("d", &path(ends.map(Some)))]);
        if rule.vertical {
            // Above the frame, beside the name of the axis.
            let name = if plot.y.label.is_empty() { 0.0 } else { text_width(&plot.y.label) + 20.0 };
            let label = fitted(&rule.label, (right - name).max(0.0));
            let x = inside(at, &label, right + MARGIN).max(name + 0.5 * text_width(&label));
            out.element("text", &[("class", &"note mid"), ("x", &Px(x)), ("y", &Px(top - 5.0))], &label);
        } else {
            let label = fitted(&rule.label, right - left);
            let y = if at - top < 14.0 { at + 12.0 } else { at - 4.0 };
            out.element("text", &[("class", &"note end"), ("x", &Px(right)), ("y", &Px(y))], &label);
        }
    }
}
