//! Features with their labels, row by row.

use std::error::Error;

use wengert_tensor::{Element, Float, Rng, Tensor};

use super::{DataError, Dataset, Fold, k_folds, split, stratified_k_folds, stratified_split};

/// Features, whose first axis counts the rows, and the labels of the rows: classes, numbered from
/// 0, or anything else that is to be predicted.
///
/// ```
/// use wengert_tensor::tensor;
/// use wengert_train::Labelled;
///
/// let data = Labelled::new(tensor![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], tensor![0i64, 1, 0]);
/// assert_eq!(data.classes(), 2);
/// let data: Labelled<f32> = data;
///
/// let heights: Labelled<f32, f32> = Labelled::new(tensor![[7.0], [9.0]], tensor![1.22, 1.34]);
/// ```
#[derive(Clone, Debug)]
pub struct Labelled<T: Float = f32, L: Element = i64> {
    features: Tensor<T>,
    labels: Tensor<L>,
}

impl<T: Float, L: Element> Labelled<T, L> {
    /// Features and labels, both of shape `[rows, …]`.
    ///
    /// # Panics
    /// If the numbers of rows differ.
    #[track_caller]
    pub fn new(features: Tensor<T>, labels: Tensor<L>) -> Self {
        let (x, y) = (features.shape(), labels.shape());
        assert!(
            !y.is_empty() && x.first() == y.first(),
            "labelled: features of shape {x} and labels of shape {y} do not have the same rows"
        );
        // Rows are gathered from them again and again.
        Self { features: features.contiguous(), labels: labels.contiguous() }
    }

    /// The features, of shape `[rows, …]`.
    pub fn features(&self) -> &Tensor<T> {
        &self.features
    }

    /// The labels, of shape `[rows, …]`; classes of shape `[rows]`.
    pub fn labels(&self) -> &Tensor<L> {
        &self.labels
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.labels.shape()[0]
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows with these indices, in their order.
    ///
    /// # Panics
    /// If an index is out of range.
    #[track_caller]
    pub fn rows(&self, indices: &[usize]) -> Self {
        let (features, labels) = self.gather(&indices.iter().map(|&row| row as i64).collect());
        Self { features, labels }
    }

    #[track_caller]
    fn gather(&self, rows: &Tensor<i64>) -> (Tensor<T>, Tensor<L>) {
        (self.features.index_select(0, rows), self.labels.index_select(0, rows))
    }

    /// The same rows and labels with other features.
    ///
    /// # Panics
    /// If `f` changes the number of rows.
    #[track_caller]
    pub fn map_features<U: Float>(&self, f: impl FnOnce(&Tensor<T>) -> Tensor<U>) -> Labelled<U, L> {
        Labelled::new(f(&self.features), self.labels.clone())
    }

    /// Parts that hold these shares of the rows: [`split`].
    ///
    /// ```
    /// use wengert_train::digits;
    /// let [training, validation, test] = digits().split([0.7, 0.15, 0.15], 1);
    /// assert_eq!(training.len() + validation.len() + test.len(), 1797);
    /// ```
    /// # Panics
    /// If a share is negative or their sum is not 1.
    #[track_caller]
    pub fn split<const N: usize>(&self, shares: [f64; N], seed: u64) -> [Self; N] {
        split(self.len(), shares, seed).map(|rows| self.rows(&rows))
    }

    /// The training and the validation rows of every round of a cross-validation: [`k_folds`].
    ///
    /// ```
    /// use wengert_train::digits;
    /// for [training, validation] in digits().k_folds(10, 1) {
    ///     assert_eq!(training.len() + validation.len(), 1797);
    /// }
    /// ```
    /// # Panics
    /// If `k` is less than 2 or more than there are rows.
    #[track_caller]
    pub fn k_folds(&self, k: usize, seed: u64) -> impl ExactSizeIterator<Item = [Self; 2]> + '_ {
        self.folds(k_folds(self.len(), k, seed))
    }

    fn folds(&self, folds: Vec<Fold>) -> impl ExactSizeIterator<Item = [Self; 2]> + '_ {
        folds.into_iter().map(|Fold { training, validation }| [self.rows(&training), self.rows(&validation)])
    }

    /// All rows once, in an order drawn from `seed`, `size` at a time: features and labels. The
    /// last batch holds the rest.
    ///
    /// Give every epoch its own seed. For more than that (other threads, augmentation, going on
    /// in the middle of an epoch) there is [`Loader`](crate::Loader).
    ///
    /// ```
    /// use wengert_train::digits;
    /// let sizes: Vec<usize> = digits().batches(500, 1).map(|(_, labels)| labels.count()).collect();
    /// assert_eq!(sizes, [500, 500, 500, 297]);
    /// ```
    /// # Panics
    /// If `size` is 0.
    #[track_caller]
    pub fn batches(&self, size: usize, seed: u64) -> impl ExactSizeIterator<Item = (Tensor<T>, Tensor<L>)> + '_ {
        assert!(size > 0, "batches: a batch holds at least one row");
        let order = Rng::seed(seed).fork("batches").permutation(self.len());
        (0..self.len().div_ceil(size)).map(move |i| {
            let start = i * size;
            self.gather(&order.slice(0, start as isize..(start + size).min(self.len()) as isize))
        })
    }
}

