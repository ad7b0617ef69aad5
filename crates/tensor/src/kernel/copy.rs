//! Strided copies: the elements of a view in row-major order.

use smallvec::SmallVec;

use super::isa::Isa;
use super::parallel::{SharedMut, for_each};
use super::past_caches::PAST_CACHES;
use super::strided::{Grid, copy_grid};
use super::transpose::{self, SIDE};
use crate::{Element, Layout};

/// Elements worth a task of their own.
const TASK: usize = 64 << 10;

/// One loop of a copy: its size, and the steps of the source and of the output.
#[derive(Clone, Copy, Debug)]
struct Axis {
    size: usize,
    from: isize,
    to: isize,
}

/// Writes the elements of `layout` over `buffer` to `out`, in row-major order.
///
/// # Panics
/// If `out` has another number of elements, or the layout reaches outside of the buffer.
pub fn copy<T: Element>(buffer: &[T], layout: &Layout, out: &mut [T]) {
    macro_rules! by_size {
        ($($bits:ident),*) => {
            $(if size_of::<T>() == size_of::<$bits>() {
                let (from, to): (*const [T], *mut [T]) = (buffer, out);
                // SAFETY: elements are numbers, or `bool`s, which only move; size and alignment are the same.
                return copy_bits(unsafe { &*(from as *const [$bits]) }, layout, unsafe { &mut *(to as *mut [$bits]) });
            })*
        };
    }
    // Compiled once for all types of a size.
    by_size!(u8, u16, u32, u64);
    unreachable!("elements have 1, 2, 4 or 8 bytes");
}

#[inline(never)]
fn copy_bits<T: Copy + Send + Sync>(buffer: &[T], layout: &Layout, out: &mut [T]) {
    let count = layout.shape().count();
    assert_eq!(out.len(), count, "copy: the output has another number of elements");
    if count == 0 {
        return;
    }
    let mut axes = axes(layout);
    let low: isize = axes.iter().map(|axis| (axis.size as isize - 1) * axis.from.min(0)).sum();
    let inside = layout.offset() as isize + low >= 0 && layout.last_offset().is_none_or(|last| last < buffer.len());
    assert!(inside, "copy: the layout reaches outside of the buffer");

    // The output's last axis, and the one to copy together with it: that along which the source
    // is contiguous, or else the next one.
    let one = Axis { size: 1, from: 0, to: 0 };
    let cols = axes.pop().unwrap_or(one);
    let contiguous = axes.iter().position(|axis| axis.from == 1);
    let rows = match contiguous.filter(|_| cols.from != 1) {
        Some(axis) => axes.remove(axis),
        None => axes.pop().unwrap_or(one),
    };
    let (row_block, col_block) = blocks(rows, cols);
    let past_caches = cols.from != 1 && rows.from == 1 && size_of_val(out) >= PAST_CACHES;

    let (down, across) = (rows.size.div_ceil(row_block), cols.size.div_ceil(col_block));
    let outer: usize = axes.iter().map(|axis| axis.size).product();
    let (first, target) = (buffer.as_ptr().wrapping_add(layout.offset()), SharedMut::new(out));
    let source = SendPtr(first);
    let cost = row_block * col_block * size_of::<T>() / 8 + 50;
    for_each(outer * down * across, cost, |task| {
        let (rest, j) = (task / across, task % across * col_block);
        let (mut rest, i) = (rest / down, rest % down * row_block);
        let mut from = source.get().wrapping_offset(i as isize * rows.from + j as isize * cols.from);
        let mut to = target.as_mut_ptr().wrapping_offset(i as isize * rows.to + j as isize * cols.to);
        for axis in axes.iter().rev() {
            let k = (rest % axis.size) as isize;
            rest /= axis.size;
            (from, to) = (from.wrapping_offset(k * axis.from), to.wrapping_offset(k * axis.to));
        }
        let (from, to) =
            (Grid { first: from, rows: rows.from, cols: cols.from }, Grid { first: to, rows: rows.to, cols: cols.to });
        let (rows, cols) = (row_block.min(rows.size - i), col_block.min(cols.size - j));
        // SAFETY: the block lies inside the layout, whose reach was checked, and inside the
        // output; no two tasks have the same one.
        unsafe {
            if past_caches {
                transpose::transpose_past_caches(Isa::get(), from, to, rows, cols);
            } else {
                copy_grid(Isa::get(), from, to, rows, cols);
            }
        }
    });
}

