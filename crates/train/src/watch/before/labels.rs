//! The labels: are they classes, and do they come in a random order?

use wengert_tensor::Tensor;

use super::{About, Check};

/// Whether labels are classes from 0 to `classes` − 1, and every class occurs.
///
/// ```
/// use wengert_tensor::tensor;
/// use wengert_train::before::{Verdict, labels};
///
/// assert_eq!(labels(&tensor![0i64, 2, 1], 3).verdict, Verdict::Good);
/// let check = labels(&tensor![1i64, 3, 2], 3);
/// assert_eq!(check.verdict, Verdict::Bad);
/// assert_eq!(check.found, "labels go from 1 to 3, where 3 classes have labels from 0 to 2");
/// ```
pub fn labels(labels: &Tensor<i64>, classes: usize) -> Check {
    let about = About::Labels;
    let (Some(low), Some(high)) = (labels.iter().min(), labels.iter().max()) else {
        return Check::doubtful(about, "there are none".to_owned(), "see where the data went");
    };
    let last = classes as i64 - 1;
    let range = format!("labels go from {low} to {high}, where {classes} classes have labels from 0 to {last}");
    if low < 0 || high > last {
        let advice = if low == 1 && high == last + 1 { "subtract 1 from them" } else { "number the classes from 0" };
        return Check::bad(about, range, advice);
    }
    let counts = counts(labels, classes);
    match counts.iter().position(|&count| count == 0) {
        Some(0) if low == 1 => {
            Check::bad(about, range, "they seem to count from 1: subtract 1, and give the model one output less")
        }
        Some(absent) => {
            let found = format!("no example has label {absent}, of {classes} classes");
            Check::doubtful(about, found, "see that the labels start at 0 and that the split holds every class")
        }
        None => {
            let (few, most) = (counts.iter().min().expect("a class"), counts.iter().max().expect("a class"));
            Check::good(about, format!("{classes} classes of {few} to {most} examples"))
        }
    }
}

/// Whether examples with these labels come in a random order, in which neighbours are alike as
/// often as any two examples are. A model that meets one class after the other forgets the
/// former.
///
/// The labels are those of the batches, one after the other, as an epoch brings them.
///
/// ```
/// use wengert_tensor::Tensor;
/// use wengert_train::before::{Verdict, shuffled};
///
/// let sorted: Tensor<i64> = (0..300).map(|i| i / 100).collect();
/// assert_eq!(shuffled(&sorted).verdict, Verdict::Bad);
/// ```
pub fn shuffled(labels: &Tensor<i64>) -> Check {
    let values = labels.to_vec();
    // Two classes by turns are an order, too.
    let near = (1..=NEAR).map(|by| values.iter().zip(values.iter().skip(by)));
    let (mut alike, mut pairs, n) = (0.0, 0.0, values.len() as f64);
    for (a, b) in near.flatten() {
        alike += f64::from(u8::from(a == b));
        pairs += 1.0;
    }
    let classes = values.iter().max().map_or(0, |&high| high.max(0) as usize + 1);
    let squares: f64 = counts(labels, classes).iter().map(|&count| count as f64 * (count as f64 - 1.0)).sum();
    let (share, chance) = (alike / pairs, squares / (n * (n - 1.0)));
    let found = format!(
        "{:.0} % of examples up to {NEAR} places apart have the same label, of any two {:.0} %",
        100.0 * share,
        100.0 * chance
    );
    const ADVICE: &str = "shuffle the examples anew in every epoch: `Loader::shuffle`";
    let sure = alike - pairs * chance > 6.0 * (pairs * chance * (1.0 - chance)).sqrt() + 3.0;
    let excess = (share - chance) / (1.0 - chance);
    if sure && excess > 0.3 {
        Check::bad(About::Order, found, ADVICE)
    } else if sure && excess > 0.1 {
        Check::doubtful(About::Order, found, ADVICE)
    } else {
        Check::good(About::Order, found)
    }
}

/// Examples so many places apart are neighbours.
const NEAR: usize = 8;

fn counts(labels: &Tensor<i64>, classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    for label in labels.iter() {
        if let Some(count) = usize::try_from(label).ok().and_then(|label| counts.get_mut(label)) {
            *count += 1;
        }
    }
    counts
}
