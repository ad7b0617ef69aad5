//! Why examples cannot be had.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why a batch could not be made: the examples concerned, and what was wrong.
#[derive(Debug)]
pub struct DataError {
    items: Vec<usize>,
    origin: Option<String>,
    cause: Box<dyn Error + Send + Sync>,
}

impl DataError {
    /// What was wrong with example `index`.
    pub fn new(index: usize, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { items: vec![index], origin: None, cause: cause.into() }
    }

    /// The examples of which one is at fault: a single one, unless they were asked for all at
    /// once. Their numbers are those in the set that was asked.
    pub fn items(&self) -> &[usize] {
        &self.items
    }

    /// The same with where the example comes from.
    pub(super) fn of(self, origin: Option<String>) -> Self {
        Self { origin, ..self }
    }

    /// The same with other numbers of examples, those of the set around.
    pub(super) fn renumbered(self, number: impl Fn(usize) -> usize) -> Self {
        Self { items: self.items.into_iter().map(number).collect(), ..self }
    }

    /// What `make` makes of these examples; its panic is an error too.
    pub(super) fn guard<R>(items: &[usize], make: impl FnOnce() -> Result<R, Self>) -> Result<R, Self> {
        catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|payload| {
            let cause = format!("panicked: {}", message(&*payload)).into();
            Err(Self { items: items.to_vec(), origin: None, cause })
        })
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.items[..] {
            [item] => write!(f, "example {item}")?,
            items => write!(f, "one of the examples {items:?}")?,
        }
        if let Some(origin) = &self.origin {
            write!(f, " ({origin})")?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl Error for DataError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}
