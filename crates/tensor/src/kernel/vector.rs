//! The vectors that products and cheap maps are computed with, one type for each instruction set and element.

/// A vector register of elements.
///
/// # Safety
/// All of it: the machine must have the instruction set of the type, and every element that a
/// pointer stands for must be readable, or writable where it is stored to. A mask touches no
/// element but those that it selects.
pub(in crate::kernel) trait Vector: Copy {
    /// What it holds.
    type Element: Copy;
    /// How many of them.
    const LANES: usize;
    /// Which of its first elements are meant.
    type Mask: Copy;
    unsafe fn zero() -> Self;
    /// One element in every lane.
    unsafe fn splat(p: *const Self::Element) -> Self;
    unsafe fn load(p: *const Self::Element) -> Self;
    unsafe fn store(self, p: *mut Self::Element);
    /// `self * a + b`.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    unsafe fn abs(self) -> Self;
    unsafe fn one() -> Self;
    unsafe fn neg(self) -> Self;
    /// `yes` where the comparison `OP`, one of [`compare`], holds between this and `other`, else `no`.
    unsafe fn choose<const OP: i32>(self, other: Self, yes: Self, no: Self) -> Self;
    /// The first `n`, at most all.
    unsafe fn mask(n: usize) -> Self::Mask;
    /// With zeros where nothing is selected.
    unsafe fn load_masked(p: *const Self::Element, mask: Self::Mask) -> Self;
    unsafe fn store_masked(self, p: *mut Self::Element, mask: Self::Mask);
}

/// Comparisons, as x86 numbers them; all but the last two are false of NaN.
pub(in crate::kernel) mod compare {
    pub(in crate::kernel) const EQ: i32 = 0;
    pub(in crate::kernel) const LT: i32 = 17;
    pub(in crate::kernel) const LE: i32 = 18;
    pub(in crate::kernel) const GE: i32 = 29;
    pub(in crate::kernel) const GT: i32 = 30;
    /// Whether either is NaN.
    pub(in crate::kernel) const UNORDERED: i32 = 3;
    pub(in crate::kernel) const NE: i32 = 4;
}

/// Any machine: a few elements that the compiler puts into whatever registers there are.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(in crate::kernel) struct Lanes<T, const N: usize>([T; N]);

impl<T: crate::Float, const N: usize> Vector for Lanes<T, N> {
    type Element = T;
    const LANES: usize = N;
    type Mask = usize;
    #[inline(always)]
    unsafe fn zero() -> Self {
        Lanes([T::ZERO; N])
    }
    #[inline(always)]
    unsafe fn splat(p: *const T) -> Self {
        // SAFETY: the caller's promise.
        Lanes([unsafe { *p }; N])
    }
    #[inline(always)]
    unsafe fn load(p: *const T) -> Self {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        // Where the target has no fused multiply-add, it would be a call.
        let fused = cfg!(any(target_feature = "fma", target_arch = "aarch64"));
        let term = |l: usize| {
            if fused { self.0[l].mul_add(a.0[l], b.0[l]) } else { self.0[l] * a.0[l] + b.0[l] }
        };
        Lanes(std::array::from_fn(term))
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Lanes(std::array::from_fn(|l| self.0[l] + other.0[l]))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Lanes(std::array::from_fn(|l| self.0[l] - other.0[l]))
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Lanes(std::array::from_fn(|l| self.0[l] * other.0[l]))
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Lanes(std::array::from_fn(|l| self.0[l] / other.0[l]))
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Lanes(self.0.map(T::sqrt))
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        Lanes(self.0.map(T::abs))
    }
    #[inline(always)]
    unsafe fn one() -> Self {
        Lanes([T::ONE; N])
    }
    #[inline(always)]
    unsafe fn neg(self) -> Self {
        Lanes(self.0.map(|x| -x))
    }
    #[inline(always)]
    unsafe fn choose<const OP: i32>(self, other: Self, yes: Self, no: Self) -> Self {
        let holds = |x: T, y: T| match OP {
            compare::EQ => x == y,
            compare::LT => x < y,
            compare::LE => x <= y,
            compare::GE => x >= y,
            compare::GT => x > y,
            compare::UNORDERED => x.is_nan() || y.is_nan(),
            _ => x != y,
        };
        Lanes(std::array::from_fn(|l| if holds(self.0[l], other.0[l]) { yes.0[l] } else { no.0[l] }))
    }
    #[inline(always)]
    unsafe fn mask(n: usize) -> usize {
        n
    }
    #[inline(always)]
    unsafe fn load_masked(p: *const T, n: usize) -> Self {
        if n >= N {
            // SAFETY: the caller's promise.
            return unsafe { Self::load(p) };
        }
        // SAFETY: as above.
        Lanes(std::array::from_fn(|l| if l < n { unsafe { *p.add(l) } } else { T::ZERO }))
    }
    #[inline(always)]
    unsafe fn store_masked(self, p: *mut T, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { p.copy_from_nonoverlapping(self.0.as_ptr(), n.min(N)) }
    }
}

