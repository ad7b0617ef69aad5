//! Checking a state before anything is changed by it.

use std::fmt;

use indexmap::IndexSet;
use wengert_tensor::{Element, Shape, Tensor};

use crate::StateDict;

/// Why a state does not fit what it was to be loaded into: every entry that does not. Nothing
/// has changed.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LoadError {
    /// Entries that should be there.
    pub missing: Vec<String>,
    /// Entries that nobody asked for.
    pub unexpected: Vec<String>,
    /// Entries of another shape: the name, the shape that fits and the shape that was found.
    pub misshapen: Vec<(String, Shape, Shape)>,
    /// Entries whose value cannot be: the name and the reason.
    pub invalid: Vec<(String, String)>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the state does not fit")?;
        for (what, names) in [("missing", &self.missing), ("unexpected", &self.unexpected)] {
            if !names.is_empty() {
                write!(f, "\n  {} {what}: {}", names.len(), names.join(", "))?;
            }
        }
        for (name, expected, found) in &self.misshapen {
            write!(f, "\n  {name} should have the shape {expected}, not {found}")?;
        }
        for (name, why) in &self.invalid {
            write!(f, "\n  {name} {why}")?;
        }
        if let Some(part) = self.part_of_missing() {
            write!(f, "\n  all that is missing is there as part of `{part}`: load `state.part({part:?})`")?;
        }
        Ok(())
    }
}

impl LoadError {
    /// The part of the state that has every missing entry, as in the state of a model that was wrapped.
    fn part_of_missing(&self) -> Option<&str> {
        let (first, rest) = self.missing.split_first()?;
        let parts = self.unexpected.iter().filter_map(|name| name.strip_suffix(&**first)?.strip_suffix('.'));
        let mut whole =
            parts.filter(|part| rest.iter().all(|name| self.unexpected.contains(&format!("{part}.{name}"))));
        whole.next()
    }
}

impl std::error::Error for LoadError {}

/// A state whose entries are asked for one after the other; what does not fit is gathered.
pub(crate) struct Check<'a> {
    state: &'a StateDict,
    asked: IndexSet<String>,
    error: LoadError,
}

impl<'a> Check<'a> {
    pub(crate) fn new(state: &'a StateDict) -> Self {
        Self { state, asked: IndexSet::new(), error: LoadError::default() }
    }

    /// The entry `name` if it has this shape.
    pub(crate) fn tensor<T: Element>(&mut self, name: impl Into<String>, shape: &Shape) -> Option<Tensor<T>> {
        let name = name.into();
        self.asked.insert(name.clone());
        let Some(tensor) = self.state.get(&name) else {
            self.error.missing.push(name);
            return None;
        };
        if tensor.shape() != shape {
            self.error.misshapen.push((name, shape.clone(), tensor.shape().clone()));
            return None;
        }
        Some(tensor.to())
    }

    /// The number `name` if it is one of those that `fits`.
    pub(crate) fn number(&mut self, name: &str, what: &str, fits: impl Fn(f64) -> bool) -> Option<f64> {
        let value = self.tensor::<f64>(name, &Shape::scalar())?.item();
        if !fits(value) {
            self.error.invalid.push((name.to_owned(), format!("is {value}, not {what}")));
            return None;
        }
        Some(value)
    }

    /// A count of things, which a number holds exactly.
    pub(crate) fn count(&mut self, name: &str) -> Option<u64> {
        let whole = |v: f64| (0.0..=9_007_199_254_740_992.0).contains(&v) && v.fract() == 0.0;
        self.number(name, "a whole number from 0 to 2^53", whole).map(|v| v as u64)
    }

    /// Accepts an entry that stands for one that was asked for.
    pub(crate) fn also(&mut self, name: &str) {
        self.asked.insert(name.to_owned());
    }

    /// Whether every entry was there and fitted, and no other is.
    pub(crate) fn finish(mut self) -> Result<(), LoadError> {
        let unexpected = self.state.iter().filter(|(name, _)| !self.asked.contains(*name));
        self.error.unexpected = unexpected.map(|(name, _)| name.to_owned()).collect();
        if self.error == LoadError::default() { Ok(()) } else { Err(self.error) }
    }
}
