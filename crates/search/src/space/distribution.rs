//! The range of one parameter, and its scale from 0 to 1.

use std::fmt;

use serde_json::{Value, json};
use wengert_tensor::Float;

/// The range of one parameter. Values are `f64`: of a choice its position.
///
/// The three kinds, and their form as JSON, are those of Optuna's journals.
///
/// ```
/// use wengert_search::Distribution;
///
/// let lr = Distribution::Float { low: 1e-4, high: 1.0, log: true, step: None };
/// assert!((lr.at(0.5) - 1e-2).abs() < 1e-12);
/// assert!((lr.unit(1e-3) - 0.25).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// A real number.
    Float {
        /// The lower bound, included.
        low: f64,
        /// The upper bound, included.
        high: f64,
        /// Whether factors count instead of differences.
        log: bool,
        /// The distance of the values, counted from the lower bound.
        step: Option<f64>,
    },
    /// A whole number.
    Int {
        /// The lower bound, included.
        low: i64,
        /// The upper bound, included.
        high: i64,
        /// Whether factors count instead of differences.
        log: bool,
        /// The distance of the values, counted from the lower bound.
        step: i64,
    },
    /// One of several.
    Choice {
        /// How they are called.
        choices: Vec<Value>,
    },
}

/// A numeric range as samplers see it: a piece of the real line, linear or logarithmic, on which
/// every whole number owns the half step around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) log: bool,
    /// The smallest value and the distance of values, if they are discrete.
    pub(crate) grid: Option<(f64, f64)>,
    /// The bounds of the values themselves.
    bounds: [f64; 2],
}

impl Line {
    /// Where a value stands on the line.
    pub(crate) fn place(&self, value: f64) -> f64 {
        if self.log { Float::ln(value) } else { value }
    }

    /// The value at a place of the line, rounded to a permitted one.
    pub(crate) fn value(&self, place: f64) -> f64 {
        self.free_value(place).clamp(self.bounds[0], self.bounds[1])
    }

    /// The same, beyond the ends of the line too.
    pub(crate) fn free_value(&self, place: f64) -> f64 {
        let value = if self.log { Float::exp(place) } else { place };
        self.grid.map_or(value, |(low, step)| low + ((value - low) / step).round() * step)
    }
}

impl Distribution {
    /// A range with a step ends at the last value that it reaches.
    pub(crate) fn ends_at_a_step(mut self) -> Self {
        match &mut self {
            // A little more than the quotient: 0.3 is three steps of 0.1.
            Self::Float { low, high, step: Some(step), .. } => {
                *high = *low + ((*high - *low) / *step + 1e-9).floor() * *step;
            }
            Self::Int { low, high, step, .. } => *high = *low + (*high - *low) / *step * *step,
            _ => {}
        }
        self
    }

    /// Whether there is a value: a journal may have been edited by hand.
    pub(crate) fn is_possible(&self) -> bool {
        match *self {
            Self::Float { low, high, log, step } => {
                low <= high && (high - low).is_finite() && (!log || low > 0.0) && step.is_none_or(|step| step > 0.0)
            }
            Self::Int { low, high, log, step } => low <= high && (!log || low > 0) && step > 0,
            Self::Choice { ref choices } => !choices.is_empty(),
        }
    }

    /// The line of a numeric range.
    pub(crate) fn line(&self) -> Option<Line> {
        let (low, high, log, step) = match *self {
            Self::Float { low, high, log, step } => (low, high, log, step),
            Self::Int { low, high, log, step } => (low as f64, high as f64, log, Some(step as f64)),
            Self::Choice { .. } => return None,
        };
        let half = step.unwrap_or(0.0) / 2.0;
        let line = Line { low: low - half, high: high + half, log, grid: step.map(|s| (low, s)), bounds: [low, high] };
        Some(Line { low: line.place(line.low), high: line.place(line.high), ..line })
    }

    /// The bounds of a numeric range.
    pub fn bounds(&self) -> Option<[f64; 2]> {
        self.line().map(|line| line.bounds)
    }

