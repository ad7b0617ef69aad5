//! Losses of predicted numbers.

use wengert_autograd::{Operand, Var};
use wengert_tensor::Float;

use super::{beside, loss};
use crate::optim::non_negative;

loss! {
    /// The squared error, (x − target)²: PyTorch's `MSELoss`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Mse, Reduction};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0]);
    /// assert_eq!(Mse::new().reduction(Reduction::Sum).of(x, &tensor![1.0, 5.0]).item(), 9.0);
    /// ```
    #[doc(alias = "MSELoss")]
    Mse {}
}

impl Mse {
    /// The loss of the prediction `x`.
    ///
    /// # Panics
    /// If the shapes differ: a loss does not broadcast.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, x: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        self.reduction.of((x - beside("mse", x, target)).square())
    }
}

loss! {
    /// The absolute error, |x − target|: PyTorch's `L1Loss`. Its gradient where they are equal
    /// is 0.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::L1;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0]);
    /// assert_eq!(L1::new().of(x, &tensor![1.0, 5.0]).item(), 1.5);
    /// ```
    #[doc(alias = "L1Loss")]
    L1 {}
}

impl L1 {
    /// The loss of the prediction `x`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, x: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        self.reduction.of((x - beside("l1", x, target)).abs())
    }
}

loss! {
    /// Squared where the error is small, absolute where it is large: Huber, "Robust estimation
    /// of a location parameter" (1964). With d = x − target: d²/2 where |d| < δ, else
    /// δ·(|d| − δ/2). PyTorch's `HuberLoss`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Huber, Reduction};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, -4.0]);
    /// let loss = Huber::new().delta(2.0).reduction(Reduction::None).of(x, &tensor![0.0, 0.0]);
    /// assert_eq!(loss.value(), tensor![0.5, 6.0]);
    /// ```
    #[doc(alias = "HuberLoss")]
    Huber { delta: f64 = 1.0 }
}

impl Huber {
    /// The error from which on the loss is a straight line; 1 unless told.
    ///
    /// # Panics
    /// If it is not a finite number above 0.
    #[track_caller]
    pub fn delta(self, delta: f64) -> Self {
        assert!(delta > 0.0 && delta.is_finite(), "huber: delta {delta} is not a finite number above 0");
        Self { delta, ..self }
    }

    /// The loss of the prediction `x`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, x: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        let d = x - beside("huber", x, target);
        let size = d.abs();
        let line = (size - self.delta / 2.0) * self.delta;
        self.reduction.of(size.lt(self.delta).where_(d.square() * 0.5, line))
    }
}

loss! {
    /// The absolute error with its kink rounded off: Girshick, "Fast R-CNN" (2015), equation 3.
    /// With d = x − target: d²/(2β) where |d| < β, else |d| − β/2. PyTorch's `SmoothL1Loss`.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Reduction, SmoothL1};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, -4.0]);
    /// let loss = SmoothL1::new().beta(2.0).reduction(Reduction::None).of(x, &tensor![0.0, 0.0]);
    /// assert_eq!(loss.value(), tensor![0.25, 3.0]);
    /// ```
    #[doc(alias = "SmoothL1Loss")]
    SmoothL1 { beta: f64 = 1.0 }
}

impl SmoothL1 {
    /// The error from which on the loss is a straight line; 1 unless told, and 0 for [`L1`].
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn beta(self, beta: f64) -> Self {
        Self { beta: non_negative("smooth_l1", "beta", beta), ..self }
    }

    /// The loss of the prediction `x`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, x: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        let d = x - beside("smooth_l1", x, target);
        let (size, line) = (d.abs(), d.abs() - self.beta / 2.0);
        if self.beta == 0.0 {
            return self.reduction.of(size);
        }
        self.reduction.of(size.lt(self.beta).where_(d.square() * (0.5 / self.beta), line))
    }
}
