//! Scalar functions made runnable on tiles: one loop over local arrays, compiled for every
//! instruction set that a machine may have and chosen when it runs.

use smallvec::SmallVec;

use super::isa::{Isa, multiversion};
use super::sequence::Arith;
use crate::Float;

/// A scalar function of `N` arguments that the tile machine applies to whole tiles.
///
/// `apply` should be `#[inline(always)]` and free of branches, so that the loop around it is
/// vectorised.
///
/// ```
/// use wengert_tensor::{Float, kernel::ElementFn};
/// struct Logistic;
/// impl ElementFn<1> for Logistic {
///     #[inline(always)]
///     fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
///         T::ONE / (T::ONE + (-x).exp())
///     }
/// }
/// ```
pub trait ElementFn<const N: usize>: Send + Sync {
    /// Which of the cheap functions it is, if it is one.
    #[doc(hidden)]
    const ARITH: Option<Arith> = None;
    /// The value for these arguments.
    fn apply<T: Float>(&self, x: [T; N]) -> T;
}

/// An [`ElementFn`] that runs on tiles.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tiled<F, const N: usize>(pub F);

/// A function of tiles; made from an [`ElementFn`] by [`Tiled`], the only type that implements it.
pub trait TileMap<T: Float>: Send + Sync + private::Sealed {
    /// The number of arguments.
    fn arity(&self) -> usize;

    /// [`ElementFn::ARITH`].
    #[doc(hidden)]
    fn arith(&self) -> Option<Arith>;

    /// Writes the function of `rows` rows of `cols` elements of each of `x` to `y`, whose rows lie
    /// `step` apart; rows have at least [`CHUNK`] elements, or there is one element.
    ///
    /// # Safety
    /// Every source must be readable, and `y` writable, for that (a repeating source: for
    /// [`CHUNK`]). A source may be `y` itself, but may not overlap it otherwise. `isa` must be one
    /// that this machine has.
    #[doc(hidden)]
    unsafe fn chunks(&self, isa: Isa, x: &[Source<T>], y: *mut T, step: isize, size: [usize; 2]);
}

mod private {
    pub trait Sealed {}
    impl<F, const N: usize> Sealed for super::Tiled<F, N> {}
}

/// Elements that a tile function computes at a time.
pub(super) const CHUNK: usize = 32;

/// Where an argument of a tile function lies.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Source<T> {
    /// The first element.
    pub(super) ptr: *const T,
    /// From one row to the next; rows are contiguous.
    pub(super) step: isize,
    /// All ones for a tile; 0 for what repeats, at least a chunk.
    pub(super) mask: usize,
}

impl<T> Source<T> {
    /// A tile of a single row.
    pub(super) fn row(ptr: *const T) -> Self {
        Source { ptr, step: 0, mask: !0 }
    }

    /// One chunk that repeats.
    pub(super) fn chunk(ptr: *const T) -> Self {
        Source { ptr, step: 0, mask: 0 }
    }
}

/// Applies a map to rows and columns of the sources that `source` finds for `args`.
///
/// # Safety
/// As for [`TileMap::chunks`], of any size.
#[inline(always)]
pub(super) unsafe fn apply_map<T: Float>(
    map: &dyn TileMap<T>,
    isa: Isa,
    args: &[u32],
    source: impl Fn(u32) -> Source<T>,
    y: *mut T,
    step: isize,
    size: [usize; 2],
) {
    // SAFETY: the caller's promise.
    unsafe {
        match *args {
            [a] => tile(map, isa, &[source(a)], y, step, size),
            [a, b] => tile(map, isa, &[source(a), source(b)], y, step, size),
            [a, b, c] => tile(map, isa, &[source(a), source(b), source(c)], y, step, size),
            ref many => {
                let sources: SmallVec<[Source<T>; 8]> = many.iter().map(|&a| source(a)).collect();
                tile(map, isa, &sources, y, step, size);
            }
        }
    }
}

