//! The arguments of an operation: the attributes of its case, or what its expression says.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::expr::{self, Expr};

/// Arguments by name. Those that an operation has not read are its caller's to find with
/// [`Args::all_read`].
#[derive(Default)]
pub(crate) struct Args {
    named: serde_json::Map<String, Value>,
    /// From `f(x, 1, key=2)` in the expression, where there are no attributes.
    positional: Vec<Value>,
    read: RefCell<BTreeSet<String>>,
}

impl Args {
    /// The arguments of an entry with that many inputs.
    pub(crate) fn of(entry: &Value, inputs: usize) -> Self {
        let mut args = Self { named: entry["attrs"].as_object().cloned().unwrap_or_default(), ..Self::default() };
        let text = entry["expr"].as_str().unwrap_or("");
        if let (true, Some(Expr::Call(_, given))) = (args.named.is_empty(), expr::parse(text)) {
            let given = given.get(inputs..).unwrap_or(&[]);
            // `where(x>0, sqrt(x), 0)` is a formula, not a list of arguments.
            let arguments =
                given.iter().all(|argument| matches!(argument, Expr::Keyword(..)) || argument.literal().is_some());
            for argument in given.iter().filter(|_| arguments) {
                match argument {
                    Expr::Keyword(name, value) => {
                        args.named.extend(value.literal().map(|value| (name.clone(), value)));
                    }
                    _ => args.positional.extend(argument.literal()),
                }
            }
        }
        args
    }

    /// Arguments by position only.
    pub(crate) fn literals(positional: Vec<Value>) -> Self {
        Self { positional, ..Self::default() }
    }

    /// Whether every argument was read.
    pub(crate) fn all_read(&self) -> bool {
        let read = self.read.borrow();
        self.named.keys().all(|name| read.contains(name))
            && (0..self.positional.len()).all(|i| read.contains(&i.to_string()))
    }

    /// The argument called `name`, or else the one at `position` after the inputs.
    pub(crate) fn get(&self, name: &str, position: usize) -> Option<Value> {
        let mut read = self.read.borrow_mut();
        if let Some(value) = self.named.get(name) {
            read.insert(name.to_owned());
            return Some(value.clone());
        }
        read.insert(position.to_string());
        self.positional.get(position).cloned()
    }

    pub(crate) fn f64(&self, name: &str, position: usize) -> Option<f64> {
        self.get(name, position).and_then(|value| crate::data::number(&value))
    }

    pub(crate) fn f64_or(&self, name: &str, position: usize, default: f64) -> Option<f64> {
        self.get(name, position).map_or(Some(default), |value| crate::data::number(&value))
    }

    pub(crate) fn int(&self, name: &str, position: usize) -> Option<isize> {
        self.f64(name, position).filter(|v| v.fract() == 0.0).map(|v| v as isize)
    }

    pub(crate) fn int_or(&self, name: &str, position: usize, default: isize) -> Option<isize> {
        if self.get(name, position).is_some() { self.int(name, position) } else { Some(default) }
    }

    /// A number or a list of numbers.
    pub(crate) fn ints(&self, name: &str, position: usize) -> Option<Vec<isize>> {
        let whole = |v: f64| (v.fract() == 0.0).then_some(v as isize);
        match self.get(name, position)? {
            Value::Array(list) => list.iter().map(|v| v.as_f64().and_then(whole)).collect(),
            value => Some(vec![value.as_f64().and_then(whole)?]),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.named(name).map_or(Some(false), |value| value.as_bool())
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        Some(self.named(name)?.as_str()?.to_owned())
    }

    /// An argument that has no position.
    pub(crate) fn named(&self, name: &str) -> Option<Value> {
        self.get(name, usize::MAX)
    }
}
