//! A tensor of any element type.

use std::any::Any;
use std::fmt;

use wengert_tensor::{Element, Shape, Tensor};

/// The element types that files hold: the one list of them.
macro_rules! element_types {
    ($($variant:ident $t:ident),* $(,)?) => {
        /// A tensor of an element type that is known when the program runs: an entry of a
        /// [`StateDict`](crate::StateDict) or of a file.
        ///
        /// ```
        /// use wengert_nn::AnyTensor;
        /// use wengert_tensor::{Tensor, tensor};
        ///
        /// let labels = AnyTensor::from(tensor![3i64, 4]);
        /// assert_eq!((labels.element_type(), labels.to::<f32>()), ("int64", tensor![3.0f32, 4.0]));
        /// ```
        #[derive(Clone, PartialEq)]
        pub enum AnyTensor {
            $(
                #[doc = concat!("Of `", stringify!($t), "`.")]
                $variant(Tensor<$t>),
            )*
        }

        impl AnyTensor {
            /// The sizes of its axes.
            pub fn shape(&self) -> &Shape {
                match self {
                    $(Self::$variant(tensor) => tensor.shape(),)*
                }
            }

            /// The name of its element type, as NumPy writes it.
            pub fn element_type(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => <$t as Element>::NAME,)*
                }
            }

            /// Its values as another element type: unchanged if it is the same, else rounded to
            /// the nearest number that is one (`f64` to `f32` as `as` does).
            pub fn to<T: Element>(&self) -> Tensor<T> {
                match self {
                    $(Self::$variant(tensor) => {
                        let same = (tensor as &dyn Any).downcast_ref::<Tensor<T>>();
                        same.cloned().unwrap_or_else(|| tensor.cast())
                    })*
                }
            }
        }

        impl<T: Element> From<&Tensor<T>> for AnyTensor {
            fn from(tensor: &Tensor<T>) -> Self {
                $(if let Some(same) = (tensor as &dyn Any).downcast_ref::<Tensor<$t>>() {
                    return Self::$variant(same.clone());
                })*
                // `isize` and `usize`, which have another width on another machine.
                Self::I64(tensor.cast())
            }
        }
    };
}
element_types! {
    F64 f64, F32 f32, I64 i64, I32 i32, I16 i16, I8 i8, U64 u64, U32 u32, U16 u16, U8 u8, Bool bool,
}

impl<T: Element> From<Tensor<T>> for AnyTensor {
    fn from(tensor: Tensor<T>) -> Self {
        Self::from(&tensor)
    }
}

impl fmt::Debug for AnyTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.element_type(), self.shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wengert_tensor::tensor;

    #[test]
    fn the_same_type_keeps_every_bit() {
        let big = tensor![i64::MAX, i64::MIN + 1];
        assert_eq!(AnyTensor::from(&big).to::<i64>(), big);
        let odd = tensor![f64::NAN, -0.0, 5e-324];
        assert!(AnyTensor::from(&odd).to::<f64>().bits_eq(&odd));
    }

    #[test]
    fn other_types_are_rounded_to_the_nearest() {
        let third = AnyTensor::from(tensor![1.0 / 3.0f64, 1e300]);
        assert_eq!(third.to::<f32>(), tensor![1.0f32 / 3.0, f32::INFINITY]);
        assert_eq!(AnyTensor::from(tensor![true, false]).to::<f64>(), tensor![1.0, 0.0]);
        assert_eq!(AnyTensor::from(tensor![7usize]), AnyTensor::I64(tensor![7i64]));
    }
}
