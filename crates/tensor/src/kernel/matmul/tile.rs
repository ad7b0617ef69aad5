//! The inner kernel: a tile of `C` in registers, for every instruction set.

use std::mem::MaybeUninit;

use super::cursor::{Cursor, Listed, Strided};
use super::matvec;
use crate::kernel::isa::Isa;
use crate::kernel::transpose::prefetch;
use crate::kernel::vector::{Lanes, Vector};

/// Terms that are added one after another; the sums of these chains are added in pairs, then these
/// in pairs, and so on. Equal terms are rounded the same way every time, which is the worst case: over
/// all pairs of factors, a chain of 24 errs by at most 6.5 units of the last place, one of 32 by 8.5,
/// one of 64 by 16.5. Ending a chain costs as much as 1 to 2 terms.
pub(in crate::kernel) const CHAIN: usize = 24;
/// The most terms of one call.
pub(in crate::kernel) const TERMS: usize = CHAIN << LEVELS;
const LEVELS: usize = 4;

/// Where the left operand is.
#[derive(Clone, Copy)]
pub(in crate::kernel) enum Left<T> {
    /// Element `(i, p)` at `i · row + p · step`; but from a tile of [`Micro::rows`] rows to the next it is
    /// `below`, where they are packed one after the other.
    Strided { first: *const T, row: isize, step: isize, below: isize },
    /// Element `(i, p)` at `rows[i][0] + steps[p][0]`, to be multiplied with row `steps[p][1]` of the
    /// right operand; the sums go to row `rows[i][1]` of `C`.
    Gathered { first: *const T, rows: *const [isize; 2], steps: *const [isize; 2] },
}

/// Where the right operand is: rows without gaps, `step` apart from one term to the next. Of a term the row
/// that is `ahead` of it is asked for; of operands in the cache, the row itself.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Right<T> {
    pub(in crate::kernel) first: *const T,
    pub(in crate::kernel) step: isize,
    pub(in crate::kernel) ahead: isize,
}

/// A part of `C`: rows `step` apart, without gaps, that are written or added to.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Out<T> {
    pub(in crate::kernel) first: *mut T,
    pub(in crate::kernel) step: usize,
    pub(in crate::kernel) add: bool,
}

type Dots<T> = unsafe fn(m: *const T, step: isize, x: &[T], y: &mut [T]);
type Panel<T> = unsafe fn(m: usize, k: usize, n: usize, a: Left<T>, b: Right<T>, c: Out<T>);

/// The inner kernel for one element type and instruction set.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Micro<T> {
    /// Rows of a tile.
    pub(in crate::kernel) rows: usize,
    /// Columns of a tile.
    pub(in crate::kernel) cols: usize,
    lanes: usize,
    panel: Panel<T>,
    /// See [`matvec::rows`].
    pub(super) dots: Dots<T>,
}

impl<T> Micro<T> {
    /// The width of panels that share `n` columns evenly: narrow tiles are slow.
    pub(in crate::kernel) fn width(&self, n: usize) -> usize {
        n.div_ceil(n.div_ceil(self.cols).max(1)).next_multiple_of(self.lanes)
    }

    /// `C ← A B` or `C ← C + A B` for `A [m, k]`, `B [k, n]`, `C [m, n]` with `k` from 1 to
    /// [`TERMS`] and `n` from 1 to `cols`.
    ///
    /// # Safety
    /// Every element that the sizes and strides reach must be readable (of `A` and `B`) or writable
    /// (of `C`, with nothing of `A` or `B` in it).
    #[inline(always)]
    pub(in crate::kernel) unsafe fn panel(&self, m: usize, k: usize, n: usize, a: Left<T>, b: Right<T>, c: Out<T>) {
        debug_assert!((1..=TERMS).contains(&k) && (1..=self.cols).contains(&n));
        // SAFETY: the caller's promise; a kernel is only given out to a machine that can run it.
        unsafe { (self.panel)(m, k, n, a, b, c) }
    }
}

