//! Going through a sequence.

use super::Cheap;
use crate::kernel::code::Instr;
use crate::kernel::isa::Isa;
use crate::kernel::tile::Source;
use crate::kernel::transpose::prefetch;
use crate::kernel::vector::{Lanes, Vector, compare};

/// Elements of what repeats: the most that are in hand at a time.
pub(in crate::kernel) const REPEAT: usize = 256;

/// Vectors at the end of a row.
const REST: usize = 4;

/// One element as often as that, in whole lines of the cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(in crate::kernel) struct Repeated<T>(pub(in crate::kernel) [T; REPEAT]);

/// The steps of `code` for `rows` rows of `cols` elements.
///
/// # Safety
/// As for [`Sequences::sequence`], on a machine with the instruction set of `V`.
#[inline(always)]
unsafe fn go<V: Vector, const N: usize>(code: &[Instr], slots: &[Source<V::Element>], size: [usize; 2]) {
    const { assert!(N * V::LANES <= REPEAT) };
    let [rows, cols] = size;
    for row in 0..rows as isize {
        let mut i = 0;
        // SAFETY: elements `i` to `i + width`, or to the end of the row.
        unsafe {
            while i + N * V::LANES <= cols {
                piece::<V, N, true>(code, slots, size, row, i, [V::mask(0); N]);
                i += N * V::LANES;
            }
            while i < cols {
                let mut masks = [V::mask(0); REST];
                for (k, mask) in masks.iter_mut().enumerate() {
                    *mask = V::mask((cols - i).saturating_sub(k * V::LANES));
                }
                piece::<V, REST, false>(code, slots, size, row, i, masks);
                i += REST * V::LANES;
            }
        }
    }
}

/// All steps for the vectors from element `i` of a row on.
///
/// # Safety
/// As for [`go`], of all lanes, or of those that `masks` selects.
#[inline(always)]
unsafe fn piece<V: Vector, const N: usize, const WHOLE: bool>(
    code: &[Instr],
    slots: &[Source<V::Element>],
    [rows, cols]: [usize; 2],
    row: isize,
    i: usize,
    masks: [V::Mask; N],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let at = |slot: u32| {
            let Source { ptr, step, mask } = *slots.get_unchecked(slot as usize);
            ptr.wrapping_offset(row * step).wrapping_add(i & mask)
        };
        let load = |from: *const V::Element, k: usize| {
            let from = from.wrapping_add(k * V::LANES);
            if WHOLE { V::load(from) } else { V::load_masked(from, masks[k]) }
        };
        let zero = V::zero();
        let one = V::one();
        let mut hand = [zero; N];
        for instr in code {
            let Instr::Cheap { cheap, args: [slot, y], to } = instr else { continue };
            let x = at(*slot);
            macro_rules! each {
                (|$h:ident, $k:ident| $value:expr) => {
                    for $k in 0..N {
                        let $h = hand[$k];
                        hand[$k] = $value;
                    }
                };
            }
            macro_rules! holds {
                ($op:ident) => {
                    each!(|h, k| h.choose::<{ compare::$op }>(load(x, k), one, zero))
                };
            }
            match cheap {
                Cheap::Fetch => {
                    let Source { step, .. } = *slots.get_unchecked(*slot as usize);
                    let next = if rows > 1 { rows as isize * step } else { cols as isize };
                    prefetch(x.wrapping_offset(next), N * V::LANES);
                }
                Cheap::Load => each!(|_h, k| load(x, k)),
                Cheap::Add => each!(|h, k| h.add(load(x, k))),
                Cheap::Mul => each!(|h, k| h.mul(load(x, k))),
                Cheap::Square => each!(|h, k| h.mul(h)),
                Cheap::Double => each!(|h, k| h.add(h)),
                Cheap::Sub => each!(|h, k| h.sub(load(x, k))),
                Cheap::SubFrom => each!(|h, k| load(x, k).sub(h)),
                Cheap::Div => each!(|h, k| h.div(load(x, k))),
                Cheap::DivInto => each!(|h, k| load(x, k).div(h)),
                Cheap::Chain => each!(|h, k| h.choose::<{ compare::NE }>(zero, h.mul(load(x, k)), zero)),
                Cheap::ChainBy => each!(|h, k| {
                    let g = load(x, k);
                    g.choose::<{ compare::NE }>(zero, g.mul(h), zero)
                }),
                Cheap::Per => each!(|h, k| h.choose::<{ compare::NE }>(zero, h.div(load(x, k)), zero)),
                Cheap::Neg => each!(|h, k| h.neg()),
                Cheap::Abs => each!(|h, k| h.abs()),
                Cheap::Sqrt => each!(|h, k| h.sqrt()),
                Cheap::Eq => holds!(EQ),
                Cheap::Ne => holds!(NE),
                Cheap::Lt => holds!(LT),
                Cheap::Le => holds!(LE),
                Cheap::Gt => holds!(GT),
                Cheap::Ge => holds!(GE),
                Cheap::Max => each!(|h, k| {
                    let x = load(x, k);
                    h.choose::<{ compare::UNORDERED }>(h, h, h.choose::<{ compare::GT }>(x, h, x))
                }),
                Cheap::Min => each!(|h, k| {
                    let x = load(x, k);
                    h.choose::<{ compare::UNORDERED }>(h, h, h.choose::<{ compare::LT }>(x, h, x))
                }),
                Cheap::Where => {
                    let y = at(*y);
                    each!(|h, k| h.choose::<{ compare::NE }>(zero, load(x, k), load(y, k)))
                }
                Cheap::WhereElse => {
                    let y = at(*y);
                    each!(|h, k| load(x, k).choose::<{ compare::NE }>(zero, h, load(y, k)))
                }
                Cheap::WhereThen => {
                    let y = at(*y);
                    each!(|h, k| load(x, k).choose::<{ compare::NE }>(zero, load(y, k), h))
                }
            }
            if let Some(to) = to {
                let to = at(*to).cast_mut();
                for (k, h) in hand.iter().enumerate() {
                    let to = to.wrapping_add(k * V::LANES);
                    if WHOLE {
                        h.store(to);
                    } else {
                        h.store_masked(to, masks[k]);
                    }
                }
            }
        }
    }
}

