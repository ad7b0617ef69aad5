//! Scalar functions made runnable on tiles: one loop over local arrays, compiled for every
//! instruction set that a machine may have and chosen when it runs.

use std::array;

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
    /// [`CHUNK`]). A source may be `y` itself, but may not overlap it otherwise.
    #[doc(hidden)]
    unsafe fn tile(&self, x: &[Source<T>], y: *mut T, n: usize);
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

impl<T: Float, F: ElementFn<N>, const N: usize> TileMap<T> for Tiled<F, N> {
    fn arity(&self) -> usize {
        N
    }

    #[inline]
    unsafe fn tile(&self, x: &[Source<T>], y: *mut T, n: usize) {
        let x: &[Source<T>; N] = x.try_into().expect("a map gets as many arguments as it takes");
        // SAFETY: the caller's promise is passed on, and the instruction set is this machine's.
        unsafe { apply(Isa::get(), &self.0, x, y, n) }
    }
}

multiversion! {
    /// The function `f` of `n` elements of each of `x`, written to `y`.
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
            // Through local arrays: the compiler need not fear that `y` is one of the sources.
            let read = |i: usize| -> [[T; CHUNK]; N] {
                array::from_fn(|k| x[k].ptr.add(i & x[k].mask).cast::<[T; CHUNK]>().read_unaligned())
            };
            let write = |i: usize, chunk: [T; CHUNK]| y.add(i).cast::<[T; CHUNK]>().write_unaligned(chunk);
            if n < CHUNK {
                let mut local = [[T::ZERO; CHUNK]; N];
                for (local, x) in local.iter_mut().zip(x) {
                    x.ptr.copy_to_nonoverlapping(local.as_mut_ptr(), n);
                }
                let chunk = apply_chunk(f, &local);
                chunk.as_ptr().copy_to_nonoverlapping(y, n);
                return;
            }
            // A rest is done as the last whole chunk, part of it for the second time; so it is
            // read before `y` is written.
            let whole = n / CHUNK * CHUNK;
            let rest = if whole < n { read(n - CHUNK) } else { [[T::ZERO; CHUNK]; N] };
            let mut i = 0;
            while i < whole {
                write(i, apply_chunk(f, &read(i)));
                i += CHUNK;
            }
            if whole < n {
                write(n - CHUNK, apply_chunk(f, &rest));
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
