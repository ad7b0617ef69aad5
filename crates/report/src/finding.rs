//! What a diagnosis says.

use crate::markup::Markup;

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// All is well.
    Good,
    /// Good to know.
    Note,
    /// Results may be worse than they could be.
    Warning,
    /// Results are worthless until this is mended.
    Serious,
}

/// One thing that a diagnosis found: what it is, why one may believe it, what to do next.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a short sentence.
    pub title: String,
    /// What was measured.
    pub evidence: Vec<String>,
    /// What to try, the most promising first.
    pub advice: Vec<String>,
}

impl Finding {
    pub(crate) fn draw(&self, out: &mut Markup) {
        let (class, word) = match self.severity {
            Severity::Good => ("good", "Good"),
            Severity::Note => ("hint", "Note"),
            Severity::Warning => ("warning", "Warning"),
            Severity::Serious => ("serious", "Serious"),
        };
        out.open("li", &[("class", &class)]);
        out.open("h3", &[]);
        out.element("span", &[("class", &"badge")], word);
        out.text(format_args!(" {}", self.title));
        out.close("h3");
        for evidence in &self.evidence {
            out.element("p", &[], evidence);
        }
        if !self.advice.is_empty() {
            out.element("p", &[("class", &"try")], "What to try");
            out.open("ul", &[]);
            for advice in &self.advice {
                out.element("li", &[], advice);
            }
            out.close("ul");
        }
        out.close("li");
    }
}
