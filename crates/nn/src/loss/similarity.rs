//! Losses of embeddings.

use wengert_autograd::{Operand, Var};
use wengert_tensor::Float;

use super::{beside, checked_margin, loss};

loss! {
    /// 1 − cos(a, b) where y = 1, and max(0, cos(a, b) − margin) where y = −1, over the last
    /// axis: PyTorch's `CosineEmbeddingLoss`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::CosineEmbedding;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let (a, b) = (tape.var(tensor![[1.0, 0.0]]), tape.var(tensor![[0.0, 2.0]]));
    /// assert_eq!(CosineEmbedding::new().of(a, b, &tensor![1.0]).item(), 1.0);
    /// ```
    #[doc(alias = "CosineEmbeddingLoss")]
    CosineEmbedding { margin: f64 = 0.0 }
}

impl CosineEmbedding {
    /// The cosine that two different things may have; 0 unless told.
    ///
    /// # Panics
    /// If it is not finite.
    #[track_caller]
    pub fn margin(self, margin: f64) -> Self {
        Self { margin: checked_margin("cosine_embedding", margin), ..self }
    }

    /// The loss of the embeddings `a` and `b`, for a target of 1 or −1 for each row.
    ///
    /// # Panics
    /// If the shapes differ, or the target has not that of the rows.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, a: Var<'t, T>, b: impl Operand<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        let b = beside("cosine_embedding", a, b);
        // 1e-12 counts only for a vector of zeros.
        let (aa, bb) = (a.square().sum(-1) + 1e-12, b.square().sum(-1) + 1e-12);
        let cosine = (a * b).sum(-1) / (aa * bb).sqrt();
        let alike = beside("cosine_embedding", cosine, target).gt(0.0);
        self.reduction.of(alike.where_(1.0 - cosine, (cosine - self.margin).clamp_min(0.0)))
    }
}

loss! {
    /// max(0, ‖a − p‖ − ‖a − n‖ + margin) for an anchor a, something like it and something
    /// unlike it, over the last axis: Balntas et al., "Learning local feature descriptors with
    /// triplets and shallow convolutional neural networks" (2016). PyTorch's
    /// `TripletMarginLoss`, which adds 1e-6 to each difference too.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::TripletMargin;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let [a, p, n] = [0.0, 1.0, 1.5].map(|x| tape.var(tensor![[x, 0.0]]));
    /// assert!((TripletMargin::new().of(a, p, n).item() - 0.5).abs() < 1e-5);
    /// ```
    #[doc(alias = "TripletMarginLoss")]
    TripletMargin { margin: f64 = 1.0, p: f64 = 2.0, swap: bool = false }
}

impl TripletMargin {
    /// How much farther the unlike one should be; 1 unless told.
    ///
    /// # Panics
    /// If it is not finite.
    #[track_caller]
    pub fn margin(self, margin: f64) -> Self {
        Self { margin: checked_margin("triplet_margin", margin), ..self }
    }

    /// Which norm measures distances; 2 unless told.
    ///
    /// # Panics
    /// If it is not above 0.
    #[track_caller]
    pub fn norm(self, p: f64) -> Self {
        assert!(p > 0.0, "triplet_margin: there is no norm {p}");
        Self { p, ..self }
    }

    /// Takes the distance between the like and the unlike one if that is the smaller.
    pub fn swap(self) -> Self {
        Self { swap: true, ..self }
    }

    /// The loss of the embeddings of anchors, like and unlike things.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of<'t, T: Float>(
        &self,
        anchor: Var<'t, T>,
        like: impl Operand<'t, T>,
        unlike: impl Operand<'t, T>,
    ) -> Var<'t, T> {
        let (like, unlike) = (beside("triplet_margin", anchor, like), beside("triplet_margin", anchor, unlike));
        let mut far = self.distance(anchor, unlike);
        if self.swap {
            far = far.minimum(self.distance(like, unlike));
        }
        self.reduction.of((self.distance(anchor, like) - far + self.margin).clamp_min(0.0))
    }

    #[track_caller]
    fn distance<'t, T: Float>(&self, a: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
        (a - b + 1e-6).norm(-1, self.p)
    }
}
