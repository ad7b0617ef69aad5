//! Losses that are 0 beyond a margin.

use wengert_autograd::{Operand, Var};
use wengert_tensor::{Float, Tensor};

use super::classes::Targets;
use super::{beside, checked_margin, loss};

/// The option that all of them have.
macro_rules! margin {
    ($($name:ident $op:literal $default:literal),*) => {$(
        impl $name {
            #[doc = concat!("How far beyond the boundary is far enough; ", $default, " unless told.")]
            ///
            /// # Panics
            /// If it is not finite.
            #[track_caller]
            pub fn margin(self, margin: f64) -> Self {
                Self { margin: checked_margin($op, margin), ..self }
            }
        }
    )*};
}
margin!(
    Hinge "hinge" "1", MarginRanking "margin_ranking" "0", HingeEmbedding "hinge_embedding" "1",
    MultiMargin "multi_margin" "1"
);

loss! {
    /// The hinge loss of a binary support vector machine, max(0, margin − y·x) for y of 1 or −1:
    /// Cortes & Vapnik, "Support-vector networks" (1995).
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Hinge, Reduction};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let scores = tape.var(tensor![0.5, 0.5, 3.0]);
    /// let loss = Hinge::new().reduction(Reduction::None).of(scores, &tensor![1.0, -1.0, 1.0]);
    /// assert_eq!(loss.value(), tensor![0.5, 1.5, 0.0]);
    /// ```
    Hinge { margin: f64 = 1.0 }
}

impl Hinge {
    /// The loss of the scores `x` for targets of 1 and −1.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, x: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        self.reduction.of((self.margin - beside("hinge", x, target) * x).clamp_min(0.0))
    }
}

loss! {
    /// max(0, margin − y·(a − b)), where y = 1 says that a should be the larger and −1 that b
    /// should: PyTorch's `MarginRankingLoss`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::MarginRanking;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let (a, b) = (tape.var(tensor![1.0, 2.0]), tape.var(tensor![3.0, 1.0]));
    /// assert_eq!(MarginRanking::new().of(a, b, &tensor![1.0, 1.0]).item(), 1.0);
    /// ```
    #[doc(alias = "MarginRankingLoss")]
    MarginRanking { margin: f64 = 0.0 }
}

impl MarginRanking {
    /// The loss of the scores `a` and `b` for targets of 1 and −1.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, a: Var<'t, T>, b: impl Operand<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        let (b, y) = (beside("margin_ranking", a, b), beside("margin_ranking", a, target));
        self.reduction.of((self.margin - y * (a - b)).clamp_min(0.0))
    }
}

loss! {
    /// The distance x itself where y = 1, and max(0, margin − x) where y = −1: PyTorch's
    /// `HingeEmbeddingLoss`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{HingeEmbedding, Reduction};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let distances = tape.var(tensor![0.25, 0.25]);
    /// let loss = HingeEmbedding::new().reduction(Reduction::None).of(distances, &tensor![1.0, -1.0]);
    /// assert_eq!(loss.value(), tensor![0.25, 0.75]);
    /// ```
    #[doc(alias = "HingeEmbeddingLoss")]
    HingeEmbedding { margin: f64 = 1.0 }
}

impl HingeEmbedding {
    /// The loss of the distances `x` for targets of 1 and −1.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, x: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        let alike = beside("hinge_embedding", x, target).gt(0.0);
        self.reduction.of(alike.where_(x, (self.margin - x).clamp_min(0.0)))
    }
}

loss! {
    /// The loss of a multi-class support vector machine: for a row of scores x with the class y,
    /// the sum over the other classes j of max(0, margin − x\[y\] + x\[j\])ᵖ, over the number of
    /// classes; Weston & Watkins, "Support vector machines for multi-class pattern recognition"
    /// (1999). PyTorch's `MultiMarginLoss`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::MultiMargin;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let scores = tape.var(tensor![[3.0, 2.5, -1.0, 4.0]]);
    /// assert_eq!(MultiMargin::new().of(scores, &tensor![0]).item(), (0.5 + 2.0) / 4.0);
    /// ```
    #[doc(alias = "MultiMarginLoss")]
    MultiMargin { margin: f64 = 1.0, squared: bool = false, weights: Option<Vec<f64>> = None }
}

impl MultiMargin {
    /// With p = 2 instead of 1.
    pub fn squared(self) -> Self {
        Self { squared: true, ..self }
    }

    /// Multiplies the loss of a row by the weight of its class; the mean is over the rows.
    ///
    /// # Panics
    /// If a weight is negative or not finite.
    #[track_caller]
    pub fn class_weights(self, weights: impl Into<Vec<f64>>) -> Self {
        Self { weights: Some(super::classes::checked_weights("multi_margin", weights.into())), ..self }
    }

    /// The loss of the scores `x`, whose last axis is that of the classes.
    ///
    /// # Panics
    /// If the classes have another shape than the rows, one of them is out of range, or there
    /// is not a weight for each class.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, x: Var<'t, T>, classes: &Tensor<i64>) -> Var<'t, T> {
        let shape = x.shape();
        let targets = Targets::new("multi_margin", &shape, classes, None, self.weights.as_deref());
        let mut beyond = (x - targets.pick(x).unsqueeze(-1) + self.margin).clamp_min(0.0);
        if self.squared {
            beyond = beyond.square();
        }
        let others = targets.one_hot(x).where_(0.0, beyond).sum(-1);
        self.reduction.of(targets.weigh(others) / shape[shape.len() - 1] as f64)
    }
}
