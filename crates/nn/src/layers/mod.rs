//! The layers, one a file.

mod attention;
mod batch_norm;
mod bilinear;
mod conv;
mod dropout;
mod embedding;
mod group_norm;
mod instance_norm;
mod layer_norm;
mod linear;
mod maxout;
mod normalize;
mod padding;
mod pool;
mod prelu;
mod recurrent;
mod rms_norm;
mod sequence;
mod sequential;
mod shape;
mod transformer;

use std::fmt;

use wengert_autograd::{Param, Var};
use wengert_tensor::{Float, Shape};

use crate::{Module, Summary};

pub use attention::MultiHeadAttention;
pub use batch_norm::BatchNorm;
pub use bilinear::Bilinear;
pub use conv::{Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d};
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use group_norm::GroupNorm;
pub use instance_norm::InstanceNorm;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use maxout::Maxout;
pub use padding::PaddingMode;
pub use pool::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d, AvgPool2d, MaxPool1d,
    MaxPool2d,
};
pub use prelu::Prelu;
pub use recurrent::{Gru, GruCell, Lstm, LstmCell, Recurrent, RecurrentCell, Rnn, RnnCell};
pub use rms_norm::RmsNorm;
pub use sequential::Sequential;
pub use shape::{Flatten, Residual};
pub use transformer::TransformerBlock;

/// A module with one input and one output, so that layers can be kept in lists and chained.
///
/// Whether it trains or evaluates is for the tape of `x` to say. A model need not be a layer:
/// an ordinary method of any signature does as well.
///
/// Layers are made by `new`, which ends in the random numbers to start from, and have their
/// options as methods that take and return the layer. Each draws one number and starts a stream
/// of its own with it, so that another option or size in one layer leaves the others as they
/// were. Layers that are given a named stream, `&mut rng.fork("fc1")`, start alike whatever is
/// built before them.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{BatchNorm, Layer, Linear, Module};
/// use wengert_tensor::{Rng, Tensor};
///
/// let mut rng = Rng::seed(0);
/// let layers: Vec<Box<dyn Layer>> = vec![Box::new(Linear::new(4, 3, &mut rng)), Box::new(BatchNorm::new(3))];
/// let tape = Tape::new();
/// let x = tape.var(Tensor::ones([2, 4]));
/// let y = layers.iter().fold(x, |x, layer| layer.forward(x));
/// assert_eq!(y.shape(), [2, 3]);
/// assert_eq!(format!("{:?}", layers[0]), "Linear(4 → 3, 15 parameters)");
/// ```
pub trait Layer<T: Float = f32>: Module<T> + fmt::Debug {
    /// The output for the input `x`.
    #[track_caller]
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T>;

    /// The layers that it consists of, with their output shapes and parameters, for an input of
    /// this shape: see [`Summary`].
    #[track_caller]
    fn summary(&self, input: impl Into<Shape>) -> Summary
    where
        Self: Sized,
    {
        Summary::of_layer(self, input.into())
    }
}

/// The options of a layer with a weight and perhaps a bias, one for each row of the weight, whose
/// `fans` counts inputs and outputs.
macro_rules! affine_options {
    ($layer:ident) => {
        impl<T: Float> $layer<T> {
            /// Starts the weight with other values.
            #[track_caller]
            pub fn weight(self, init: Init) -> Self {
                let weight = init.param("weight", self.weight.shape(), self.fans(), &self.rng);
                Self { weight, ..self }
            }

            /// Starts the bias with other values.
            #[track_caller]
            pub fn bias(self, init: Init) -> Self {
                let bias = init.param("bias", self.weight.shape()[0], self.fans(), &self.rng);
                Self { bias: Some(bias), ..self }
            }

            /// Leaves the bias out, as before a batch norm, which takes the mean away again.
            pub fn no_bias(self) -> Self {
                Self { bias: None, ..self }
            }
        }
    };
}
use affine_options;

/// Refuses an input whose last axes have other sizes.
#[track_caller]
fn check_end(op: &str, x: &Shape, sizes: &[usize]) {
    assert!(x.ends_with(sizes), "{op}: the input's shape {x} should end with {}", Shape::from(sizes));
}

/// y + b, if there is a bias.
#[track_caller]
fn plus<'t, T: Float>(y: Var<'t, T>, bias: &Option<Param<T>>) -> Var<'t, T> {
    match bias {
        Some(bias) => y + bias,
        None => y,
    }
}

impl<T: Float, L: Layer<T> + ?Sized> Layer<T> for Box<L> {
    fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        (**self).forward(x)
    }
}

