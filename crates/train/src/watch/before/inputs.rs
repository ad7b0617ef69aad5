//! The inputs: their scale, and whether the same ones stand in two splits.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use wengert_tensor::{Float, Tensor};

use super::{About, Check};

/// Whether inputs `[rows, …]` are centred and scaled: all values around 0 and of the size of 1, and no
/// column much larger than the others.
///
/// ```
/// use wengert_train::before::{Verdict, scaled};
/// use wengert_train::{Standardize, Transform, digits};
///
/// let data = digits(); // pixels from 0 to 16
/// assert_eq!(scaled(data.features()).verdict, Verdict::Bad);
/// assert_eq!(scaled(&(data.features() / 16.0)).verdict, Verdict::Good);
/// let scale = Standardize::fit(data.features())?;
/// assert_eq!(scaled(&scale.apply(data.features())).verdict, Verdict::Good);
/// # Ok::<(), wengert_train::FitError>(())
/// ```
pub fn scaled<T: Float>(x: &Tensor<T>) -> Check {
    const ADVICE: &str = "centre and scale every column with `Standardize`, fitted on the training data";
    let about = About::Inputs;
    if x.count() == 0 {
        return Check::doubtful(about, "there are none".to_owned(), "see where the data went");
    }
    let mut sizes: Vec<f64> = (x * x).mean(0).iter().map(|square| square.to_f64().sqrt()).collect();
    sizes.sort_by(f64::total_cmp);
    let (mean, sd) = (x.mean(..).item().to_f64(), x.std(.., 0).item().to_f64());
    let found = format!("their mean is {mean:.3}, their deviation {sd:.3}");
    if !(mean.is_finite() && sd.is_finite()) {
        return Check::bad(about, found, "find the numbers that are not finite, and leave them out or fill them in");
    }
    // Many columns of an image are hardly ever used.
    let used = &sizes[sizes.partition_point(|&size| size < 1e-6)..];
    let (typical, largest) = (used.get(used.len() / 2).copied().unwrap_or(0.0), used.last().copied().unwrap_or(0.0));
    if largest > 10.0 && largest > 30.0 * typical {
        let found = format!("the largest column has values around {largest:.3}, a usual one around {typical:.3}");
        Check::bad(about, found, ADVICE)
    } else if mean.abs().max(sd) > 3.0 || typical < 0.003 {
        Check::bad(about, found, ADVICE)
    } else if mean.abs() > 2.0 * sd || typical < 0.03 {
        Check::doubtful(about, found, ADVICE)
    } else {
        Check::good(about, found)
    }
}

/// Whether no row of one split, of shape `[rows, …]`, is also in another: what is measured on an
/// example that was learnt says nothing about others. Rows are equal if all their elements are. Where
/// they are equal as often within a split, as those of a few categories are, this is doubtful, not bad.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::before::{Verdict, disjoint};
///
/// let training: Tensor = tensor![[0.0, 1.0], [2.0, 3.0]];
/// let test: Tensor = tensor![[4.0, 5.0], [2.0, 3.0]];
/// let check = disjoint(&[("training", &training), ("test", &test)]);
/// assert_eq!(check.verdict, Verdict::Bad);
/// assert_eq!(check.found, "1 of 2 rows of `test` are also in `training`: row 1 is its row 1");
/// ```
pub fn disjoint<T: Float>(splits: &[(&str, &Tensor<T>)]) -> Check {
    let about = About::Splits;
    let values: Vec<Vec<T>> = splits.iter().map(|(_, x)| x.to_vec()).collect();
    let rows: Vec<Vec<&[T]>> = splits
        .iter()
        .zip(&values)
        .map(|((_, x), values)| values.chunks(x.shape()[1..].iter().product::<usize>().max(1)).collect())
        .collect();
    let mut worst: Option<(f64, f64, String)> = None;
    let mut seen: HashMap<u64, Vec<(usize, usize)>> = HashMap::new();
    // By split, how many rows are not the first of their kind in it.
    let mut repeated = vec![0usize; splits.len()];
    for (number, (name, _)) in splits.iter().enumerate() {
        let mut shared = Vec::new();
        for (i, row) in rows[number].iter().enumerate() {
            let alike = seen.entry(hash(row)).or_default();
            let same = |&&(split, j): &&(usize, usize)| rows[split][j] == *row;
            shared.extend(alike.iter().find(|other| other.0 < number && same(other)).map(|&other| (i, other)));
            match alike.iter().rev().take_while(|other| other.0 == number).any(|other| same(&other)) {
                true => repeated[number] += 1,
                false => alike.push((number, i)),
            }
        }
        let (count, all) = (shared.len(), rows[number].len());
        let share = count as f64 / all as f64;
        if let Some(&(i, (split, j))) = shared.first()
            && worst.as_ref().is_none_or(|(most, ..)| share > *most)
        {
            let other = splits[split].0;
            let found = format!("{count} of {all} rows of `{name}` are also in `{other}`: row {i} is its row {j}");
            worst = Some((share, repeated[split] as f64 / rows[split].len() as f64, found));
        }
    }
    match worst {
        None => Check::good(about, format!("none of {} share a row", splits.len())),
        // Where inputs are few numbers or categories, rows are equal within a split just as often.
        Some((share, within, found)) if share > 0.02 && share > 2.0 * within => Check::bad(about, found, LEAK),
        Some((_, _, found)) => Check::doubtful(about, found, "rows may be equal by chance; see whether these are"),
    }
}

/// What to do about a leak.
pub(super) const LEAK: &str =
    "split again, each example once, before any augmentation; what was measured so far is too good";

fn hash<T: Float>(row: &[T]) -> u64 {
    let mut hasher = DefaultHasher::new();
    // 0 and −0 are equal.
    row.iter().for_each(|&value| (value.to_f64() + 0.0).to_bits().hash(&mut hasher));
    hasher.finish()
}
