//! Do labels go with the inputs? Nearest neighbours tell, without a model.

use wengert_tensor::{Float, Tensor};

use super::{About, Check};

/// Inputs `[rows, …]` and labels `[rows]`.
pub type Examples<'d, T = f32> = (&'d Tensor<T>, &'d Tensor<i64>);

/// Whether labels go with the inputs: an example and the one nearest to it should have the same
/// label more often than by chance, within the training data and from validation to training.
///
/// At most 1000 rows of each are looked at, by their Euclidean distance after every column was
/// scaled. Where training examples that are near have nothing in common, this is doubtful, not
/// bad: a task can be like that.
///
/// ```
/// use wengert_train::before::{Verdict, neighbours};
/// use wengert_train::digits;
///
/// let [training, validation] = digits().split([0.8, 0.2], 1);
/// let check = |shift: i64| {
///     let labels = (validation.labels() + shift).map(|label| label % 10);
///     neighbours((training.features(), training.labels()), Some((validation.features(), &labels)))
/// };
/// assert_eq!(check(0).verdict, Verdict::Good);
/// assert_eq!(check(1).verdict, Verdict::Bad);
/// assert!(check(1).found.contains("plus 1"), "{}", check(1));
/// ```
/// # Panics
/// If the numbers of rows or columns differ.
#[track_caller]
pub fn neighbours<T: Float>(training: Examples<'_, T>, validation: Option<Examples<'_, T>>) -> Check {
    let about = About::Neighbours;
    let columns = training.0.shape()[1..].iter().product::<usize>().max(1);
    let most = most(columns);
    let training = Sample::of(training, columns, most);
    let scale = training.scale();
    let nearest = training.nearest(&training, &scale, true);
    let within = Agreement::new(&nearest, &training.labels, &training.labels);
    if within.count < ENOUGH {
        return Check::good(about, format!("{} examples are too few to tell", within.count));
    }
    for (rolled, which) in training.rolled.iter().zip(["after", "before"]) {
        let rolled = Agreement::new(&nearest, rolled, rolled);
        if rolled.is_sure() && within.share() < 0.7 && rolled.share() > within.share() + 0.2 {
            let found = format!("{within}, but {:.0} % have the label of the row {which} it", rolled.percent());
            return Check::bad(about, found, "shift the labels by one row, so that each stands beside its input");
        }
    }
    if !within.is_sure() {
        let found = format!("{within}: labels do not go with the inputs, or distances say nothing here");
        return Check::doubtful(about, found, "see by eye that a few inputs have the label that they should have");
    }
    let Some(validation) = validation.map(|validation| Sample::of(validation, columns, most)) else {
        return Check::good(about, within.to_string());
    };
    let nearest = training.nearest(&validation, &scale, false);
    let across = Agreement::new(&nearest, &training.labels, &validation.labels);
    if across.count < ENOUGH {
        return Check::good(about, within.to_string());
    }
    let found = format!("{within}; from validation to training {:.0} %", across.percent());
    if let Some(how) = renumbered(&nearest, &training.labels, &validation, &across) {
        let advice = "number the classes of both splits in the same way";
        Check::bad(about, format!("{found}: {how}"), advice)
    } else if !across.is_sure() {
        let advice = "see that validation inputs and labels are in the same order, and prepared like the training data";
        Check::bad(about, format!("{found}: validation labels do not go with their inputs"), advice)
    } else if across.share() < 0.6 * within.share() {
        let advice = "see that both splits are prepared alike and are of the same kind";
        Check::doubtful(about, found, advice)
    } else {
        Check::good(about, found)
    }
}

/// How many rows to compare with each other: fewer of large images, so that it does not take minutes.
pub(super) fn most(columns: usize) -> usize {
    (2e9 / columns as f64).sqrt().clamp(50.0, 1000.0) as usize
}

/// So few examples say nothing.
const ENOUGH: usize = 40;

/// How the labels of a validation split are numbered differently, if they are.
fn renumbered(nearest: &[usize], labels: &[i64], validation: &Sample, across: &Agreement) -> Option<String> {
    let classes = 1 + labels.iter().chain(&validation.labels).max().copied().unwrap_or(0).max(0) as usize;
    let mut table = vec![vec![0usize; classes]; classes];
    for (&near, &own) in nearest.iter().zip(&validation.labels) {
        let place = usize::try_from(labels[near]).ok().zip(usize::try_from(own).ok());
        place.into_iter().for_each(|(near, own)| table[near][own] += 1);
    }
    let agree = |shift: usize| (0..classes).map(|c| table[c][(c + shift) % classes]).sum::<usize>();
    let shift = (1..classes).max_by_key(|&shift| agree(shift))?;
    let better = |count: usize| count as f64 > 0.5 * across.count as f64 && count > 2 * across.same;
    if better(agree(shift)) {
        let (sign, by) = if 2 * shift > classes { ("minus", classes - shift) } else { ("plus", shift) };
        return Some(format!("the validation label is that of the nearest training example {sign} {by}"));
    }
    let best = |row: &Vec<usize>| (0..classes).max_by_key(|&c| row[c]).filter(|&c| row[c] > 0);
    let mapped: usize = table.iter().filter_map(|row| best(row).map(|c| row[c])).sum();
    let moved = table.iter().enumerate().find_map(|(c, row)| best(row).filter(|&to| to != c).map(|to| (c, to)));
    let (from, to) = moved.filter(|_| better(mapped) && classes > 2)?;
    Some(format!("classes are numbered differently; {from} of the training data is {to} here"))
}

