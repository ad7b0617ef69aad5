//! The inner kernel: a tile of `C` in registers, for every instruction set.

use std::mem::MaybeUninit;

use super::vector::{Lanes, Vector};
use crate::kernel::isa::Isa;

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
    /// Element `(i, p)` at `i · row + p · step`.
    Strided { first: *const T, row: isize, step: isize },
    /// Tiles of [`Micro::rows_of_tile`] rows one after the other, the rows of each side by side.
    Packed(*const T),
    /// Element `(i, p)` at `rows[i][0] + steps[p][0]`, to be multiplied with row `steps[p][1]` of the
    /// right operand; the sums go to row `rows[i][1]` of `C`.
    Gathered { first: *const T, rows: *const [isize; 2], steps: *const [isize; 2] },
}

/// Where the right operand is: rows without gaps, `step` apart from one term to the next.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Right<T> {
    pub(in crate::kernel) first: *const T,
    pub(in crate::kernel) step: isize,
}

/// A part of `C`: rows `step` apart, without gaps, that are written or added to.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Out<T> {
    pub(in crate::kernel) first: *mut T,
    pub(in crate::kernel) step: usize,
    pub(in crate::kernel) add: bool,
}

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
}

impl<T> Micro<T> {
    /// How many of `left` rows the next tile has: all that fit, or else a power of two.
    #[inline(always)]
    pub(in crate::kernel) fn rows_of_tile(&self, left: usize) -> usize {
        rows_of_tile(self.rows, left)
    }

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

#[inline(always)]
fn rows_of_tile(most: usize, left: usize) -> usize {
    if left >= most { most } else { 1 << left.ilog2() }
}

/// Steps through the terms of some rows of the left operand, and of the right one.
trait Cursor<T> {
    /// Row `r` of the present term.
    unsafe fn row(&self, r: usize) -> *const T;
    /// The right operand's row of the present term.
    unsafe fn right(&self) -> *const T;
    /// The next term, whose element need not exist.
    unsafe fn advance(&mut self);
    /// The row of `C` that row `r` belongs to.
    unsafe fn out(&self, r: usize) -> isize;
}

struct Strided<T> {
    /// Rows 0 and 4: the others are 1, 2, or 3 strides from there, which an address can say.
    quads: [*const T; 2],
    row: isize,
    step: isize,
    right: Right<T>,
}

impl<T> Strided<T> {
    #[inline(always)]
    fn new(first: *const T, row: isize, step: isize, right: Right<T>) -> Self {
        Strided { quads: [first, first.wrapping_offset(4 * row)], row, step, right }
    }
}

impl<T> Cursor<T> for Strided<T> {
    #[inline(always)]
    unsafe fn row(&self, r: usize) -> *const T {
        self.quads[r / 4].wrapping_offset((r % 4) as isize * self.row)
    }
    #[inline(always)]
    unsafe fn right(&self) -> *const T {
        self.right.first
    }
    #[inline(always)]
    unsafe fn advance(&mut self) {
        for quad in &mut self.quads {
            *quad = quad.wrapping_offset(self.step);
        }
        self.right.first = self.right.first.wrapping_offset(self.right.step);
    }
    #[inline(always)]
    unsafe fn out(&self, r: usize) -> isize {
        r as isize
    }
}

struct Gathered<T> {
    first: *const T,
    rows: *const [isize; 2],
    steps: *const [isize; 2],
    right: Right<T>,
}

impl<T> Cursor<T> for Gathered<T> {
    #[inline(always)]
    unsafe fn row(&self, r: usize) -> *const T {
        // SAFETY: the caller's promise: there is such a row and such a term.
        unsafe { self.first.offset((*self.steps)[0]).offset((*self.rows.add(r))[0]) }
    }
    #[inline(always)]
    unsafe fn right(&self) -> *const T {
        // SAFETY: as above.
        unsafe { self.right.first.offset((*self.steps)[1] * self.right.step) }
    }
    #[inline(always)]
    unsafe fn advance(&mut self) {
        self.steps = self.steps.wrapping_add(1);
    }
    #[inline(always)]
    unsafe fn out(&self, r: usize) -> isize {
        // SAFETY: as above.
        unsafe { (*self.rows.add(r))[1] }
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
                // Not by `from_fn`, which is a call unless units of code are optimised together.
                let p = operands.right();
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
                operands.advance();
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
            let to = saved[level].as_mut_ptr().cast::<V>();
            let p = operands.right();
            let mut right = [V::zero(); N];
            for (j, right) in right.iter_mut().enumerate() {
                *right = load(p, j * V::LANES);
            }
            for r in 0..R {
                let x = V::splat(operands.row(r));
                for j in 0..N {
                    to.add(r * N + j).write(sums[r][j]);
                    sums[r][j] = x.mul(right[j]);
                }
            }
            operands.advance();
            terms = left.min(CHAIN) - 1;
        }
        while block != 0 {
            add(&mut sums, saved[block.trailing_zeros() as usize].assume_init_ref());
            block &= block - 1;
        }
        for (r, sums) in sums.into_iter().enumerate() {
            let row = c.first.offset(operands.out(r) * c.step as isize);
            for (j, sum) in sums.into_iter().enumerate() {
                let at = j * V::LANES;
                let sum = if c.add { load(row, at).add(sum) } else { sum };
                if WHOLE || at < last {
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
    let mut i = 0;
    while i < m {
        let height = rows_of_tile(ROWS, m - i);
        // SAFETY: the caller's promise.
        unsafe {
            let below = Out { first: c.first.add(i * c.step), ..c };
            macro_rules! tiles {
                ($operands:expr, $c:expr) => {
                    match height {
                        8 if ROWS >= 8 => tile::<V, 8, N, WHOLE>(k, n, $operands, $c),
                        4 => tile::<V, 4, N, WHOLE>(k, n, $operands, $c),
                        2 => tile::<V, 2, N, WHOLE>(k, n, $operands, $c),
                        _ => tile::<V, 1, N, WHOLE>(k, n, $operands, $c),
                    }
                };
            }
            match a {
                Left::Gathered { first, rows, steps } => {
                    tiles!(Gathered { first, rows: rows.add(i), steps, right: b }, c);
                }
                // Most tiles of a large product: the same as below, with steps that are constants.
                Left::Packed(first) if height == ROWS => {
                    tile::<V, ROWS, N, WHOLE>(k, n, Strided::new(first.add(i * k), 1, ROWS as isize, b), below);
                }
                Left::Packed(_) | Left::Strided { .. } => {
                    let (first, row, step) = match a {
                        Left::Strided { first, row, step } => (first.offset(i as isize * row), row, step),
                        Left::Packed(first) | Left::Gathered { first, .. } => (first.add(i * k), 1, height as isize),
                    };
                    tiles!(Strided::new(first, row, step, b), below);
                }
            }
        }
        i += height;
    }
}

/// # Safety
/// As for [`Micro::panel`].
#[inline(always)]
unsafe fn columns<V: Vector, const ROWS: usize, const COLS: usize>(
    m: usize,
    k: usize,
    n: usize,
    a: Left<V::Element>,
    b: Right<V::Element>,
    c: Out<V::Element>,
) {
    // SAFETY: the caller's promise.
    unsafe {
        match n.div_ceil(V::LANES) {
            _ if n == COLS * V::LANES => rows::<V, ROWS, COLS, true>(m, k, n, a, b, c),
            3 if COLS >= 3 => rows::<V, ROWS, 3, false>(m, k, n, a, b, c),
            2 => rows::<V, ROWS, 2, false>(m, k, n, a, b, c),
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
                gemm!(@ portable, $element, Lanes<$element, $lanes>, 4, 2);
                #[cfg(target_arch = "x86_64")]
                gemm!(@ #[target_feature(enable = "avx2,fma")] avx2, $element, $avx2, 4, 3);
                #[cfg(target_arch = "x86_64")]
                gemm!(@ #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")] avx512, $element, $avx512, 8, 3);
                let make = |panel: Panel<$element>, lanes: usize, rows, vectors: usize| {
                    Micro { rows, cols: vectors * lanes, lanes, panel }
                };
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => make(avx512, 64 / size_of::<$element>(), 8, 3),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => make(avx2, 32 / size_of::<$element>(), 4, 3),
                    Isa::Portable => make(portable, $lanes, 4, 2),
                }
            }
        }
    };
    (@ $(#[$meta:meta])? $name:ident, $element:ty, $vector:ty, $rows:literal, $cols:literal) => {
        $(#[$meta])?
        unsafe fn $name(m: usize, k: usize, n: usize, a: Left<$element>, b: Right<$element>, c: Out<$element>) {
            // SAFETY: the caller's promise.
            unsafe { columns::<$vector, $rows, $cols>(m, k, n, a, b, c) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};
gemm!(f32, portable: 4, avx2: __m256, avx512: __m512);
gemm!(f64, portable: 2, avx2: __m256d, avx512: __m512d);
