//! Layers that only change shapes, and the one that adds its input again.

use std::fmt;

use wengert_autograd::Var;
use wengert_tensor::{Float, Sizes};

use crate::{Layer, Module, Summary, Visitor};

/// All axes but the first as one, as a dense layer after a convolution needs it.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Flatten, Layer};
/// use wengert_tensor::Tensor;
///
/// let tape = Tape::<f32>::new();
/// let x = tape.var(Tensor::zeros([2, 3, 4, 4]));
/// assert_eq!(Flatten::new().forward(x).shape(), [2, 48]);
/// assert_eq!(Flatten::new().from_axis(2).forward(x).shape(), [2, 3, 16]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Flatten {
    from: usize,
}

impl Default for Flatten {
    fn default() -> Self {
        Self::new()
    }
}

impl Flatten {
    /// Flattens all axes but the first.
    pub fn new() -> Self {
        Self { from: 1 }
    }

    /// Flattens the axes from this one on.
    pub fn from_axis(self, axis: usize) -> Self {
        Self { from: axis }
    }
}

impl<T: Float> Module<T> for Flatten {
    fn visit(&self, _: &mut Visitor<T>) {}
}

impl<T: Float> Layer<T> for Flatten {
    /// # Panics
    /// If `x` has fewer axes than are to be left.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let (shape, from) = (x.shape(), self.from);
        assert!(from <= shape.len(), "flatten: shape {shape} has no {from} axes to leave");
        let mut sizes: Vec<usize> = shape[..from].to_vec();
        sizes.push(shape[from..].iter().product());
        Summary::note(self, x.reshape(Sizes::from(sizes)))
    }
}

impl fmt::Debug for Flatten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flatten(from axis {})", self.from)
    }
}

impl fmt::Display for Flatten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// f(x) + x: a layer learns what to change, and deep networks stay trainable. He et al., "Deep
/// residual learning for image recognition" (2015), eq. 1 and, with a shortcut, 2.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Init, Layer, Linear, Module, Residual};
/// use wengert_tensor::{Rng, tensor};
///
/// let body = Linear::new(2, 2, &mut Rng::seed(0)).weight(Init::Constant(0.0));
/// let block = Residual::new(body);
/// let x = tensor![[1.0, -2.0]];
/// let tape = Tape::<f32>::new();
/// assert_eq!(block.forward(tape.var(&x)).value(), x);
/// assert!(block.params().contains_key("body.weight"));
/// assert_eq!(block.to_string(), "Residual(Linear(2 → 2, 6 parameters), 6 parameters)");
/// ```
#[derive(Module)]
pub struct Residual<T: Float = f32> {
    body: Box<dyn Layer<T>>,
    shortcut: Option<Box<dyn Layer<T>>>,
}

impl<T: Float> Residual<T> {
    /// Adds the input to the output of this layer.
    pub fn new(body: impl Layer<T> + 'static) -> Self {
        Self { body: Box::new(body), shortcut: None }
    }

    /// Adds what this layer makes of the input, where shapes change.
    pub fn shortcut(self, shortcut: impl Layer<T> + 'static) -> Self {
        Self { shortcut: Some(Box::new(shortcut)), ..self }
    }
}

impl<T: Float> Layer<T> for Residual<T> {
    /// # Panics
    /// If the body changes the shape and there is no shortcut that does the same.
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let change = self.body.forward(x);
        let kept = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x),
            None => x,
        };
        let (a, b) = (change.shape(), kept.shape());
        assert!(a == b, "residual: the body's output {a} does not fit beside {b}");
        change + kept
    }
}

impl<T: Float> fmt::Display for Residual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Residual({:?}", self.body)?;
        if let Some(shortcut) = &self.shortcut {
            write!(f, ", shortcut {shortcut:?}")?;
        }
        write!(f, ", {} parameters)", self.param_count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_layer, line_of_panic, message_of};
    use crate::{Linear, Sequential};
    use wengert_autograd::Tape;
    use wengert_tensor::{Rng, Tensor};

    #[test]
    fn gradients() {
        let mut rng = Rng::seed(1);
        let body = Sequential::new().then(Linear::new(3, 2, &mut rng)).then_fn(|x| x.tanh());
        let block = Residual::<f64>::new(body).shortcut(Linear::new(3, 2, &mut rng).no_bias());
        check_layer(&block, &Tensor::normal([4, 3], 0.0, 1.0, &mut rng));
        let names: Vec<String> = block.params().into_keys().collect();
        assert_eq!(names, ["body.0.weight", "body.0.bias", "shortcut.weight"]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = Tape::<f32>::new();
        let x = tape.var(Tensor::zeros([4, 3]));
        let block = Residual::new(Linear::new(3, 1, &mut Rng::seed(1)));
        assert_eq!(
            message_of(|| _ = block.forward(x)),
            "residual: the body's output [4, 1] does not fit beside [4, 3]"
        );
        assert_eq!(line_of_panic(|| _ = block.forward(x)), line!());
        let deep = Flatten::new().from_axis(3);
        assert_eq!(message_of(|| _ = deep.forward(x)), "flatten: shape [4, 3] has no 3 axes to leave");
        assert_eq!(Flatten::new().forward(tape.var(Tensor::zeros([0, 2, 2]))).shape(), [0, 4]);
        assert_eq!(Flatten::new().from_axis(0).forward(x).shape(), [12]);
    }
}