    /// How many values there are, if that is finite.
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::Choice { choices } => Some(choices.len()),
            Self::Float { low, high, .. } if low == high => Some(1),
            _ => {
                let line = self.line()?;
                line.grid.map(|(low, step)| ((line.bounds[1] - low) / step).round() as usize + 1)
            }
        }
    }

    /// Whether factors count instead of differences.
    pub fn is_log(&self) -> bool {
        matches!(self, Self::Float { log: true, .. } | Self::Int { log: true, .. })
    }

    /// The value at `u`, from 0 to 1, of the range. Equal parts are equally likely values, on the
    /// range's own scale.
    pub fn at(&self, u: f64) -> f64 {
        match (self, self.line()) {
            (Self::Choice { choices }, _) => (u * choices.len() as f64).floor().clamp(0.0, choices.len() as f64 - 1.0),
            (_, Some(line)) => line.value(line.low + u * (line.high - line.low)),
            (_, None) => unreachable!("only choices are on no line"),
        }
    }

    /// Where in the range a value stands, from 0 to 1: of discrete values the middle of their
    /// part.
    pub fn unit(&self, value: f64) -> f64 {
        match (self, self.line()) {
            (Self::Choice { choices }, _) => (value + 0.5) / choices.len() as f64,
            (_, Some(line)) if line.high > line.low => (line.place(value) - line.low) / (line.high - line.low),
            _ => 0.5,
        }
    }

    /// Whether the value lies in the range.
    pub fn contains(&self, value: f64) -> bool {
        match self.bounds() {
            Some([low, high]) => (low..=high).contains(&value),
            None => value.fract() == 0.0 && value >= 0.0 && self.count().is_some_and(|n| value < n as f64),
        }
    }

    /// The value in words: a number with three significant digits, or the label of a choice.
    pub fn show(&self, value: f64) -> String {
        match self {
            Self::Choice { choices } => match choices.get(value as usize) {
                Some(Value::String(label)) => label.clone(),
                Some(label) => label.to_string(),
                None => "?".to_owned(),
            },
            Self::Int { .. } => format!("{value}"),
            Self::Float { .. } => short(value),
        }
    }

    /// As Optuna writes it.
    pub(crate) fn to_json(&self) -> Value {
        let (name, attributes) = match self {
            Self::Float { low, high, log, step } => {
                ("FloatDistribution", json!({"step": step, "low": low, "high": high, "log": log}))
            }
            Self::Int { low, high, log, step } => {
                ("IntDistribution", json!({"log": log, "step": step, "low": low, "high": high}))
            }
            Self::Choice { choices } => ("CategoricalDistribution", json!({"choices": choices})),
        };
        json!({"name": name, "attributes": attributes})
    }

    /// From what Optuna writes.
    pub(crate) fn from_json(json: &Value) -> Option<Self> {
        let at = &json["attributes"];
        let log = at["log"].as_bool().unwrap_or(false);
        match json["name"].as_str()? {
            "FloatDistribution" => Some(Self::Float {
                low: at["low"].as_f64()?,
                high: at["high"].as_f64()?,
                log,
                step: at["step"].as_f64(),
            }),
            "IntDistribution" => {
                let step = at["step"].as_i64().unwrap_or(1);
                Some(Self::Int { low: at["low"].as_i64()?, high: at["high"].as_i64()?, log, step })
            }
            "CategoricalDistribution" => Some(Self::Choice { choices: at["choices"].as_array()?.clone() }),
            _ => None,
        }
    }
}

/// Three significant digits, without zeros at the end.
pub(crate) fn short(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "NaN".to_owned() } else { format!("{value}") };
    }
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-3..1e5).contains(&rounded.abs()) { format!("{rounded:e}") } else { format!("{rounded}") }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bounds() {
            Some([low, high]) => write!(f, "{} … {}", self.show(low), self.show(high)),
            None => {
                let labels = (0..self.count().unwrap_or(0)).map(|i| self.show(i as f64));
                f.write_str(&labels.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_range() -> impl Strategy<Value = Distribution> {
        let float = (-1e3..1e3, 0.0..1e3).prop_map(|(low, w)| (low, low + w));
        let log = (1e-9..1.0, 1.0..1e6).prop_map(|(low, w)| (low, low * w));
        let int = (-1000i64..1000, 0i64..1000, 1i64..5);
        prop_oneof![
            float.clone().prop_map(|(low, high)| Distribution::Float { low, high, log: false, step: None }),
            float.prop_map(|(low, high)| Distribution::Float { low, high, log: false, step: Some(0.1) }.ends_at_a_step()),
            log.prop_map(|(low, high)| Distribution::Float { low, high, log: true, step: None }),
            int.prop_map(|(low, w, step)| Distribution::Int { low, high: low + w, log: false, step }.ends_at_a_step()),
            (1i64..1000, 0i64..1000).prop_map(|(low, w)| Distribution::Int { low, high: low + w, log: true, step: 1 }),
            (1usize..6).prop_map(|n| Distribution::Choice { choices: (0..n).map(Value::from).collect() }),
        ]
    }

    proptest! {
        #[test]
        fn every_part_of_the_scale_is_a_value_that_comes_back(range in any_range(), u in 0.0..1.0) {
            let value = range.at(u);
            prop_assert!(range.contains(value), "{value}");
            let again = range.at(range.unit(value));
            prop_assert!((again - value).abs() <= 1e-9 * value.abs().max(1.0), "{value} came back as {again}");
            prop_assert_eq!(Distribution::from_json(&range.to_json()), Some(range));
        }
    }

    #[test]
    fn discrete_values_are_equally_likely() {
        let ranges = [
            Distribution::Int { low: 1, high: 4, log: false, step: 1 },
            Distribution::Float { low: 0.0, high: 0.3, log: false, step: Some(0.1) },
            Distribution::Choice { choices: vec![1.into(), 2.into(), 3.into(), 4.into()] },
        ];
        for range in ranges {
            assert_eq!(range.count(), Some(4));
            let mut counts = [0; 4];
            for i in 0..4000 {
                let first = range.bounds().map_or(0.0, |b| b[0]);
                let step = if matches!(range, Distribution::Float { .. }) { 0.1 } else { 1.0 };
                counts[((range.at((i as f64 + 0.5) / 4000.0) - first) / step).round() as usize] += 1;
            }
            assert_eq!(counts, [1000; 4], "{range}");
        }
    }

    #[test]
    fn shown_numbers_are_short() {
        let shown = [0.0, 1.0, 0.012345, 1e-5, 123456.0, -0.5, f64::INFINITY].map(short);
        assert_eq!(shown, ["0", "1", "0.0123", "1e-5", "1.23e5", "-0.5", "inf"]);
    }
}