/// A pointer that tasks may share for reading.
struct SendPtr<T>(*const T);
// SAFETY: it is only read through, from a slice that is borrowed for as long.
unsafe impl<T: Sync> Sync for SendPtr<T> {}

impl<T> SendPtr<T> {
    fn get(&self) -> *const T {
        self.0
    }
}

/// The axes of a layout without those of size 1, and with neighbours merged that are one run.
fn axes(layout: &Layout) -> SmallVec<[Axis; 6]> {
    let mut axes: SmallVec<[Axis; 6]> = SmallVec::new();
    let mut to = layout.shape().count() as isize;
    for (&size, &from) in layout.shape().iter().zip(layout.strides()).filter(|(size, _)| **size != 1) {
        to /= size as isize;
        match axes.last_mut() {
            Some(outer) if outer.from == from * size as isize => {
                *outer = Axis { size: outer.size * size, from, to };
            }
            _ => axes.push(Axis { size, from, to }),
        }
    }
    axes
}

/// The rows and columns of a task.
fn blocks(rows: Axis, cols: Axis) -> (usize, usize) {
    if rows.from == 1 && cols.from != 1 {
        // At least twice the square that is transposed at once: longer runs of the source.
        let row_block = rows.size.min((TASK / cols.size).next_multiple_of(SIDE).max(2 * SIDE));
        return (row_block, (TASK / row_block).next_multiple_of(SIDE).min(cols.size));
    }
    let col_block = cols.size.min(TASK);
    ((TASK / col_block).clamp(1, rows.size), col_block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;
    use proptest::prelude::*;

    fn check<T: Element>(layout: &Layout, make: impl Fn(usize) -> T) {
        let buffer: Vec<T> = (0..layout.last_offset().map_or(0, |last| last + 1)).map(make).collect();
        let mut out = vec![T::default(); layout.shape().count()];
        copy(&buffer, layout, &mut out);
        assert!(layout.offsets().map(|offset| buffer[offset]).eq(out), "{layout:?}");
    }

    proptest! {
        #[test]
        fn any_view_is_copied(sizes in prop::collection::vec(0usize..20, 0..4), turn in 0usize..4, step in -2isize..3, repeat in any::<bool>()) {
            let rank = sizes.len();
            let mut layout = Layout::contiguous(Shape::from(sizes));
            if rank > 0 {
                let axes: Vec<usize> = (0..rank).map(|axis| (axis + turn) % rank).collect();
                layout = layout.permute(&axes).unwrap();
                let size = layout.shape()[turn % rank];
                if step < 0 && size > 0 {
                    layout = layout.slice(turn % rank, size - 1, -1, step).unwrap();
                } else if step > 0 {
                    layout = layout.slice(turn % rank, 0, size as isize, step).unwrap();
                }
            }
            if repeat {
                layout = layout.expand(&std::iter::once(3).chain(layout.shape().iter().copied()).collect()).unwrap();
            }
            check(&layout, |i| i as f32);
            check(&layout, |i| i as f64);
            check(&layout, |i| i as u8);
            check(&layout, |i| i % 3 == 0);
        }
    }

    #[test]
    fn planes_and_pixels() {
        for (colours, axes) in [(2, [0, 2, 1]), (3, [0, 2, 1]), (2, [2, 0, 1]), (3, [2, 0, 1])] {
            for sizes in [[2, colours, 70_001], [2, 70_001, colours], [1, colours, 1], [3, 5, colours]] {
                let layout = Layout::contiguous(sizes.into()).permute(&axes).unwrap();
                check(&layout, |i| i as i32);
                check(&layout, |i| i as u8);
                check(&layout.slice(1, 1, layout.shape()[1] as isize, 1).unwrap(), |i| i as f64);
            }
        }
    }

    #[test]
    fn large_transposes() {
        for sizes in [[300, 200], [65, 1000], [3, 5000], [2900, 2900]] {
            let layout = Layout::contiguous(sizes.into()).permute(&[1, 0]).unwrap();
            check(&layout, |i| i as i32);
        }
    }
}