/// A tile of `R` rows and `N` vectors of columns, the last of which may be cut short.
///
/// # Safety
/// As for [`Micro::panel`].
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const N: usize, const WHOLE: bool>(
    k: usize,
    n: usize,
    mut operands: impl Cursor<V::Element>,
    c: Out<V::Element>,
) {
    let last = (N - 1) * V::LANES;
    // SAFETY: the machine has the instruction set.
    let mask = unsafe { V::mask(n - last) };
    // SAFETY: the caller's promise, for the vector at column `at`.
    let load = |p: *const V::Element, at: usize| unsafe {
        if WHOLE || at < last { V::load(p.add(at)) } else { V::load_masked(p.add(at), mask) }
    };
    let ahead = operands.ahead();
    let mut saved = [MaybeUninit::<[[V; N]; R]>::uninit(); LEVELS];
    let mut block = 0usize;
    let mut left = k;
    // SAFETY: the caller's promise; level `l` was saved if bit `l` of `block` is set, because the
    // sums of 2ˡ chains are there until the next ones meet them.
    unsafe {
        let mut sums = [[V::zero(); N]; R];
        let mut terms = left.min(CHAIN);
        loop {
            for _ in 0..terms {
                operands.advance();
                // Not by `from_fn`, which is a call unless units of code are optimised together.
                let p = operands.right();
                prefetch(p.wrapping_offset(ahead), N * V::LANES);
                let mut right = [V::zero(); N];
                for (j, right) in right.iter_mut().enumerate() {
                    *right = load(p, j * V::LANES);
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = V::splat(operands.row(r));
                    for j in 0..N {
                        sums[j] = x.mul_add(right[j], sums[j]);
                    }
                }
            }
            let mut level = 0;
            while block >> level & 1 == 1 {
                add(&mut sums, saved[level].assume_init_ref());
                level += 1;
            }
            if left <= CHAIN {
                block &= !0 << level;
                break;
            }
            left -= CHAIN;
            block += 1;
            // The first term of the next chain, in whose multiplications these many stores hide.
            operands.advance();
            let p = operands.right();
            let mut right = [V::zero(); N];
            for (j, right) in right.iter_mut().enumerate() {
                *right = load(p, j * V::LANES);
            }
            let saved = saved[level].as_mut_ptr().cast::<[V; N]>();
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = V::splat(operands.row(r));
                for j in 0..N {
                    (*saved.add(r))[j] = sums[j];
                    sums[j] = x.mul(right[j]);
                }
            }
            terms = left.min(CHAIN) - 1;
        }
        while block != 0 {
            add(&mut sums, saved[block.trailing_zeros() as usize].assume_init_ref());
            block &= block - 1;
        }
        for (r, sums) in sums.into_iter().enumerate() {
            let Some(out) = operands.out(r) else { break };
            let row = c.first.offset(out * c.step as isize);
            for (j, sum) in sums.into_iter().enumerate() {
                let at = j * V::LANES;
                let sum = if c.add { load(row, at).add(sum) } else { sum };
                if WHOLE || at < last || n == N * V::LANES {
                    sum.store(row.add(at));
                } else {
                    sum.store_masked(row.add(at), mask);
                }
            }
        }
    }
}

/// # Safety
/// The machine must have the instruction set.
#[inline(always)]
unsafe fn add<V: Vector, const R: usize, const N: usize>(sums: &mut [[V; N]; R], other: &[[V; N]; R]) {
    for r in 0..R {
        for j in 0..N {
            // SAFETY: the caller's promise.
            sums[r][j] = unsafe { other[r][j].add(sums[r][j]) };
        }
    }
}

/// Tiles of `ROWS` rows, and for the rest of smaller powers of two, by `N` vectors.
///
/// # Safety
/// As for [`Micro::panel`].
#[inline(always)]
unsafe fn rows<V: Vector, const ROWS: usize, const N: usize, const WHOLE: bool>(
    m: usize,
    k: usize,
    n: usize,
    a: Left<V::Element>,
    b: Right<V::Element>,
    c: Out<V::Element>,
) {
    let mut list = [MaybeUninit::<[isize; 2]>::uninit(); TERMS];
    let steps = match a {
        Left::Gathered { steps, .. } => steps,
        Left::Strided { step, .. } => {
            let mut at = 0;
            for (p, to) in (0..k as isize).zip(&mut list) {
                to.write([at, p]);
                at += step;
            }
            list.as_ptr().cast()
        }
    };
    let mut i = 0;
    while i < m {
        // A power of two that the rest fills, or fills but for one row.
        let height = if m - i >= ROWS { ROWS } else { 1 << (m - i + 1).ilog2() };
        // SAFETY: the caller's promise.
        unsafe {
            macro_rules! listed {
                ($rows:literal) => {
                    listed::<V, ROWS, $rows, N, WHOLE>(i, $rows.min(m - i), k, n, a, steps, b, c)
                };
            }
            match height {
                8 if const { ROWS >= 8 } => listed!(8),
                4 if const { ROWS >= 4 } => listed!(4),
                _ => listed!(2),
            }
        }
        i += height;
    }
}

/// A tile of `count` rows from row `i` on, over these terms.
///
/// # Safety
/// As for [`Micro::panel`].
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn listed<V: Vector, const ROWS: usize, const R: usize, const N: usize, const WHOLE: bool>(
    i: usize,
    count: usize,
    k: usize,
    n: usize,
    a: Left<V::Element>,
    steps: *const [isize; 2],
    right: Right<V::Element>,
    c: Out<V::Element>,
) {
    let mut rows = [[0; 2]; R];
    // SAFETY: the caller's promise.
    unsafe {
        let (Left::Gathered { first, .. } | Left::Strided { first, .. }) = a;
        for (r, at) in rows.iter_mut().enumerate() {
            let r = i + r.min(count - 1);
            *at = match a {
                Left::Gathered { rows, .. } => *rows.add(r),
                Left::Strided { row, below, .. } => {
                    let ([tile, r], out) = ([r / ROWS, r % ROWS].map(|i| i as isize), r as isize);
                    [tile * below + r * row, out]
                }
            };
        }
        tile::<V, R, N, WHOLE>(k, n, Listed { first, rows, count, steps: steps.wrapping_sub(1), right }, c);
    }
}

