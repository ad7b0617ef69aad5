//! Reductions: what they are and how a run of values is folded.

/// What a reduction computes. Sums and products accumulate in `f64`.
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

impl Reduction {
    /// The value to start from.
    pub(super) fn start(self) -> f64 {
        match self {
            Reduction::Sum | Reduction::Mean => 0.0,
            Reduction::Prod => 1.0,
            Reduction::Max => f64::NEG_INFINITY,
            Reduction::Min => f64::INFINITY,
        }
    }

    /// Two accumulators in one.
    pub(super) fn join(self, a: f64, b: f64) -> f64 {
        match self {
            Reduction::Sum | Reduction::Mean => a + b,
            Reduction::Prod => a * b,
            Reduction::Max => if b > a || b.is_nan() { b } else { a },
            Reduction::Min => if b < a || b.is_nan() { b } else { a },
        }
    }

    /// The result over `count` values from what they were folded to.
    pub(super) fn finish(self, folded: f64, count: usize) -> f64 {
        if self == Reduction::Mean { folded / count as f64 } else { folded }
    }
}
