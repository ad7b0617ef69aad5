//! Scalar functions made runnable on tiles: one loop over local arrays, compiled for every
//! instruction set that a machine may have and chosen when it runs.

use std::array;

use smallvec::SmallVec;

use super::isa::{Isa, multiversion};
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

    /// Writes the function of `n` elements of each of `x` to `y`.
    ///
    /// # Safety
    /// Every source must be readable, and `y` writable, for `n` elements (a repeating source: for
    /// [`CHUNK`]). A source may be `y` itself, but may not overlap it otherwise. `isa` must be one
    /// that this machine has.
    #[doc(hidden)]
    unsafe fn tile(&self, isa: Isa, x: &[Source<T>], y: *mut T, n: usize);
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
    /// All ones for a tile; 0 for one chunk that repeats.
    pub(super) mask: usize,
}

/// Applies a map to `n` elements of the sources that `source` finds for `args`.
///
/// # Safety
/// As for [`TileMap::tile`].
#[inline(always)]
pub(super) unsafe fn apply_map<T: Float>(
    map: &dyn TileMap<T>,
    isa: Isa,
    args: &[u32],
    source: impl Fn(u32) -> Source<T>,
    y: *mut T,
    n: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        match *args {
            [a] => map.tile(isa, &[source(a)], y, n),
            [a, b] => map.tile(isa, &[source(a), source(b)], y, n),
            [a, b, c] => map.tile(isa, &[source(a), source(b), source(c)], y, n),
            ref many => map.tile(isa, &many.iter().map(|&a| source(a)).collect::<SmallVec<[Source<T>; 8]>>(), y, n),
        }
    }
}

impl<T: Float, F: ElementFn<N>, const N: usize> TileMap<T> for Tiled<F, N> {
    fn arity(&self) -> usize {
        N
    }

    #[inline]
    unsafe fn tile(&self, isa: Isa, x: &[Source<T>], y: *mut T, n: usize) {
        let x: &[Source<T>; N] = x.try_into().expect("a map gets as many arguments as it takes");
        // SAFETY: the caller's promise is passed on; what is padded has a chunk of elements.
        unsafe {
            let whole = n / CHUNK * CHUNK;
            if whole == n || n == 1 {
                return apply(isa, &self.0, x, y, n);
            }
            let mut padded = [[T::ZERO; CHUNK]; N];
            let mut out = [T::ZERO; CHUNK];
            if n > CHUNK {
                // The rest is done as part of a chunk that overlaps the last whole one. It is done
                // first and written last: a source that is also `y` is still as it was.
                let (all, x) = (x, x.map(|x| Source { ptr: x.ptr.add((n - CHUNK) & x.mask), mask: 0 }));
                apply(isa, &self.0, &x, out.as_mut_ptr(), CHUNK);
                apply(isa, &self.0, all, y, whole);
                out.as_ptr().copy_to_nonoverlapping(y.add(n - CHUNK), CHUNK);
            } else {
                for (padded, x) in padded.iter_mut().zip(x) {
                    x.ptr.copy_to_nonoverlapping(padded.as_mut_ptr(), n);
                }
                let x = array::from_fn(|k| Source { ptr: padded[k].as_ptr(), mask: 0 });
                apply(isa, &self.0, &x, out.as_mut_ptr(), CHUNK);
                out.as_ptr().copy_to_nonoverlapping(y, n);
            }
        }
    }
}

multiversion! {
    /// The function `f` of `n` elements of each of `x`, written to `y`; `n` is 1 or a multiple of
    /// [`CHUNK`].
    ///
    /// # Safety
    /// As for [`TileMap::tile`].
    unsafe fn apply[T: Float, F: ElementFn<N>, const N: usize](f: &F, x: &[Source<T>; N], y: *mut T, n: usize) {
        // SAFETY: every access is to the first `n` elements of `y` and of a tile, or to the first
        // chunk of a repeating source, which the caller promises.
        unsafe {
            if n == 1 {
                *y = f.apply(array::from_fn(|k| *x[k].ptr));
                return;
            }
            let mut i = 0;
            while i < n {
                // Through local arrays: the compiler need not fear that `y` is one of the sources.
                let local = array::from_fn(|k| x[k].ptr.add(i & x[k].mask).cast::<[T; CHUNK]>().read_unaligned());
                y.add(i).cast::<[T; CHUNK]>().write_unaligned(apply_chunk(f, &local));
                i += CHUNK;
            }
        }
    }
}

#[inline(always)]
fn apply_chunk<T: Float, F: ElementFn<N>, const N: usize>(f: &F, x: &[[T; CHUNK]; N]) -> [T; CHUNK] {
    let mut y = [T::ZERO; CHUNK];
    for (j, y) in y.iter_mut().enumerate() {
        *y = f.apply(array::from_fn(|k| x[k][j]));
    }
    y
}

#[cfg(test)]
mod tests {
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
                let dense = |ptr| Source { ptr, mask: !0 };
                let first = y.as_mut_ptr();
                let sources = [dense(x[0].as_ptr()), Source { ptr: repeated.as_ptr(), mask: 0 }, dense(first)];
                // SAFETY: all have `n` elements, or a chunk; `y` is a source as a whole.
                unsafe { Tiled(Busy).tile(isa, &sources, first, n) };
                assert_eq!(y.into_iter().map(&bits).collect::<Vec<_>>(), expected, "{isa:?}, {n} elements");
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
        unsafe { Tiled(Busy).tile(Isa::Portable, &[Source { ptr: [1.0f32].as_ptr(), mask: !0 }], y.as_mut_ptr(), 1) };
    }
}
