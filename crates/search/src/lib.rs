//! Hyperparameter search: cross-validated, coarse to fine, in stages.
//!
//! A [`Space`](trait@Space) is declared as a struct, so that a trial receives a typed value; fields of an
//! enum's variant exist only if it is chosen. A [`Search`] runs [`Stage`]s, each with its own number
//! of trials, budget and folds: the ranges of the next are narrowed around the best of the last, on
//! the scale of each parameter, or widened where the best lie at an edge.
//!
//! ```
//! # extern crate wengert;
//! use wengert::search::{Halving, Search, Sobol, Space, Stage};
//!
//! #[derive(Clone, Debug, Space)]
//! struct Config {
//!     #[space(log(1e-5..=1.0))]
//!     lr: f64,
//!     #[space(uniform(1..=4))]
//!     depth: usize,
//!     update: Update,
//! }
//!
//! #[derive(Clone, Debug, Space)]
//! enum Update {
//!     Sgd {
//!         #[space(uniform(0.0..=0.99))]
//!         momentum: f64,
//!     },
//!     Adam,
//! }
//!
//! let search = Search::new("net", Config::draw)?
//!     .maximize("accuracy")
//!     .stage(Stage::new("coarse", 30).budget(4).sampler(Sobol).stop(Halving::new(2)))
//!     .stage(Stage::new("fine", 15).budget(12))
//!     .quiet();
//! let outcome = search.run(|trial| {
//!     let config = trial.config();
//!     let mut accuracy = 0.0;
//!     for epoch in 1..=trial.budget() {
//!         // Train for an epoch.
//!         accuracy = (1.0 - 0.1 * (config.lr.log10() + 2.0).powi(2)) * (epoch as f64).tanh();
//!         trial.report(epoch, accuracy)?; // stops the trial if it is behind
//!     }
//!     Ok(accuracy)
//! })?;
//! assert!((1e-3..1e-1).contains(&outcome.best().config.lr));
//! for finding in outcome.findings() {
//!     println!("{}", finding.title);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - **What is tried next** is for a [`Sampler`]: [`Random`], [`Grid`], [`Sobol`] or [`Tpe`], all seeded.
//! - **How well it does**: [`Trial::cross_validate`] gives the mean over folds and their deviation.
//! - **What is given up**: [`Trial::cost`] stops what explodes; [`Halving`] and [`Median`] stop what is
//!   behind others. A panic, an error, NaN or infinity fails one trial, not the search.
//! - **What happened** is in the journal ([`Search::journal`]), which a killed search goes on from,
//!   which several processes share, and which Optuna and its dashboard read.
//! - **What it means**: [`Outcome::findings`], [`Outcome::importances`], [`Outcome::report`].
//!
//! Choose on validation data, refit the best, judge it once on test data that the search never saw:
//! [`Outcome::judge`] counts how often that was done.
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
