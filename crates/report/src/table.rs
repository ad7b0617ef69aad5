//! Tables.

use crate::markup::Markup;
use crate::number::Number;

/// A table of texts and numbers.
///
/// ```
/// use wengert_report::{Page, Table};
///
/// let layers = Table::new(["layer", "parameters"]).row(["fc1".into(), 4096.0.into()]);
/// assert!(Page::new("Net").table(&layers).html().contains("4,096"));
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// What a cell of a [`Table`] holds; made from a text or a number.
#[derive(Clone, Debug)]
pub enum Cell {
    /// A text, to the left.
    Text(String),
    /// A number, to the right, written as [`Number`] does.
    Number(f64),
}

/// A table of more rows has a height of its own.
const LONG: usize = 30;

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl Table {
    /// A table without rows.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// One more row.
    ///
    /// # Panics
    /// If it does not have a cell for each column.
    #[track_caller]
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        let cells: Vec<Cell> = cells.into_iter().collect();
        let (n, columns) = (cells.len(), self.columns.len());
        assert!(n == columns, "table: a row of {n} cells for {columns} columns");
        self.rows.push(cells);
        self
    }

    pub(crate) fn draw(&self, out: &mut Markup) {
        // A wide or long table scrolls; the page does not.
        let class = if self.rows.len() > LONG { "scroll long" } else { "scroll" };
        out.open("div", &[("class", &class), ("tabindex", &"0"), ("role", &"region"), ("aria-label", &"Table")]);
        out.open("table", &[]);
        out.open("thead", &[]);
        out.open("tr", &[]);
        for (i, column) in self.columns.iter().enumerate() {
            let numbers = self.rows.iter().any(|row| matches!(row[i], Cell::Number(_)));
            out.element("th", &[("scope", &"col"), ("class", &if numbers { "number" } else { "" })], column);
        }
        out.close("tr");
        out.close("thead");
        out.open("tbody", &[]);
        for row in &self.rows {
            out.open("tr", &[]);
            for cell in row {
                match cell {
                    Cell::Text(text) => out.element("td", &[], text),
                    Cell::Number(number) => out.element("td", &[("class", &"number")], Number(*number)),
                }
            }
            out.close("tr");
        }
        out.close("tbody");
        out.close("table");
        out.close("div");
    }
}