/// Elements that sequences are compiled for.
pub trait Sequences: Sized {
    /// Takes `rows` rows of `cols` elements of its slots through the steps of `code`, and of nothing else
    /// in it.
    ///
    /// # Safety
    /// Every slot that is read must be readable, and every one that is written writable, for that (what
    /// repeats: for [`REPEAT`]); `isa` must be one that this machine has.
    #[doc(hidden)]
    unsafe fn sequence(isa: Isa, code: &[Instr], slots: &[Source<Self>], size: [usize; 2]);
}

macro_rules! sequences {
    ($element:ty, portable: $lanes:literal, avx2: $avx2:ty, avx512: $avx512:ty) => {
        impl Sequences for $element {
            unsafe fn sequence(isa: Isa, code: &[Instr], slots: &[Source<$element>], size: [usize; 2]) {
                sequences!(@ portable, $element, Lanes<$element, $lanes>, 8);
                #[cfg(target_arch = "x86_64")]
                sequences!(@ #[target_feature(enable = "avx2,fma")] avx2, $element, $avx2, 8);
                #[cfg(target_arch = "x86_64")]
                sequences!(@ #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")] avx512, $element, $avx512, 16);
                // SAFETY: the caller's promise.
                unsafe {
                    match isa {
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx512 => avx512(code, slots, size),
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx2 => avx2(code, slots, size),
                        Isa::Portable => portable(code, slots, size),
                    }
                }
            }
        }
    };
    (@ $(#[$meta:meta])? $name:ident, $element:ty, $vector:ty, $n:literal) => {
        $(#[$meta])?
        unsafe fn $name(code: &[Instr], slots: &[Source<$element>], size: [usize; 2]) {
            // SAFETY: the caller's promise.
            unsafe { go::<$vector, $n>(code, slots, size) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};
sequences!(f32, portable: 4, avx2: __m256, avx512: __m512);
sequences!(f64, portable: 2, avx2: __m256d, avx512: __m512d);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Float;

    fn reference<T: Float>(cheap: Cheap, h: T, x: T, y: T) -> T {
        match cheap {
            Cheap::Fetch => h,
            Cheap::Load => x,
            Cheap::Add => h + x,
            Cheap::Mul => h * x,
            Cheap::Square => h * h,
            Cheap::Double => h + h,
            Cheap::Sub => h - x,
            Cheap::SubFrom => x - h,
            Cheap::Div => h / x,
            Cheap::DivInto => x / h,
            Cheap::Chain | Cheap::Per if h == T::ZERO => T::ZERO,
            Cheap::ChainBy if x == T::ZERO => T::ZERO,
            Cheap::Chain | Cheap::ChainBy => h * x,
            Cheap::Per => h / x,
            Cheap::Neg => -h,
            Cheap::Abs => h.abs(),
            Cheap::Sqrt => h.sqrt(),
            Cheap::Eq => T::mask(h == x),
            Cheap::Ne => T::mask(h != x),
            Cheap::Lt => T::mask(h < x),
            Cheap::Le => T::mask(h <= x),
            Cheap::Gt => T::mask(h > x),
            Cheap::Ge => T::mask(h >= x),
            Cheap::Max => h.max_nan(x),
            Cheap::Min => h.min_nan(x),
            Cheap::Where if h != T::ZERO => x,
            Cheap::WhereElse if x != T::ZERO => h,
            Cheap::WhereThen if x == T::ZERO => h,
            Cheap::Where | Cheap::WhereElse | Cheap::WhereThen => y,
        }
    }

    const ALL: [Cheap; 27] = {
        use Cheap::*;
        [
            Fetch, Load, Add, Mul, Square, Double, Sub, SubFrom, Div, DivInto, Chain, ChainBy, Per, Neg, Abs, Sqrt, Eq,
            Ne, Lt, Le, Gt, Ge, Max, Min, Where, WhereElse, WhereThen,
        ]
    };

    /// Rows of every kind of length, apart from each other, of all combinations of special numbers.
    fn check<T: Float>(bits: impl Fn(T) -> u64) {
        let special = [-2.5, -0.0, 0.0, 1.0, 3.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(T::from_f64);
        for cols in [1, 7, 64, 300, 700] {
            let (rows, wide) = (2, cols + 3);
            let source = |every: usize| (0..rows * wide).map(|i| special[i / every % 8]).collect::<Vec<T>>();
            let (h, x, repeated) = (source(1), source(8), [special[3]; REPEAT]);
            for (isa, cheap) in Isa::all().flat_map(|isa| ALL.map(|cheap| (isa, cheap))) {
                let mut out = vec![special[4]; rows * wide];
                let row = |ptr| Source { step: wide as isize, ..Source::row(ptr) };
                let slots = [row(h.as_ptr()), row(x.as_ptr()), Source::chunk(repeated.as_ptr()), row(out.as_mut_ptr())];
                let code = [
                    Instr::Cheap { cheap: Cheap::Load, args: [0, 0], to: None },
                    Instr::Cheap { cheap, args: [1, 2], to: Some(3) },
                ];
                // SAFETY: the rows and columns are there, and the instruction set is.
                unsafe { T::sequence(isa, &code, &slots, [rows, cols]) };
                for (i, &found) in out.iter().enumerate() {
                    let expected = reference(cheap, h[i], x[i], special[3]);
                    let expected = if i % wide < cols { expected } else { special[4] };
                    let same = bits(found) == bits(expected) || found.is_nan() && expected.is_nan();
                    assert!(same, "{isa:?} {cheap:?} at {i} of {cols}: {found:?}, not {expected:?}");
                }
            }
        }
    }

    #[test]
    fn steps_compute_what_they_say_on_every_instruction_set() {
        check::<f32>(|v| v.to_bits().into());
        check::<f64>(|v| v.to_bits());
    }
}
