//! A chain of layers.

use std::fmt;

use wengert_autograd::Var;
use wengert_tensor::Float;

use crate::{Layer, Module, Summary, Visitor};

/// Layers and functions, one after another.
///
/// Parameters are called by the number of their link: `0.weight`, `3.bias`.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Activation, Layer, Linear, Module, Sequential};
/// use wengert_tensor::{Rng, Tensor};
///
/// let mut rng = Rng::seed(0);
/// let net = Sequential::new()
///     .then(Linear::new(4, 8, &mut rng))
///     .then_fn(|x| x.relu())
///     .then(Linear::new(8, 2, &mut rng));
/// let tape = Tape::<f32>::new();
/// assert_eq!(net.forward(tape.var(Tensor::ones([3, 4]))).shape(), [3, 2]);
/// assert!(net.params().contains_key("2.weight"));
/// ```
#[derive(Default)]
pub struct Sequential<T: Float = f32> {
    links: Vec<Box<dyn Layer<T>>>,
}

impl<T: Float> Sequential<T> {
    /// The empty chain, which returns its input.
    pub fn new() -> Self {
        Self { links: Vec::new() }
    }

    /// With `layer` at the end.
    pub fn then(mut self, layer: impl Layer<T> + 'static) -> Self {
        self.links.push(Box::new(layer));
        self
    }

    /// With the function `f`, which has no parameters, at the end.
    pub fn then_fn<F>(self, f: F) -> Self
    where
        F: for<'t> Fn(Var<'t, T>) -> Var<'t, T> + Send + Sync + 'static,
    {
        self.then(Function { f, _place: 0 })
    }
}

impl<T: Float> Module<T> for Sequential<T> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        self.links.visit(visitor);
    }
}

impl<T: Float> Layer<T> for Sequential<T> {
    fn forward<'t>(&self, mut x: Var<'t, T>) -> Var<'t, T> {
        // A loop, because a closure would hide the user's line from the layers.
        for layer in &self.links {
            x = layer.forward(x);
        }
        x
    }
}

impl<T: Float> fmt::Display for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequential({} parameters) ", self.param_count())?;
        f.debug_list().entries(&self.links).finish()
    }
}

/// A function as a layer.
struct Function<F> {
    f: F,
    /// A closure that captures nothing takes no room; with a byte it is somewhere, and the summary
    /// tells it from others.
    _place: u8,
}

impl<T: Float, F: Send + Sync> Module<T> for Function<F> {
    fn visit(&self, _: &mut Visitor<T>) {}
}

impl<T: Float, F: for<'t> Fn(Var<'t, T>) -> Var<'t, T> + Send + Sync> Layer<T> for Function<F> {
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        Summary::note(self, (self.f)(x))
    }
}

impl<F> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fn")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, BatchNorm, Linear};
    use wengert_autograd::Tape;
    use wengert_tensor::{Rng, Tensor, tensor};

    #[test]
    fn links_run_in_order() {
        let doubled = Sequential::<f64>::new().then_fn(|x| x * 2.0).then_fn(|x| x + 1.0);
        let net = Sequential::new().then(doubled).then_fn(|x| x * x);
        let tape = Tape::new();
        assert_eq!(net.forward(tape.var(tensor![1.0, -2.0])).value(), tensor![9.0, 9.0]);
        let x = tape.var(tensor![1.0]);
        assert_eq!(Sequential::new().forward(x).value(), x.value());
    }

    #[test]
    fn links_are_named_by_number_and_summed_up() {
        let mut rng = Rng::seed(0);
        let net = Sequential::<f32>::new()
            .then(Linear::new(2, 3, &mut rng).no_bias())
            .then_fn(|x| x.leaky_relu(0.1))
            .then(Sequential::new().then(BatchNorm::new(3)));
        let names: Vec<String> = net.params().into_keys().collect();
        assert_eq!(names, ["0.weight", "2.0.weight", "2.0.bias"]);
        let summary = "Sequential(12 parameters) [Linear(2 → 3, 6 parameters), fn, \
            Sequential(6 parameters) [BatchNorm(3 channels, 6 parameters)]]";
        assert_eq!(net.to_string(), summary);
        let tape = Tape::train(0);
        assert_eq!(net.forward(tape.var(Tensor::ones([4, 2]))).shape(), [4, 3]);
    }
}
