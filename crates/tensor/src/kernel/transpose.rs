//! Transposing small matrices: in squares that fit the vector registers, by way of a dense copy,
//! because columns a power of two apart share the same few lines of every cache.

use std::mem::MaybeUninit;

use super::isa::Isa;
use super::past_caches::{fence, write_past_caches};
use super::strided::Grid;

/// The largest side of a matrix that is transposed at once.
pub(super) const SIDE: usize = 64;

/// A dense copy of the source, with rows a little longer than [`SIDE`] so that columns spread.
type Stage<T> = [[MaybeUninit<T>; SIDE + 16]; SIDE];

/// Writes the transpose: `to[i * to_step + j] = from[j * from_step + i]` for `i < rows` and
/// `j < cols`, both at most [`SIDE`].
///
/// # Safety
/// Every element named must be readable in `from` or writable in `to`, without overlap.
pub(super) unsafe fn transpose<T: Copy>(
    isa: Isa,
    from: *const T,
    from_step: isize,
    to: *mut T,
    to_step: isize,
    rows: usize,
    cols: usize,
) {
    assert!(rows <= SIDE && cols <= SIDE, "{rows} by {cols} is too large to transpose at once");
    let mut stage: Stage<T> = [[MaybeUninit::uninit(); SIDE + 16]; SIDE];
    // SAFETY: the caller's promise; the stage has room for every row, and only what was copied
    // to it is read from it.
    unsafe {
        for (j, row) in stage.iter_mut().enumerate().take(cols) {
            let source = from.offset(j as isize * from_step);
            source.copy_to_nonoverlapping(row.as_mut_ptr().cast(), rows);
            prefetch(source.wrapping_offset(cols as isize * from_step), rows);
        }
        let stage = stage.as_ptr().cast::<T>();
        match (isa, size_of::<T>()) {
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx2 | Isa::Avx512, 4) => squares_of_4(stage.cast(), to.cast(), to_step, rows, cols),
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx2 | Isa::Avx512, 8) => squares_of_8(stage.cast(), to.cast(), to_step, rows, cols),
            _ => edges(stage, to, to_step, 0..rows, 0..cols),
        }
    }
}

/// As [`copy_grid`](super::strided::copy_grid) for a source that is contiguous along rows, but
/// writes past the caches.
///
/// # Safety
/// As for `copy_grid`.
pub(super) unsafe fn transpose_past_caches<T: Copy>(
    isa: Isa,
    from: Grid<*const T>,
    to: Grid<*mut T>,
    rows: usize,
    cols: usize,
) {
    let mut square = [MaybeUninit::<T>::uninit(); SIDE * SIDE];
    let square = square.as_mut_ptr().cast::<T>();
    for j in (0..cols).step_by(SIDE) {
        for i in (0..rows).step_by(SIDE) {
            let (rows, cols) = (SIDE.min(rows - i), SIDE.min(cols - j));
            // SAFETY: a square inside the matrix, which the caller promises.
            unsafe {
                let source = from.first.offset(i as isize + j as isize * from.cols);
                transpose(isa, source, from.cols, square, cols as isize, rows, cols);
                let first = to.first.offset(i as isize * to.rows).add(j);
                write_past_caches(Grid::dense(square.cast_const(), cols), Grid { first, ..to }, rows, cols);
            }
        }
    }
    fence();
}

/// Asks for `n` elements from `first` on, which may lie anywhere.
#[inline(always)]
pub(super) fn prefetch<T>(first: *const T, n: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..n * size_of::<T>()).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch of any address is harmless.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(first.cast::<i8>().wrapping_add(line)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (first, n);
}

/// Element by element.
///
/// # Safety
/// As for [`transpose`], from a stage.
#[inline(always)]
unsafe fn edges<T: Copy>(
    stage: *const T,
    to: *mut T,
    to_step: isize,
    rows: std::ops::Range<usize>,
    cols: std::ops::Range<usize>,
) {
    for i in rows {
        for j in cols.clone() {
            // SAFETY: the caller's promise.
            unsafe { *to.offset(i as isize * to_step).add(j) = *stage.add(j * (SIDE + 16) + i) };
        }
    }
}

