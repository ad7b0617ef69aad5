//! What can be wrong with a table.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a table could not be read, or not be used as it should.
#[derive(Debug)]
pub struct TableError {
    path: PathBuf,
    /// What is wrong.
    pub kind: TableErrorKind,
}

/// What is wrong with a table. Lines and columns are counted from 1.
#[derive(Debug)]
#[non_exhaustive]
pub enum TableErrorKind {
    /// The file cannot be read, or is not what gzip wrote.
    Io(io::Error),
    /// There are no rows.
    Empty,
    /// A row is not UTF-8.
    Utf8 {
        /// The line where it begins.
        line: u64,
    },
    /// A row has more or fewer fields than those before it.
    Fields {
        /// The line where it begins.
        line: u64,
        /// The fields of the rows before.
        expected: usize,
        /// Its fields.
        found: usize,
    },
    /// A quote is opened and never closed.
    Quote {
        /// The line where the last row begins.
        line: u64,
    },
    /// Two columns have this name.
    Twice(String),
    /// There is no column of this name.
    Unknown {
        /// The name.
        name: String,
        /// The columns that there are.
        known: Vec<String>,
    },
    /// There is no value where one is needed.
    Missing {
        /// The first place.
        first: Missing,
        /// How many more there are.
        others: usize,
    },
    /// A field is not what it should be.
    Field {
        /// The line where its row begins.
        line: u64,
        /// The number of its column.
        column: usize,
        /// The name of its column.
        name: String,
        /// Its text.
        text: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// A place of a table where there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The line of the file where the row begins, from 1.
    pub line: u64,
    /// The row, from 0, without the header.
    pub row: usize,
    /// The number of the column, from 1.
    pub column: usize,
    /// The name of the column.
    pub name: String,
}

impl TableErrorKind {
    pub(super) fn at(self, path: &Path) -> TableError {
        TableError { path: path.to_owned(), kind: self }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.kind {
            TableErrorKind::Io(error) => write!(f, "{error}"),
            TableErrorKind::Empty => f.write_str("it has no rows; if its only line is one, use `no_header`"),
            TableErrorKind::Utf8 { line } => write!(f, "line {line}: it is not UTF-8; is it text?"),
            TableErrorKind::Fields { line, expected, found } => {
                write!(
                    f,
                    "line {line}: it has {found} fields, the lines before have {expected}; is the delimiter right?"
                )
            }
            TableErrorKind::Quote { line } => {
                write!(f, "line {line}: a quote is opened and never closed; close it there")
            }
            TableErrorKind::Twice(name) => {
                write!(f, "two columns are called `{name}`; if the first line holds no names, use `no_header`")
            }
            TableErrorKind::Unknown { name, known } => {
                write!(f, "no column is called `{name}`, but these are: `{}`", known.join("`, `"))
            }
            TableErrorKind::Missing { first: Missing { line, column, name, .. }, others } => {
                write!(f, "line {line}, column {column} `{name}`: no value")?;
                if *others > 0 {
                    write!(f, " (and {others} more are missing)")?;
                }
                write!(
                    f,
                    "; `missing` lists such places, `without_missing` leaves out their rows, `numbers_or` fills them"
                )
            }
            TableErrorKind::Field { line, column, name, text, expected } => {
                write!(
                    f,
                    "line {line}, column {column} `{name}`: `{text}` is not {expected}; mend it, or leave its column out \
                     by `without`, or name it in `Csv::missing` if it stands for no value"
                )
            }
        }
    }
}

impl Error for TableError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            TableErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}
