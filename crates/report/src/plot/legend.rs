//! The names of a plot's marks, with their colours.

use super::{Mark, Shape};
use crate::markup::{Markup, Px};
use crate::text::{fitted, width};

/// More names than this are counted, not listed.
const MOST: usize = 16;

/// The class of the n-th colour: six colours, then the same with dashes.
pub(crate) fn colour(n: usize) -> String {
    let dashes = ["", " dash", " dotted"][(n / 6) % 3];
    format!("s{}{dashes}", n % 6 + 1)
}

/// The names of marks that are not context, in the order of their colours.
pub(crate) fn names(marks: &[Mark]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for mark in marks.iter().filter(|mark| !mark.context) {
        if !names.contains(&&*mark.name) {
            names.push(&mark.name);
        }
    }
    names
}

/// The class of a mark's colour.
pub(crate) fn class(names: &[&str], mark: &Mark) -> String {
    match names.iter().position(|&name| name == mark.name) {
        Some(n) if !mark.context => colour(n),
        _ => "context".into(),
    }
}

/// Draws the legend, if it tells more than the axis does; returns its height.
pub(crate) fn draw(out: &mut Markup, marks: &[Mark], axis: &str, room: f64) -> f64 {
    let coloured = names(marks);
    let mut entries: Vec<(&str, &Mark)> = Vec::new();
    // What stands out comes first.
    for mark in marks.iter().filter(|mark| !mark.context).chain(marks.iter().filter(|mark| mark.context)) {
        match entries.iter_mut().find(|(name, _)| *name == mark.name) {
            // A line with a band is shown as a line.
            Some((_, shown)) if matches!(shown.shape, Shape::Band(_)) => *shown = mark,
            Some(_) => {}
            None if mark.name.is_empty() => {}
            None => entries.push((&mark.name, mark)),
        }
    }
    // A single name that the axis tells already is not repeated.
    if entries.is_empty() || entries.len() == 1 && entries[0].0.eq_ignore_ascii_case(axis) {
        return 0.0;
    }
    let (mut x, mut y) = (0.0, 10.0);
    for (name, mark) in entries.iter().take(MOST) {
        let name = fitted(name, room - 24.0);
        let length = 20.0 + width(&name);
        if x > 0.0 && x + length > room {
            (x, y) = (0.0, y + 16.0);
        }
        let class = class(&coloured, mark);
        let middle = y - 3.5;
        let (d, kind) = match mark.shape {
            Shape::Line(_) => (format!("M{} {}h12", Px(x + 1.0), Px(middle)), "line"),
            Shape::Band(_) => (format!("M{} {}h10", Px(x + 2.0), Px(middle)), "swatch"),
            Shape::Points(_) => (format!("M{} {}h0", Px(x + 7.0), Px(middle)), "points"),
        };
        out.empty("path", &[("class", &format_args!("{kind} {class}")), ("d", &d)]);
        out.element("text", &[("class", &"key"), ("x", &Px(x + 18.0)), ("y", &Px(y))], &name);
        x += length + 10.0;
    }
    if entries.len() > MOST {
        y += 16.0;
        let text = format!("and {} more", entries.len() - MOST);
        out.element("text", &[("class", &"key"), ("x", &0), ("y", &Px(y))], text);
    }
    y + 8.0
}
