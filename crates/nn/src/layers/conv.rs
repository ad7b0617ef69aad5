//! Convolutions and transposed convolutions.

use std::fmt;

use wengert_autograd::{Conv, Param, PerAxis, Var};
use wengert_tensor::{Float, Rng, Shape, Tensor};

use super::normalize::scaled_by_channel;
use super::padding::{PaddingMode, padded};
use crate::{Init, Layer, Module, Summary};

/// The options that a transposed convolution does not have.
macro_rules! padding_options {
    () => {
        /// With the padding that gives the output the size of the input, at a stride of 1; the
        /// larger part of an odd one comes after the input.
        pub fn same_padding(self) -> Self {
            Self { same: true, ..self }
        }

        /// With something else than zeros beyond the edges.
        pub fn padding_mode(self, mode: PaddingMode) -> Self {
            Self { mode, ..self }
        }
    };
}

/// A convolution layer over `$axes` axes: the same options and first values for all of them, and
/// the shape of the weight as told.
macro_rules! convolution {
    (
        $(#[$doc:meta])*
        $name:ident, $axes:literal, $method:ident, $kernel:literal,
        weight($inputs:ident, $outputs:ident, $groups:ident) $channels:expr,
        { $($own_options:tt)* }
    ) => {
        $(#[$doc])*
        #[derive(Module)]
        pub struct $name<T: Float = f32> {
            #[doc = $kernel]
            pub weight: Param<T>,
            /// `[outputs]`.
            pub bias: Option<Param<T>>,
            sizes: [usize; 2],
            #[module(skip)]
            kernel: [usize; $axes],
            #[module(skip)]
            options: Conv<$axes>,
            same: bool,
            #[module(skip)]
            mode: PaddingMode,
            #[module(skip)]
            init: Init,
            rng: Rng,
        }

        impl<T: Float> $name<T> {
            /// A layer of so many input and output channels and a kernel of this size, for each
            /// axis or for all, that moves one step at a time, without padding, with biases.
            #[track_caller]
            pub fn new(inputs: usize, outputs: usize, kernel: impl PerAxis<$axes>, rng: &mut Rng) -> Self {
                let (rng, kernel, options) = (Rng::seed(rng.next_u64()), kernel.per_axis(), Conv::new());
                let weight = Param::new("weight", Tensor::zeros([0])); // drawn next
                let (sizes, init, mode) = ([inputs, outputs], Init::he_normal(), PaddingMode::Zeros);
                let layer = Self { weight, bias: None, sizes, kernel, options, same: false, mode, init, rng };
                layer.drawn().bias(Init::Constant(0.0))
            }

            /// With this step from one position of the kernel to the next, for each axis or for
            /// all.
            pub fn stride(mut self, stride: impl PerAxis<$axes>) -> Self {
                self.options = self.options.stride(stride);
                self
            }

            /// With so many zeros before and after the input.
            pub fn padding(mut self, padding: impl PerAxis<$axes>) -> Self {
                self.options = self.options.padding(padding);
                self
            }

            /// With this step between the elements of the kernel.
            pub fn dilation(mut self, dilation: impl PerAxis<$axes>) -> Self {
                self.options = self.options.dilation(dilation);
                self
            }

            /// With the channels in so many groups, each convolved by itself; as many groups as
            /// input channels make the convolution depthwise.
            ///
            /// # Panics
            /// If the groups do not divide inputs and outputs.
            #[track_caller]
            pub fn groups(mut self, groups: usize) -> Self {
                let fits = groups > 0 && self.sizes.iter().all(|size| size.is_multiple_of(groups));
                let [inputs, outputs] = self.sizes;
                assert!(
                    fits,
                    concat!(stringify!($method), ": {} groups do not divide {} inputs and {} outputs"),
                    groups, inputs, outputs
                );
                self.options = self.options.groups(groups);
                self.drawn()
            }

            $($own_options)*

            /// Starts the weight with other values.
            #[track_caller]
            pub fn weight(self, init: Init) -> Self {
                Self { init, ..self }.drawn()
            }

            /// Starts the biases with other values.
            #[track_caller]
            pub fn bias(self, init: Init) -> Self {
                let bias = init.param("bias", self.sizes[1], self.fans(), &self.rng);
                Self { bias: Some(bias), ..self }
            }

            /// Leaves the biases out, as before a batch norm, which takes the mean away again.
            pub fn no_bias(self) -> Self {
                Self { bias: None, ..self }
            }

            /// With first values for the present options.
            #[track_caller]
            fn drawn(self) -> Self {
                let ([$inputs, $outputs], $groups) = (self.sizes, self.options.groups);
                let channels: [usize; 2] = $channels;
                let shape: Shape = channels.into_iter().chain(self.kernel).collect();
                let weight = self.init.param("weight", shape, self.fans(), &self.rng);
                Self { weight, ..self }
            }

            /// How many values an output sums up, and an input goes into.
            fn fans(&self) -> [usize; 2] {
                let mut fans = self.sizes.map(|size| size / self.options.groups);
                for fan in &mut fans {
                    self.kernel.iter().for_each(|&size| *fan = fan.saturating_mul(size));
                }
                fans
            }
        }

        impl<T: Float> Layer<T> for $name<T> {
            /// # Panics
            /// If axis 1 of `x` is not the input channels, nothing is left of the output, or the padding
            /// cannot be.
            fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
                let (x, options) = padded(stringify!($method), x, self.kernel, self.options, self.same, self.mode);
                let y = x.$method(&self.weight, options);
                Summary::note(self, scaled_by_channel(y, &None, &self.bias))
            }
        }

        impl<T: Float> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let ([inputs, outputs], o, plain) = (self.sizes, self.options, Conv::<$axes>::new());
                write!(f, concat!(stringify!($name), "({} → {}, kernel {:?}"), inputs, outputs, self.kernel)?;
                for (name, found, usual) in [
                    ("stride", o.stride, plain.stride),
                    ("padding", o.padding, plain.padding),
                    ("dilation", o.dilation, plain.dilation),
                    ("output padding", o.output_padding, plain.output_padding),
                ] {
                    if found != usual {
                        write!(f, ", {name} {found:?}")?;
                    }
                }
                if self.same {
                    f.write_str(", same padding")?;
                }
                if self.mode != PaddingMode::Zeros {
                    write!(f, ", {:?}", self.mode)?;
                }
                if o.groups > 1 {
                    write!(f, ", {} groups", o.groups)?;
                }
                write!(f, ", {} parameters)", self.param_count())
            }
        }
    };
}

