//! The parameters of a space with the ranges of one stage.

use serde_json::{Map, Value, json};

use super::Distribution;
use crate::Record;

/// The value of each parameter of a space, in order; none where the parameter does not exist.
pub type Values = Vec<Option<f64>>;

/// One parameter of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name: the path of fields and variants that lead to it.
    pub name: String,
    /// Its range.
    pub distribution: Distribution,
    /// What its range may be widened to.
    pub limits: [f64; 2],
    /// The choices that are still open, if it is a choice.
    pub open: Vec<usize>,
    /// The choice that it needs in order to exist: the position of that parameter, and of its
    /// choice.
    pub when: Option<(usize, usize)>,
}

impl Parameter {
    /// The value at `u`, from 0 to 1, among those that are open.
    pub fn at(&self, u: f64) -> f64 {
        match self.distribution {
            Distribution::Choice { .. } => {
                let place = (u * self.open.len() as f64) as usize;
                self.open[place.min(self.open.len() - 1)] as f64
            }
            _ => self.distribution.at(u),
        }
    }

    /// How many values are open, if that is finite.
    pub fn count(&self) -> Option<usize> {
        match self.distribution {
            Distribution::Choice { .. } => Some(self.open.len()),
            _ => self.distribution.count(),
        }
    }
}

/// The parameters of a space, those first that others depend on, with the ranges of one stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranges(Vec<Parameter>);

impl Ranges {
    pub(super) fn new(parameters: Vec<Parameter>) -> Self {
        Self(parameters)
    }

    /// The parameters, in order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.0
    }

    pub(crate) fn parameters_mut(&mut self) -> &mut [Parameter] {
        &mut self.0
    }

    /// Chooses a value for every parameter that exists, in order.
    pub fn fill(&self, mut choose: impl FnMut(usize, &Parameter) -> f64) -> Values {
        let mut values = Values::with_capacity(self.0.len());
        for (i, parameter) in self.0.iter().enumerate() {
            let exists = exists(parameter, &values);
            values.push(exists.then(|| choose(i, parameter)));
        }
        values
    }

    /// The values of a trial of the journal.
    pub(crate) fn values_of(&self, trial: &Record) -> Values {
        self.0.iter().map(|parameter| trial.value(&parameter.name)).collect()
    }

    /// Whether these are values for exactly the parameters that exist, each within its range.
    pub fn contains(&self, values: &[Option<f64>]) -> bool {
        values.len() == self.0.len()
            && self.0.iter().zip(values).all(|(parameter, value)| match value {
                Some(value) => exists(parameter, values) && parameter.distribution.contains(*value),
                None => !exists(parameter, values),
            })
    }

    /// The ranges alone, for the journal.
    pub(crate) fn to_json(&self) -> Value {
        let entries = self.0.iter().map(|parameter| {
            let mut range = parameter.distribution.to_json();
            if matches!(parameter.distribution, Distribution::Choice { .. }) {
                range["open"] = json!(parameter.open);
            }
            (parameter.name.clone(), range)
        });
        Value::Object(entries.collect::<Map<_, _>>())
    }

    /// The same parameters with ranges from the journal; none if they are not those of this
    /// space.
    pub(crate) fn with_json(&self, json: &Value) -> Option<Self> {
        let ranges = json.as_object().filter(|ranges| ranges.len() == self.0.len())?;
        let parameters = self.0.iter().map(|parameter| {
            let range = ranges.get(&parameter.name)?;
            let distribution = Distribution::from_json(range).filter(Distribution::is_possible)?;
            let open = match (&parameter.distribution, &distribution) {
                (Distribution::Float { log, step, .. }, Distribution::Float { log: l, step: s, .. })
                    if (log, step) == (l, s) =>
                {
                    Vec::new()
                }
                (Distribution::Int { log, step, .. }, Distribution::Int { log: l, step: s, .. })
                    if (log, step) == (l, s) =>
                {
                    Vec::new()
                }
                (Distribution::Choice { choices }, Distribution::Choice { choices: same }) if choices == same => {
                    let open = range["open"].as_array()?.iter().filter_map(|i| i.as_u64().map(|i| i as usize));
                    open.filter(|&i| i < choices.len()).collect()
                }
                _ => return None,
            };
            let empty = open.is_empty() && matches!(distribution, Distribution::Choice { .. });
            (!empty).then(|| Parameter { distribution, open, ..parameter.clone() })
        });
        parameters.collect::<Option<Vec<_>>>().map(Self)
    }
}

/// Whether a parameter exists beside these values of those before it.
fn exists(parameter: &Parameter, values: &[Option<f64>]) -> bool {
    parameter.when.is_none_or(|(parent, choice)| values[parent] == Some(choice as f64))
}
