//! Pooling layers.

use std::fmt;

use wengert_autograd::{PerAxis, Pool, Var};
use wengert_tensor::Float;

use crate::{Layer, Module, Summary, Visitor};

/// A layer without parameters that calls a method of variables with its settings.
macro_rules! pooling {
    ($(
        $(#[$doc:meta])*
        $name:ident($type:ty) = $method:ident { $($options:tt)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name($type);

        impl $name {
            $($options)*
        }

        impl<T: Float> Module<T> for $name {
            fn visit(&self, _: &mut Visitor<T>) {}
        }

        impl<T: Float> Layer<T> for $name {
            fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
                Summary::note(self, x.$method(self.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.told())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

/// Settings in words.
trait Told {
    fn told(&self) -> String;
}

impl<const D: usize> Told for Pool<D> {
    fn told(&self) -> String {
        let mut text = format!("{:?}", self.size);
        if self.stride != self.size {
            text += &format!(", stride {:?}", self.stride);
        }
        if self.padding != [0; D] {
            text += &format!(", padding {:?}", self.padding);
        }
        if self.ceil {
            text += ", ceil mode";
        }
        text
    }
}

impl Told for usize {
    fn told(&self) -> String {
        self.to_string()
    }
}

impl Told for [usize; 2] {
    fn told(&self) -> String {
        format!("{self:?}")
    }
}

/// The options of pooling with windows over `$axes` axes.
macro_rules! windows {
    ($axes:literal) => {
        /// Windows of this size, for each axis or for all, side by side.
        pub fn new(size: impl PerAxis<$axes>) -> Self {
            Self(Pool::new(size))
        }

        /// With this step from one window to the next.
        pub fn stride(self, stride: impl PerAxis<$axes>) -> Self {
            Self(self.0.stride(stride))
        }

        /// With windows that reach so far over the edges.
        pub fn padding(self, padding: impl PerAxis<$axes>) -> Self {
            Self(self.0.padding(padding))
        }

        /// With one more window where elements would be left over at the end.
        pub fn ceil_mode(self) -> Self {
            Self(self.0.ceil_mode())
        }
    };
    ($axes:literal, mean) => {
        windows!($axes);

        /// With means over what lies inside of the edges alone.
        pub fn exclude_padding(self) -> Self {
            Self(self.0.exclude_padding())
        }
    };
}

pooling! {
    /// The largest value of each window over the last axis.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Layer, MaxPool1d};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f32>::new();
    /// let x = tape.var(tensor![[[1.0, 3.0, 2.0, 2.0]]]);
    /// assert_eq!(MaxPool1d::new(2).forward(x).value(), tensor![[[3.0, 2.0]]]);
    /// ```
    MaxPool1d(Pool<1>) = max_pool1d { windows!(1); }

    /// The largest value of each window over the last two axes.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Layer, MaxPool2d};
    /// use wengert_tensor::Tensor;
    ///
    /// let tape = Tape::<f32>::new();
    /// let x = tape.var(Tensor::zeros([1, 3, 8, 8]));
    /// let pool = MaxPool2d::new(3).stride(2).padding(1);
    /// assert_eq!(pool.forward(x).shape(), [1, 3, 4, 4]);
    /// assert_eq!(pool.to_string(), "MaxPool2d([3, 3], stride [2, 2], padding [1, 1])");
    /// ```
    MaxPool2d(Pool<2>) = max_pool2d { windows!(2); }

    /// The mean of each window over the last axis.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{AvgPool1d, Layer};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f32>::new();
    /// let x = tape.var(tensor![[[1.0, 3.0, 2.0, 4.0]]]);
    /// assert_eq!(AvgPool1d::new(2).forward(x).value(), tensor![[[2.0, 3.0]]]);
    /// ```
    AvgPool1d(Pool<1>) = avg_pool1d { windows!(1, mean); }

    /// The mean of each window over the last two axes.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{AvgPool2d, Layer};
    /// use wengert_tensor::Tensor;
    ///
    /// let tape = Tape::<f32>::new();
    /// let x = tape.var(Tensor::ones([1, 1, 4, 4]));
    /// let pool = AvgPool2d::new(2).padding(1);
    /// assert_eq!(pool.forward(x).value().at([0, 0, 0, 0]), 0.25);
    /// assert_eq!(pool.exclude_padding().forward(x).value().at([0, 0, 0, 0]), 1.0);
    /// ```
    AvgPool2d(Pool<2>) = avg_pool2d { windows!(2, mean); }

    /// The largest values of so many windows, of sizes as equal as can be, over the last axis.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{AdaptiveMaxPool1d, Layer};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f32>::new();
    /// let x = tape.var(tensor![[[0.0, 1.0, 2.0, 3.0, 4.0]]]);
    /// assert_eq!(AdaptiveMaxPool1d::new(3).forward(x).value(), tensor![[[1.0, 3.0, 4.0]]]);
    /// ```
    AdaptiveMaxPool1d(usize) = adaptive_max_pool1d {
        /// So many windows.
        pub fn new(bins: usize) -> Self {
            Self(bins)
        }
    }

    /// The largest values of so many windows, of sizes as equal as can be, over the last two axes.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{AdaptiveMaxPool2d, Layer};
    /// use wengert_tensor::Tensor;
    ///
    /// let tape = Tape::<f32>::new();
    /// let x = tape.var(Tensor::zeros([1, 3, 7, 9]));
    /// assert_eq!(AdaptiveMaxPool2d::new([2, 3]).forward(x).shape(), [1, 3, 2, 3]);
    /// ```
    AdaptiveMaxPool2d([usize; 2]) = adaptive_max_pool2d {
        /// So many windows, for each axis or for all.
        pub fn new(bins: impl PerAxis<2>) -> Self {
            Self(bins.per_axis())
        }
    }

    /// The means of so many windows, of sizes as equal as can be, over the last axis.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{AdaptiveAvgPool1d, Layer};
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f32>::new();
    /// let x = tape.var(tensor![[[0.0, 1.0, 2.0, 3.0, 4.0]]]);
    /// assert_eq!(AdaptiveAvgPool1d::new(1).forward(x).value(), tensor![[[2.0]]]);
    /// ```
    AdaptiveAvgPool1d(usize) = adaptive_avg_pool1d {
        /// So many windows.
        pub fn new(bins: usize) -> Self {
            Self(bins)
        }
    }

    /// The means of so many windows, of sizes as equal as can be, over the last two axes; with one
    /// window the mean of each channel (Lin et al., "Network in network" (2013), section 3.2).
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{AdaptiveAvgPool2d, Layer};
    /// use wengert_tensor::Tensor;
    ///
    /// let tape = Tape::<f32>::new();
    /// let x = tape.var(Tensor::ones([1, 3, 7, 9]));
    /// assert_eq!(AdaptiveAvgPool2d::new(1).forward(x).value(), Tensor::ones([1, 3, 1, 1]));
    /// ```
    AdaptiveAvgPool2d([usize; 2]) = adaptive_avg_pool2d {
        /// So many windows, for each axis or for all.
        pub fn new(bins: impl PerAxis<2>) -> Self {
            Self(bins.per_axis())
        }
    }
}
