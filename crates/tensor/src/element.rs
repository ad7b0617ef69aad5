//! What a tensor can hold.

use std::fmt::{Debug, Display};

/// A number or a flag that tensors can hold: `f32`, `f64`, the integers and `bool`.
///
/// Sealed: storage hands out recycled memory as initialised values, which is sound for these
/// types only.
pub trait Element:
    Copy + Default + PartialEq + PartialOrd + Debug + Display + Send + Sync + private::Sealed + 'static
{
    /// The name of the type, as NumPy writes it.
    const NAME: &'static str;
    /// Whether every bit pattern is a value, so that recycled memory need not be cleared.
    const ANY_BITS: bool;
    /// The value nearest to `v`; `bool` is whether it is not zero.
    fn from_f64(v: f64) -> Self;
    /// The value as `f64`; integers beyond 2⁵³ are rounded.
    fn to_f64(self) -> f64;
    /// Whether `to_i128` loses nothing: integers and `bool`.
    #[doc(hidden)]
    const WHOLE: bool;
    /// The value nearest to a whole number, or its low bits, as `as` converts; `bool` is whether
    /// it is not zero.
    #[doc(hidden)]
    fn from_i128(v: i128) -> Self;
    #[doc(hidden)]
    fn to_i128(self) -> i128;
}

mod private {
    pub trait Sealed {}
}

macro_rules! number {
    ($whole:literal: $($t:ident $name:literal),*) => {$(
        impl private::Sealed for $t {}
        impl Element for $t {
            const NAME: &'static str = $name;
            const ANY_BITS: bool = true;
            #[inline(always)]
            fn from_f64(v: f64) -> Self { v as $t }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
            const WHOLE: bool = $whole;
            #[inline(always)]
            fn from_i128(v: i128) -> Self { v as $t }
            #[inline(always)]
            fn to_i128(self) -> i128 { self as i128 }
        }
    )*};
}

number!(false: f32 "float32", f64 "float64");
number!(true: u8 "uint8", i8 "int8", u16 "uint16", i16 "int16", u32 "uint32", i32 "int32", u64 "uint64", i64 "int64", usize "uintp", isize "intp");

impl private::Sealed for bool {}
impl Element for bool {
    const NAME: &'static str = "bool";
    const ANY_BITS: bool = false;
    fn from_f64(v: f64) -> Self {
        v != 0.0
    }
    fn to_f64(self) -> f64 {
        self as u8 as f64
    }
    const WHOLE: bool = true;
    fn from_i128(v: i128) -> Self {
        v != 0
    }
    fn to_i128(self) -> i128 {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Tensor, tensor};

    #[test]
    fn casts_are_those_of_rust() {
        let large = [i64::MAX - 1, i64::MIN + 1, -1, (1 << 60) + 1];
        let t = Tensor::from_slice(&large, [4]);
        assert_eq!(t.cast::<i64>(), t);
        assert_eq!(t.cast::<u64>().to_vec(), large.map(|v| v as u64));
        assert_eq!(t.cast::<u8>().to_vec(), large.map(|v| v as u8));
        assert_eq!(t.cast::<bool>().to_vec(), [true; 4]);
        assert_eq!(tensor![true, false].cast::<i32>(), tensor![1, 0]);
        assert_eq!(tensor![-1.5, 300.0, f64::NAN].cast::<u8>(), tensor![0u8, 255, 0]);
        assert_eq!(tensor![1u8, 0].cast::<f32>(), tensor![1.0f32, 0.0]);
    }
}
