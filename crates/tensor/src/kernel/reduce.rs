//! Reductions: what they are, and how tiles are folded into accumulators.
//!
//! Accumulators are `f64` for every element type; four elements are joined before they are converted,
//! which takes longer than anything else here. The order of the additions is fixed here, lane by
//! lane, and does not depend on the width of the machine's vectors.

mod columns;
mod rows;

use super::isa::Isa;
use crate::Float;
use columns::{finish, fold_columns};
use rows::fold_rows;

/// What a reduction computes. Accumulators are `f64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The sum; 0 of nothing.
    Sum,
    /// The mean; NaN of nothing.
    Mean,
    /// The product; 1 of nothing.
    Prod,
    /// The largest value, NaN if there is one; −∞ of nothing.
    Max,
    /// The smallest value, NaN if there is one; ∞ of nothing.
    Min,
}

/// Runs an expression with the [`Combine`] of a reduction.
macro_rules! with_combine {
    ($reduction:expr, $combine:ident => $body:expr) => {
        match $reduction {
            Reduction::Sum | Reduction::Mean => {
                let $combine = Add;
                $body
            }
            Reduction::Prod => {
                let $combine = Multiply;
                $body
            }
            Reduction::Max => {
                let $combine = Larger;
                $body
            }
            Reduction::Min => {
                let $combine = Smaller;
                $body
            }
        }
    };
}

impl Reduction {
    /// What an accumulator starts from.
    pub(super) fn start(self) -> f64 {
        match self {
            Reduction::Sum | Reduction::Mean => 0.0,
            Reduction::Prod => 1.0,
            Reduction::Max => f64::NEG_INFINITY,
            Reduction::Min => f64::INFINITY,
        }
    }

    /// Folds each of `rows` rows of `cols` elements, `step` apart, into an accumulator of its own.
    ///
    /// # Safety
    /// `x` must be readable for these rows, `acc` writable for `rows`.
    pub(super) unsafe fn fold_rows<T: Float>(
        self,
        isa: Isa,
        x: *const T,
        step: isize,
        rows: usize,
        cols: usize,
        acc: *mut f64,
    ) {
        // SAFETY: the caller's promise.
        unsafe { with_combine!(self, combine => fold_rows(isa, combine, x, step, rows, cols, acc)) }
    }

    /// Folds each of `rows` rows of `cols` elements into `cols` accumulators; `steps` are those
    /// from one row of `x` to the next, and from the accumulators of one row to those of the next
    /// (0 for the same).
    ///
    /// # Safety
    /// `x` must be readable for `rows` rows of `cols` elements, `acc` writable likewise.
    pub(super) unsafe fn fold_columns<T: Float>(
        self,
        isa: Isa,
        x: *const T,
        rows: usize,
        cols: usize,
        acc: *mut f64,
        steps: [isize; 2],
    ) {
        // SAFETY: the caller's promise.
        unsafe { with_combine!(self, combine => fold_columns(isa, combine, x, rows, cols, acc, steps)) }
    }

    /// The results over `count` values each from the `n` accumulators that they were folded to.
    ///
    /// # Safety
    /// `acc` must be readable and `to` writable for `n` elements.
    pub(super) unsafe fn finish<T: Float>(self, isa: Isa, acc: *const f64, to: *mut T, n: usize, count: usize) {
        let terms = if self == Reduction::Mean { count as f64 } else { 1.0 };
        // SAFETY: the caller's promise.
        unsafe { finish(isa, acc, to, n, terms) }
    }

    /// Joins `n` accumulators with as many others.
    ///
    /// # Safety
    /// `acc` must be writable and `other` readable for `n` elements, without overlap.
    pub(super) unsafe fn join(self, isa: Isa, acc: *mut f64, other: *const f64, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { with_combine!(self, combine => fold_columns(isa, combine, other, 1, n, acc, [0, 0])) }
    }
}

/// How two values become one.
trait Combine: Copy {
    const START: f64;
    /// Whether elements may be joined before they are converted. What is not finite then is folded
    /// again one by one: a sum may be too large for an element.
    const EARLY: bool = true;
    /// Whether it is a comparison.
    const COMPARES: bool = false;
    fn combine<T: Float>(self, a: T, b: T) -> T;
    /// The same of numbers that are not NaN.
    #[inline(always)]
    fn combine_numbers<T: Float>(self, a: T, b: T) -> T {
        self.combine(a, b)
    }
}

#[derive(Clone, Copy)]
struct Add;
#[derive(Clone, Copy)]
struct Multiply;
#[derive(Clone, Copy)]
struct Larger;
#[derive(Clone, Copy)]
struct Smaller;

impl Combine for Add {
    const START: f64 = 0.0;
    #[inline(always)]
    fn combine<T: Float>(self, a: T, b: T) -> T {
        a + b
    }
}

impl Combine for Multiply {
    const START: f64 = 1.0;
    const EARLY: bool = false;
    #[inline(always)]
    fn combine<T: Float>(self, a: T, b: T) -> T {
        a * b
    }
}

impl Combine for Larger {
    const START: f64 = f64::NEG_INFINITY;
    const COMPARES: bool = true;
    #[inline(always)]
    fn combine<T: Float>(self, a: T, b: T) -> T {
        a.max_nan(b)
    }
    #[inline(always)]
    fn combine_numbers<T: Float>(self, a: T, b: T) -> T {
        if a > b { a } else { b }
    }
}

impl Combine for Smaller {
    const START: f64 = f64::INFINITY;
    const COMPARES: bool = true;
    #[inline(always)]
    fn combine<T: Float>(self, a: T, b: T) -> T {
        a.min_nan(b)
    }
    #[inline(always)]
    fn combine_numbers<T: Float>(self, a: T, b: T) -> T {
        if a < b { a } else { b }
    }
}

/// Accumulators in one piece, which the compiler keeps in whole vectors.
const LANES: usize = 8;

/// Elements that are joined at a time.
const EARLY: usize = 4;

/// Joins a piece of elements to a piece of accumulators.
#[inline(always)]
fn fold_lanes<T: Float, C: Combine>(combine: C, mut lanes: [f64; LANES], x: [T; LANES]) -> [f64; LANES] {
    for (lane, v) in lanes.iter_mut().zip(x) {
        *lane = combine.combine(*lane, v.to_f64());
    }
    lanes
}

#[cfg(test)]
mod tests;