/// Rows with their labels.
pub(super) struct Sample {
    x: Tensor<f64>,
    labels: Vec<i64>,
    /// The labels of the next and of the previous row of the whole.
    rolled: [Vec<i64>; 2],
}

impl Sample {
    /// Up to `most` rows at even distances.
    #[track_caller]
    pub(super) fn of<T: Float>((x, labels): Examples<'_, T>, columns: usize, most: usize) -> Self {
        let rows = labels.count();
        let fits = x.shape().first() == Some(&rows) && x.count() == rows * columns;
        assert!(fits, "neighbours: inputs of shape {} with labels of shape {}", x.shape(), labels.shape());
        let count = most.min(rows);
        let chosen: Vec<usize> = (0..count).map(|i| i * rows / count).collect();
        let indices: Tensor<i64> = chosen.iter().map(|&row| row as i64).collect();
        let all = labels.to_vec();
        let label = |by: usize| chosen.iter().map(|&row| all[(row + by) % rows]).collect();
        let x = x.index_select(0, &indices).cast::<f64>().reshape([count, columns]);
        Self { x, labels: label(0), rolled: [label(1), label(rows.saturating_sub(1))] }
    }

    /// What to multiply the columns by; 0 for those that never vary.
    pub(super) fn scale(&self) -> Tensor<f64> {
        self.x.std(0, 0).map(|sd| if sd > 0.0 { 1.0 / sd } else { 0.0 })
    }

    /// For each row of `other` the distance to the row of this that is nearest; not itself, if they are the
    /// same.
    pub(super) fn distances(&self, other: &Self, scale: &Tensor<f64>, same: bool) -> Vec<f64> {
        let nearest: Tensor<i64> = self.nearest(other, scale, same).into_iter().map(|row| row as i64).collect();
        let between = (&other.x - self.x.index_select(0, &nearest)) * scale;
        (&between * &between).sum(1).sqrt().to_vec()
    }

    /// For each row of `other` the row of this that is nearest; not itself, if they are the same.
    fn nearest(&self, other: &Self, scale: &Tensor<f64>, same: bool) -> Vec<usize> {
        let centre = self.x.mean(0);
        let [own, others] = [&self.x, &other.x].map(|x| (x - &centre) * scale);
        let products = others.matmul(&own.t()).to_vec();
        let norms = (&own * &own).sum(1).to_vec();
        let rows = products.chunks(norms.len().max(1)).enumerate();
        let nearest = |(i, products): (usize, &[f64])| {
            // The norm of the other row is the same for all.
            let distance = |j: usize| if same && i == j { f64::INFINITY } else { norms[j] - 2.0 * products[j] };
            (0..norms.len()).min_by(|&a, &b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
        };
        rows.map(nearest).collect()
    }
}

/// How often an example has the label of the nearest one.
struct Agreement {
    same: usize,
    count: usize,
    /// The share to be expected if labels were dealt at random.
    chance: f64,
}

impl Agreement {
    fn new(nearest: &[usize], labels: &[i64], others: &[i64]) -> Self {
        let same = nearest.iter().zip(others).filter(|&(&near, &own)| labels[near] == own).count();
        let shares = |of: &[i64], label: i64| of.iter().filter(|&&l| l == label).count() as f64 / of.len() as f64;
        let chance = others.iter().map(|&label| shares(labels, label)).sum::<f64>() / others.len() as f64;
        Self { same, count: others.len(), chance }
    }

    fn share(&self) -> f64 {
        self.same as f64 / self.count as f64
    }

    fn percent(&self) -> f64 {
        100.0 * self.share()
    }

    /// Whether it is above chance by five standard errors.
    fn is_sure(&self) -> bool {
        self.share() - self.chance > 5.0 * (self.chance * (1.0 - self.chance) / self.count as f64).sqrt()
    }
}

impl std::fmt::Display for Agreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (percent, chance) = (self.percent(), 100.0 * self.chance);
        write!(f, "{percent:.0} % of examples have the label of the nearest one, by chance {chance:.0} %")
    }
}
