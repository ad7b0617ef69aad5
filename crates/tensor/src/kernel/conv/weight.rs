//! The gradient of a convolution with respect to its weights: a product over all places of all
//! images.

use super::Convolution;
use super::gather::{gathered, grid};
use super::padded::Frame;
use super::terms::{Outside, Rows, Terms};
use crate::Float;
use crate::kernel::isa::Isa;
use crate::kernel::matmul::add_in_pairs;
use crate::kernel::matmul::pack::{View, pack};
use crate::kernel::matmul::tile::Right;
use crate::kernel::parallel::{SharedMut, for_each};
use crate::kernel::scratch::Scratch;
use crate::kernel::transpose::{SIDE, transpose};

/// Elements of padded images and packed cotangents that are there at once.
const SET: usize = 1 << 20;
/// Rows of a task: whole groups.
const ROWS: usize = 48;
/// Tasks that are enough for any number of threads.
const TASKS: usize = 16;
/// Elements of partial sums over images.
const PARTS: usize = 1 << 20;

/// See [`Convolution::weight`]. The rows of `C` are the elements of the kernels of a group's input
/// channels, its columns output channels. Sums over so many parts of the images are computed side by
/// side, if there are too few rows for that.
pub(super) fn weight<T: Float>(conv: &Convolution, x: &[T], g: &[T], w: &mut [T], outside: Outside) {
    let isa = Isa::get();
    let micro = T::micro(isa);
    let frame = Frame { from: conv.image, size: conv.reach(), corner: conv.padding, apart: [1, 1] };
    let mut places = Terms::new(frame, 1, grid(conv.output, conv.stride), outside);
    let (m, k, n) = (conv.terms(), conv.places(), conv.outputs);
    // All channels of an element of the kernel together: they meet the image in the same places.
    let [down, across] = grid(conv.kernel, conv.dilation);
    let mut rows: Vec<Rows> = Vec::new();
    for (tap, (row, col)) in down.iter().flat_map(|&row| across.iter().map(move |&col| (row, col))).enumerate() {
        let inside = [places.inside(0, row), places.inside(1, col)];
        for c in 0..conv.inputs {
            let at = [c * frame.len() + row * frame.step() + col, c * conv.taps() + tap].map(|at| at as isize);
            if rows.last().is_none_or(|rows| rows.count() == ROWS) {
                rows.push(Rows::default());
            }
            rows.last_mut().expect("one was pushed").push(&mut places, at, inside);
        }
    }
    rows.iter_mut().for_each(|rows| rows.close(&mut places));
    let (groups, across, width) = (conv.groups, m.div_ceil(ROWS), micro.width(n));
    let (padded, packed) = (groups * conv.inputs * frame.len(), groups * k * n);
    let set = (SET / (padded + packed)).clamp(1, conv.batch);
    let panels = n.div_ceil(width);
    let parts = TASKS.div_ceil(groups * across * panels).min(set).min((PARTS / (groups * m * n)).max(1));
    // Images of a set that each part sums.
    let share = set.div_ceil(parts);
    let parts = set.div_ceil(share);

    let mut sum_memory = Scratch::take(parts * groups * m * n * size_of::<T>());
    // SAFETY: there is room for so many elements.
    let sums = unsafe { std::slice::from_raw_parts_mut(sum_memory.start().cast::<T>(), parts * groups * m * n) };
    let out = SharedMut::new(sums);
    let mut memory = frame.memory::<T>(set * groups * conv.inputs);
    let mut cotangents = Scratch::take(set * packed * size_of::<T>());
    // SAFETY: there is room for so many elements of both.
    let [images, packs] = unsafe {
        [(memory.start(), set * padded), (cotangents.start(), set * packed)]
            .map(|(start, len)| SharedMut::new(std::slice::from_raw_parts_mut(start.cast::<T>(), len)))
    };
    for first in (0..conv.batch).step_by(set) {
        let count = set.min(conv.batch - first);
        for_each(count * groups, (padded + packed) / groups, |i| {
            let (image, group) = (first + i / groups, i % groups);
            let read = conv.inputs * conv.pixels();
            let at = image * groups + group;
            let len = conv.inputs * frame.len();
            // SAFETY: a part of both that is no other task's.
            unsafe { frame.fill(&x[at * read..][..read], images.slice(i * len..(i + 1) * len)) };
            for j in (0..n).step_by(width) {
                let view = View { first: g[(at * n + j) * k..].as_ptr(), row: 1, col: k as isize };
                // SAFETY: as above; all channels of this group are there.
                unsafe {
                    pack(isa, view, k, width.min(n - j), packs.as_mut_ptr().add((i * n + j) * k), width.min(n - j))
                };
            }
        });
        let cost = share * ROWS.min(m) * k * width.min(n) / (160 / size_of::<T>());
        for_each(parts * groups * across * panels, cost, |task| {
            let (j, task) = (task % panels * width, task / panels);
            let (part, group, rows) = (task / across / groups, task / across % groups, &rows[task % across]);
            let cols = width.min(n - j);
            for i in part * share..((part + 1) * share).min(count) {
                let at = i * groups + group;
                let add = first + i > part * share;
                rows.each(&places, |rows, places| {
                    // SAFETY: the image and its cotangents were written before; these rows and
                    // columns of this part's sums are no other task's.
                    unsafe {
                        let from = images.as_mut_ptr().add(at * conv.inputs * frame.len());
                        let right =
                            Right { first: packs.as_mut_ptr().add((at * n + j) * k), step: cols as isize, ahead: 0 };
                        let to = out.as_mut_ptr().add((part * groups + group) * m * n + j);
                        gathered(&micro, from, rows, places, right, to, n, cols, add);
                    }
                });
            }
        });
    }
    add_in_pairs(sums, groups * m * n);
    let to = SharedMut::new(w);
    let blocks = n.div_ceil(SIDE);
    for_each(groups * blocks, m * SIDE, |task| {
        let (group, j) = (task / blocks, task % blocks * SIDE);
        for i in (0..m).step_by(SIDE) {
            // SAFETY: these output channels are no other task's.
            unsafe {
                let from = sums[(group * m + i) * n + j..].as_ptr();
                let to = to.as_mut_ptr().add((group * n + j) * m + i);
                transpose(isa, from, n as isize, to, m as isize, SIDE.min(n - j), SIDE.min(m - i));
            }
        }
    });
}
