//! A page of figures: one HTML file that needs nothing else.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::figure::{Figure, NARROW, STYLE, embed, write};
use crate::finding::Finding;
use crate::markup::Markup;
use crate::table::Table;

/// The width at which a figure that takes a whole row is made, but for phones.
const WIDE: f64 = 960.0;

/// An HTML page, written from top to bottom. It loads nothing, needs no script (a short one
/// reads values off lines where the pointer is), follows the
/// reader's choice of light or dark, and fits a phone. The same calls make the same bytes.
///
/// ```
/// use wengert_report::{Axis, Page, Plot};
///
/// let loss = Plot::new("Loss").x(Axis::new("step")).line("training", [(0.0, 2.3), (1.0, 0.7)]);
/// let page = Page::new("Training")
///     .subtitle("digits, 30 epochs")
///     .key_figures([("accuracy", "0.981"), ("seconds", "4.2")])
///     .section("Curves")
///     .figures(&[&loss]);
/// let path = std::env::temp_dir().join(format!("wengert-page-{}.html", std::process::id()));
/// page.write(&path)?;
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Page {
    title: String,
    sections: Vec<String>,
    body: Markup,
}

impl Page {
    /// A page with a heading.
    pub fn new(title: impl Into<String>) -> Self {
        let title = title.into();
        let mut body = Markup::default();
        body.element("h1", &[], &title);
        Self { title, sections: Vec::new(), body }
    }

    /// A line below the heading.
    pub fn subtitle(mut self, text: impl Display) -> Self {
        self.body.element("p", &[("class", &"subtitle")], text);
        self
    }

    /// A paragraph.
    pub fn text(mut self, text: impl Display) -> Self {
        self.body.element("p", &[], text);
        self
    }

    /// The numbers that matter most, each with its name.
    pub fn key_figures<N: Display, V: Display>(mut self, figures: impl IntoIterator<Item = (N, V)>) -> Self {
        self.body.open("dl", &[("class", &"figures")]);
        for (name, value) in figures {
            self.body.open("div", &[]);
            self.body.element("dt", &[], name);
            self.body.element("dd", &[], value);
            self.body.close("div");
        }
        self.body.close("dl");
        self
    }

    /// Starts a section, which the list at the top of the page leads to.
    pub fn section(mut self, title: impl Into<String>) -> Self {
        let title = title.into();
        self.sections.push(title.clone());
        self.body.element("h2", &[("id", &format_args!("s{}", self.sections.len()))], title);
        self
    }

    /// A list of findings in the given order.
    pub fn findings(mut self, findings: &[Finding]) -> Self {
        self.body.open("ol", &[("class", &"findings")]);
        for finding in findings {
            finding.draw(&mut self.body);
        }
        self.body.close("ol");
        self
    }

    /// Figures side by side, as many as fit.
    pub fn figures(mut self, figures: &[&dyn Figure]) -> Self {
        self.body.open("div", &[("class", &"columns")]);
        for &figure in figures {
            self.figure(figure, &[(NARROW, "chart")]);
        }
        self.body.close("div");
        self
    }

    /// A figure as wide as the page; drawn for phones as well, as its text would be too small.
    pub fn wide(mut self, figure: &dyn Figure) -> Self {
        self.figure(figure, &[(WIDE, "chart large"), (NARROW, "chart small")]);
        self
    }

    /// A table.
    pub fn table(mut self, table: &Table) -> Self {
        table.draw(&mut self.body);
        self
    }

    /// The page as text.
    pub fn html(self) -> String {
        let mut out = Markup::default();
        out.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>");
        out.raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>");
        out.raw("<meta name=\"color-scheme\" content=\"light dark\"/>");
        out.element("title", &[], &self.title);
        out.raw("<style>\n").raw(include_str!("page.css")).raw(STYLE).raw("</style></head>\n<body><main>");
        let body = self.body.into_string();
        let (top, rest) = body.split_at(body.find("<h2").unwrap_or(body.len()));
        out.raw(top);
        if self.sections.len() > 2 {
            out.open("nav", &[("aria-label", &"Sections")]);
            for (i, title) in self.sections.iter().enumerate() {
                out.element("a", &[("href", &format_args!("#s{}", i + 1))], title);
            }
            out.close("nav");
        }
        out.raw(rest).raw("</main>\n<script>\n").raw(include_str!("page.js")).raw("</script></body></html>\n");
        out.into_string()
    }

    /// Writes the page to a file, as a whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written; what was there before is then still there.
    pub fn write(self, path: impl AsRef<Path>) -> io::Result<()> {
        write(path.as_ref(), &self.html())
    }

    fn figure(&mut self, figure: &dyn Figure, drawings: &[(f64, &str)]) {
        self.body.open("figure", &[]);
        self.body.open("figcaption", &[]);
        self.body.element("strong", &[], figure.title());
        if !figure.caption().is_empty() {
            self.body.element("span", &[], figure.caption());
        }
        self.body.close("figcaption");
        for &(width, class) in drawings {
            embed(&mut self.body, figure, width, class);
        }
        self.body.close("figure");
        self.body.raw("\n");
    }
}
