//! Numbers in rows and columns as shades.

use crate::figure::{Drawing, Figure};
use crate::markup::{Markup, Px};
use crate::number::Number;
use crate::text::{fitted, width as text_width};

/// A table of numbers as shades of colour: a confusion matrix, or any heat map.
///
/// ```
/// use wengert_report::{Figure, Matrix};
///
/// let confusion = Matrix::confusion("Confusion", ["cat", "dog"], &[vec![48, 2], vec![5, 45]]);
/// let correlation = Matrix::new("Correlation", ["a", "b"], ["a", "b"], &[vec![1.0, -0.3], vec![-0.3, 1.0]]);
/// assert!(confusion.svg(360.0).contains("dog") && correlation.svg(360.0).contains("-0.3"));
/// ```
#[derive(Clone, Debug)]
pub struct Matrix {
    title: String,
    caption: String,
    rows: Vec<String>,
    columns: Vec<String>,
    /// What rows and columns are.
    sides: Option<(String, String)>,
    cells: Vec<Cell>,
}

#[derive(Clone, Debug)]
struct Cell {
    row: usize,
    column: usize,
    value: f64,
    /// From 0, the ground, to 1.
    shade: f64,
    colour: &'static str,
}

impl Matrix {
    /// A heat map. The largest absolute value has the full colour, blue if positive, orange if
    /// negative.
    ///
    /// # Panics
    /// If there are not as many rows and columns of values as names.
    #[track_caller]
    pub fn new<R: Into<String>, C: Into<String>>(
        title: impl Into<String>,
        rows: impl IntoIterator<Item = R>,
        columns: impl IntoIterator<Item = C>,
        values: &[Vec<f64>],
    ) -> Self {
        let mut matrix = Self::empty(title.into(), rows, columns);
        matrix.check(values.iter().map(Vec::len));
        let finite = values.iter().flatten().filter(|v| v.is_finite());
        let largest = finite.fold(0.0, |m: f64, v| m.max(v.abs()));
        matrix.fill(values.iter().map(|row| row.iter().copied()), |_, _, value| {
            let shade = if largest > 0.0 && value.is_finite() { value.abs() / largest } else { 0.0 };
            (shade, if value < 0.0 { "s2" } else { "s1" })
        });
        matrix
    }

    /// A confusion matrix: a row for each class holds how often it was predicted as each. Cells are
    /// shaded by their share of the row; errors are orange and shaded by its root: they
    /// are rare, and a single one is to be seen.
    ///
    /// # Panics
    /// If there are not as many rows and columns of counts as classes.
    #[track_caller]
    pub fn confusion<S: Into<String>>(
        title: impl Into<String>,
        classes: impl IntoIterator<Item = S>,
        counts: &[Vec<u64>],
    ) -> Self {
        let classes: Vec<String> = classes.into_iter().map(Into::into).collect();
        let mut matrix = Self::empty(title.into(), classes.clone(), classes);
        matrix.sides = Some(("label".into(), "predicted".into()));
        matrix.check(counts.iter().map(Vec::len));
        let totals: Vec<u64> = counts.iter().map(|row| row.iter().sum()).collect();
        matrix.fill(counts.iter().map(|row| row.iter().map(|&count| count as f64)), |row, column, count| {
            let share = count / totals[row].max(1) as f64;
            if row == column {
                (share, "s1")
            } else if count > 0.0 {
                (0.1 + 0.9 * share.sqrt(), "s2")
            } else {
                (0.0, "s2")
            }
        });
        matrix
    }

    /// How it is to be read.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    fn empty<R: Into<String>, C: Into<String>>(
        title: String,
        rows: impl IntoIterator<Item = R>,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        Self {
            title,
            caption: String::new(),
            rows: rows.into_iter().map(Into::into).collect(),
            columns: columns.into_iter().map(Into::into).collect(),
            sides: None,
            cells: Vec::new(),
        }
    }

    #[track_caller]
    fn check(&self, lengths: impl ExactSizeIterator<Item = usize>) {
        let (rows, columns) = (self.rows.len(), self.columns.len());
        assert!(lengths.len() == rows, "matrix {:?}: {} rows of values for {rows} names", self.title, lengths.len());
        for (i, length) in lengths.enumerate() {
            assert!(length == columns, "matrix {:?}: row {i} has {length} values for {columns} names", self.title);
        }
    }

    fn fill(
        &mut self,
        values: impl Iterator<Item = impl Iterator<Item = f64>>,
        shade: impl Fn(usize, usize, f64) -> (f64, &'static str),
    ) {
        for (row, values) in values.enumerate() {
            for (column, value) in values.enumerate() {
                let (shade, colour) = shade(row, column, value);
                self.cells.push(Cell { row, column, value, shade, colour });
            }
        }
    }
}

