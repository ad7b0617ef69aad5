//! Tables of comma-separated values.

mod error;
mod table;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};

use super::gzip;

pub use error::{Missing, TableError, TableErrorKind};
use table::Row;
pub use table::Table;

/// How a file of comma-separated values is to be read: by RFC 4180, unless told otherwise. The
/// file may be compressed by gzip.
///
/// ```
/// use wengert_train::Csv;
///
/// # let path = std::env::temp_dir().join(format!("wengert-{}.csv", std::process::id()));
/// std::fs::write(&path, "length,width,kind\n5.1,3.5,setosa\n7.0,3.2,\"versicolor\"\n5.0,,setosa\n")?;
/// let table = Csv::new().read(&path)?;
/// assert_eq!(table.names(), ["length", "width", "kind"]);
///
/// // A missing value is never taken for a number.
/// let error = table.labelled::<f32>("kind").unwrap_err();
/// assert!(error.to_string().contains("line 4, column 2 `width`: no value"));
/// let (data, kinds) = table.without_missing().labelled::<f32>("kind")?;
/// assert_eq!(data.features().shape(), &[2, 2]);
/// assert_eq!(kinds, ["setosa", "versicolor"]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Csv {
    delimiter: u8,
    header: bool,
    missing: Vec<String>,
}

impl Default for Csv {
    fn default() -> Self {
        Self::new()
    }
}

impl Csv {
    /// A line of names, then a line for each row, their fields separated by commas. Fields without
    /// a character, and `?`, `NA`, `N/A`, `NaN` and `null` in small or capital letters, stand for
    /// missing values.
    pub fn new() -> Self {
        let missing = ["", "?", "NA", "N/A", "NaN", "null"].map(str::to_owned).to_vec();
        Self { delimiter: b',', header: true, missing }
    }

    /// The character between fields.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// The first line is a row too. The columns are called by their numbers, from `1`.
    pub fn no_header(mut self) -> Self {
        self.header = false;
        self
    }

    /// What stands for a missing value, in small or capital letters, instead of those of
    /// [`Csv::new`].
    pub fn missing(mut self, texts: &[&str]) -> Self {
        self.missing = texts.iter().map(|&text| text.to_owned()).collect();
        self
    }

    /// The table in a file.
    ///
    /// # Errors
    /// If the file cannot be read or holds no table: rows of unequal length, no rows, a quote
    /// that is never closed, names that occur twice.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Table, TableError> {
        let path = path.as_ref();
        let bytes = fs::read(path).and_then(gzip::unpacked);
        let bytes = bytes.map_err(|error| TableErrorKind::Io(error).at(path))?;
        self.parse(&bytes, path)
    }

    /// The table in these bytes; `name` stands in errors where else the file's would.
    ///
    /// # Errors
    /// As [`Csv::read`].
    pub fn parse(&self, bytes: &[u8], name: impl AsRef<Path>) -> Result<Table, TableError> {
        let path = name.as_ref();
        let (header, rows) = self.records(bytes).map_err(|kind| kind.at(path))?;
        let names = match header {
            Some(header) => header.iter().map(str::to_owned).collect(),
            None => (1..=rows[0].fields.len()).map(|number| number.to_string()).collect(),
        };
        Table::new(path, names, rows, &self.missing)
    }

    /// The header, if there is one, and the rows.
    fn records(&self, bytes: &[u8]) -> Result<(Option<StringRecord>, Vec<Row>), TableErrorKind> {
        let mut reader =
            ReaderBuilder::new().delimiter(self.delimiter).has_headers(self.header).trim(Trim::All).from_reader(bytes);
        let syntax = |error| syntax(bytes, error);
        let header = if self.header { Some(reader.headers().map_err(syntax)?.clone()) } else { None };
        let mut rows = Vec::new();
        let mut last = 0;
        for record in reader.records() {
            let record = record.map_err(syntax)?;
            let at = record.position().expect("it was read");
            last = at.byte() as usize;
            rows.push(Row { line: line(bytes, at), fields: record });
        }
        if rows.is_empty() {
            return Err(TableErrorKind::Empty);
        }
        // Whatever follows a quote that is never closed is its text, so it is the last row's.
        if bytes[last..].iter().filter(|&&byte| byte == b'"').count() % 2 == 1 {
            return Err(TableErrorKind::Quote { line: rows[rows.len() - 1].line });
        }
        Ok((header, rows))
    }
}

fn syntax(bytes: &[u8], error: csv::Error) -> TableErrorKind {
    let line = error.position().map_or(1, |at| line(bytes, at));
    match error.into_kind() {
        ErrorKind::Io(error) => TableErrorKind::Io(error),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            TableErrorKind::Fields { line, expected: expected_len as usize, found: len as usize }
        }
        _ => TableErrorKind::Utf8 { line },
    }
}

/// The line where a record begins, whose position is before the empty lines that precede it.
fn line(bytes: &[u8], at: &Position) -> u64 {
    let before = bytes[at.byte() as usize..].iter().take_while(|byte| b"\r\n".contains(byte));
    at.line() + before.filter(|&&byte| byte == b'\n').count() as u64
}