convolution! {
    /// The convolution (cross-correlation) of signals `[batch, inputs, length]` with learned
    /// kernels, plus a bias for each output channel.
    ///
    /// The weight starts as [`Init::he_normal`], fit for a relu to follow, the bias as 0.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Conv1d, Layer};
    /// use wengert_tensor::{Rng, Tensor};
    ///
    /// let layer = Conv1d::new(4, 8, 5, &mut Rng::seed(0)).padding(2);
    /// let tape = Tape::<f32>::new();
    /// assert_eq!(layer.forward(tape.var(Tensor::ones([2, 4, 16]))).shape(), [2, 8, 16]);
    /// assert_eq!(layer.to_string(), "Conv1d(4 → 8, kernel [5], padding [2], 168 parameters)");
    /// ```
    Conv1d, 1, conv1d, "`[outputs, inputs / groups, size]`.",
    weight(inputs, outputs, groups) [outputs, inputs / groups],
    { padding_options!(); }
}

convolution! {
    /// The convolution (cross-correlation) of images `[batch, inputs, height, width]` with learned
    /// kernels, plus a bias for each output channel.
    ///
    /// The weight starts as [`Init::he_normal`], fit for a relu to follow, the bias as 0.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Conv2d, Layer};
    /// use wengert_tensor::{Rng, Tensor};
    ///
    /// let layer = Conv2d::new(3, 16, 3, &mut Rng::seed(0)).stride(2).padding(1);
    /// let tape = Tape::<f32>::new();
    /// assert_eq!(layer.forward(tape.var(Tensor::ones([1, 3, 32, 32]))).shape(), [1, 16, 16, 16]);
    /// assert_eq!(layer.to_string(), "Conv2d(3 → 16, kernel [3, 3], stride [2, 2], padding [1, 1], 448 parameters)");
    /// ```
    Conv2d, 2, conv2d, "`[outputs, inputs / groups, height, width]`.",
    weight(inputs, outputs, groups) [outputs, inputs / groups],
    { padding_options!(); }
}