/// # Safety
/// As for [`TileMap::chunks`], of any size.
#[inline(always)]
unsafe fn tile<T: Float>(map: &dyn TileMap<T>, isa: Isa, x: &[Source<T>], y: *mut T, step: isize, size: [usize; 2]) {
    // SAFETY: the caller's promise.
    unsafe {
        if size[1] >= CHUNK || size[0] * size[1] == 1 {
            map.chunks(isa, x, y, step, size);
        } else {
            short_rows(map, isa, x, y, step, size);
        }
    }
}

/// Rows that are shorter than a chunk, each padded to one.
///
/// # Safety
/// As for [`TileMap::chunks`], of any size.
unsafe fn short_rows<T: Float>(
    map: &dyn TileMap<T>,
    isa: Isa,
    x: &[Source<T>],
    y: *mut T,
    step: isize,
    [rows, cols]: [usize; 2],
) {
    let mut padded: SmallVec<[[T; CHUNK]; 3]> = SmallVec::from_elem([T::ZERO; CHUNK], x.len());
    let mut out = [T::ZERO; CHUNK];
    for i in 0..rows as isize {
        // SAFETY: the caller's promise is passed on; what is padded has a chunk of elements.
        unsafe {
            for (padded, x) in padded.iter_mut().zip(x) {
                x.ptr.wrapping_offset(i * x.step).copy_to_nonoverlapping(padded.as_mut_ptr(), cols);
            }
            let x: SmallVec<[_; 3]> = padded.iter().map(|padded| Source::chunk(padded.as_ptr())).collect();
            map.chunks(isa, &x, out.as_mut_ptr(), 0, [1, CHUNK]);
            out.as_ptr().copy_to_nonoverlapping(y.offset(i * step), cols);
        }
    }
}

impl<T: Float, F: ElementFn<N>, const N: usize> TileMap<T> for Tiled<F, N> {
    fn arity(&self) -> usize {
        N
    }

    fn arith(&self) -> Option<Arith> {
        F::ARITH
    }

    #[inline]
    unsafe fn chunks(&self, isa: Isa, x: &[Source<T>], y: *mut T, step: isize, size: [usize; 2]) {
        let x: &[Source<T>; N] = x.try_into().expect("a map gets as many arguments as it takes");
        // SAFETY: the caller's promise.
        unsafe { apply(isa, &self.0, x, y, step, size) }
    }
}

