//! What every figure has: a title, a caption, and a drawing of any width.

use std::fs;
use std::io;
use std::path::Path;

use crate::markup::{Attribute, Markup, Px};

/// How figures look, light and dark; a page and a figure that stands alone share it.
pub(crate) const STYLE: &str = include_str!("figure.css");

/// The width at which a figure is made for a phone, and for a column of a page.
pub(crate) const NARROW: f64 = 360.0;

/// The shapes of a figure, and how high they are.
#[derive(Debug)]
pub struct Drawing {
    pub(crate) shapes: Markup,
    pub(crate) height: f64,
}

/// A chart, table of pictures or other drawing, which a [`Page`](crate::Page) shows or which
/// becomes an SVG file by itself. All of them are in this crate.
pub trait Figure {
    /// What it shows, in a few words.
    fn title(&self) -> &str;

    /// How it is to be read, in a sentence or two; may be empty.
    fn caption(&self) -> &str;

    /// What a reader who does not see it should know; read out, and not shown.
    fn description(&self) -> String;

    /// Draws it at a width in pixels; the height follows.
    fn draw(&self, width: f64) -> Drawing;

    /// An SVG document of this width, complete with title and style.
    ///
    /// ```
    /// use wengert_report::{Figure, Plot};
    ///
    /// let svg = Plot::new("Squares").line("x²", (0..5).map(|x| (f64::from(x), f64::from(x * x)))).svg(640.0);
    /// assert!(svg.starts_with("<svg xmlns="));
    /// ```
    fn svg(&self, width: f64) -> String {
        let (margin, heading) = (12.0, 24.0);
        let drawing = self.draw(width - 2.0 * margin);
        let height = drawing.height + heading + 2.0 * margin;
        let mut out = Markup::default();
        open(&mut out, width, height, "chart alone", &[("width", &Px(width)), ("height", &Px(height))]);
        describe(&mut out, self.title(), &self.description());
        out.raw("<style>").raw(STYLE).raw("</style>");
        out.empty("rect", &[("class", &"ground"), ("width", &"100%"), ("height", &"100%")]);
        out.open("g", &[("transform", &format_args!("translate({margin} {margin})"))]);
        out.element("text", &[("class", &"heading"), ("y", &12)], self.title());
        out.close("g");
        out.open("g", &[("transform", &format_args!("translate({margin} {})", margin + heading))]);
        out.raw(&drawing.shapes.into_string());
        out.close("g");
        out.close("svg");
        out.into_string()
    }

    /// Writes [`svg`](Self::svg) to a file.
    ///
    /// # Errors
    /// If the file cannot be written; what was there before is then still there.
    fn write_svg(&self, path: impl AsRef<Path>, width: f64) -> io::Result<()>
    where
        Self: Sized,
    {
        write(path.as_ref(), &self.svg(width))
    }
}

/// Draws a figure inside of a page.
pub(crate) fn embed(out: &mut Markup, figure: &dyn Figure, width: f64, class: &str) {
    let drawing = figure.draw(width);
    open(out, width, drawing.height, class, &[]);
    describe(out, figure.title(), &figure.description());
    out.raw(&drawing.shapes.into_string());
    out.close("svg");
}

fn open(out: &mut Markup, width: f64, height: f64, class: &str, more: &[Attribute]) {
    let view = format!("0 0 {} {}", Px(width), Px(height));
    let mut attributes: Vec<Attribute> =
        vec![("xmlns", &"http://www.w3.org/2000/svg"), ("class", &class), ("viewBox", &view), ("role", &"img")];
    attributes.extend_from_slice(more);
    out.open("svg", &attributes);
}

fn describe(out: &mut Markup, title: &str, description: &str) {
    out.element("title", &[], title);
    out.element("desc", &[], description);
}

/// Writes a file as a whole or not at all.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, path));
    written.map_err(|error| {
        // It may not exist.
        let _ = fs::remove_file(&partial);
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    })
}
