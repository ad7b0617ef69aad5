//! Which examples make which batch, epoch after epoch.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wengert_tensor::Rng;

use super::Dataset;
use super::batches::{Augment, Batches, Plan};

/// Makes batches of a data set, epoch after epoch.
///
/// Which examples make a batch, and what augmentation makes of them, depends on the seeds and the
/// number of the epoch alone: not on the number of workers, nor on what was loaded before.
///
/// ```
/// use wengert_train::{Loader, digits};
///
/// let loader = Loader::new(digits(), 64).shuffle(1).workers(2);
/// for epoch in 0..2 {
///     for batch in loader.epoch(epoch) {
///         let (x, labels) = batch?;
///         assert_eq!(x.shape()[0], labels.count());
///     }
/// }
/// # Ok::<(), wengert_train::DataError>(())
/// ```
pub struct Loader<D: Dataset> {
    data: Arc<D>,
    size: usize,
    shuffle: Option<u64>,
    drop_last: bool,
    workers: usize,
    augment: Option<Augment<D>>,
}

impl<D: Dataset + 'static> Loader<D> {
    /// Batches of `size` examples in the order of the set; the last one of an epoch holds the
    /// rest.
    ///
    /// The loader owns the set, for its workers use it too. [`Labelled`](crate::Labelled) is cheap
    /// to clone; anything else can be in an [`Arc`].
    ///
    /// # Panics
    /// If `size` is 0.
    #[track_caller]
    pub fn new(data: D, size: usize) -> Self {
        assert!(size > 0, "loader: a batch holds at least one example");
        Self { data: Arc::new(data), size, shuffle: None, drop_last: false, workers: 0, augment: None }
    }

    /// Every epoch in another order, drawn from this seed and the number of the epoch.
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.shuffle = Some(seed);
        self
    }

    /// Leaves out the last batch of an epoch if it is smaller than the others.
    pub fn drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }

    /// Makes batches on so many other threads, up to two a thread ahead of their use; with 0, as
    /// it is at first, the calling thread makes each when it is asked for.
    ///
    /// Workers pay where an example takes time: decoding, augmentation. The threads live as long
    /// as the epoch that they work for.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Changes every example at random before it joins its batch, with random numbers that depend
    /// on this seed, the epoch and the number of the example. A second change takes the place of the
    /// first.
    ///
    /// ```
    /// use wengert_tensor::Tensor;
    /// use wengert_train::{Loader, digits};
    ///
    /// let noisy = Loader::new(digits(), 64)
    ///     .augment(7, |(x, label), rng| (x + Tensor::normal([64], 0.0, 0.1, rng), label));
    /// # let batch = |epoch| noisy.epoch(epoch).next().unwrap().unwrap().0;
    /// # assert_eq!(batch(0), batch(0));
    /// # assert_ne!(batch(0), batch(1));
    /// ```
    pub fn augment(mut self, seed: u64, f: impl Fn(D::Item, &mut Rng) -> D::Item + Send + Sync + 'static) -> Self {
        self.augment = Some(Augment { seed, f: Arc::new(f) });
        self
    }

    /// The set that batches are made of.
    pub fn data(&self) -> &D {
        &self.data
    }

    /// The number of batches in an epoch.
    pub fn len(&self) -> usize {
        let examples = self.data.len();
        if self.drop_last { examples / self.size } else { examples.div_ceil(self.size) }
    }

    /// The size of all batches, if no last one is smaller.
    pub(crate) fn even_size(&self) -> Option<usize> {
        (self.drop_last || self.data.len().is_multiple_of(self.size)).then_some(self.size)
    }

    /// Whether there is no batch in an epoch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batches of an epoch.
    pub fn epoch(&self, epoch: u64) -> Batches<D> {
        self.start(self.state(epoch, 0))
    }

    /// The batches of an epoch that were still to come when [`Batches::state`] was this.
    ///
    /// ```
    /// use wengert_train::{Loader, digits};
    ///
    /// let loader = Loader::new(digits(), 64).shuffle(1);
    /// let mut batches = loader.epoch(5);
    /// batches.nth(9);
    /// let resumed = loader.resume(&batches.state())?;
    /// assert_eq!(resumed.len(), loader.len() - 10);
    /// for (a, b) in batches.zip(resumed) {
    ///     assert_eq!(a?.0, b?.0);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    /// # Errors
    /// If it is the state of a loader that goes through its data in another way.
    pub fn resume(&self, state: &LoaderState) -> Result<Batches<D>, ResumeError> {
        let here = self.state(state.epoch, state.batch.min(self.len()));
        if here != *state {
            return Err(ResumeError(Box::new([state.clone(), here])));
        }
        Ok(self.start(here))
    }

    fn state(&self, epoch: u64, batch: usize) -> LoaderState {
        let augment = self.augment.as_ref().map(|augment| augment.seed);
        let (examples, drop_last) = (self.data.len(), self.drop_last);
        LoaderState { examples, size: self.size, shuffle: self.shuffle, drop_last, augment, epoch, batch }
    }

    fn start(&self, state: LoaderState) -> Batches<D> {
        let mut order: Vec<usize> = (0..state.examples).collect();
        if let Some(seed) = self.shuffle {
            Rng::seed(seed).fork("epoch").fork(state.epoch).shuffle(&mut order);
        }
        let (data, augment) = (self.data.clone(), self.augment.clone());
        let plan = Plan { data, augment, order, size: self.size, epoch: state.epoch, end: self.len() };
        Batches::new(plan, state, self.workers)
    }
}

impl<D: Dataset> Clone for Loader<D> {
    fn clone(&self) -> Self {
        Self { data: self.data.clone(), augment: self.augment.clone(), ..*self }
    }
}

impl<D: Dataset + 'static> fmt::Debug for Loader<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loader of {}", self.state(0, 0))
    }
}

/// How far a loader is, to go on from there: part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoaderState {
    examples: usize,
    size: usize,
    shuffle: Option<u64>,
    drop_last: bool,
    augment: Option<u64>,
    epoch: u64,
    batch: usize,
}

impl LoaderState {
    /// The number of the epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How many batches of the epoch are done.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The number of examples in the next batch; 0 at the end of the epoch.
    pub(crate) fn next_size(&self) -> usize {
        let left = self.examples.saturating_sub(self.batch * self.size).min(self.size);
        if self.drop_last && left < self.size { 0 } else { left }
    }

    pub(super) fn advance(&mut self) {
        self.batch += 1;
    }
}

impl fmt::Display for LoaderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} examples in batches of {}", self.examples, self.size)?;
        if self.drop_last {
            write!(f, ", the last one left out if it is smaller")?;
        }
        if let Some(seed) = self.shuffle {
            write!(f, ", shuffled by the seed {seed}")?;
        }
        if let Some(seed) = self.augment {
            write!(f, ", augmented by the seed {seed}")?;
        }
        write!(f, ", at batch {} of epoch {}", self.batch, self.epoch)
    }
}

/// Why a loader cannot go on from a state: it is another loader's. The state and the loader's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeError(Box<[LoaderState; 2]>);

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [saved, here] = &*self.0;
        write!(
            f,
            "the saved state is that of another loader; load the same data in the same way, or begin anew\n  \
             saved: {saved}\n  here:  {here}"
        )
    }
}

impl Error for ResumeError {}