/// A layer's `Debug` is its `Display`: one line with the number of parameters, so that
/// `{:#?}` of a model that derives `Debug` is its summary.
macro_rules! debug_as_display {
    ($($layer:ident)*) => {$(
        impl<T: Float> fmt::Debug for $layer<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
debug_as_display! {
    BatchNorm Bilinear Conv1d Conv2d ConvTranspose1d ConvTranspose2d Embedding GroupNorm InstanceNorm LayerNorm Linear
    Maxout MultiHeadAttention Prelu Residual RmsNorm Sequential TransformerBlock
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::line_of_panic;
    use crate::{Activation, CrossEntropy, Init, Loss};
    use wengert_autograd::Tape;
    use wengert_tensor::{Rng, Tensor, tensor};

    #[test]
    fn mistakes_panic_at_the_users_line() {
        let tape = Tape::<f32>::train(0);
        let (x, mut rng) = (tape.var(Tensor::zeros([4, 3])), Rng::seed(0));
        let (linear, maxout) = (Linear::new(2, 3, &mut rng), Maxout::new(2, 3, 2, &mut rng));
        assert_eq!(line_of_panic(|| _ = linear.forward(x)), line!());
        assert_eq!(line_of_panic(|| _ = maxout.forward(x)), line!());
        assert_eq!(line_of_panic(|| _ = BatchNorm::new(2).forward(x)), line!());
        let chain = Sequential::new().then(BatchNorm::new(3)).then(Linear::new(2, 3, &mut rng));
        assert_eq!(line_of_panic(|| _ = chain.forward(x)), line!());
        let wide = Conv1d::new(1, 1, 5, &mut rng);
        let image = tape.var(Tensor::zeros([1, 1, 2]));
        assert_eq!(line_of_panic(|| _ = wide.forward(image)), line!());
        assert_eq!(line_of_panic(|| _ = MaxPool1d::new(5).forward(image)), line!());
        assert_eq!(line_of_panic(|| _ = LayerNorm::new(2).forward(x)), line!());
        assert_eq!(line_of_panic(|| _ = RmsNorm::new(2).forward(x)), line!());
        assert_eq!(line_of_panic(|| _ = GroupNorm::new(1, 2).forward(x)), line!());
        assert_eq!(line_of_panic(|| _ = InstanceNorm::new(2).forward(image)), line!());
        assert_eq!(line_of_panic(|| _ = Prelu::new().channels(2).forward(x)), line!());
        assert_eq!(line_of_panic(|| _ = MultiHeadAttention::new(4, 2, &mut rng).forward(x)), line!());
        assert_eq!(line_of_panic(|| _ = Flatten::new().from_axis(9).forward(x)), line!());
        assert_eq!(line_of_panic(|| _ = linear.summary([4, 3])), line!());
        let huge = 1 << 62;
        assert_eq!(line_of_panic(|| _ = Bilinear::<f32>::new(huge, 8, 8, &mut rng)), line!());
        assert_eq!(line_of_panic(|| _ = Conv2d::<f32>::new(huge, 8, 3, &mut rng)), line!());
        assert_eq!(line_of_panic(|| _ = Maxout::<f32>::new(1, huge, 4, &mut rng)), line!());
        assert_eq!(line_of_panic(|| _ = BatchNorm::<f32>::new(huge)), line!());
        assert_eq!(line_of_panic(|| _ = LayerNorm::<f32>::new([huge, 8])), line!());
        assert_eq!(line_of_panic(|| _ = Embedding::<f32>::new(huge, 8, &mut rng)), line!());
        assert_eq!(line_of_panic(|| _ = MultiHeadAttention::<f32>::new(huge, 2, &mut rng)), line!());
        assert_eq!(line_of_panic(|| _ = Lstm::<f32>::new(1, huge, &mut rng)), line!());
        assert_eq!(line_of_panic(|| _ = Lstm::<f32>::new(1, 1, &mut rng).layers(huge)), line!());
        assert_eq!(line_of_panic(|| _ = maxout.weight(Init::Uniform(f64::NAN))), line!());
        assert_eq!(line_of_panic(|| _ = x.softmax(2)), line!());
        assert_eq!(line_of_panic(|| _ = x.mse(&tensor![0.0])), line!());
        assert_eq!(line_of_panic(|| _ = x.cross_entropy(&tensor![0])), line!());
        let (loss, classes) = (CrossEntropy::new(), tensor![0, 1, 2, 3]);
        assert_eq!(line_of_panic(|| _ = loss.of(x, &classes)), line!());
    }
}
