//! What a check before training found.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a check before training found: it prints as a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at.
    pub about: About,
    /// How it looks.
    pub verdict: Verdict,
    /// What was found, in words and numbers.
    pub found: String,
    /// What to do about it; empty if all is well.
    pub advice: String,
}

/// What a check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum About {
    /// Whether the gradients are right: [`gradients`](super::gradients).
    Gradients,
    /// Whether no two splits share an example: [`copies`](super::copies).
    Splits,
    /// Whether labels are classes: [`labels`](super::labels).
    Labels,
    /// Whether labels go with the inputs: [`neighbours`](super::neighbours).
    Neighbours,
    /// Whether examples come in a random order: [`shuffled`](super::shuffled).
    Order,
    /// Whether inputs are centred and scaled: [`scaled`](super::scaled).
    Inputs,
    /// The loss of the untrained model: [`initial_loss`](super::initial_loss).
    InitialLoss,
    /// Whether regularisation raises the loss: [`regularisation`](super::regularisation).
    Regularisation,
    /// Whether a few examples can be fitted: [`fits_few`](super::fits_few).
    Few,
}

/// How something looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should.
    Good,
    /// It may be meant, or may do harm.
    Doubtful,
    /// Training will suffer.
    Bad,
}

impl Check {
    pub(super) fn good(about: About, found: String) -> Self {
        Self { about, verdict: Verdict::Good, found, advice: String::new() }
    }

    pub(super) fn doubtful(about: About, found: String, advice: &str) -> Self {
        Self { about, verdict: Verdict::Doubtful, found, advice: advice.to_owned() }
    }

    pub(super) fn bad(about: About, found: String, advice: &str) -> Self {
        Self { about, verdict: Verdict::Bad, found, advice: advice.to_owned() }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gradients => "gradients",
            Self::Splits => "splits",
            Self::Labels => "labels",
            Self::Neighbours => "neighbours",
            Self::Order => "order",
            Self::Inputs => "inputs",
            Self::InitialLoss => "initial loss",
            Self::Regularisation => "regularisation",
            Self::Few => "a few examples",
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Good => "good",
            Verdict::Doubtful => "doubtful",
            Verdict::Bad => "BAD",
        };
        write!(f, "{verdict:<8}  {:<14}  {}", self.about, self.found)?;
        if !self.advice.is_empty() {
            write!(f, "\n{:26}→ {}", "", self.advice)?;
        }
        Ok(())
    }
}
