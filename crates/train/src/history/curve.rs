//! A number at every step, in bounded memory.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::number::{self, Number};

/// A number at every step, however many steps there are: when it is full, points are merged in
/// pairs, so that each stands for twice as many steps and nothing of the spread is lost.
///
/// It is a slice of its points, in the order of the steps.
///
/// ```
/// use wengert_train::Curve;
///
/// let mut loss = Curve::default();
/// for step in 0..100_000 {
///     loss.push(step, if step == 7 { 10.0 } else { 1.0 });
/// }
/// assert!(loss.len() <= Curve::MOST_POINTS);
/// assert_eq!(loss.iter().map(|point| point.max).fold(0.0, f64::max), 10.0);
/// assert_eq!((loss.first(), loss.last()), (Some(1.0), Some(1.0)));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// How many values a full point stands for.
    per_point: u64,
    /// How many values the last point stands for.
    in_last: u64,
    points: Vec<Point>,
    #[serde(with = "number::option")]
    first: Option<f64>,
    #[serde(with = "number::option")]
    last: Option<f64>,
}

/// What a [`Curve`] keeps of one or several neighbouring steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(u64, Number, Number, Number)", into = "(u64, Number, Number, Number)")]
pub struct Point {
    /// The first of the steps.
    pub step: u64,
    /// The mean of their values; NaN if one is.
    pub mean: f64,
    /// The smallest, NaN aside.
    pub min: f64,
    /// The largest, NaN aside.
    pub max: f64,
}

impl Curve {
    /// The most points that are kept.
    pub const MOST_POINTS: usize = 1024;

    /// Appends the value of a step that comes after those so far.
    pub fn push(&mut self, step: u64, value: f64) {
        self.first.get_or_insert(value);
        self.last = Some(value);
        match self.points.last_mut() {
            Some(last) if self.in_last < self.per_point => {
                self.in_last += 1;
                let change = value - last.mean;
                // Infinities have no difference, but they have a sum.
                last.mean += if change.is_finite() { change / self.in_last as f64 } else { value };
                (last.min, last.max) = (last.min.min(value), last.max.max(value));
                return;
            }
            _ => {}
        }
        if self.points.len() == Self::MOST_POINTS {
            self.points = self.points.chunks(2).map(|pair| pair[0].merged(pair[1])).collect();
            self.per_point *= 2;
        }
        self.points.push(Point { step, mean: value, min: value, max: value });
        self.in_last = 1;
    }

    /// The value of the first step.
    pub fn first(&self) -> Option<f64> {
        self.first
    }

    /// The value of the last step.
    pub fn last(&self) -> Option<f64> {
        self.last
    }
}

impl Default for Curve {
    fn default() -> Self {
        Self { per_point: 1, in_last: 0, points: Vec::new(), first: None, last: None }
    }
}

impl Deref for Curve {
    type Target = [Point];

    fn deref(&self) -> &[Point] {
        &self.points
    }
}

impl Point {
    /// This and the next point, which stand for equally many steps.
    fn merged(self, next: Self) -> Self {
        let mean = self.mean / 2.0 + next.mean / 2.0;
        Self { step: self.step, mean, min: self.min.min(next.min), max: self.max.max(next.max) }
    }
}

impl From<(u64, Number, Number, Number)> for Point {
    fn from((step, mean, min, max): (u64, Number, Number, Number)) -> Self {
        Self { step, mean: mean.0, min: min.0, max: max.0 }
    }
}

impl From<Point> for (u64, Number, Number, Number) {
    fn from(Point { step, mean, min, max }: Point) -> Self {
        (step, Number(mean), Number(min), Number(max))
    }
}
