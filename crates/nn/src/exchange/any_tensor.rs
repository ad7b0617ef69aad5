//! A tensor of any element type.

use std::any::Any;
use std::fmt;

use safetensors::Dtype;
use wengert_tensor::{Element, Shape, Tensor};

use super::bytes::{bf16_to_f32, decode, encode, f16_to_f32};

/// The element types that files hold, with what they are called in safetensors and npy files: the
/// one list of them.
macro_rules! element_types {
    ($($variant:ident $t:ident $dtype:ident $npy:literal),* $(,)?) => {
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

        impl AnyTensor {
            /// Its element type in a safetensors file.
            pub(super) fn dtype(&self) -> Dtype {
                match self {
                    $(Self::$variant(_) => Dtype::$dtype,)*
                }
            }

            /// Its element type in an npy file, without the order of bytes.
            pub(super) fn npy_type(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $npy,)*
                }
            }

            /// The element type that an npy file calls so.
            pub(super) fn type_of_npy(name: &str) -> Option<Dtype> {
                match name {
                    $($npy => Some(Dtype::$dtype),)*
                    "f2" => Some(Dtype::F16),
                    _ => None,
                }
            }

            /// Appends its elements in row-major order, the lowest byte first.
            pub(super) fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(tensor) => encode(tensor, out),)*
                }
            }

            /// With its axes in the opposite order.
            pub(super) fn turned(&self) -> Self {
                let reversed: Vec<usize> = (0..self.shape().len()).rev().collect();
                match self {
                    $(Self::$variant(tensor) => Self::$variant(tensor.permute(&reversed[..]).contiguous()),)*
                }
            }

            /// Elements from bytes; two-byte floats become `f32`, which holds them exactly. None if
            /// there is no such type here, or the bytes are not as many as the shape has, or stand
            /// for no element.
            pub(super) fn decode(dtype: Dtype, bytes: &[u8], big_endian: bool, shape: Shape) -> Option<Self> {
                Some(match dtype {
                    $(Dtype::$dtype => Self::$variant(decode(bytes, big_endian, shape, |value: $t| value)?),)*
                    Dtype::F16 => Self::F32(decode(bytes, big_endian, shape, f16_to_f32)?),
                    Dtype::BF16 => Self::F32(decode(bytes, big_endian, shape, bf16_to_f32)?),
                    _ => return None,
                })
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
    F64 f64 F64 "f8",
    F32 f32 F32 "f4",
    I64 i64 I64 "i8",
    I32 i32 I32 "i4",
    I16 i16 I16 "i2",
    I8 i8 I8 "i1",
    U64 u64 U64 "u8",
    U32 u32 U32 "u4",
    U16 u16 U16 "u2",
    U8 u8 U8 "u1",
    Bool bool BOOL "b1",
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
