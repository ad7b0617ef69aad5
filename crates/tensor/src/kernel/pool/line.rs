//! One line of an image, on which windows lie without regard to its edges.

use std::ops::Range;

use super::{Place, Spans};
use crate::kernel::scratch::Scratch;

/// Elements that are computed at a time; lines are longer by so much, which is written and not read.
pub(super) const LANES: usize = 16;

/// Where the elements of an axis, and windows over it, lie on a line.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Elements before the axis that windows reach over.
    pub(super) before: usize,
    pub(super) len: usize,
    /// The step from one window to the next, and their size, if they are regular and had better be computed side
    /// by side.
    pub(super) beside: Option<[usize; 2]>,
}

impl Line {
    pub(super) fn new(axis: &Spans) -> Line {
        match axis.place {
            Place::Steps { size, stride, padding } => {
                let is_many = axis.count >= 4 && size <= axis.count * LANES;
                let beside = is_many.then_some([stride, size]);
                let slack = LANES * if beside.is_some() { stride.max(2) + 1 } else { 1 };
                let len = (padding + axis.length).max((axis.count.max(1) - 1) * stride + size) + slack;
                Line { before: padding, len, beside }
            }
            Place::Bins => Line { before: 0, len: axis.length.max(axis.count) + LANES, beside: None },
        }
    }

    /// The elements of window `j` on the line.
    #[inline(always)]
    pub(super) fn window(&self, axis: &Spans, j: usize) -> Range<usize> {
        match axis.place {
            Place::Steps { size, stride, .. } => j * stride..j * stride + size,
            Place::Bins => axis.span(j),
        }
    }

    /// Memory for so many of them.
    pub(super) fn memory<T>(&self, lines: usize) -> Scratch {
        Scratch::take(lines * self.len * size_of::<T>())
    }
}

/// The beginning of scratch memory as elements, all of this value.
///
/// # Safety
/// There must be room for so many.
#[inline(always)]
pub(super) unsafe fn filled<T: Copy>(memory: &mut Scratch, len: usize, value: T) -> &mut [T] {
    // SAFETY: the caller's promise; every bit pattern is an element.
    let line = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), len) };
    line.fill(value);
    line
}

/// The elements from here on. Where not so many are left, they are copied to `end`.
#[inline(always)]
pub(super) fn read<'a, T: Copy>(x: &'a [T], at: usize, end: &'a mut [T; LANES]) -> &'a [T; LANES] {
    let x = &x[at..];
    match x.first_chunk() {
        Some(lanes) => lanes,
        None => {
            end[..x.len()].copy_from_slice(x);
            end
        }
    }
}

/// Writes those elements from here on that are there.
#[inline(always)]
pub(super) fn write<T: Copy>(y: &mut [T], at: usize, lanes: &[T; LANES]) {
    let y = &mut y[at..];
    match y.first_chunk_mut() {
        Some(y) => *y = *lanes,
        None => y.copy_from_slice(&lanes[..y.len()]),
    }
}

/// Elements with a step of `STRIDE` between them; 0 is any other, which is given.
#[inline(always)]
pub(super) fn apart<const STRIDE: usize, T: Copy>(line: &[T], at: usize, stride: usize) -> [T; LANES] {
    let (line, there) = (&line[at..], "there is slack");
    let mut lanes = [line[0]; LANES];
    match STRIDE {
        1 => return *line.first_chunk().expect(there),
        2 => {
            let both: &[T; 2 * LANES] = line.first_chunk().expect(there);
            for (l, lane) in lanes.iter_mut().enumerate() {
                *lane = both[2 * l];
            }
        }
        _ => lanes.iter_mut().zip(line.iter().step_by(stride)).for_each(|(lane, &x)| *lane = x),
    }
    lanes
}

/// Where vectors begin that cover so many elements: the last one ends with them, if they fill one.
#[inline(always)]
pub(super) fn starts(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(LANES).map(move |at| at.min(count.saturating_sub(LANES)))
}
