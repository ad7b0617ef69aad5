//! A table of text, and what tensors can be made of it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use wengert_tensor::{Float, Tensor};

use super::{Missing, TableError, TableErrorKind};
use crate::Labelled;

/// Rows of text under names, as [`Csv`](crate::Csv) reads them. What its fields mean is said when
/// tensors are made of them.
///
/// Several columns of numbers to be predicted, instead of a class:
///
/// ```
/// use wengert_train::{Csv, Labelled};
///
/// let table = Csv::new().parse(b"age,height,weight\n7,1.22,23\n9,1.34,28\n", "children")?;
/// let targets = table.select(&["height", "weight"])?.numbers()?;
/// let data: Labelled<f32, f32> = Labelled::new(table.without(&["height", "weight"])?.numbers()?, targets);
/// assert_eq!((data.features().shape(), data.labels().shape()), (&[2, 1].into(), &[2, 2].into()));
/// # Ok::<(), wengert_train::TableError>(())
/// ```
#[derive(Clone)]
pub struct Table {
    path: PathBuf,
    names: Vec<String>,
    /// Which fields of a row the columns are.
    fields: Vec<usize>,
    rows: Arc<Vec<Row>>,
    /// Texts that stand for missing values.
    missing: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Row {
    /// The line of the file where it begins.
    pub(super) line: u64,
    pub(super) fields: StringRecord,
}

impl Table {
    pub(super) fn new(path: &Path, names: Vec<String>, rows: Vec<Row>, missing: &[String]) -> Result<Self, TableError> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
            return Err(TableErrorKind::Twice(twice.clone()).at(path));
        }
        let fields = (0..names.len()).collect();
        Ok(Self { path: path.to_owned(), names, fields, rows: Arc::new(rows), missing: missing.to_vec() })
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text of a field, without the quotes or the space around it.
    ///
    /// # Panics
    /// If there is no such row or column.
    #[track_caller]
    pub fn text(&self, row: usize, column: usize) -> &str {
        &self.rows[row].fields[self.fields[column]]
    }