impl<T: Float> Labelled<T> {
    /// The number of classes when labels count from 0: the largest label plus one.
    pub fn classes(&self) -> usize {
        self.labels.iter().max().map_or(0, |largest| (largest + 1).max(0) as usize)
    }

    /// Parts that hold these shares of the rows of *every* class: [`stratified_split`].
    ///
    /// # Panics
    /// If a share is negative or their sum is not 1, or the labels are not of shape `[rows]`.
    #[track_caller]
    pub fn stratified_split<const N: usize>(&self, shares: [f64; N], seed: u64) -> [Self; N] {
        stratified_split(&self.labels, shares, seed).map(|rows| self.rows(&rows))
    }

    /// As [`Labelled::k_folds`], with the same share of every class in every fold:
    /// [`stratified_k_folds`].
    ///
    /// # Panics
    /// If `k` is less than 2 or more than there are rows, or the labels are not of shape `[rows]`.
    #[track_caller]
    pub fn stratified_k_folds(&self, k: usize, seed: u64) -> impl ExactSizeIterator<Item = [Self; 2]> + '_ {
        self.folds(stratified_k_folds(&self.labels, k, seed))
    }
}

impl<T: Float, L: Element> Dataset for Labelled<T, L> {
    /// The features and the label of one row.
    type Item = (Tensor<T>, Tensor<L>);

    fn len(&self) -> usize {
        Labelled::len(self)
    }

    fn item(&self, index: usize) -> Result<Self::Item, Box<dyn Error + Send + Sync>> {
        Ok((self.features.select(0, index as isize), self.labels.select(0, index as isize)))
    }

    fn batch(&self, indices: &[usize]) -> Result<(Tensor<T>, Tensor<L>), DataError> {
        Ok(self.gather(&indices.iter().map(|&row| row as i64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` rows whose only feature is their number, in classes of falling size.
    fn numbered(n: usize) -> Labelled {
        let rows: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let labels: Vec<i64> = (0..n).map(|i| [0, 0, 0, 1, 1, 2][i % 6]).collect();
        Labelled::new(Tensor::from_vec(rows, [n, 1]), labels.into())
    }

    fn row_numbers(data: &Labelled) -> Vec<usize> {
        assert!(
            data.features()
                .iter()
                .zip(data.labels().iter())
                .all(|(row, label)| label == [0, 0, 0, 1, 1, 2][row as usize % 6])
        );
        data.features().iter().map(|v| v as usize).collect()
    }

    #[test]
    fn parts_hold_rows_with_their_labels() {
        let data = numbered(60);
        for parts in [data.split([0.5, 0.3, 0.2], 3), data.stratified_split([0.5, 0.3, 0.2], 3)] {
            assert_eq!(parts.each_ref().map(|part| part.len()), [30, 18, 12]);
            let mut all: Vec<usize> = parts.iter().flat_map(row_numbers).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..60));
        }
        let folds = data.k_folds(4, 1).chain(data.stratified_k_folds(4, 1));
        for [training, validation] in folds {
            assert_eq!((training.len(), validation.len()), (45, 15));
            assert!(row_numbers(&training).iter().all(|row| !row_numbers(&validation).contains(row)));
        }
    }

    #[test]
    fn batches_shuffle_rows_with_their_labels() {
        let data = numbered(100);
        let seen = |seed| -> Vec<usize> {
            let mut seen = Vec::new();
            for (x, labels) in data.batches(7, seed) {
                assert_eq!((x.shape()[0], x.shape()[1]), (labels.count(), 1));
                for (row, label) in x.iter().zip(labels.iter()) {
                    assert_eq!(data.labels().at([row as usize]), label);
                    seen.push(row as usize);
                }
            }
            seen
        };
        let mut first = seen(1);
        assert_eq!(first, seen(1));
        assert_ne!(first, seen(2));
        assert!(!first.is_sorted());
        first.sort_unstable();
        assert!(first.into_iter().eq(0..100));
        assert_eq!(data.batches(7, 1).len(), 15);
    }

    #[test]
    #[should_panic(expected = "features of shape [2, 1] and labels of shape [3]")]
    fn rows_must_match() {
        Labelled::<f32>::new(Tensor::zeros([2, 1]), Tensor::zeros([3]));
    }
}