/// Squares of eight elements of four bytes.
///
/// # Safety
/// As for [`transpose`], from a stage, on a machine that has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn squares_of_4(stage: *const f32, to: *mut f32, to_step: isize, rows: usize, cols: usize) {
    use std::arch::x86_64::*;
    let (whole_rows, whole_cols) = (rows / 8 * 8, cols / 8 * 8);
    // SAFETY: every square lies inside the matrix.
    unsafe {
        for i in (0..whole_rows).step_by(8) {
            for j in (0..whole_cols).step_by(8) {
                let x = |k: usize| _mm256_loadu_ps(stage.add((j + k) * (SIDE + 16) + i));
                // Pairs of rows, then fours, then eights.
                let low = |k: usize| _mm256_unpacklo_ps(x(k), x(k + 1));
                let high = |k: usize| _mm256_unpackhi_ps(x(k), x(k + 1));
                let (a, b) = ([low(0), low(2), low(4), low(6)], [high(0), high(2), high(4), high(6)]);
                let fours = |p: [__m256; 4], k: usize| {
                    [_mm256_shuffle_ps::<0x44>(p[k], p[k + 1]), _mm256_shuffle_ps::<0xEE>(p[k], p[k + 1])]
                };
                let (top, bottom) = ([fours(a, 0), fours(b, 0)], [fours(a, 2), fours(b, 2)]);
                for k in 0..4 {
                    let (t, b) = (top[k / 2][k % 2], bottom[k / 2][k % 2]);
                    let row = |i: usize| to.offset(i as isize * to_step).add(j);
                    _mm256_storeu_ps(row(i + k), _mm256_permute2f128_ps::<0x20>(t, b));
                    _mm256_storeu_ps(row(i + k + 4), _mm256_permute2f128_ps::<0x31>(t, b));
                }
            }
        }
        edges(stage, to, to_step, 0..whole_rows, whole_cols..cols);
        edges(stage, to, to_step, whole_rows..rows, 0..cols);
    }
}

/// Squares of four elements of eight bytes.
///
/// # Safety
/// As for [`transpose`], from a stage, on a machine that has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn squares_of_8(stage: *const f64, to: *mut f64, to_step: isize, rows: usize, cols: usize) {
    use std::arch::x86_64::*;
    let (whole_rows, whole_cols) = (rows / 4 * 4, cols / 4 * 4);
    // SAFETY: every square lies inside the matrix.
    unsafe {
        for i in (0..whole_rows).step_by(4) {
            for j in (0..whole_cols).step_by(4) {
                let x = |k: usize| _mm256_loadu_pd(stage.add((j + k) * (SIDE + 16) + i));
                let (a, b) = (_mm256_unpacklo_pd(x(0), x(1)), _mm256_unpackhi_pd(x(0), x(1)));
                let (c, d) = (_mm256_unpacklo_pd(x(2), x(3)), _mm256_unpackhi_pd(x(2), x(3)));
                let row = |i: usize| to.offset(i as isize * to_step).add(j);
                _mm256_storeu_pd(row(i), _mm256_permute2f128_pd::<0x20>(a, c));
                _mm256_storeu_pd(row(i + 1), _mm256_permute2f128_pd::<0x20>(b, d));
                _mm256_storeu_pd(row(i + 2), _mm256_permute2f128_pd::<0x31>(a, c));
                _mm256_storeu_pd(row(i + 3), _mm256_permute2f128_pd::<0x31>(b, d));
            }
        }
        edges(stage, to, to_step, 0..whole_rows, whole_cols..cols);
        edges(stage, to, to_step, whole_rows..rows, 0..cols);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Copy + PartialEq + std::fmt::Debug + Default>(
        isa: Isa,
        rows: usize,
        cols: usize,
        make: impl Fn(usize) -> T,
    ) {
        let from: Vec<T> = (0..cols * (rows + 3)).map(make).collect();
        let mut to = vec![T::default(); rows * (cols + 5)];
        // SAFETY: both have room for the matrix at these steps.
        unsafe { transpose(isa, from.as_ptr(), rows as isize + 3, to.as_mut_ptr(), cols as isize + 5, rows, cols) };
        for i in 0..rows {
            for j in 0..cols {
                assert_eq!(to[i * (cols + 5) + j], from[j * (rows + 3) + i], "{isa:?} {rows} {cols}");
            }
        }
    }

    #[test]
    fn every_width_and_instruction_set() {
        for isa in Isa::all() {
            for (rows, cols) in [(1, 1), (8, 8), (64, 64), (13, 21), (4, 64), (63, 2), (17, 8)] {
                check(isa, rows, cols, |i| i as f32);
                check(isa, rows, cols, |i| i as i64);
                check(isa, rows, cols, |i| i as u8);
                check(isa, rows, cols, |i| i as u16);
            }
        }
    }
}
