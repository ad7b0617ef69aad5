//! Dropout.

use std::fmt;

use wengert_autograd::Var;
use wengert_tensor::{Float, Rng, Tensor};

use crate::{Layer, Module, Summary};

/// Sets each value to 0 with probability p and scales the others by 1/(1 − p), so that the
/// expected value stays: Srivastava et al., "Dropout" (2014), section 10.
///
/// It drops on tapes in train mode only; what it drops follows from the tape's seed.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Dropout, Layer};
/// use wengert_tensor::Tensor;
///
/// let dropout = Dropout::new(0.5);
/// let ones = Tensor::<f32>::ones([100]);
/// let tape = Tape::train(7);
/// let y = dropout.forward(tape.var(&ones)).value();
/// assert!(y.iter().all(|v| v == 0.0 || v == 2.0));
/// let tape = Tape::new();
/// assert_eq!(dropout.forward(tape.var(&ones)).value(), ones);
/// ```
#[doc(alias = "Dropout1d")]
#[doc(alias = "Dropout2d")]
#[derive(Clone, Copy, PartialEq)]
pub struct Dropout {
    p: f64,
    by_channel: bool,
}

impl Dropout {
    /// A layer that drops with probability `p`.
    ///
    /// # Panics
    /// If `p` is not a probability.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        assert!((0.0..=1.0).contains(&p), "dropout: {p} is not a probability");
        Self { p, by_channel: false }
    }

    /// Drops whole channels, of inputs `[batch, channels, …]`: neighbouring pixels tell the same,
    /// so dropping single ones hides little (Tompson et al., "Efficient object localization using
    /// convolutional networks" (2014), section 3.2).
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Dropout, Layer};
    /// use wengert_tensor::Tensor;
    ///
    /// let tape = Tape::<f32>::train(1);
    /// let y = Dropout::new(0.5).by_channel().forward(tape.var(Tensor::ones([2, 8, 4, 4]))).value();
    /// assert_eq!(y.max([2, 3]), y.min([2, 3]));
    /// ```
    pub fn by_channel(self) -> Self {
        Self { by_channel: true, ..self }
    }
}

/// x, through the dropout of a layer that may have one.
#[track_caller]
pub(super) fn dropped<T: Float>(x: Var<'_, T>, dropout: Option<Dropout>) -> Var<'_, T> {
    match dropout {
        Some(dropout) => dropout.forward(x),
        None => x,
    }
}

impl<T: Float> Module<T> for Dropout {
    fn visit(&self, _: &mut crate::Visitor<T>) {}
}

impl<T: Float> Layer<T> for Dropout {
    /// # Panics
    /// If channels are to be dropped and there are not at least two axes.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let Self { p, by_channel } = *self;
        let mut shape = x.shape();
        if by_channel {
            assert!(shape.len() >= 2, "dropout: the input's shape {shape} should be [batch, channels, …]");
            shape.sizes_mut()[2..].fill(1);
        }
        if !x.tape().is_training() || p == 0.0 {
            return Summary::note(self, x);
        }
        let mut rng = Rng::seed(x.tape().next_seed());
        let kept = T::from_f64(if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 });
        let mask = Tensor::build(shape, |out| {
            out.fill_with(|| if rng.unit() < p { T::ZERO } else { kept });
        });
        Summary::note(self, x * &mask)
    }
}

impl fmt::Display for Dropout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dropout({}{})", self.p, if self.by_channel { ", by channel" } else { "" })
    }
}

impl fmt::Debug for Dropout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, message_of};
    use wengert_autograd::Tape;
    use wengert_tensor::tensor;

    #[test]
    fn it_drops_as_often_as_it_says_and_keeps_the_mean() {
        let tape = Tape::<f64>::train(3);
        for p in [0.1, 0.5, 0.9] {
            let y = Dropout::new(p).forward(tape.var(Tensor::ones([40_000]))).value();
            let kept = y.iter().filter(|&v| v != 0.0).count() as f64 / 40_000.0;
            assert!((kept - (1.0 - p)).abs() < 0.01, "{kept} kept of {p}");
            assert!(y.iter().all(|v| v == 0.0 || v == 1.0 / (1.0 - p)));
        }
    }

    #[test]
    fn the_gradient_passes_where_the_value_does() {
        let tape = Tape::<f64>::train(3);
        let x = tape.var(Tensor::full([50], 3.0));
        let y = Dropout::new(0.5).forward(x);
        let [dx] = y.sum(..).grad([x]);
        assert_close(&dx.value(), &(y / 3.0).value(), 0.0);
    }

    #[test]
    fn the_seed_decides() {
        let drop = |seed| {
            let tape = Tape::<f32>::train(seed);
            let x = tape.var(Tensor::ones([64]));
            [(); 2].map(|()| Dropout::new(0.5).forward(x).value())
        };
        let [first, second] = drop(1);
        assert_ne!(first, second);
        assert_eq!(drop(1), [first.clone(), second]);
        assert_ne!(drop(2)[0], first);
    }

    #[test]
    fn channels_drop_as_a_whole() {
        let tape = Tape::<f64>::train(3);
        let y = Dropout::new(0.25).by_channel().forward(tape.var(Tensor::ones([50, 40, 2, 3]))).value();
        assert!(y.max([2, 3]).bits_eq(&y.min([2, 3])));
        let kept = y.iter().filter(|&v| v == 1.0 / 0.75).count() as f64 / y.count() as f64;
        assert!((kept - 0.75).abs() < 0.03, "{kept}");
        let message = message_of(|| _ = Dropout::new(0.5).by_channel().forward(tape.var(tensor![1.0])));
        assert_eq!(message, "dropout: the input's shape [1] should be [batch, channels, …]");
    }

    #[test]
    fn the_ends() {
        let tape = Tape::<f64>::train(3);
        let x = tape.var(tensor![1.0, f64::INFINITY, 3.0]);
        assert_eq!(Dropout::new(0.0).forward(x).value(), x.value());
        let y = Dropout::new(1.0).forward(x);
        let values = y.value().to_vec();
        assert!(values[0] == 0.0 && values[1].is_nan() && values[2] == 0.0, "{values:?}");
        assert_eq!(y.sum(..).grad([x])[0].value(), tensor![0.0, 0.0, 0.0]);
        assert_eq!(message_of(|| _ = Dropout::new(1.5)), "dropout: 1.5 is not a probability");
    }
}
