//! Columns of categories as columns of zeros and ones.

use serde::{Deserialize, Serialize};
use wengert_tensor::{Float, Tensor};

use super::error::check;
use super::{FitError, Transform};

/// Replaces columns that hold numbers of categories by one column for each category, which is 1 in
/// the rows of that category and else 0. The options are the columns to replace.
///
/// The categories of a column are the values that occur where it was fitted, in rising order. A
/// row of any other value is 0 in all of the columns, and inverts to NaN. (For the labels of a
/// loss there is [`Tape::one_hot`](wengert_autograd::Tape::one_hot).)
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::{OneHot, Transform};
///
/// // Height, colour, weight.
/// let x: Tensor = tensor![[1.7, 2.0, 60.0], [1.8, 0.0, 70.0], [1.6, 2.0, 50.0]];
/// let one_hot = OneHot::fit_with(&x, vec![1])?;
/// assert_eq!(one_hot.categories(1), Some(&[0.0, 2.0][..]));
/// let y = one_hot.apply(&x);
/// assert_eq!(y, tensor![[1.7, 0.0, 1.0, 60.0], [1.8, 1.0, 0.0, 70.0], [1.6, 0.0, 1.0, 50.0]]);
/// assert_eq!(one_hot.invert(&y), x);
/// # Ok::<(), wengert_train::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OneHot {
    /// The categories of each column; none where it stays.
    one_hot: Vec<Option<Vec<f64>>>,
}

impl OneHot {
    /// The categories of a column, or none if it stays as it is.
    pub fn categories(&self, column: usize) -> Option<&[f64]> {
        self.one_hot.get(column)?.as_deref()
    }

    /// How many columns become of each.
    fn widths(&self) -> impl Iterator<Item = usize> + '_ {
        self.one_hot.iter().map(|categories| categories.as_ref().map_or(1, Vec::len))
    }

    /// Checks `[rows, columns]`; `f` writes each row of the result.
    #[track_caller]
    fn rows<T: Float>(x: &Tensor<T>, [from, to]: [usize; 2], f: impl Fn(&[T], &mut [T])) -> Tensor<T> {
        let shape = x.shape();
        assert!(shape.len() == 2 && shape[1] == from, "one-hot: features of shape {shape}, fitted to {from} columns");
        let x = x.contiguous();
        let rows = x.as_slice().unwrap_or(&[]).chunks_exact(from.max(1));
        Tensor::build([shape[0], to], |out| rows.zip(out.chunks_exact_mut(to.max(1))).for_each(|(x, y)| f(x, y)))
    }
}

impl<T: Float> Transform<T> for OneHot {
    type Options = Vec<usize>;

    fn fit_with(features: &Tensor<T>, columns: Vec<usize>) -> Result<Self, FitError> {
        check(features, 1)?;
        let Some(&[_, count]) = features.shape().first_chunk::<2>().filter(|_| features.rank() == 2) else {
            return Err(FitError::Options(format!(
                "one-hot: shape {} is not [rows, columns]; reshape it",
                features.shape()
            )));
        };
        let mut one_hot = vec![None; count];
        for column in columns {
            let Some(categories) = one_hot.get_mut(column) else {
                return Err(FitError::Options(format!("one-hot: column {column} is none of {count}, counted from 0")));
            };
            let mut values: Vec<f64> = features.select(1, column as isize).iter().map(T::to_f64).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            *categories = Some(values);
        }
        Ok(Self { one_hot })
    }

    fn apply(&self, features: &Tensor<T>) -> Tensor<T> {
        Self::rows(features, [self.one_hot.len(), self.widths().sum()], |x, mut y| {
            for ((value, categories), width) in x.iter().zip(&self.one_hot).zip(self.widths()) {
                let (to, rest) = std::mem::take(&mut y).split_at_mut(width);
                match categories {
                    None => to[0] = *value,
                    Some(categories) => {
                        to.iter_mut().zip(categories).for_each(|(to, c)| *to = T::mask(value.to_f64() == *c));
                    }
                }
                y = rest;
            }
        })
    }

    fn invert(&self, transformed: &Tensor<T>) -> Tensor<T> {
        Self::rows(transformed, [self.widths().sum(), self.one_hot.len()], |mut y, x| {
            for ((to, categories), width) in x.iter_mut().zip(&self.one_hot).zip(self.widths()) {
                let (from, rest) = y.split_at(width);
                *to = match categories {
                    None => from[0],
                    Some(categories) => {
                        let largest = (0..width).rev().max_by(|&a, &b| from[a].to_f64().total_cmp(&from[b].to_f64()));
                        let known = largest.filter(|&at| from[at] > T::ZERO);
                        known.map_or(T::NAN, |at| T::from_f64(categories[at]))
                    }
                };
                y = rest;
            }
        })
    }
}
