//! Batches of one type, whatever set they come from.

use crate::{Batches, Collate, DataError, Dataset, Loader, LoaderState, ResumeError};

/// A [`Loader`] of which only the batches are known.
pub(super) trait Source<B> {
    /// The number of batches in an epoch.
    fn batches(&self) -> usize;

    /// The number of examples.
    fn examples(&self) -> usize;

    /// The size of all batches, if it is the same.
    fn even_size(&self) -> Option<usize>;

    /// Examples as they are stored, up to `most` of them, from all over the data in runs of neighbours;
    /// none if one cannot be had.
    fn stored(&self, most: usize) -> Option<B>;

    /// The batches of an epoch.
    fn epoch(&self, epoch: u64) -> Box<dyn Stream<B> + '_>;

    /// The rest of an epoch.
    fn resume(&self, state: &LoaderState) -> Result<Box<dyn Stream<B> + '_>, ResumeError>;
}

/// So many neighbours are taken together.
const RUN: usize = 256;

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

    fn even_size(&self) -> Option<usize> {
        Loader::even_size(self)
    }

    fn stored(&self, most: usize) -> Option<B> {
        let all = self.data().len();
        let run = RUN.min(most).max(1);
        let runs = most.min(all).div_ceil(run);
        let rows: Vec<usize> = match most < all {
            true => (0..runs).flat_map(|i| i * (all - run) / runs..i * (all - run) / runs + run).collect(),
            false => (0..all).collect(),
        };
        self.data().batch(&rows).ok()
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
