//! Sets of examples: how they are had, cut, joined, shuffled, loaded in batches, and read from files.

mod adapters;
mod batches;
mod collate;
#[cfg(feature = "csv")]
mod csv;
mod digits;
mod error;
#[cfg(feature = "csv")]
mod gzip;
mod idx;
#[cfg(feature = "image")]
mod image_folder;
mod labelled;
mod loader;
mod npy;
mod split;

use std::error::Error;
use std::sync::Arc;

use wengert_tensor::Rng;

pub use adapters::{Concat, Map, Subset};
pub use batches::Batches;
pub use collate::{Collate, Mismatch};
#[cfg(feature = "csv")]
pub use csv::{Csv, Missing, Table, TableError, TableErrorKind};
pub use digits::digits;
pub use error::DataError;
pub use idx::{IdxError, IdxErrorKind, read_idx};
#[cfg(feature = "image")]
pub use image_folder::{ImageFolder, ImageFolderError};
pub use labelled::Labelled;
pub use loader::{Loader, LoaderState, ResumeError};
pub use npy::read_npy;
pub use split::{Fold, k_folds, split, stratified_k_folds, stratified_split};

/// What examples of a data set become in a batch.
pub type Batch<D> = <<D as Dataset>::Item as Collate>::Batch;

/// Examples that can be counted, and had by number.
///
/// A set of your own says how many examples there are and makes any of them. An example is
/// whatever implements [`Collate`]: tensors, numbers, tuples of those. [`Loader`] makes batches
/// of them, on several threads if you like.
///
/// ```
/// use std::error::Error;
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::{Dataset, Loader};
///
/// /// Numbers with their squares.
/// struct Squares(usize);
///
/// impl Dataset for Squares {
///     type Item = (Tensor, f32);
///
///     fn len(&self) -> usize {
///         self.0
///     }
///
///     fn item(&self, index: usize) -> Result<Self::Item, Box<dyn Error + Send + Sync>> {
///         let x = index as f32;
///         Ok((tensor![x], x * x))
///     }
/// }
///
/// let even = Squares(100).map(|(x, y)| (x * 2.0, y * 4.0)).take(3);
/// for batch in Loader::new(even, 2).epoch(0) {
///     let (x, y) = batch?;
///     assert_eq!(&x * &x, y.unsqueeze(1));
/// }
/// # Ok::<(), wengert_train::DataError>(())
/// ```
pub trait Dataset: Send + Sync {
    /// One example.
    type Item: Collate;

    /// The number of examples.
    fn len(&self) -> usize;

    /// Example `index`, from 0 up to [`Dataset::len`]; always the same one, whoever asks and when.
    ///
    /// # Errors
    /// If it cannot be had: a file is missing or damaged, say. Whoever asked adds the index.
    fn item(&self, index: usize) -> Result<Self::Item, Box<dyn Error + Send + Sync>>;

    /// Where example `index` comes from, for messages: its file, say.
    fn origin(&self, index: usize) -> Option<String> {
        let _ = index;
        None
    }

    /// Whether there is no example.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The examples with these indices, in their order, as one batch.
    ///
    /// This asks for one after the other and joins them; sets that have many at hand at once, as
    /// [`Labelled`] has, do it faster.
    ///
    /// # Errors
    /// If an example cannot be had, panics, or does not fit the others.
    fn batch(&self, indices: &[usize]) -> Result<Batch<Self>, DataError> {
        collate::batch(self, indices, |_, item| item)
    }

    /// Every example changed by `f`, when it is asked for.
    fn map<O: Collate, F: Fn(Self::Item) -> O + Send + Sync>(self, f: F) -> Map<Self, F>
    where
        Self: Sized,
    {
        Map::new(self, f)
    }

    /// The examples with these indices, in their order; an index may occur several times.
    ///
    /// ```
    /// use wengert_train::{Dataset, digits, stratified_split};
    /// let data = digits();
    /// let [training, test] = stratified_split(data.labels(), [0.8, 0.2], 1);
    /// let [training, test] = [training, test].map(|rows| data.clone().subset(rows));
    /// assert_eq!(training.len() + test.len(), 1797);
    /// ```
    /// # Panics
    /// If an index is out of range.
    #[track_caller]
    fn subset(self, indices: impl Into<Vec<usize>>) -> Subset<Self>
    where
        Self: Sized,
    {
        Subset::new(self, indices.into())
    }

    /// The first `count` examples, or all if there are fewer.
    fn take(self, count: usize) -> Subset<Self>
    where
        Self: Sized,
    {
        let count = count.min(self.len());
        Subset::new(self, (0..count).collect())
    }

    /// All examples in an order drawn from `seed`, once and for all; [`Loader::shuffle`] draws
    /// another one for every epoch.
    fn shuffle(self, seed: u64) -> Subset<Self>
    where
        Self: Sized,
    {
        let mut order: Vec<usize> = (0..self.len()).collect();
        Rng::seed(seed).fork("shuffle").shuffle(&mut order);
        Subset::new(self, order)
    }

    /// The examples of this set, then those of another.
    fn concat<E: Dataset<Item = Self::Item>>(self, other: E) -> Concat<Self, E>
    where
        Self: Sized,
    {
        Concat::new(self, other)
    }
}

macro_rules! behind {
    ($($pointer:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            type Item = D::Item;

            fn len(&self) -> usize {
                (**self).len()
            }

            fn item(&self, index: usize) -> Result<Self::Item, Box<dyn Error + Send + Sync>> {
                (**self).item(index)
            }

            fn origin(&self, index: usize) -> Option<String> {
                (**self).origin(index)
            }

            fn batch(&self, indices: &[usize]) -> Result<Batch<Self>, DataError> {
                (**self).batch(indices)
            }
        }
    )*};
}
behind!(&D, Box<D>, Arc<D>);
