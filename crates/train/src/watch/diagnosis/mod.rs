//! What is wrong with a run, in words, with the evidence and the next thing to try.

mod by_checks;
mod facts;
mod fit;
mod rate;
mod units;

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::History;
use facts::Facts;

/// What may be wrong with a run, the likeliest and most serious first. Nothing is found in a
/// healthy one. It prints as a list.
///
/// ```
/// use wengert_train::{Cause, Diagnosis, History, Task};
///
/// let mut history = History { task: Task::Classification { classes: 10 }, ..History::new(0) };
/// for step in 0..500 {
///     history.loss.push(step, 2.4 + 0.3 * step as f64);
///     history.gradient_norm.push(step, 10.0);
/// }
/// let diagnosis = Diagnosis::of(&history);
/// assert_eq!(diagnosis[0].cause, Cause::RateTooHigh);
/// println!("{diagnosis}");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis(pub Vec<Finding>);

/// Something that is wrong, or may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What is behind it.
    pub cause: Cause,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in a sentence.
    pub title: String,
    /// What says so, in numbers.
    pub evidence: Vec<String>,
    /// What to try, the most promising first.
    pub advice: Vec<String>,
    /// How likely and serious it is beside others.
    rank: u8,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// The run is not what it could be.
    Warning,
    /// The run is worth nothing as it is.
    Serious,
}

/// What is behind a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// A gradient is not that of the loss.
    WrongGradient,
    /// A number that is none came up without the learning rate being at fault.
    NotFinite,
    /// The learning rate is too high.
    RateTooHigh,
    /// The learning rate is too low.
    RateTooLow,
    /// The learning rate should fall by now.
    Plateau,
    /// Weights start where they get no gradient, or all the same.
    BadStart,
    /// The loss of the untrained model is far from what it should be.
    InitialLoss,
    /// Regularisation does not reach the loss.
    Regularisation,
    /// Relu units that are always 0.
    DeadUnits,
    /// Sigmoid or tanh units without a slope.
    SaturatedUnits,
    /// Gradients do not arrive at the first layers.
    VanishingGradients,
    /// Running statistics are not those of the batches.
    StaleStatistics,
    /// Inputs are not centred and scaled.
    UnscaledInputs,
    /// Examples come in an order.
    UnshuffledData,
    /// Labels do not go with the inputs, or are numbered wrongly.
    WrongLabels,
    /// Examples of one split are in another.
    Leak,
    /// The model learns its examples by heart.
    Overfitting,
    /// The model cannot do it, not even on its examples.
    Underfitting,
    /// The validation data are easier than the training data.
    ValidationBetter,
}

impl Diagnosis {
    /// The diagnosis of a run, finished or not.
    pub fn of(history: &History) -> Self {
        let facts = Facts::of(history);
        let mut found: Vec<Finding> = by_checks::findings(&facts);
        for rule in rate::RULES.iter().chain(units::RULES).chain(fit::RULES) {
            found.extend(rule(&facts));
        }
        let mut findings: Vec<Finding> = Vec::new();
        for finding in found {
            let place = findings.partition_point(|earlier| earlier.rank >= finding.rank);
            findings.insert(place, finding);
        }
        // What several rules found is named once, by the surest.
        let mut named = Vec::new();
        findings.retain(|finding| {
            let first = !named.contains(&finding.cause);
            named.push(finding.cause);
            first
        });
        Self(findings)
    }
}

impl Deref for Diagnosis {
    type Target = [Finding];

    fn deref(&self) -> &[Finding] {
        &self.0
    }
}

/// Looks for one thing.
type Rule = fn(&Facts<'_>) -> Option<Finding>;

impl Finding {
    fn new(cause: Cause, severity: Severity, rank: u8, title: impl Into<String>) -> Self {
        Self { cause, severity, title: title.into(), evidence: Vec::new(), advice: Vec::new(), rank }
    }

    fn because(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    fn because_if(self, holds: bool, evidence: impl FnOnce() -> String) -> Self {
        self.because_all(holds.then(evidence))
    }

    fn because_all(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    fn try_this(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }
}

/// As a page shows it.
impl From<&Finding> for wengert_report::Finding {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: match finding.severity {
                Severity::Note => wengert_report::Severity::Note,
                Severity::Warning => wengert_report::Severity::Warning,
                Severity::Serious => wengert_report::Severity::Serious,
            },
            title: finding.title.clone(),
            evidence: finding.evidence.clone(),
            advice: finding.advice.clone(),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Serious => "serious",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.title)?;
        self.evidence.iter().try_for_each(|evidence| write!(f, "\n   {evidence}"))?;
        self.advice.iter().try_for_each(|advice| write!(f, "\n   → {advice}"))
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing wrong was found");
        }
        for (i, finding) in self.iter().enumerate() {
            write!(f, "{}{}. {finding}", if i > 0 { "\n" } else { "" }, i + 1)?;
        }
        Ok(())
    }
}
