//! The pass rule of `meta`, and the conventions that `conv` cases leave open.

use serde_json::Value;

use crate::data::{self, Data};
use crate::expr;

/// How close is close enough.
#[derive(Clone, Copy)]
pub(crate) struct Tolerance {
    pub(crate) relative: f64,
    pub(crate) absolute: f64,
}

/// Operations whose expected numbers, from a derivative of some order on, are themselves rounded,
/// by how much, and why: PyTorch's arithmetic is not of double precision throughout.
const ROUNDED: [(&str, u32, f64, &str); 6] = [
    ("hardsigmoid", 0, 4e-8, "its slope is 1/6 in single precision"),
    ("polygamma", 0, 1e-9, "a series that stops early"),
    ("digamma", 1, 1e-9, "its derivative is that series"),
    ("lgamma", 2, 1e-9, "its second derivative is that series"),
    ("bce", 2, 1e-10, "p·(1 − p) is made larger by 1e-12"),
    ("bce_loss", 2, 1e-10, "as above"),
];

impl Tolerance {
    /// Of an entry, by default that of `meta`.
    pub(crate) fn of(entry: &Value, meta: &Value) -> Self {
        let number = |value: &Value, default| value.as_f64().unwrap_or(default);
        Self {
            relative: number(&entry["tol"], number(&meta["default_tol_rel"], 1e-12)),
            absolute: number(&entry["atol"], number(&meta["default_atol"], 1e-14)),
        }
    }

    /// For a derivative of this order of an entry.
    pub(crate) fn order(self, order: u32, entry: &Value) -> Self {
        let rounded = ROUNDED.iter().find(|(op, from, ..)| entry["op"] == *op && order >= *from);
        rounded.map_or(self, |(_, _, by, _)| self.at_least(*by))
    }

    /// With room for so many digits as a type has.
    pub(crate) fn at_least(self, relative: f64) -> Self {
        Self { relative: self.relative.max(relative), ..self }
    }

    /// NaN matches NaN, infinities match with their sign.
    pub(crate) fn matches(self, got: f64, want: f64) -> bool {
        if want.is_nan() {
            got.is_nan()
        } else if want.is_infinite() {
            got == want
        } else {
            (got - want).abs() <= self.absolute + self.relative * want.abs()
        }
    }

    pub(crate) fn all_match(self, got: &[f64], want: &[f64]) -> Result<(), String> {
        if got.len() != want.len() {
            return Err(format!("{} values, not {}", got.len(), want.len()));
        }
        match got.iter().zip(want).position(|(&got, &want)| !self.matches(got, want)) {
            Some(i) => Err(format!("[{i}] is {:?}, not {:?}", got[i], want[i])),
            None => Ok(()),
        }
    }
}

/// Whether `got` is `want` or, element by element, the exact value or another accepted one.
pub(crate) fn check(got: &Data, want: &Data, others: &[Vec<Option<f64>>], tol: Tolerance) -> Result<(), String> {
    if got.shape != want.shape {
        return Err(format!("has shape {:?}, not {:?}", got.shape, want.shape));
    }
    if got.dtype != want.dtype {
        return Err(format!("is {:?}, not {:?}", got.dtype, want.dtype));
    }
    for (i, (&value, &expected)) in got.values.iter().zip(&want.values).enumerate() {
        let also = |list: &Vec<Option<f64>>| list.get(i).copied().flatten().is_some_and(|v| tol.matches(value, v));
        if !tol.matches(value, expected) && !others.iter().any(also) {
            return Err(format!("[{i}] is {value:?}, not {expected:?}"));
        }
    }
    Ok(())
}

/// Values that are right too, for the first output and the first gradient.
#[derive(Default)]
pub(crate) struct Alternatives {
    pub(crate) outputs: Vec<Vec<Option<f64>>>,
    pub(crate) grads: Vec<Vec<Option<f64>>>,
    /// The exact gradient, where it differs from PyTorch's.
    exact: Vec<Option<f64>>,
}

/// Operations for which the documentation states another convention than PyTorch's.
const DOCUMENTED: [(&str, &str); 3] = [
    ("where", "no gradient reaches the branch that was not chosen, even where it is NaN"),
    ("gelu", "the limits at both infinities"),
    ("log_softmax", "accurate where one class has all the mass"),
];

impl Alternatives {
    pub(crate) fn of(entry: &Value) -> Self {
        let mut found = Self::default();
        found.outputs.extend(exact(&entry["exact_outputs"]));
        found.exact = exact(&entry["exact_grads"]).unwrap_or_default();
        found.grads.push(found.exact.clone());
        if DOCUMENTED.iter().any(|(op, _)| entry["op"] == *op) {
            let weights = data::numbers(&entry["weights"][0]).unwrap_or_default();
            for accepted in entry["accept"].as_array().into_iter().flatten() {
                found.accept(accepted, &weights);
            }
        }
        found
    }

    /// Where PyTorch's second derivative is NaN although the exact first one is finite, any
    /// finite number.
    pub(crate) fn of_second(&self, got: &Data, want: &Data) -> Vec<Option<f64>> {
        let finite = |v: &f64| v.is_finite();
        let known = |i: usize| self.exact.get(i).copied().flatten().as_ref().is_some_and(finite);
        let any = |(i, (got, want)): (usize, (&f64, &f64))| (want.is_nan() && known(i) && finite(got)).then_some(*got);
        got.values.iter().zip(&want.values).enumerate().map(any).collect()
    }

    /// An entry of `accept`: a list of gradients, or `outputs a, b; grads c, d`, `finite: c, d`,
    /// `outputs[i]=a`, where `w` is the weight of the element. Other texts say nothing.
    fn accept(&mut self, accepted: &Value, weights: &[f64]) {
        let Some(text) = accepted.as_str() else {
            let list = accepted.as_array().map(|list| list.iter().enumerate().map(|(i, v)| element(v, i, weights)));
            self.grads.extend(list.map(Iterator::collect));
            return;
        };
        for part in text.split(';').map(str::trim) {
            let listed = |list: &str| -> Option<Vec<Option<f64>>> {
                let values = expr::parse_list(list)?.into_iter().enumerate();
                Some(values.map(|(i, e)| e.number_with(&|name| named(name, i, weights))).collect())
            };
            if let Some(list) = part.strip_prefix("outputs ") {
                self.outputs.extend(listed(list));
            } else if let Some(list) = part.strip_prefix("grads ").or(part.strip_prefix("finite: ")) {
                self.grads.extend(listed(list));
            } else if let Some((i, value)) = part.strip_prefix("outputs[").and_then(|rest| rest.split_once("]="))
                && let (Ok(i), Ok(value)) = (i.parse::<usize>(), value.parse::<f64>())
            {
                let mut list = vec![None; i];
                list.push(Some(value));
                self.outputs.push(list);
            }
        }
    }
}

fn exact(value: &Value) -> Option<Vec<Option<f64>>> {
    Some(value.as_array()?.iter().map(data::number).collect())
}

fn element(value: &Value, i: usize, weights: &[f64]) -> Option<f64> {
    data::number(value).or_else(|| expr::parse(value.as_str()?)?.number_with(&|name| named(name, i, weights)))
}

fn named(name: &str, i: usize, weights: &[f64]) -> Option<f64> {
    match name {
        "w" => weights.get(i).copied(),
        "inf" => Some(f64::INFINITY),
        "nan" => Some(f64::NAN),
        _ => None,
    }
}