multiversion! {
    /// The function `f` of `rows` rows of `cols` elements of each of `x`, written to `y`.
    ///
    /// # Safety
    /// As for [`TileMap::chunks`].
    #[expect(clippy::needless_range_loop, reason = "compiled for every function, where adapters take long")]
    unsafe fn apply[T: Float, F: ElementFn<N>, const N: usize](
        f: &F, x: &[Source<T>; N], y: *mut T, step: isize, size: [usize; 2],
    ) {
        let [rows, cols] = size;
        let mut args = [T::ZERO; N];
        // SAFETY: every access is to the rows and columns of `y` and of a tile, or to the first
        // chunk of a repeating source, which the caller promises.
        unsafe {
            if cols == 1 {
                for k in 0..N {
                    args[k] = *x[k].ptr;
                }
                *y = f.apply(args);
                return;
            }
            // A row that does not consist of whole chunks starts with a chunk that overlaps the last
            // whole one. It is written last: a source that is also `y` is to be as it was till then.
            let is_whole = cols.is_multiple_of(CHUNK);
            let first = if is_whole { 0 } else { cols - CHUNK };
            let mut last = [T::ZERO; CHUNK];
            for row in 0..rows as isize {
                let to = y.offset(row * step);
                let mut target = if is_whole { to } else { last.as_mut_ptr().wrapping_sub(first) };
                let (mut i, mut next) = (first, if is_whole { CHUNK } else { 0 });
                loop {
                    // To a local array: the compiler need not fear that `y` is one of the sources.
                    let mut out = [T::ZERO; CHUNK];
                    for j in 0..CHUNK {
                        for k in 0..N {
                            args[k] = *x[k].ptr.offset(row * x[k].step).add((i & x[k].mask) + j);
                        }
                        out[j] = f.apply(args);
                    }
                    *target.wrapping_add(i).cast() = out;
                    (target, i, next) = (to, next, next + CHUNK);
                    if next > cols {
                        break;
                    }
                }
                if !is_whole {
                    *to.add(first).cast() = last;
                }
            }
        }
    } portable {
        let mut args = [T::ZERO; N];
        for row in 0..size[0] as isize {
            for i in 0..size[1] {
                // SAFETY: as above, element by element.
                unsafe {
                    for k in 0..N {
                        args[k] = *x[k].ptr.offset(row * x[k].step).add(i & (x[k].mask | (CHUNK - 1)));
                    }
                    *y.offset(row * step).add(i) = f.apply(args);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::array;

    use super::*;

    struct Busy;

    impl ElementFn<3> for Busy {
        #[inline(always)]
        fn apply<T: Float>(&self, [a, b, c]: [T; 3]) -> T {
            (a.mul_add(b, c).exp() + a.max_nan(c).tanh()) / (b.abs() + T::ONE).sqrt() - c.sin() * b.sigmoid()
        }
    }

    /// Every length, with a repeating source and in place, for every instruction set.
    fn check<T: Float>(bits: impl Fn(T) -> u64) {
        for n in 1..=4 * CHUNK + 1 {
            let x: [Vec<T>; 3] =
                array::from_fn(|k| (0..n).map(|i| T::from_f64(((i * 7 + k * 3) % 23) as f64 * 0.37 - 4.0)).collect());
            let repeated = [T::from_f64(0.625); CHUNK];
            let expected: Vec<u64> = (0..n).map(|i| bits(Busy.apply([x[0][i], repeated[0], x[2][i]]))).collect();
            for isa in Isa::all() {
                let mut y = x[2].clone();
                let first = y.as_mut_ptr();
                let sources = [Source::row(x[0].as_ptr()), Source::chunk(repeated.as_ptr()), Source::row(first)];
                // SAFETY: all have `n` elements, or a chunk; `y` is a source as a whole.
                unsafe { tile(&Tiled(Busy), isa, &sources, first, 0, [1, n]) };
                assert_eq!(y.into_iter().map(&bits).collect::<Vec<_>>(), expected, "{isa:?}, {n} elements");
            }
        }
    }

    #[test]
    fn rows_lie_as_far_apart_as_each_of_them_says() {
        for cols in [1, 5, CHUNK, CHUNK + 3, 3 * CHUNK] {
            let (rows, wide) = (4, cols + 7);
            let x: Vec<f64> = (0..rows * wide).map(|i| (i as f64 * 0.3).sin()).collect();
            for isa in Isa::all() {
                // The second source is one row for all of them.
                let step = |step: usize| Source { step: step as isize, ..Source::row(x.as_ptr()) };
                let mut y = vec![7.0; rows * (cols + 2)];
                // SAFETY: every source has the rows and columns at its steps, and so has `y`.
                unsafe {
                    let sources = [step(wide), step(0), step(cols)];
                    tile(&Tiled(Busy), isa, &sources, y.as_mut_ptr(), cols as isize + 2, [rows, cols]);
                }
                for (k, y) in y.iter().enumerate() {
                    let (i, j) = (k / (cols + 2), k % (cols + 2));
                    let expected = || Busy.apply([x[i * wide + j], x[j], x[i * cols + j]]);
                    assert_eq!(*y, if j < cols { expected() } else { 7.0 }, "{isa:?}, {cols} columns, at {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn the_same_bits_on_every_instruction_set() {
        check::<f32>(|v| v.to_bits().into());
        check::<f64>(|v| v.to_bits());
    }

    #[test]
    #[should_panic(expected = "as many arguments")]
    fn a_wrong_number_of_arguments_is_refused() {
        let mut y = [0.0f32];
        // SAFETY: one element each.
        unsafe { tile(&Tiled(Busy), Isa::Portable, &[Source::row([1.0f32].as_ptr())], y.as_mut_ptr(), 0, [1, 1]) };
    }
}
