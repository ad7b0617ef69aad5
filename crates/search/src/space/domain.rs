//! The range of a field, as a program declares it.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::{Distribution, SpaceErrorKind};

/// The values that a field may take: numbers of a range, on a linear or a logarithmic scale, or
/// some choices.
///
/// Whatever is wrong with it is reported with the field's name when the space is made.
///
/// ```
/// use wengert_search::Domain;
///
/// let lr: Domain<f64> = Domain::log(1e-4..=1.0);
/// let depth: Domain<usize> = Domain::uniform(1..=3);
/// let dropout = Domain::uniform(0.0f32..=0.5).within(0.0..=0.9);
/// let pieces = Domain::choice([2, 3, 4]);
/// let slope = Domain::named([("relu", 0.0), ("leaky", 0.01)]);
/// ```
#[derive(Clone, Debug)]
pub struct Domain<T> {
    pub(super) distribution: Distribution,
    /// What a later stage may widen the range to.
    pub(super) limits: Option<[f64; 2]>,
    /// What the type holds.
    pub(super) held: [f64; 2],
    /// What is wrong in itself.
    fault: Option<SpaceErrorKind>,
    decode: Decode<T>,
}

#[derive(Clone, Debug)]
enum Decode<T> {
    Number(fn(f64) -> T),
    Choice(Vec<T>),
}

/// The numbers that a [`Domain`] can be of: `f32`, `f64` and integers.
pub trait Number: Copy + sealed::Sealed {
    #[doc(hidden)]
    const WHOLE: bool;
    #[doc(hidden)]
    const HELD: [f64; 2];
    #[doc(hidden)]
    fn to_f64(self) -> f64;
    #[doc(hidden)]
    fn from_f64(value: f64) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($t:ty: $whole:literal, $most:expr;)*) => {$(
        impl sealed::Sealed for $t {}
        impl Number for $t {
            const WHOLE: bool = $whole;
            const HELD: [f64; 2] = [(<$t>::MIN as f64).max(-$most), (<$t>::MAX as f64).min($most)];
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn from_f64(value: f64) -> Self {
                value as $t
            }
        }
    )*};
}
numbers!(f32: false, WIDEST; f64: false, WIDEST; i8: true, EXACT; i16: true, EXACT; i32: true, EXACT;);
numbers!(i64: true, EXACT; isize: true, EXACT; u8: true, EXACT; u16: true, EXACT; u32: true, EXACT;);
numbers!(u64: true, EXACT; usize: true, EXACT;);

/// Whole numbers up to here are exact in `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Far enough from the largest `f64` that no range is infinitely wide once it is widened.
const WIDEST: f64 = 1e300;

impl<T: Number> Domain<T> {
    /// Numbers of which equal differences are equally likely.
    pub fn uniform(range: RangeInclusive<T>) -> Self {
        Self::range(range, false)
    }

    /// Numbers of which equal factors are equally likely: learning rates, penalties, widths.
    pub fn log(range: RangeInclusive<T>) -> Self {
        Self::range(range, true)
    }

    /// Only the lower bound and what is a multiple of `step` above it.
    pub fn step(mut self, step: T) -> Self {
        let by = step.to_f64();
        match &mut self.distribution {
            Distribution::Float { step, .. } => *step = Some(by),
            Distribution::Int { step, .. } => *step = by as i64,
            Distribution::Choice { .. } => {}
        }
        if !(by > 0.0 && by.is_finite()) || self.distribution.is_log() {
            self.fault = self.fault.or(Some(SpaceErrorKind::Step(by)));
        } else if self.fault.is_none() {
            self.distribution = self.distribution.ends_at_a_step();
        }
        self
    }

    /// What a later stage may widen the range to when the best value lies at its edge.
    ///
    /// Otherwise a range that holds no negative number stays so, one that begins at 1 or above
    /// stays there, and one within 0 to 1 stays within.
    pub fn within(mut self, limits: RangeInclusive<T>) -> Self {
        let limits = [limits.start().to_f64(), limits.end().to_f64()];
        let bounds = self.distribution.bounds().unwrap_or(limits);
        if !(limits[0] <= bounds[0] && bounds[1] <= limits[1]) {
            self.fault = self.fault.or(Some(SpaceErrorKind::Limits(bounds, limits)));
        }
        self.limits = Some(limits);
        self
    }

    fn range(range: RangeInclusive<T>, log: bool) -> Self {
        let [low, high] = [range.start().to_f64(), range.end().to_f64()];
        let exact = |bound: f64| bound.is_finite() && (!T::WHOLE || bound.abs() <= EXACT);
        let fault = if let Some(&bound) = [low, high].iter().find(|&&bound| !exact(bound)) {
            Some(SpaceErrorKind::Bound(bound))
        } else if low > high {
            Some(SpaceErrorKind::Order(low, high))
        } else if log && low <= 0.0 {
            Some(SpaceErrorKind::Log(low))
        } else if !(high - low).is_finite() {
            Some(SpaceErrorKind::Bound(high))
        } else {
            None
        };
        let distribution = match T::WHOLE {
            true => Distribution::Int { low: low as i64, high: high as i64, log, step: 1 },
            false => Distribution::Float { low, high, log, step: None },
        };
        let held = [T::HELD[0].min(low), T::HELD[1].max(high)];
        Self { distribution, limits: None, held, fault, decode: Decode::Number(T::from_f64) }
    }
}

impl<T: Clone> Domain<T> {
    /// One of several values, which are their own labels.
    pub fn choice(choices: impl IntoIterator<Item = T>) -> Self
    where
        T: Into<Value>,
    {
        Self::labelled(choices.into_iter().map(|choice| (choice.clone().into(), choice)))
    }

    /// One of several values of any type, with a label each.
    pub fn named<'a>(choices: impl IntoIterator<Item = (&'a str, T)>) -> Self {
        Self::labelled(choices.into_iter().map(|(label, choice)| (label.into(), choice)))
    }

    fn labelled(choices: impl Iterator<Item = (Value, T)>) -> Self {
        let (labels, values): (Vec<Value>, Vec<T>) = choices.unzip();
        let twice = labels.iter().enumerate().find(|(i, label)| labels[..*i].contains(label));
        let fault = match twice {
            _ if labels.is_empty() => Some(SpaceErrorKind::Empty),
            Some((_, label)) => Some(SpaceErrorKind::Label(label.to_string())),
            None => None,
        };
        Self {
            distribution: Distribution::Choice { choices: labels },
            limits: None,
            held: [f64::MIN, f64::MAX],
            fault,
            decode: Decode::Choice(values),
        }
    }

    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), SpaceErrorKind> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// The field's value of a parameter's.
    pub(super) fn decode(&self, value: f64) -> Option<T> {
        match &self.decode {
            Decode::Number(decode) => Some(decode(value)),
            Decode::Choice(values) => values.get(value as usize).cloned(),
        }
    }
}
