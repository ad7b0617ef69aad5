//! Entries that become rarer as they become many.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// What has a place in the course of a run: the number of its step or epoch.
pub trait Dated {
    /// The number of its step or epoch.
    fn date(&self) -> u64;
}

/// Entries at even distances, of which every second is dropped when they become too many; before the
/// first distance is over, where most happens, those at powers of 4. The latest is always there.
///
/// It is a slice of what it keeps, in order.
///
/// ```
/// use wengert_train::{Dated, Thinned};
///
/// struct At(u64);
/// impl Dated for At {
///     fn date(&self) -> u64 {
///         self.0
///     }
/// }
///
/// let mut entries = Thinned::new(1);
/// (0..=10_000).for_each(|step| entries.push(At(step)));
/// assert!(entries.len() <= Thinned::<At>::MOST);
/// assert_eq!([0, 1, 2, 3, 4].map(|i: usize| entries[i].0), [0, 1, 4, 16, 64]);
/// assert_eq!((entries[5].0, entries[6].0), (entries.every(), 2 * entries.every()));
/// assert_eq!(entries.last().unwrap().0, 10_000);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thinned<E> {
    every: u64,
    entries: Vec<E>,
}

impl<E: Dated> Thinned<E> {
    /// The most entries that are kept.
    pub const MOST: usize = 128;

    /// No entries yet; those whose date is a multiple of `every`, or below it a power of 4, are to come.
    ///
    /// # Panics
    /// If `every` is 0.
    #[track_caller]
    pub fn new(every: u64) -> Self {
        assert!(every > 0, "Thinned: entries at a distance of 0");
        Self { every, entries: Vec::new() }
    }

    /// The distance of the dates that are kept at present, after the first few.
    pub fn every(&self) -> u64 {
        self.every
    }

    /// Whether an entry of this date would stay when later ones come.
    pub fn is_due(&self, date: u64) -> bool {
        is_due(date, self.every)
    }

    /// Appends an entry that is later than those so far.
    pub fn push(&mut self, entry: E) {
        let every = self.every;
        self.entries.pop_if(|last| !is_due(last.date(), every));
        if self.entries.len() == Self::MOST {
            self.every *= 2;
            self.entries.retain(|entry| is_due(entry.date(), self.every));
        }
        self.entries.push(entry);
    }
}

fn is_due(date: u64, every: u64) -> bool {
    let early = date < every && date.is_power_of_two() && date.trailing_zeros().is_multiple_of(2);
    early || date.is_multiple_of(every)
}

impl<E> Deref for Thinned<E> {
    type Target = [E];

    fn deref(&self) -> &[E] {
        &self.entries
    }
}
