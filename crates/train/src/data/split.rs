//! Which rows are for training and which are for judging.
//!
//! Everything here is about the numbers of rows; [`Labelled::rows`] and [`Dataset::subset`] take
//! the rows themselves.
//!
//! [`Labelled::rows`]: crate::Labelled::rows
//! [`Dataset::subset`]: crate::Dataset::subset

use std::collections::BTreeMap;

use wengert_tensor::{Rng, Tensor};

use crate::order::descending;

/// Parts of rows 0 … `rows − 1`, drawn at random, that hold these shares of them. The same seed
/// gives the same parts; rows keep their order within a part.
///
/// ```
/// let [training, test] = wengert_train::split(10, [0.8, 0.2], 1);
/// assert_eq!((training.len(), test.len()), (8, 2));
/// ```
/// # Panics
/// If a share is negative or their sum is not 1.
#[track_caller]
pub fn split<const N: usize>(rows: usize, shares: [f64; N], seed: u64) -> [Vec<usize>; N] {
    share_out(whole(rows, &rng("split", seed)), shares)
}

/// As [`split`], with these shares of *every* class, rounded down or up: parts that are alike.
///
/// ```
/// use wengert_tensor::tensor;
/// let labels = tensor![0i64, 0, 0, 1, 0, 1, 0, 0];
/// let [training, test] = wengert_train::stratified_split(&labels, [0.5, 0.5], 1);
/// let ones = |rows: &[usize]| rows.iter().filter(|&&row| labels.at([row]) == 1).count();
/// assert_eq!((ones(&training), ones(&test)), (1, 1));
/// ```
/// # Panics
/// If a share is negative or their sum is not 1, or the labels are not of shape `[rows]`.
#[track_caller]
pub fn stratified_split<const N: usize>(labels: &Tensor<i64>, shares: [f64; N], seed: u64) -> [Vec<usize>; N] {
    share_out(by_class(labels, &rng("split", seed)), shares)
}

/// One round of a cross-validation: the rows to train on, and those to judge by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// All other rows, in order.
    pub training: Vec<usize>,
    /// The rows of this fold, in order.
    pub validation: Vec<usize>,
}

/// `k` rounds of a cross-validation over `rows` rows: every row is in one fold. The folds are
/// drawn at random, and their sizes differ by at most 1.
///
/// ```
/// let folds = wengert_train::k_folds(10, 3, 1);
/// assert_eq!(folds.iter().map(|fold| fold.validation.len()).collect::<Vec<_>>(), [4, 3, 3]);
/// assert!(folds.iter().all(|fold| fold.training.len() + fold.validation.len() == 10));
/// ```
/// # Panics
/// If `k` is less than 2 or more than there are rows.
#[track_caller]
pub fn k_folds(rows: usize, k: usize, seed: u64) -> Vec<Fold> {
    deal(&whole(rows, &rng("folds", seed)), k)
}

/// As [`k_folds`], where the number of rows of *every* class also differs by at most 1 from fold
/// to fold.
///
/// ```
/// use wengert_tensor::tensor;
/// let labels = tensor![0i64, 0, 0, 0, 1, 1];
/// for fold in wengert_train::stratified_k_folds(&labels, 2, 1) {
///     assert_eq!(fold.validation.iter().filter(|&&row| labels.at([row]) == 1).count(), 1);
/// }
/// ```
/// # Panics
/// If `k` is less than 2 or more than there are rows, or the labels are not of shape `[rows]`.
#[track_caller]
pub fn stratified_k_folds(labels: &Tensor<i64>, k: usize, seed: u64) -> Vec<Fold> {
    deal(&by_class(labels, &rng("folds", seed)), k)
}

fn rng(purpose: &str, seed: u64) -> Rng {
    Rng::seed(seed).fork(purpose)
}

/// All rows as one class, in random order.
fn whole(rows: usize, rng: &Rng) -> Vec<Vec<usize>> {
    let mut all: Vec<usize> = (0..rows).collect();
    rng.clone().shuffle(&mut all);
    vec![all]
}