    /// Only these columns, in this order.
    ///
    /// # Errors
    /// If there is no column of one of the names.
    pub fn select(&self, names: &[&str]) -> Result<Self, TableError> {
        let columns = names.iter().map(|name| self.column(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.with_columns(&columns))
    }

    /// All columns but these.
    ///
    /// # Errors
    /// If there is no column of one of the names.
    pub fn without(&self, names: &[&str]) -> Result<Self, TableError> {
        self.select(names)?;
        let others: Vec<usize> = (0..self.names.len()).filter(|&i| !names.contains(&&*self.names[i])).collect();
        Ok(self.with_columns(&others))
    }

    fn column(&self, name: &str) -> Result<usize, TableError> {
        let found = self.names.iter().position(|known| known == name);
        found.ok_or_else(|| TableErrorKind::Unknown { name: name.to_owned(), known: self.names.clone() }.at(&self.path))
    }

    fn with_columns(&self, columns: &[usize]) -> Self {
        Self {
            names: columns.iter().map(|&column| self.names[column].clone()).collect(),
            fields: columns.iter().map(|&column| self.fields[column]).collect(),
            ..self.clone()
        }
    }

    fn is_missing(&self, text: &str) -> bool {
        self.missing.iter().any(|missing| missing.eq_ignore_ascii_case(text))
    }

    /// Every place without a value, row by row.
    pub fn missing(&self) -> Vec<Missing> {
        let places = (0..self.len()).flat_map(|row| (0..self.names.len()).map(move |column| (row, column)));
        places
            .filter(|&(row, column)| self.is_missing(self.text(row, column)))
            .map(|(row, column)| Missing {
                line: self.rows[row].line,
                row,
                column: self.fields[column] + 1,
                name: self.names[column].clone(),
            })
            .collect()
    }

    /// Only the rows in which every column has a value.
    pub fn without_missing(&self) -> Self {
        let whole = |row: &&Row| self.fields.iter().all(|&field| !self.is_missing(&row.fields[field]));
        Self { rows: Arc::new(self.rows.iter().filter(whole).cloned().collect()), ..self.clone() }
    }

    /// All columns as numbers: `[rows, columns]`.
    ///
    /// # Errors
    /// If a value is missing, or a text is not a number or too large for the type.
    pub fn numbers<T: Float>(&self) -> Result<Tensor<T>, TableError> {
        self.complete()?;
        self.numbers_or(T::NAN)
    }

    /// As [`Table::numbers`], with `fill` where a value is missing.
    ///
    /// # Errors
    /// If a text is not a number or too large for the type.
    pub fn numbers_or<T: Float>(&self, fill: T) -> Result<Tensor<T>, TableError> {
        let mut values = Vec::with_capacity(self.len() * self.names.len());
        for row in 0..self.len() {
            for column in 0..self.names.len() {
                let text = self.text(row, column);
                if self.is_missing(text) {
                    values.push(fill);
                    continue;
                }
                let number = text.parse::<f64>().map_err(|_| self.field(row, column, "a number"))?;
                let value = T::from_f64(number);
                if !value.is_finite() {
                    return Err(self.field(row, column, "a finite number"));
                }
                values.push(value);
            }
        }
        Ok(Tensor::from_vec(values, [self.len(), self.names.len()]))
    }

    /// A column of any texts as classes: the number of each row's, and their names in the order
    /// of the alphabet, or of their size where all are numbers.
    ///
    /// # Errors
    /// If there is no such column, or a value in it is missing.
    pub fn classes(&self, name: &str) -> Result<(Tensor<i64>, Vec<String>), TableError> {
        let column = self.column(name)?;
        let texts: BTreeSet<&str> = (0..self.len()).map(|row| self.text(row, column)).collect();
        let mut classes: Vec<String> = texts.into_iter().map(str::to_owned).collect();
        let number = |class: &String| class.parse::<f64>().ok();
        if classes.iter().all(|class| number(class).is_some()) {
            classes.sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal));
        }
        Ok((self.classes_of(name, &classes)?, classes))
    }

    /// As [`Table::classes`], numbered as in `classes`: so that another file, which may lack
    /// some, has the same numbers.
    ///
    /// # Errors
    /// If there is no such column, or a value in it is missing or none of the classes.
    pub fn classes_of(&self, name: &str, classes: &[String]) -> Result<Tensor<i64>, TableError> {
        let column = self.column(name)?;
        self.with_columns(&[column]).complete()?;
        let numbers: BTreeMap<&str, i64> = classes.iter().map(String::as_str).zip(0..).collect();
        let number = |row: usize| {
            numbers.get(self.text(row, column)).copied().ok_or_else(|| self.field(row, column, "one of the classes"))
        };
        (0..self.len()).map(number).collect::<Result<Vec<_>, _>>().map(Tensor::from)
    }

    /// The column `label` as classes, with their names, and all others as numbers.
    ///
    /// # Errors
    /// As [`Table::classes`] and [`Table::numbers`].
    pub fn labelled<T: Float>(&self, label: &str) -> Result<(Labelled<T>, Vec<String>), TableError> {
        self.column(label)?;
        self.complete()?;
        let (labels, classes) = self.classes(label)?;
        Ok((Labelled::new(self.without(&[label])?.numbers()?, labels), classes))
    }

    /// Whether no value is missing.
    fn complete(&self) -> Result<(), TableError> {
        let mut missing = self.missing();
        if missing.is_empty() {
            return Ok(());
        }
        let others = missing.len() - 1;
        Err(TableErrorKind::Missing { first: missing.swap_remove(0), others }.at(&self.path))
    }

    fn field(&self, row: usize, column: usize, expected: &'static str) -> TableError {
        let (name, text) = (self.names[column].clone(), self.text(row, column).to_owned());
        TableErrorKind::Field { line: self.rows[row].line, column: self.fields[column] + 1, name, text, expected }
            .at(&self.path)
    }
}

/// Not the fields, of which there may be millions.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({}: {} rows of {:?})", self.path.display(), self.len(), self.names)
    }
}
