//! Elements of SVG and HTML, written so that nothing can get in unescaped.

use std::fmt::{self, Display, Write};

/// A growing piece of XML.
#[derive(Debug, Default)]
pub(crate) struct Markup(String);

/// A name and a value, which is escaped.
pub(crate) type Attribute<'a> = (&'a str, &'a dyn Display);

impl Markup {
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// `<name …>`, to be closed.
    pub(crate) fn open(&mut self, name: &str, attributes: &[Attribute]) {
        self.start(name, attributes);
        self.0.push('>');
    }

    pub(crate) fn close(&mut self, name: &str) {
        self.raw("</").raw(name).raw(">");
    }

    /// `<name …/>`.
    pub(crate) fn empty(&mut self, name: &str, attributes: &[Attribute]) {
        self.start(name, attributes);
        self.0.push_str("/>");
    }

    /// `<name …>text</name>`.
    pub(crate) fn element(&mut self, name: &str, attributes: &[Attribute], text: impl Display) {
        self.open(name, attributes);
        self.text(text);
        self.close(name);
    }

    /// `<name …><title>…</title></name>`: a shape that tells what it is when pointed at.
    pub(crate) fn titled(&mut self, name: &str, attributes: &[Attribute], title: impl Display) {
        self.open(name, attributes);
        self.element("title", &[], title);
        self.close(name);
    }

    pub(crate) fn text(&mut self, text: impl Display) {
        write!(Escape(&mut self.0), "{text}").expect("a string takes any text");
    }

    /// Markup that is well formed already.
    pub(crate) fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    fn start(&mut self, name: &str, attributes: &[Attribute]) {
        self.raw("<").raw(name);
        for (key, value) in attributes {
            self.raw(" ").raw(key).raw("=\"");
            self.text(value);
            self.raw("\"");
        }
    }
}

struct Escape<'a>(&'a mut String);

impl Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                // XML knows no other control characters, nor these two.
                '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

/// A coordinate, to a hundredth of a pixel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Px(pub(crate) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 * 100.0).round() as i64;
        let (whole, rest) = (hundredths.abs() / 100, hundredths.abs() % 100);
        if hundredths < 0 {
            f.write_char('-')?;
        }
        match (rest / 10, rest % 10) {
            (0, 0) => write!(f, "{whole}"),
            (tenths, 0) => write!(f, "{whole}.{tenths}"),
            _ => write!(f, "{whole}.{rest:02}"),
        }
    }
}

/// What makes a point that stands alone visible, in the `d` of a path.
const ALONE: &str = "m-2 0h4";

/// The `d` of a path through points; a new piece wherever one is missing. A piece of one point
/// is a short dash.
pub(crate) fn path(points: impl IntoIterator<Item = Option<(f64, f64)>>) -> String {
    let mut d = String::new();
    let mut drawn = 0;
    let dot = |d: &mut String, drawn| {
        if drawn == 1 {
            d.push_str(ALONE);
        }
    };
    for point in points {
        match point {
            Some((x, y)) => {
                let command = ["M", "L", " "][drawn.min(2)];
                write!(d, "{command}{} {}", Px(x), Px(y)).expect("a string takes any text");
                drawn += 1;
            }
            None => {
                dot(&mut d, drawn);
                drawn = 0;
            }
        }
    }
    dot(&mut d, drawn);
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let mut out = Markup::default();
        out.element("text", &[("class", &"a\"<b>&'"), ("x", &Px(1.5))], "<&>\u{1}\u{b}\t");
        assert_eq!(
            out.into_string(),
            "<text class=\"a&quot;&lt;b&gt;&amp;'\" x=\"1.5\">&lt;&amp;&gt;\u{fffd}\u{fffd}\t</text>"
        );
    }

    #[test]
    fn coordinates_are_short() {
        let written: Vec<String> =
            [0.0, -0.001, 1.0, -1.25, 0.1 + 0.2, 99.999, -0.05].map(|v| Px(v).to_string()).into();
        assert_eq!(written, ["0", "0", "1", "-1.25", "0.3", "100", "-0.05"]);
        assert_eq!(Px(f64::NAN).to_string(), "0");
    }

    #[test]
    fn a_path_breaks_where_a_point_is_missing() {
        let p = |x: f64| Some((x, 2.0 * x));
        assert_eq!(
            path([p(0.0), p(1.0), p(2.0), None, None, p(3.0), None, p(4.0), p(5.0)]),
            "M0 0L1 2 2 4M3 6m-2 0h4M4 8L5 10"
        );
        assert_eq!(path([None, None]), "");
        assert_eq!(path([p(1.0)]), "M1 2m-2 0h4");
    }
}