/// The rows of every class, each class in random order.
#[track_caller]
fn by_class(labels: &Tensor<i64>, rng: &Rng) -> Vec<Vec<usize>> {
    assert!(labels.rank() == 1, "stratified: labels of shape {} are not one a row", labels.shape());
    let mut classes: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        classes.entry(label).or_default().push(row);
    }
    let shuffled = |(label, mut rows): (i64, Vec<usize>)| {
        rng.fork(label as u64).shuffle(&mut rows);
        rows
    };
    classes.into_iter().map(shuffled).collect()
}

/// Every class cut by shares, each part rounded down or up so that the parts as a whole come out
/// as near to their shares as they can.
#[track_caller]
fn share_out<const N: usize>(classes: Vec<Vec<usize>>, shares: [f64; N]) -> [Vec<usize>; N] {
    parts_of(classes, &shares).try_into().expect("a part for each share")
}

/// [`share_out`], for any number of shares.
#[track_caller]
fn parts_of(classes: Vec<Vec<usize>>, shares: &[f64]) -> Vec<Vec<usize>> {
    let sum: f64 = shares.iter().sum();
    let valid = shares.iter().all(|&share| share >= 0.0) && (sum - 1.0).abs() < 1e-9;
    assert!(valid, "split: shares {shares:?} should be parts of 1, and add up to {sum}");

    let mut parts = vec![Vec::new(); shares.len()];
    let mut passed = 0.0;
    for rows in classes {
        passed += rows.len() as f64;
        // A little more, for 0.29 · 100 is less than 29.
        let wanted: Vec<f64> = shares.iter().map(|share| share * rows.len() as f64 + 1e-9).collect();
        let mut counts: Vec<usize> = wanted.iter().map(|&count| count as usize).collect();
        let lack = |i: usize| shares[i] * passed - (parts[i].len() + counts[i]) as f64;
        let lacks: Vec<f64> = (0..shares.len()).map(lack).collect();
        let (whole, mut order): (Vec<usize>, Vec<usize>) =
            descending(&lacks).into_iter().partition(|&i| wanted[i].fract() < 1e-8);
        order.extend(whole);
        let rest = rows.len().saturating_sub(counts.iter().sum());
        order.iter().cycle().take(rest).for_each(|&i| counts[i] += 1);
        let mut rows = rows.into_iter();
        parts.iter_mut().zip(counts).for_each(|(part, count)| part.extend(rows.by_ref().take(count)));
    }
    parts.into_iter().map(sorted).collect()
}

/// The rows dealt out like cards, class by class, and all other rows to each hand.
#[track_caller]
fn deal(classes: &[Vec<usize>], k: usize) -> Vec<Fold> {
    let rows: usize = classes.iter().map(Vec::len).sum();
    assert!((2..=rows).contains(&k), "k_folds: {rows} rows do not make {k} folds (2 or more, of a row or more)");
    let cards: Vec<(usize, usize)> =
        classes.iter().flatten().copied().enumerate().map(|(i, row)| (row, i % k)).collect();
    let part = |keep: &dyn Fn(usize) -> bool| {
        sorted(cards.iter().filter(|(_, hand)| keep(*hand)).map(|(row, _)| *row).collect())
    };
    (0..k).map(|i| Fold { training: part(&|hand| hand != i), validation: part(&|hand| hand == i) }).collect()
}

