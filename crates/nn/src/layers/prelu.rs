//! The rectifier with a learned slope.

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Tensor};

use super::normalize::on_axis_1;
use crate::{Layer, Module, Summary};

/// x where it is positive, else a·x with a learned slope a: He et al., "Delving deep into
/// rectifiers" (2015), eq. 1.
///
/// One slope for all, which starts as 0.25, or one for each channel of axis 1. The derivative
/// at 0 is the slope.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Layer, Prelu};
/// use wengert_tensor::tensor;
///
/// let tape = Tape::<f32>::new();
/// let x = tape.var(tensor![[-2.0, 3.0]]);
/// assert_eq!(Prelu::new().forward(x).value(), tensor![[-0.5, 3.0]]);
/// assert_eq!(Prelu::<f32>::new().channels(2).to_string(), "Prelu(2 slopes, 2 parameters)");
/// ```
#[doc(alias = "PReLU")]
#[derive(Module)]
pub struct Prelu<T: Float = f32> {
    /// The slopes, `[1]` or `[channels]`.
    pub weight: Param<T>,
}

impl<T: Float> Default for Prelu<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Float> Prelu<T> {
    /// A layer of one slope.
    pub fn new() -> Self {
        Self { weight: Param::new("weight", Tensor::full([1], T::from_f64(0.25))) }
    }

    /// With one slope for each of so many channels, each starting as the first did.
    #[track_caller]
    pub fn channels(self, channels: usize) -> Self {
        let first = self.weight.value().at([0]);
        Self { weight: Param::new("weight", Tensor::full([channels], first)) }
    }

    /// Starts the slopes with another value.
    pub fn slope(self, slope: f64) -> Self {
        let shape = self.weight.shape();
        Self { weight: Param::new("weight", Tensor::full(shape, T::from_f64(slope))) }
    }
}

impl<T: Float> Layer<T> for Prelu<T> {
    /// # Panics
    /// If there are several slopes, and axis 1 of `x` is not as long.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let (shape, mut slopes) = (x.shape(), self.weight.on(x.tape()));
        let count = slopes.count();
        if count != 1 {
            let fits = shape.get(1) == Some(&count);
            assert!(fits, "prelu: the input's shape {shape} should be [batch, {count}, …]");
            slopes = on_axis_1(slopes, shape.len());
        }
        Summary::note(self, x.gt(0.0).where_(x, x * slopes))
    }
}

impl<T: Float> fmt::Display for Prelu<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.param_count();
        write!(f, "Prelu({count} slopes, {count} parameters)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_layer, message_of};
    use wengert_autograd::Tape;
    use wengert_tensor::{Rng, tensor};

    #[test]
    fn gradients() {
        let x = Tensor::normal([2, 3, 2], 0.0, 1.0, &mut Rng::seed(1));
        check_layer(&Prelu::new(), &x);
        let layer = Prelu::new().channels(3);
        layer.weight.set(tensor![0.5, -1.0, 2.0]);
        check_layer(&layer, &x);
    }

    #[test]
    fn the_kink() {
        let tape = Tape::<f64>::new();
        let x = tape.var(tensor![0.0, f64::NAN, 1000.0, -1000.0]);
        let y = Prelu::new().slope(0.5).forward(x);
        let values = y.value().to_vec();
        assert!(values[0] == 0.0 && values[1].is_nan() && values[2..] == [1000.0, -500.0], "{values:?}");
        assert_eq!(y.sum(..).grad([x])[0].value().select(0, 0).item(), 0.5);
    }

    #[test]
    fn other_channels_are_refused() {
        let layer = Prelu::<f32>::new().channels(3);
        let message = message_of(|| _ = layer.forward(Tape::new().var(Tensor::zeros([2, 2]))));
        assert_eq!(message, "prelu: the input's shape [2, 2] should be [batch, 3, …]");
    }
}
