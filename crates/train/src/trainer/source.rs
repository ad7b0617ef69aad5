//! Batches of one type, whatever set they come from.

use crate::{Batches, Collate, DataError, Dataset, Loader, LoaderState, ResumeError};

/// A [`Loader`] of which only the batches are known.
pub(super) trait Source<B> {
    /// The number of batches in an epoch.
    fn batches(&self) -> usize;

    /// The number of examples.
    fn examples(&self) -> usize;

    /// The batches of an epoch.
    fn epoch(&self, epoch: u64) -> Box<dyn Stream<B> + '_>;

    /// The rest of an epoch.
    fn resume(&self, state: &LoaderState) -> Result<Box<dyn Stream<B> + '_>, ResumeError>;
}

/// The batches of an epoch.
pub(super) trait Stream<B> {
    /// The next batch with the number of its examples.
    fn next(&mut self) -> Option<Result<(B, usize), DataError>>;

    /// Where in the epoch this is.
    fn state(&self) -> LoaderState;
}

impl<D: Dataset<Item: Collate<Batch = B>> + 'static, B> Source<B> for Loader<D> {
    fn batches(&self) -> usize {
        self.len()
    }

    fn examples(&self) -> usize {
        self.data().len()
    }

    fn epoch(&self, epoch: u64) -> Box<dyn Stream<B> + '_> {
        Box::new(Loader::epoch(self, epoch))
    }

    fn resume(&self, state: &LoaderState) -> Result<Box<dyn Stream<B> + '_>, ResumeError> {
        Ok(Box::new(Loader::resume(self, state)?))
    }
}

impl<D: Dataset<Item: Collate<Batch = B>>, B> Stream<B> for Batches<D> {
    fn next(&mut self) -> Option<Result<(B, usize), DataError>> {
        let size = Batches::state(self).next_size();
        Iterator::next(self).map(|batch| Ok((batch?, size)))
    }

    fn state(&self) -> LoaderState {
        Batches::state(self)
    }
}
