//! The adjoint of the sums of windows.

use super::line::{LANES, Line, filled};
use super::{Spans, Windows};
use crate::Float;
use crate::kernel::isa::multiversion;

multiversion! {
    /// Adds elements of `g`, which may go on, onto the windows of as many images as `x` has, that are zero.
    ///
    /// # Safety
    /// None.
    pub(super) unsafe fn spread[T: Float](windows: &Windows, g: &[T], x: &mut [T]) {
        let [down, across] = &windows.0;
        let (line, [pixels, places]) = (Line::new(across), windows.sizes());
        let (mut memory, mut zeros) = (line.memory::<T>(1), line.memory::<T>(2));
        // SAFETY: there is room for so many elements.
        let (values, around) = unsafe { (filled(&mut memory, line.len, T::ZERO), filled(&mut zeros, 2 * line.len, T::ZERO)) };
        x.fill(T::ZERO);
        for image in 0..x.len() / pixels {
            for i in 0..down.count {
                let g = &g[image * places + i * across.count..][..across.count];
                match line.beside {
                    Some([stride @ (1 | 2), size]) => beside([stride, size], &line, across, g, around, values),
                    _ => each(&line, across, g, values),
                }
                // Behind the line there are zeros.
                for row in down.span(i) {
                    let at = image * pixels + row * across.length;
                    for j in (0..across.length).step_by(LANES) {
                        let add: &[T; LANES] = values[line.before + j..].first_chunk().expect("there is slack");
                        let x = &mut x[at + j..];
                        match x.first_chunk_mut::<LANES>() {
                            Some(x) => x.iter_mut().zip(add).for_each(|(x, &add)| *x += add),
                            None => x.iter_mut().zip(add).for_each(|(x, &add)| *x += add),
                        }
                    }
                }
            }
        }
    }
}

/// Windows near to each other: a vector of elements is the sum of few vectors of windows, for every remainder of
/// their places.
#[inline(always)]
fn beside<T: Float>(
    [stride, size]: [usize; 2],
    line: &Line,
    across: &Spans,
    g: &[T],
    around: &mut [T],
    values: &mut [T],
) {
    let zeros = size.div_ceil(stride);
    around[zeros..][..g.len()].copy_from_slice(g);
    let end = line.before + across.length;
    for q in (0..end.div_ceil(stride)).step_by(LANES) {
        let mut sums = [[T::ZERO; LANES]; 2];
        for (r, sums) in sums.iter_mut().enumerate().take(stride) {
            for m in 0..size.saturating_sub(r).div_ceil(stride) {
                let g: &[T; LANES] = around[zeros + q - m..].first_chunk().expect("there are zeros");
                for l in 0..LANES {
                    sums[l] += g[l];
                }
            }
        }
        let to = &mut values[q * stride..][..LANES * stride];
        match stride {
            1 => to.copy_from_slice(&sums[0]),
            _ => to.iter_mut().enumerate().for_each(|(l, to)| *to = sums[l % 2][l / 2]),
        }
    }
    values[end..][..LANES].fill(T::ZERO);
}

/// One window after the other.
#[inline(always)]
fn each<T: Float>(line: &Line, across: &Spans, g: &[T], values: &mut [T]) {
    values.fill(T::ZERO);
    for (j, &g) in g.iter().enumerate() {
        values[line.window(across, j)].iter_mut().for_each(|to| *to += g);
    }
    values[line.before + across.length..][..LANES].fill(T::ZERO);
}