impl Figure for Matrix {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    fn description(&self) -> String {
        format!("{} rows, {} columns.", self.rows.len(), self.columns.len())
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut out = Markup::default();
        let widest = self.rows.iter().map(|name| text_width(name)).fold(0.0, f64::max);
        let side = if self.sides.is_some() { 16.0 } else { 0.0 };
        let left = (widest + 8.0).min(0.3 * width) + side;
        let top = 18.0 + side;
        let count = self.columns.len().max(1) as f64;
        let size = ((width - left - 2.0) / count).min(44.0);
        let height = size.min(30.0);
        if let Some((rows, columns)) = &self.sides {
            out.element("text", &[("class", &"name"), ("x", &Px(left)), ("y", &10)], format!("{columns} →"));
            let turned = format!("translate(10 {}) rotate(-90)", Px(top));
            out.element("text", &[("class", &"name end"), ("transform", &turned)], format!("← {rows}"));
        }
        // Where there is no room for a name, every so many have one.
        let every = |room: f64| (13.0 / room).ceil().max(1.0) as usize;
        for (i, name) in self.rows.iter().enumerate().step_by(every(height)) {
            let (x, y) = (Px(left - 6.0), Px(top + height * (i as f64 + 0.5) + 3.5));
            out.element("text", &[("class", &"tick end"), ("x", &x), ("y", &y)], fitted(name, left - side - 6.0));
        }
        let widest = self.columns.iter().map(|name| text_width(name)).fold(0.0, f64::max);
        let step = if size > 24.0 { 1 } else { ((widest + 4.0) / size).ceil().max(1.0) as usize };
        for (i, name) in self.columns.iter().enumerate().step_by(step) {
            let (x, y) = (Px(left + size * (i as f64 + 0.5)), Px(top - 6.0));
            let name = fitted(name, size * step as f64 - 2.0);
            out.element("text", &[("class", &"tick mid"), ("x", &x), ("y", &y)], name);
        }
        // Numbers in all cells or in none.
        let text = |cell: &Cell| rounded(cell.value);
        let fits = height >= 14.0 && self.cells.iter().all(|cell| text_width(&text(cell)) <= size - 2.0);
        for cell in &self.cells {
            self.draw_cell(&mut out, cell, fits.then(|| text(cell)), [left, top, size, height]);
        }
        Drawing { shapes: out, height: top + height * self.rows.len() as f64 + 4.0 }
    }
}

impl Matrix {
    fn draw_cell(&self, out: &mut Markup, cell: &Cell, text: Option<String>, [left, top, size, height]: [f64; 4]) {
        let value = Number(cell.value);
        let (x, y) = (left + size * cell.column as f64, top + height * cell.row as f64);
        if cell.shade > 0.0 {
            let told = match &self.sides {
                Some((r, c)) => format!("{r} {}, {c} {}: {value}", self.rows[cell.row], self.columns[cell.column]),
                None => format!("{}, {}: {value}", self.rows[cell.row], self.columns[cell.column]),
            };
            let gap = if size > 12.0 { 1.0 } else { 0.0 };
            let class = format_args!("cell {}", cell.colour);
            let shade = format!("{:.2}", cell.shade);
            out.titled(
                "rect",
                &[
                    ("class", &class),
                    ("x", &Px(x)),
                    ("y", &Px(y)),
                    ("width", &Px(size - gap)),
                    ("height", &Px(height - gap)),
                    ("fill-opacity", &shade),
                ],
                told,
            );
        }
        if let Some(text) = text {
            let class = match cell.shade {
                0.0 => "mid quiet",
                0.0..0.55 => "mid",
                _ => "mid over",
            };
            let (x, y) = (Px(x + 0.5 * (size - 1.0)), Px(y + 0.5 * (height - 1.0) + 4.0));
            out.element("text", &[("class", &class), ("x", &x), ("y", &y)], text);
        }
    }
}

/// A count as it is, another number to a hundredth.
fn rounded(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 10.0 { Number(value).to_string() } else { format!("{value:.2}") }
}