/// All tiles. Those of `COLS` vectors have to be `WHOLE`, if loading some elements of a vector takes longer.
///
/// # Safety
/// As for [`Micro::panel`].
#[inline(always)]
unsafe fn columns<V: Vector, const ROWS: usize, const COLS: usize, const WHOLE: bool>(
    mut m: usize,
    k: usize,
    n: usize,
    mut a: Left<V::Element>,
    b: Right<V::Element>,
    mut c: Out<V::Element>,
) {
    let vectors = n.div_ceil(V::LANES);
    let widest = vectors == COLS && (!WHOLE || n == COLS * V::LANES);
    // SAFETY: the caller's promise.
    unsafe {
        // Most tiles of a large product.
        if let Left::Strided { first, row, step, below } = &mut a
            && widest
        {
            while m >= ROWS {
                tile::<V, ROWS, COLS, WHOLE>(k, n, Strided::new(*first, *row, *step, b), c);
                *first = first.wrapping_offset(*below);
                c.first = c.first.wrapping_add(ROWS * c.step);
                m -= ROWS;
            }
        }
        match vectors {
            _ if m == 0 => {}
            _ if widest => rows::<V, ROWS, COLS, WHOLE>(m, k, n, a, b, c),
            3 if const { COLS == 3 && WHOLE } => rows::<V, ROWS, 3, false>(m, k, n, a, b, c),
            2 if const { COLS > 2 || WHOLE } => rows::<V, ROWS, 2, false>(m, k, n, a, b, c),
            _ => rows::<V, ROWS, 1, false>(m, k, n, a, b, c),
        }
    }
}

/// Elements that products are computed of.
pub trait Gemm: Sized {
    /// The inner kernel for an instruction set.
    #[doc(hidden)]
    fn micro(isa: Isa) -> Micro<Self>;
}

/// As many accumulators as hide the latency of two multiplications a cycle, and no more than fit
/// the registers next to a row of `B`: 24 of 32 with AVX-512, 12 of 16 with AVX2.
macro_rules! gemm {
    ($element:ty, portable: $lanes:literal, avx2: $avx2:ty, avx512: $avx512:ty) => {
        impl Gemm for $element {
            fn micro(isa: Isa) -> Micro<$element> {
                // An x86-64 machine without AVX2 has few registers, and is rare.
                const ROWS: usize = if cfg!(target_arch = "x86_64") { 2 } else { 4 };
                gemm!(@ portable, portable_dots, $element, Lanes<$element, $lanes>, ROWS, 2, false);
                #[cfg(target_arch = "x86_64")]
                gemm!(@ #[target_feature(enable = "avx2,fma")] avx2, avx2_dots, $element, $avx2, 4, 3, true);
                #[cfg(target_arch = "x86_64")]
                gemm!(@ #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")] avx512, avx512_dots, $element, $avx512, 8, 3, false);
                let make = |panel: Panel<$element>, dots: Dots<$element>, lanes: usize, rows, vectors: usize| {
                    Micro { rows, cols: vectors * lanes, lanes, panel, dots }
                };
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => make(avx512, avx512_dots, 64 / size_of::<$element>(), 8, 3),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => make(avx2, avx2_dots, 32 / size_of::<$element>(), 4, 3),
                    Isa::Portable => make(portable, portable_dots, $lanes, ROWS, 2),
                }
            }
        }
    };
    (@ $(#[$meta:meta])? $name:ident, $dots:ident, $element:ty, $vector:ty, $rows:expr, $cols:literal, $whole:literal) => {
        $(#[$meta])?
        unsafe fn $name(m: usize, k: usize, n: usize, a: Left<$element>, b: Right<$element>, c: Out<$element>) {
            // SAFETY: the caller's promise.
            unsafe { columns::<$vector, { $rows }, $cols, $whole>(m, k, n, a, b, c) }
        }
        $(#[$meta])?
        unsafe fn $dots(m: *const $element, step: isize, x: &[$element], y: &mut [$element]) {
            // SAFETY: the caller's promise.
            unsafe { matvec::rows::<$vector>(m, step, x, y) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};
gemm!(f32, portable: 4, avx2: __m256, avx512: __m512);
gemm!(f64, portable: 2, avx2: __m256d, avx512: __m512d);