fn sorted(mut rows: Vec<usize>) -> Vec<usize> {
    rows.sort_unstable();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn count(rows: &[usize], labels: &[i64], class: i64) -> usize {
        rows.iter().filter(|&&row| labels[row] == class).count()
    }

    fn is_partition<'a>(parts: impl IntoIterator<Item = &'a Vec<usize>>, rows: usize) -> bool {
        let parts: Vec<_> = parts.into_iter().collect();
        parts.iter().all(|part| part.is_sorted())
            && sorted(parts.into_iter().flatten().copied().collect()).into_iter().eq(0..rows)
    }

    /// Shares of 1 in whole percents.
    fn shares() -> impl Strategy<Value = [f64; 3]> {
        (0..=100u32, 0..=100u32).prop_map(|(a, b)| {
            let (a, b) = (a.min(b), a.max(b));
            [a, b - a, 100 - b].map(|percent| f64::from(percent) / 100.0)
        })
    }

    proptest! {
        #[test]
        fn a_split_holds_every_row_once_and_its_share_of_every_class(
            labels in prop::collection::vec(-2i64..4, 0..80), shares in shares(), seed: u64,
        ) {
            let parts = stratified_split(&labels.clone().into(), shares, seed);
            prop_assert!(is_partition(&parts, labels.len()));
            for (part, share) in parts.iter().zip(shares) {
                for class in -2..4 {
                    let all: Vec<usize> = (0..labels.len()).collect();
                    let exact = share * count(&all, &labels, class) as f64;
                    prop_assert!((count(part, &labels, class) as f64 - exact).abs() < 1.0 - 1e-6);
                }
                prop_assert!((part.len() as f64 - share * labels.len() as f64).abs() < 2.0);
            }
        }

        #[test]
        fn a_random_split_holds_every_row_once(rows in 0usize..200, shares in shares(), seed: u64) {
            let parts = split(rows, shares, seed);
            prop_assert!(is_partition(&parts, rows));
            for (part, share) in parts.iter().zip(shares) {
                prop_assert!((part.len() as f64 - share * rows as f64).abs() < 1.0 - 1e-6);
            }
        }

        #[test]
        fn folds_are_a_partition(labels in prop::collection::vec(0i64..4, 2..60), k in 2usize..8, seed: u64) {
            let k = k.min(labels.len());
            let tensor: Tensor<i64> = labels.clone().into();
            for (stratified, folds) in [(false, k_folds(labels.len(), k, seed)), (true, stratified_k_folds(&tensor, k, seed))] {
                prop_assert_eq!(folds.len(), k);
                prop_assert!(is_partition(folds.iter().map(|fold| &fold.validation), labels.len()));
                prop_assert!(folds.iter().all(|fold| is_partition([&fold.training, &fold.validation], labels.len())));
                let spread = |of: &dyn Fn(&Fold) -> usize| {
                    let counts: Vec<usize> = folds.iter().map(of).collect();
                    counts.iter().max().unwrap() - counts.iter().min().unwrap()
                };
                prop_assert!(spread(&|fold| fold.validation.len()) <= 1);
                prop_assert!(!stratified || (0..4).all(|class| spread(&|fold| count(&fold.validation, &labels, class)) <= 1));
            }
        }
    }

    #[test]
    fn many_small_classes_do_not_add_up_to_a_lopsided_split() {
        let labels: Tensor<i64> = (0..300).map(|row| row / 3).collect();
        let [a, b] = stratified_split(&labels, [0.5, 0.5], 1);
        assert_eq!((a.len(), b.len()), (150, 150));
    }

    #[test]
    fn rows_depend_on_the_seed_alone() {
        assert_eq!(split(60, [0.5, 0.5], 1), split(60, [0.5, 0.5], 1));
        assert_ne!(split(60, [0.5, 0.5], 1), split(60, [0.5, 0.5], 2));
        assert_eq!(k_folds(60, 4, 1), k_folds(60, 4, 1));
        assert_ne!(k_folds(60, 4, 1), k_folds(60, 4, 2));
    }

    #[test]
    #[should_panic(expected = "split: shares [0.5, 0.4] should be parts of 1, and add up to 0.9")]
    fn shares_must_add_up() {
        split(6, [0.5, 0.4], 0);
    }

    #[test]
    #[should_panic(expected = "k_folds: 3 rows do not make 4 folds")]
    fn a_fold_has_a_row() {
        k_folds(3, 4, 0);
    }
}
