//! Hyperparameter search: cross-validated, coarse to fine, in stages.
#![forbid(unsafe_code)]

mod diagnosis;
mod importance;
mod journal;
mod narrow;
mod outcome;
mod progress;
mod report;
mod run;
mod sampler;
mod search;
mod space;
mod stage;
mod stop;
mod trial;

pub use importance::{Importance, Importances};
pub use journal::{JournalError, Record, State, Study};
pub use outcome::{Best, Outcome};
pub use sampler::*;
pub use search::{Search, SearchError};
pub use space::*;
pub use stage::Stage;
pub use stop::*;
pub use trial::{Stop, Trial};
pub use wengert_derive::Space;
#[doc(no_inline)]
pub use wengert_report::{Finding, Page, Severity};