/// The same lines for a register type and its intrinsics.
#[cfg(target_arch = "x86_64")]
macro_rules! vector {
    (
        $name:ident, $lanes:literal, $element:ty, $mask:ty,
        $zero:ident, $splat:ident, $load:ident, $store:ident, $fma:ident, $add:ident,
        $sub:ident, $mul:ident, $div:ident, $sqrt:ident,
        |$a:ident| $abs:expr, |$c:ident, $d:ident, $yes:ident, $no:ident, $op:ident| $choose:expr,
        |$n:ident| $make:expr, |$p:ident, $m:ident| $load_masked:expr, |$x:ident, $q:ident, $k:ident| $store_masked:expr
    ) => {
        impl Vector for $name {
            type Element = $element;
            const LANES: usize = $lanes;
            type Mask = $mask;
            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: the caller's promise, here and in all that follows.
                unsafe { $zero() }
            }
            #[inline(always)]
            unsafe fn splat(p: *const $element) -> Self {
                // SAFETY: see `zero`.
                unsafe { $splat(*p) }
            }
            #[inline(always)]
            unsafe fn load(p: *const $element) -> Self {
                // SAFETY: see `zero`.
                unsafe { $load(p) }
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $element) {
                // SAFETY: see `zero`.
                unsafe { $store(p, self) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, a: Self, b: Self) -> Self {
                // SAFETY: see `zero`.
                unsafe { $fma(self, a, b) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: see `zero`.
                unsafe { $add(self, other) }
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                // SAFETY: see `zero`.
                unsafe { $sub(self, other) }
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                // SAFETY: see `zero`.
                unsafe { $mul(self, other) }
            }
            #[inline(always)]
            unsafe fn div(self, other: Self) -> Self {
                // SAFETY: see `zero`.
                unsafe { $div(self, other) }
            }
            #[inline(always)]
            unsafe fn sqrt(self) -> Self {
                // SAFETY: see `zero`.
                unsafe { $sqrt(self) }
            }
            #[inline(always)]
            unsafe fn one() -> Self {
                // SAFETY: see `zero`.
                unsafe { $splat(1.0) }
            }
            #[inline(always)]
            unsafe fn neg(self) -> Self {
                // SAFETY: see `zero`.
                unsafe { $mul(self, $splat(-1.0)) }
            }
            #[inline(always)]
            unsafe fn abs(self) -> Self {
                let $a = self;
                // SAFETY: see `zero`.
                unsafe { $abs }
            }
            #[inline(always)]
            unsafe fn choose<const $op: i32>(self, $d: Self, $yes: Self, $no: Self) -> Self {
                let $c = self;
                // SAFETY: see `zero`.
                unsafe { $choose }
            }
            #[inline(always)]
            unsafe fn mask($n: usize) -> $mask {
                // SAFETY: see `zero`.
                #[allow(unused_unsafe)]
                unsafe {
                    $make
                }
            }
            #[inline(always)]
            unsafe fn load_masked($p: *const $element, $m: $mask) -> Self {
                // SAFETY: see `zero`.
                unsafe { $load_masked }
            }
            #[inline(always)]
            unsafe fn store_masked(self, $q: *mut $element, $k: $mask) {
                let $x = self;
                // SAFETY: see `zero`.
                unsafe { $store_masked }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Vector;
    use std::arch::x86_64::*;

    vector!(
        __m512,
        16,
        f32,
        __mmask16,
        _mm512_setzero_ps,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_div_ps,
        _mm512_sqrt_ps,
        |x| _mm512_abs_ps(x),
        |x, y, yes, no, OP| _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<OP>(x, y), no, yes),
        |n| ((1u32 << n.min(16)) - 1) as __mmask16,
        |p, m| _mm512_maskz_loadu_ps(m, p),
        |x, p, m| _mm512_mask_storeu_ps(p, m, x)
    );
    vector!(
        __m512d,
        8,
        f64,
        __mmask8,
        _mm512_setzero_pd,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_fmadd_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_div_pd,
        _mm512_sqrt_pd,
        |x| _mm512_abs_pd(x),
        |x, y, yes, no, OP| _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<OP>(x, y), no, yes),
        |n| ((1u32 << n.min(8)) - 1) as __mmask8,
        |p, m| _mm512_maskz_loadu_pd(m, p),
        |x, p, m| _mm512_mask_storeu_pd(p, m, x)
    );
    vector!(
        __m256,
        8,
        f32,
        __m256i,
        _mm256_setzero_ps,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_div_ps,
        _mm256_sqrt_ps,
        |x| _mm256_andnot_ps(_mm256_set1_ps(-0.0), x),
        |x, y, yes, no, OP| _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<OP>(x, y)),
        |n| _mm256_cmpgt_epi32(_mm256_set1_epi32(n.min(8) as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
        |p, m| _mm256_maskload_ps(p, m),
        |x, p, m| _mm256_maskstore_ps(p, m, x)
    );
    vector!(
        __m256d,
        4,
        f64,
        __m256i,
        _mm256_setzero_pd,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_fmadd_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_div_pd,
        _mm256_sqrt_pd,
        |x| _mm256_andnot_pd(_mm256_set1_pd(-0.0), x),
        |x, y, yes, no, OP| _mm256_blendv_pd(no, yes, _mm256_cmp_pd::<OP>(x, y)),
        |n| _mm256_cmpgt_epi64(_mm256_set1_epi64x(n.min(4) as i64), _mm256_setr_epi64x(0, 1, 2, 3)),
        |p, m| _mm256_maskload_pd(p, m),
        |x, p, m| _mm256_maskstore_pd(p, m, x)
    );
}