convolution! {
    /// The transposed convolution of signals `[batch, inputs, length]`, which makes them longer by
    /// the stride, plus a bias for each output channel.
    ///
    /// The weight starts as [`Init::he_normal`], fit for a relu to follow, the bias as 0.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{ConvTranspose1d, Layer};
    /// use wengert_tensor::{Rng, Tensor};
    ///
    /// let layer = ConvTranspose1d::new(4, 2, 4, &mut Rng::seed(0)).stride(2).padding(1);
    /// let tape = Tape::<f32>::new();
    /// assert_eq!(layer.forward(tape.var(Tensor::ones([1, 4, 8]))).shape(), [1, 2, 16]);
    /// ```
    ConvTranspose1d, 1, conv_transpose1d, "`[inputs, outputs / groups, size]`.",
    weight(inputs, outputs, groups) [inputs, outputs / groups],
    {
        /// With an output that is longer at its end, to tell apart the lengths that a stride makes one.
        pub fn output_padding(mut self, output_padding: impl PerAxis<1>) -> Self {
            self.options = self.options.output_padding(output_padding);
            self
        }
    }
}

convolution! {
    /// The transposed convolution of images `[batch, inputs, height, width]`, which makes them
    /// larger by the stride, plus a bias for each output channel.
    ///
    /// The weight starts as [`Init::he_normal`], fit for a relu to follow, the bias as 0.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{ConvTranspose2d, Layer};
    /// use wengert_tensor::{Rng, Tensor};
    ///
    /// let layer = ConvTranspose2d::new(16, 3, 4, &mut Rng::seed(0)).stride(2).padding(1);
    /// let tape = Tape::<f32>::new();
    /// assert_eq!(layer.forward(tape.var(Tensor::ones([1, 16, 8, 8]))).shape(), [1, 3, 16, 16]);
    /// ```
    ConvTranspose2d, 2, conv_transpose2d, "`[inputs, outputs / groups, height, width]`.",
    weight(inputs, outputs, groups) [inputs, outputs / groups],
    {
        /// With an output that is larger at its end, to tell apart the sizes that a stride makes one.
        pub fn output_padding(mut self, output_padding: impl PerAxis<2>) -> Self {
            self.options = self.options.output_padding(output_padding);
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_layer, message_of};
    use crate::{Activation, Init};
    use wengert_autograd::Tape;
    use wengert_tensor::tensor;

    #[test]
    fn gradients() {
        let mut rng = Rng::seed(2);
        let signal: Tensor<f64> = Tensor::normal([2, 2, 6], 0.0, 1.0, &mut rng);
        let image: Tensor<f64> = Tensor::normal([2, 2, 4, 5], 0.0, 1.0, &mut rng);
        check_layer(&Conv1d::new(2, 3, 3, &mut rng).stride(2).padding(1).bias(Init::Normal(1.0)), &signal);
        check_layer(&Conv2d::new(2, 4, [2, 3], &mut rng).groups(2).dilation([1, 2]), &image);
        check_layer(&Conv1d::new(2, 1, 4, &mut rng).same_padding().padding_mode(PaddingMode::Reflect), &signal);
        check_layer(&ConvTranspose1d::new(2, 2, 3, &mut rng).stride(2).output_padding(1), &signal);
        check_layer(&ConvTranspose2d::new(2, 4, 2, &mut rng).groups(2).no_bias(), &image);
    }

    #[test]
    fn the_bias_is_one_a_channel() {
        let layer = Conv2d::<f64>::new(1, 2, 1, &mut Rng::seed(0));
        layer.weight.set(tensor![[[[2.0]]], [[[-1.0]]]]);
        layer.bias.as_ref().unwrap().set(tensor![0.5, 10.0]);
        let tape = Tape::new();
        let y = layer.forward(tape.var(tensor![[[[1.0, 3.0]]]]));
        assert_close(&y.value(), &tensor![[[[2.5, 6.5]], [[9.0, 7.0]]]], 0.0);
    }

    #[test]
    fn options_come_in_any_order() {
        let shape = |layer: Conv2d| layer.weight.shape();
        let new = || Conv2d::new(4, 8, 3, &mut Rng::seed(1));
        assert_eq!(shape(new().groups(2)), [8, 2, 3, 3]);
        let one = new().groups(2).weight(Init::xavier_uniform()).weight.value();
        assert_eq!(one, new().weight(Init::xavier_uniform()).groups(2).weight.value());
        assert_eq!(new().no_bias().groups(4).param_count(), 8 * 9);
        let transposed = ConvTranspose2d::<f32>::new(4, 8, [3, 1], &mut Rng::seed(1)).groups(2);
        assert_eq!(transposed.weight.shape(), [4, 4, 3, 1]);
        let text = "ConvTranspose2d(4 → 8, kernel [3, 1], 2 groups, 56 parameters)";
        assert_eq!(transposed.to_string(), text);
    }

    #[test]
    fn same_padding_keeps_the_size() {
        let x = Tensor::<f32>::ones([1, 1, 5, 6]);
        for kernel in [[1, 2], [3, 4], [5, 6]] {
            for mode in [PaddingMode::Zeros, PaddingMode::Reflect, PaddingMode::Replicate, PaddingMode::Circular] {
                let layer = Conv2d::new(1, 1, kernel, &mut Rng::seed(1)).dilation([2, 1]);
                let layer = layer.same_padding().padding_mode(mode);
                assert_eq!(layer.forward(Tape::new().var(&x)).shape(), *x.shape());
            }
        }
    }

    /// The spread of the first values counts what an output sums up.
    #[test]
    fn first_values_keep_the_size_of_signals() {
        let mut rng = Rng::seed(1);
        let layer = Conv2d::<f64>::new(32, 64, 3, &mut rng).groups(2);
        let tape = Tape::new();
        let y = layer.forward(tape.var(Tensor::normal([1, 32, 16, 16], 0.0, 1.0, &mut rng))).relu();
        let size = y.square().mean(..).item();
        assert!((size - 1.0).abs() < 0.1, "{size}");
    }

    #[test]
    fn mistakes_are_named() {
        let message = message_of(|| drop(Conv2d::<f32>::new(3, 4, 3, &mut Rng::seed(0)).groups(2)));
        assert_eq!(message, "conv2d: 2 groups do not divide 3 inputs and 4 outputs");
        let layer = Conv2d::<f32>::new(3, 4, 3, &mut Rng::seed(0));
        let message = message_of(|| _ = layer.forward(Tape::new().var(Tensor::zeros([1, 2, 8, 8]))));
        assert!(message.contains("[1, 2, 8, 8]") && message.contains("[4, 3, 3, 3]"), "{message}");
        let forward = |layer: Conv1d| message_of(|| _ = layer.forward(Tape::new().var(Tensor::zeros([1, 1, 2]))));
        let new = || Conv1d::new(1, 1, 3, &mut Rng::seed(0));
        assert_eq!(forward(new().stride(2).same_padding()), "conv1d: same padding needs steps of 1, not [2]");
        let message = forward(new().padding(3).padding_mode(PaddingMode::Circular));
        assert_eq!(message, "conv1d: circular padding of 3 and 3 is more than axis 2 of shape [1, 1, 2] has");
    }
}
