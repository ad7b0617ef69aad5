//! Rows of one split that stand in another, changed a little.

use wengert_tensor::{Float, Tensor};

use super::inputs::LEAK;
use super::neighbours::{Sample, most};
use super::{About, Check, Verdict, disjoint};

/// Whether no validation input `[rows, …]` is a copy of a training input: an equal one, as [`disjoint`]
/// finds it, or one that was changed a little, by noise or rounding. A near copy is several times nearer
/// than training examples usually are to each other; such pairs may be no more frequent than among these.
///
/// At most 1000 rows of each are compared by distance, after every column was scaled.
///
/// ```
/// use wengert_tensor::{Rng, Tensor};
/// use wengert_train::before::{Verdict, copies};
/// use wengert_train::digits;
///
/// let [training, validation] = digits().split([0.8, 0.2], 1).map(|part| part.features().clone());
/// assert_eq!(copies(&training, &validation).verdict, Verdict::Good);
///
/// let noise = Tensor::normal(validation.shape().clone(), 0.0, 0.1, &mut Rng::seed(1));
/// let leaked = Tensor::concat(&[&training, &(&validation + noise)], 0);
/// assert_eq!(copies(&leaked, &validation).verdict, Verdict::Bad);
/// ```
/// # Panics
/// If the numbers of columns differ.
#[track_caller]
pub fn copies<T: Float>(training: &Tensor<T>, validation: &Tensor<T>) -> Check {
    let equal = disjoint(&[("training", training), ("validation", validation)]);
    match equal.verdict {
        Verdict::Bad => equal,
        _ => near(training, validation).unwrap_or(equal),
    }
}

/// So much nearer than usual is a copy.
const NEAR: f64 = 0.2;

#[track_caller]
fn near<T: Float>(training: &Tensor<T>, validation: &Tensor<T>) -> Option<Check> {
    let columns = training.shape()[1..].iter().product::<usize>().max(1);
    let [training, validation] = [training, validation].map(|x| {
        let labels = Tensor::zeros([x.shape()[0]]);
        Sample::of((x, &labels), columns, most(columns))
    });
    let mut scales: Vec<f64> = training.scale().iter().filter(|&scale| scale > 0.0).collect();
    scales.sort_by(f64::total_cmp);
    // Else noise in columns that hardly vary would outweigh all others.
    let most = 3.0 * scales.get(scales.len() / 2)?;
    let scale = training.scale().map(|scale| scale.min(most));
    let within = training.distances(&training, &scale, true);
    let across = training.distances(&validation, &scale, false);
    let mut sorted = within.clone();
    sorted.sort_by(f64::total_cmp);
    let limit = NEAR * sorted.get(sorted.len() / 2)?;
    let count = |distances: &[f64]| distances.iter().filter(|&&distance| distance < limit).count();
    let [usual, shared] = [&within, &across].map(|distances| count(distances) as f64 / distances.len() as f64);
    (count(&across) >= 5 && shared > 0.01 + 3.0 * usual).then(|| {
        let found = format!(
            "{:.1} % of validation rows are copies of training rows, changed a little: their distance is less than a \
             fifth of the usual one; within the training data it is for {:.1} %",
            100.0 * shared,
            100.0 * usual
        );
        Check::bad(About::Splits, found, LEAK)
    })
}
