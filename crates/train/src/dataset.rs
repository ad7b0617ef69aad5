//! Features with their labels, row by row: split, shuffled, cut into batches.

use std::collections::BTreeMap;

use wengert_tensor::{Float, Rng, Tensor};

/// Features, whose first axis counts the rows, and one label a row.
///
/// ```
/// use wengert_tensor::tensor;
/// use wengert_train::Dataset;
///
/// let data = Dataset::new(tensor![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], tensor![0i64, 1, 0]);
/// assert_eq!(data.len(), 3);
/// assert_eq!(data.classes(), 2);
/// let data: Dataset<f32> = data;
/// ```
#[derive(Clone, Debug)]
pub struct Dataset<T: Float = f32> {
    features: Tensor<T>,
    labels: Tensor<i64>,
}

impl<T: Float> Dataset<T> {
    /// Features of shape `[rows, …]` with labels of shape `[rows]`.
    ///
    /// # Panics
    /// If the numbers of rows differ.
    #[track_caller]
    pub fn new(features: Tensor<T>, labels: Tensor<i64>) -> Self {
        let (x, y) = (features.shape(), labels.shape());
        assert!(
            y.len() == 1 && x.first() == y.first(),
            "dataset: features of shape {x} and labels of shape {y} do not have the same rows"
        );
        Self { features, labels }
    }

    /// The features, of shape `[rows, …]`.
    pub fn features(&self) -> &Tensor<T> {
        &self.features
    }

    /// The labels, of shape `[rows]`.
    pub fn labels(&self) -> &Tensor<i64> {
        &self.labels
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.labels.count()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of classes when labels count from 0: the largest label plus one.
    pub fn classes(&self) -> usize {
        self.labels.iter().max().map_or(0, |largest| (largest + 1).max(0) as usize)
    }

    /// The rows with these indices, in their order.
    ///
    /// # Panics
    /// If an index is out of range.
    #[track_caller]
    pub fn rows(&self, indices: &Tensor<i64>) -> Self {
        Self { features: self.features.index_select(0, indices), labels: self.labels.index_select(0, indices) }
    }

    /// The same rows and labels with other features.
    ///
    /// # Panics
    /// If `f` changes the number of rows.
    #[track_caller]
    pub fn map_features<U: Float>(&self, f: impl FnOnce(&Tensor<T>) -> Tensor<U>) -> Dataset<U> {
        Dataset::new(f(&self.features), self.labels.clone())
    }

    /// Parts that hold these shares of the rows of *every* class (a stratified split). The same
    /// seed gives the same parts; rows keep their order within a part.
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
        let sum: f64 = shares.iter().sum();
        let valid = shares.iter().all(|&share| share >= 0.0) && (sum - 1.0).abs() < 1e-9;
        assert!(valid, "split: shares {shares:?} are not parts of 1");

        let mut by_class: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (row, label) in self.labels.iter().enumerate() {
            by_class.entry(label).or_default().push(row as i64);
        }
        let mut parts: [Vec<i64>; N] = std::array::from_fn(|_| Vec::new());
        let rng = Rng::seed(seed);
        for (&label, rows) in &mut by_class {
            rng.fork("split").fork(label as u64).shuffle(rows);
            let (mut start, mut share) = (0, 0.0);
            for (part, s) in parts.iter_mut().zip(shares) {
                share += s;
                let end = (share * rows.len() as f64).round() as usize;
                part.extend(&rows[start..end]);
                start = end;
            }
        }
        parts.map(|mut rows| {
            rows.sort_unstable();
            self.rows(&rows.into())
        })
    }

    /// All rows once, in an order drawn from `seed`, `size` at a time: features and labels. The
    /// last batch holds the rest.
    ///
    /// Give every epoch its own seed.
    ///
    /// ```
    /// use wengert_train::digits;
    /// let sizes: Vec<usize> = digits().batches(500, 1).map(|(_, labels)| labels.count()).collect();
    /// assert_eq!(sizes, [500, 500, 500, 297]);
    /// ```
    /// # Panics
    /// If `size` is 0.
    #[track_caller]
    pub fn batches(&self, size: usize, seed: u64) -> impl ExactSizeIterator<Item = (Tensor<T>, Tensor<i64>)> + '_ {
        assert!(size > 0, "batches: a batch holds at least one row");
        let order = Rng::seed(seed).fork("batches").permutation(self.len());
        (0..self.len().div_ceil(size)).map(move |i| {
            let start = i * size;
            let rows = order.slice(0, start as isize..(start + size).min(self.len()) as isize);
            let Self { features, labels } = self.rows(&rows);
            (features, labels)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` rows whose only feature is their number, in classes of falling size.
    fn numbered(n: usize) -> Dataset {
        let rows: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let labels: Vec<i64> = (0..n).map(|i| [0, 0, 0, 1, 1, 2][i % 6]).collect();
        Dataset::new(Tensor::from_vec(rows, [n, 1]), labels.into())
    }

    fn row_numbers(data: &Dataset) -> Vec<usize> {
        data.features().iter().map(|v| v as usize).collect()
    }

    #[test]
    fn a_split_holds_every_row_once_and_its_share_of_every_class() {
        let data = numbered(600);
        let parts = data.split([0.5, 0.3, 0.2], 3);
        for (part, share) in parts.iter().zip([0.5, 0.3, 0.2]) {
            for (class, size) in [(0, 300.0), (1, 200.0), (2, 100.0)] {
                let count = part.labels().iter().filter(|&l| l == class).count();
                assert_eq!(count as f64, share * size, "class {class}");
            }
            let rows = row_numbers(part);
            assert!(rows.is_sorted());
            assert!(rows.iter().zip(part.labels().iter()).all(|(&row, label)| data.labels().at([row]) == label));
        }
        let mut all: Vec<usize> = parts.iter().flat_map(row_numbers).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..600));
    }

    #[test]
    fn a_split_depends_on_its_seed_alone() {
        let data = numbered(60);
        let first = |seed| row_numbers(&data.split([0.5, 0.5], seed)[0]);
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }

    #[test]
    fn shares_that_do_not_divide_the_rows_lose_none() {
        for n in 0..40 {
            let sizes = numbered(n).split([0.34, 0.33, 0.33], 0).map(|part| part.len());
            assert_eq!(sizes.iter().sum::<usize>(), n, "{sizes:?}");
        }
    }

    #[test]
    #[should_panic(expected = "split: shares [0.5, 0.4] are not parts of 1")]
    fn shares_must_add_up() {
        let _ = numbered(6).split([0.5, 0.4], 0);
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
        Dataset::<f32>::new(Tensor::zeros([2, 1]), Tensor::zeros([3]));
    }
}
