//! Elements as the bytes of a file.

use wengert_tensor::{Element, Shape, Tensor};

/// An element type that files hold.
pub(super) trait Stored: Element {
    const SIZE: usize;

    /// The value of so many bytes; none if they stand for none.
    fn get(bytes: &[u8], big_endian: bool) -> Option<Self>;

    /// Appends the value, the lowest byte first.
    fn put(self, out: &mut Vec<u8>);
}

macro_rules! number {
    ($($t:ident)*) => {$(
        impl Stored for $t {
            const SIZE: usize = size_of::<$t>();

            fn get(bytes: &[u8], big_endian: bool) -> Option<Self> {
                let bytes = bytes.try_into().ok()?;
                Some(if big_endian { $t::from_be_bytes(bytes) } else { $t::from_le_bytes(bytes) })
            }

            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
number!(f64 f32 i64 i32 i16 i8 u64 u32 u16 u8);

impl Stored for bool {
    const SIZE: usize = 1;

    fn get(bytes: &[u8], _: bool) -> Option<Self> {
        match bytes {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn put(self, out: &mut Vec<u8>) {
        out.push(self.into());
    }
}

pub(super) fn encode<T: Stored>(tensor: &Tensor<T>, out: &mut Vec<u8>) {
    out.reserve(tensor.count() * T::SIZE);
    for value in tensor.iter() {
        value.put(out);
    }
}

/// A tensor of what stored elements mean; none if the bytes are not as many as the shape has, or
/// stand for no element.
pub(super) fn decode<S: Stored, T: Element>(
    bytes: &[u8],
    big_endian: bool,
    shape: Shape,
    meaning: impl Fn(S) -> T,
) -> Option<Tensor<T>> {
    if shape.checked_count().ok()?.checked_mul(S::SIZE)? != bytes.len() {
        return None;
    }
    let mut known = true;
    let tensor = Tensor::try_build(shape, |out| {
        for (to, bytes) in out.iter_mut().zip(bytes.chunks_exact(S::SIZE)) {
            match S::get(bytes, big_endian) {
                Some(value) => *to = meaning(value),
                None => known = false,
            }
        }
    });
    tensor.ok().filter(|_| known)
}

/// A number of one sign bit, 5 bits of exponent and 10 of fraction.
pub(super) fn f16_to_f32(bits: u16) -> f32 {
    let (exponent, fraction) = (u32::from(bits >> 10 & 31), u32::from(bits & 1023));
    let size = match exponent {
        // Subnormal: so many times 2⁻²⁴.
        0 => fraction as f32 / 16_777_216.0,
        31 => f32::from_bits(255 << 23 | fraction << 13),
        _ => f32::from_bits((exponent + 112) << 23 | fraction << 13),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// The upper half of an `f32`.
pub(super) fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_byte_floats() {
        let halves =
            [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65504.0), (0x0001, 2f32.powi(-24)), (0x0400, 2f32.powi(-14))];
        assert!(halves.iter().all(|&(bits, value)| f16_to_f32(bits) == value));
        assert_eq!((f16_to_f32(0x7c00), f16_to_f32(0xfc00)), (f32::INFINITY, f32::NEG_INFINITY));
        assert!(f16_to_f32(0x7e00).is_nan() && f16_to_f32(0x8000).is_sign_negative());
        // Rising bits are rising numbers.
        assert!((0..0x7c00).all(|bits| f16_to_f32(bits) < f16_to_f32(bits + 1)));
        assert_eq!((bf16_to_f32(0x3f80), bf16_to_f32(0xc040)), (1.0, -3.0));
    }
}
