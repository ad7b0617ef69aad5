//! A matrix times a vector: every element of the matrix is used once, so it is not packed but read
//! in the order in which it lies in memory.

use super::pack::View;
use crate::Float;
use crate::kernel::isa::{Isa, multiversion};
use crate::kernel::vector::Vector;

/// Terms that are added up (in lanes of a vector, or groups of columns, of at most 16) before their
/// sum is added on.
pub(super) const CHAIN: usize = 128;
/// Independent sums of a dot product: enough vectors to hide the latency of an addition.
const LANES: usize = 32;
/// Columns that are added in one pass over `y`.
const COLUMNS: usize = 8;
/// Elements of `y` that stay in the first-level cache meanwhile.
const BLOCK: usize = 2048;

/// Whether this machine has fused multiply-adds, without which these loops are calls of `fma`.
pub(super) fn pays() -> bool {
    cfg!(not(target_arch = "x86_64")) || Isa::get() != Isa::Portable
}

/// `y ← M x` for `M [y.len(), k]`, one of whose strides is 1, and `x` with stride `step`.
///
/// # Safety
/// All elements that these sizes and strides reach must be readable, and none be in `y`.
pub(super) unsafe fn matvec<T: Float>(k: usize, m: View<T>, x: *const T, step: isize, y: &mut [T]) {
    let gathered;
    // SAFETY: the caller's promise; `isa` is what this machine has.
    unsafe {
        let x = if step == 1 {
            std::slice::from_raw_parts(x, k)
        } else {
            gathered = Vec::from_iter((0..k as isize).map(|p| *x.offset(p * step)));
            &gathered
        };
        if m.col == 1 && m.row != 1 {
            (T::micro(Isa::get()).dots)(m.first, m.row, x, y)
        } else {
            columns(Isa::get(), m.first, m.col, x, y)
        }
    }
}

/// Rows without gaps, `step` apart: a dot product each.
///
/// # Safety
/// As for [`matvec`].
#[inline(always)]
pub(super) unsafe fn rows<V: Vector>(m: *const V::Element, step: isize, x: &[V::Element], y: &mut [V::Element])
where
    V::Element: Float,
{
    let row = |i: usize| m.wrapping_offset(i as isize * step);
    // SAFETY: the caller's promise; a vector of any instruction set has one of these numbers of lanes.
    unsafe {
        macro_rules! all {
            ($vectors:literal, $rows:literal) => {{
                let mut i = 0;
                while y.len() - i >= $rows {
                    let sums = dots::<V, $vectors, $rows>(row(i), step, x);
                    y[i..i + $rows].copy_from_slice(&sums);
                    i += $rows;
                }
                for i in i..y.len() {
                    [y[i]] = dots::<V, $vectors, 1>(row(i), step, x);
                }
            }};
        }
        match const { LANES / V::LANES } {
            2 => all!(2, 4),
            4 => all!(4, 2),
            8 => all!(8, 1),
            _ => all!(16, 1),
        }
    }
}

/// Some rows, each in `N` vectors, [`LANES`] lanes, which are added in halves of halves.
///
/// # Safety
/// As for [`matvec`].
#[inline(always)]
unsafe fn dots<V: Vector, const N: usize, const R: usize>(
    m: *const V::Element,
    step: isize,
    x: &[V::Element],
) -> [V::Element; R]
where
    V::Element: Float,
{
    let mut y = [V::Element::ZERO; R];
    for (part, x) in x.chunks(4 * CHAIN).enumerate() {
        let (m, x, k) = (m.wrapping_add(part * 4 * CHAIN), x.as_ptr(), x.len());
        let (whole, rest) = (k / LANES * LANES, k % LANES);
        // SAFETY: the caller's promise; of the vectors at the end only those lanes are touched that there are.
        unsafe {
            let mut sums = [[V::zero(); N]; R];
            for p in (0..whole).step_by(LANES) {
                for j in 0..N {
                    let at = p + j * V::LANES;
                    let x = V::load(x.add(at));
                    for (r, sums) in sums.iter_mut().enumerate() {
                        sums[j] = V::load(m.offset(r as isize * step).add(at)).mul_add(x, sums[j]);
                    }
                }
            }
            if rest > 0 {
                for j in 0..N {
                    let (at, mask) = (whole + j * V::LANES, V::mask(rest.saturating_sub(j * V::LANES)));
                    let x = V::load_masked(x.wrapping_add(at), mask);
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let row = V::load_masked(m.wrapping_offset(r as isize * step).wrapping_add(at), mask);
                        sums[j] = row.mul_add(x, sums[j]);
                    }
                }
            }
            for (y, sums) in y.iter_mut().zip(&mut sums) {
                let mut half = N / 2;
                while half > 0 {
                    for j in 0..half {
                        sums[j] = sums[j].add(sums[j + half]);
                    }
                    half /= 2;
                }
                let mut last = [V::Element::ZERO; LANES];
                sums[0].store(last.as_mut_ptr());
                let mut half = V::LANES / 2;
                while half > 0 {
                    for l in 0..half {
                        last[l] += last[l + half];
                    }
                    half /= 2;
                }
                *y += last[0];
            }
        }
    }
    y
}

multiversion! {
    /// Columns without gaps: several of them at a time, each times its element of `x`, onto `y`.
    ///
    /// # Safety
    /// As for [`matvec`].
    unsafe fn columns[T: Float](m: *const T, cs: isize, x: &[T], y: &mut [T]) {
        let mut sums = [T::ZERO; BLOCK];
        for (block, y) in y.chunks_mut(BLOCK).enumerate() {
            y.fill(T::ZERO);
            let len = y.len();
            let sums = &mut sums[..len];
            for (part, x) in x.chunks(CHAIN).enumerate() {
                sums.fill(T::ZERO);
                // SAFETY: the caller's promise.
                let column = |p: usize| unsafe {
                    let first = m.offset((part * CHAIN + p) as isize * cs).add(block * BLOCK);
                    std::slice::from_raw_parts(first, len)
                };
                let (groups, rest) = x.as_chunks::<COLUMNS>();
                for (g, x) in groups.iter().enumerate() {
                    let columns: [_; COLUMNS] = std::array::from_fn(|q| column(g * COLUMNS + q));
                    for (i, y) in sums.iter_mut().enumerate() {
                        let mut sum = x[0] * columns[0][i];
                        for q in 1..COLUMNS {
                            sum = x[q].mul_add(columns[q][i], sum);
                        }
                        *y += sum;
                    }
                }
                for (q, &x) in rest.iter().enumerate() {
                    let column = column(groups.len() * COLUMNS + q);
                    sums.iter_mut().zip(column).for_each(|(y, &m)| *y = x.mul_add(m, *y));
                }
                y.iter_mut().zip(&*sums).for_each(|(y, &sum)| *y += sum);
            }
        }
    }
}
