//! Sets made of other sets.

use std::error::Error;

use super::{Batch, Collate, DataError, Dataset};

/// Every example of a set changed by a function: [`Dataset::map`].
#[derive(Clone, Debug)]
pub struct Map<D, F> {
    data: D,
    f: F,
}

impl<D, F> Map<D, F> {
    pub(super) fn new(data: D, f: F) -> Self {
        Self { data, f }
    }
}

impl<D: Dataset, O: Collate, F: Fn(D::Item) -> O + Send + Sync> Dataset for Map<D, F> {
    type Item = O;

    fn len(&self) -> usize {
        self.data.len()
    }

    fn item(&self, index: usize) -> Result<O, Box<dyn Error + Send + Sync>> {
        self.data.item(index).map(&self.f)
    }

    fn origin(&self, index: usize) -> Option<String> {
        self.data.origin(index)
    }
}

/// Some examples of a set, in an order of their own: [`Dataset::subset`], [`Dataset::take`],
/// [`Dataset::shuffle`].
#[derive(Clone, Debug)]
pub struct Subset<D> {
    data: D,
    indices: Vec<usize>,
}

impl<D: Dataset> Subset<D> {
    #[track_caller]
    pub(super) fn new(data: D, indices: Vec<usize>) -> Self {
        let len = data.len();
        let outside = indices.iter().find(|&&index| index >= len);
        assert!(outside.is_none(), "subset: index {} is out of range for {len} examples", outside.unwrap_or(&0));
        Self { data, indices }
    }

    /// The examples' numbers in the set that they are taken from.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    type Item = D::Item;

    fn len(&self) -> usize {
        self.indices.len()
    }

    fn item(&self, index: usize) -> Result<D::Item, Box<dyn Error + Send + Sync>> {
        self.data.item(self.indices[index])
    }

    fn origin(&self, index: usize) -> Option<String> {
        self.data.origin(self.indices[index])
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch<D>, DataError> {
        let inner: Vec<usize> = indices.iter().map(|&index| self.indices[index]).collect();
        let outer = |item| inner.iter().position(|&i| i == item).map_or(item, |at| indices[at]);
        self.data.batch(&inner).map_err(|error| error.renumbered(outer))
    }
}

/// The examples of one set, then those of another: [`Dataset::concat`].
#[derive(Clone, Debug)]
pub struct Concat<A, B> {
    first: A,
    second: B,
}

impl<A, B> Concat<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: Dataset, B: Dataset<Item = A::Item>> Dataset for Concat<A, B> {
    type Item = A::Item;

    fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    fn item(&self, index: usize) -> Result<A::Item, Box<dyn Error + Send + Sync>> {
        match index.checked_sub(self.first.len()) {
            None => self.first.item(index),
            Some(rest) => self.second.item(rest),
        }
    }

    fn origin(&self, index: usize) -> Option<String> {
        match index.checked_sub(self.first.len()) {
            None => self.first.origin(index),
            Some(rest) => self.second.origin(rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wengert_tensor::{Tensor, tensor};

    use crate::Labelled;

    /// Rows 0 … `n − 1`, whose feature and label are their number.
    fn numbered(n: i64) -> Labelled {
        let rows = Tensor::range(0..n);
        Labelled::new(rows.cast().reshape([n, 1]), rows)
    }

    #[test]
    fn adapters_compose() {
        let data = numbered(6).concat(numbered(3).map(|(x, label)| (x + 100.0, label))).subset([8, 0, 7, 8]).take(3);
        assert_eq!((data.len(), data.indices()), (3, &[0, 1, 2][..]));
        let (x, labels) = data.batch(&[2, 0, 1]).unwrap();
        assert_eq!((x, labels), (tensor![[101.0], [102.0], [0.0]], tensor![1, 2, 0]));
        assert_eq!(data.item(1).unwrap().1.item(), 0);
        assert!(data.take(0).is_empty());
    }

    #[test]
    fn a_shuffled_set_has_every_example_once() {
        let data = numbered(50).shuffle(1);
        assert_eq!(data.indices(), numbered(50).shuffle(1).indices());
        assert_ne!(data.indices(), numbered(50).shuffle(2).indices());
        let mut order = data.indices().to_vec();
        assert!(!order.is_sorted());
        order.sort_unstable();
        assert!(order.into_iter().eq(0..50));
    }

    #[test]
    fn errors_carry_the_number_that_was_asked_for() {
        let odd = numbered(6).map(|(x, label)| {
            assert!(label.item() != 4, "there is no four");
            (x, label)
        });
        let data = odd.subset([5, 4, 3]);
        let error = data.batch(&[2, 1]).expect_err("it panics");
        assert_eq!((error.items(), error.to_string().as_str()), (&[1][..], "example 1: panicked: there is no four"));

        let uneven = numbered(3).map(|(x, label)| (Tensor::<f32>::zeros([label.item() as usize]), x));
        let error = uneven.batch(&[1, 2]).expect_err("the shapes differ");
        assert_eq!(error.to_string(), "example 2: its shape [2] is not that of the others, [1]");
    }

    #[test]
    #[should_panic(expected = "subset: index 6 is out of range for 6 examples")]
    fn a_subset_is_of_the_set() {
        numbered(6).subset([0, 6]);
    }
}
