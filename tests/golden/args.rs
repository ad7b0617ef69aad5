//! The arguments of an operation: the attributes of its case, or what its expression says.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::expr::{self, Expr};

/// Spellings of the same argument.
const SPELLINGS: &[&[&str]] = &[
    &["dim", "dims", "axis", "axes", "dimension"],
    &["dims", "dim", "axes", "axis"],
    &["dim0", "axis0", "axis1"],
    &["dim1", "axis2", "axis1"],
    &["dim2", "axis2"],
    &["keepdim", "keepdims"],
    &["correction", "ddof", "unbiased"],
    &["kernel", "kernel_size", "size"],
    &["out", "output_size", "bins"],
    &["p", "ord"],
    &["scale_factor", "scale"],
    &["shape", "size", "sizes"],
    &["size", "split_size"],
    &["step", "stride"],
    &["reps", "repeats", "times"],
    &["k", "diagonal", "offset"],
    &["repeats", "reps", "times"],
    &["shifts", "shift"],
    &["eq", "equation"],
    &["r", "upscale_factor", "downscale_factor", "factor"],
    &["lambd", "lambda"],
    &["negative_slope", "slope", "alpha"],
    &["num_classes", "classes", "depth"],
    &["groups", "num_groups"],
];

/// Arguments by name. Those that an operation has not read are its caller's to find with
/// [`Args::all_read`].
#[derive(Default)]
pub(crate) struct Args {
    named: serde_json::Map<String, Value>,
    /// From `f(x, 1, key=2)` in the expression, where there are no attributes.
    positional: Vec<Value>,
    /// The expression, for what it says in words: `k3 s1`.
    text: String,
    read: RefCell<BTreeSet<String>>,
}

impl Args {
    /// The arguments of an entry with that many inputs.
    pub(crate) fn of(entry: &Value, inputs: usize) -> Self {
        let text = entry["expr"].as_str().unwrap_or("");
        let mut args = Self {
            named: entry["attrs"].as_object().cloned().unwrap_or_default(),
            text: text.to_owned(),
            ..Self::default()
        };
        // A remark may follow the call.
        let call = text.split_once(") ").map_or(text, |(call, _)| &text[..=call.len()]);
        if let (true, Some(Expr::Call(_, given))) = (args.named.is_empty(), expr::parse(call)) {
            // `scatter(x, 0, i, src)` names its inputs, `cat([2,3], [2,4], 0)` begins with them.
            let named = given.iter().filter(|argument| argument.is_name()).count();
            let given: Vec<Expr> = if named == inputs {
                given.into_iter().filter(|argument| !argument.is_name()).collect()
            } else {
                given.into_iter().skip(inputs).collect()
            };
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

    /// Those of `lr=0.1 momentum=-1`.
    pub(crate) fn settings(text: &str) -> Option<Self> {
        let mut args = Self::default();
        for setting in expr::parse_list(text)? {
            let (name, value) = match setting {
                Expr::Keyword(name, value) => (name, value.literal()?),
                // A name alone is a flag.
                Expr::Name(name) => (name, Value::Bool(true)),
                _ => return None,
            };
            args.named.insert(name, value);
        }
        Some(args)
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

    /// The argument called `name`, by any of its spellings, or else the one at `position` after
    /// the inputs.
    pub(crate) fn get(&self, name: &str, position: usize) -> Option<Value> {
        let mut read = self.read.borrow_mut();
        let others = SPELLINGS.iter().find(|row| row[0] == name).map_or(&[][..], |row| &row[1..]);
        for spelling in [name].iter().chain(others) {
            if let Some(value) = self.named.get(*spelling) {
                read.insert((*spelling).to_owned());
                return Some(value.clone());
            }
        }
        read.insert(position.to_string());
        self.positional.get(position).cloned()
    }

    /// The number after a letter in words such as `k3 s1`.
    pub(crate) fn letter(&self, letter: &str) -> Option<usize> {
        self.text.split_whitespace().find_map(|word| word.strip_prefix(letter)?.parse().ok())
    }

    /// The list after a word: `pad(0,2)`.
    pub(crate) fn word(&self, word: &str) -> Option<Vec<usize>> {
        let (_, rest) = self.text.split_once(&format!("{word}("))?;
        rest.split_once(')')?.0.split(',').map(|n| n.trim().parse().ok()).collect()
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
