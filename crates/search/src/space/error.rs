//! Spaces that cannot be searched.

use std::error::Error;
use std::fmt;

/// Why a space cannot be searched: the parameter, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceError {
    /// The name of the parameter.
    pub parameter: String,
    /// What is wrong with it.
    pub kind: SpaceErrorKind,
}

/// What can be wrong with a parameter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SpaceErrorKind {
    /// There is nothing to choose from.
    Empty,
    /// The lower bound is above the upper one.
    Order(f64, f64),
    /// A bound is infinite or NaN, or a whole number that `f64` does not hold exactly.
    Bound(f64),
    /// A range on a logarithmic scale includes 0 or negative numbers.
    Log(f64),
    /// The step is not positive, or the scale is logarithmic.
    Step(f64),
    /// The range is not within its limits.
    Limits([f64; 2], [f64; 2]),
    /// Two choices have the same label.
    Label(String),
    /// Two parameters have the same name.
    Twice,
    /// A trial has no value for it, or one that cannot be: it was drawn after an `if`, or the trial
    /// was proposed for another space.
    Missing,
}

impl fmt::Display for SpaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter `{}`: ", self.parameter)?;
        match &self.kind {
            SpaceErrorKind::Empty => f.write_str("there is nothing to choose from; give at least one choice"),
            SpaceErrorKind::Order(low, high) => {
                write!(f, "the lower bound {low} is above the upper bound {high}; swap them")
            }
            SpaceErrorKind::Bound(bound) => {
                write!(f, "the bound {bound} is not a finite number that is held exactly; choose one that is")
            }
            SpaceErrorKind::Log(low) => {
                write!(f, "a logarithmic range begins above 0, not at {low}; raise the bound or use `uniform`")
            }
            SpaceErrorKind::Step(step) => {
                write!(f, "the step {step} is not possible; steps are positive, and only of uniform ranges")
            }
            SpaceErrorKind::Limits([low, high], [least, most]) => {
                write!(f, "the range {low}..={high} is not within its limits {least}..={most}; widen the limits")
            }
            SpaceErrorKind::Label(label) => write!(f, "two choices are called {label}; give each its own name"),
            SpaceErrorKind::Twice => f.write_str("two parameters have this name; give each its own"),
            SpaceErrorKind::Missing => f.write_str(
                "the trial has no such value; what only some trials have is drawn within `Draw::variant`, not after \
                 an `if` or in a loop of drawn length; or the journal is of another space: give the search another name",
            ),
        }
    }
}

impl Error for SpaceError {}
