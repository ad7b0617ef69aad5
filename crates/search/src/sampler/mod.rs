//! Where the values of the next trial come from.

mod grid;
mod joe_kuo;
mod random;
mod sobol;
mod tpe;

use std::fmt::Debug;

use wengert_tensor::Rng;

use crate::{Ranges, Values};

pub use grid::Grid;
pub use random::Random;
pub use sobol::Sobol;
pub use tpe::Tpe;

/// A way to choose the values of trials.
///
/// ```
/// use wengert_search::{Domain, Ranges, Sampler, Sobol};
/// use wengert_tensor::Rng;
///
/// let ranges = Ranges::of(|draw| Ok((draw.value("x", Domain::uniform(0.0..=1.0))?, draw.value("y", Domain::uniform(0.0..=1.0))?)))?;
/// let rng = Rng::seed(1);
/// let points: Vec<f64> = (0..4).map(|n| Sobol.propose(n, &ranges, &[], &rng)[0].unwrap()).collect();
/// assert_eq!(points.iter().filter(|&&x| x < 0.5).count(), 2);
/// # Ok::<(), wengert_search::SpaceError>(())
/// ```
pub trait Sampler: Debug + Send + Sync {
    /// How many different proposals there are, if that is finite.
    fn count(&self, ranges: &Ranges) -> Option<usize> {
        let _ = ranges;
        None
    }

    /// The values of trial `number`, counted from 0, given what is known of others.
    ///
    /// `rng` is the same for all trials of a stage: fork it by the number.
    fn propose(&self, number: usize, ranges: &Ranges, seen: &[Seen], rng: &Rng) -> Values;
}

/// What is known of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its values.
    pub values: Values,
    /// What came of it.
    pub fate: Fate,
}

/// What came of a trial; a lower score is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// It ended with this score.
    Done(f64),
    /// It was stopped early: after how many steps, and its score there.
    Stopped(i64, f64),
    /// It exploded, or its score was NaN.
    Useless,
    /// It has not ended.
    Running,
}
