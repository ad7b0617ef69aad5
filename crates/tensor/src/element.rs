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
}

mod private {
    pub trait Sealed {}
}

macro_rules! number {
    ($($t:ident $name:literal),*) => {$(
        impl private::Sealed for $t {}
        impl Element for $t {
            const NAME: &'static str = $name;
            const ANY_BITS: bool = true;
            #[inline(always)]
            fn from_f64(v: f64) -> Self { v as $t }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
        }
    )*};
}

number!(f32 "float32", f64 "float64", u8 "uint8", i8 "int8", u16 "uint16", i16 "int16", u32 "uint32", i32 "int32", u64 "uint64", i64 "int64", usize "uintp", isize "intp");

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
}
