//! Convolutions of each channel by itself, of small images: vectors hold a place of several channels.

use std::ops::Range;

use super::Convolution;
use super::flat::{Flat, Pass};
use crate::Float;
use crate::kernel::isa::{Isa, multiversion};
use crate::kernel::matmul::tile::CHAIN;
use crate::kernel::parallel::{SharedMut, for_each};
use crate::kernel::scratch::Scratch;
use crate::kernel::transpose::{SIDE, transpose};

/// Places of images that are computed here: the second-level cache holds them for all channels of a vector.
pub(super) const PLACES_AT_MOST: usize = 1 << 10;
/// Channels that are computed together.
const LANES: usize = 16;
/// Places that are computed together: enough to hide the latency of an addition.
const PLACES: usize = 4;
/// Tasks that are enough for any number of threads.
const TASKS: usize = 64;
/// Elements of kernels whose gradients are summed at a time: two fifths, or five, are the usual kernels.
const TAPS: usize = 5;

/// A place of several channels.
type Lane<T> = [T; LANES];

/// A pass, the terms of each of its rows, where these begin in a padded image, and a vector of weights for each
/// block of channels and term.
struct Rows<'a, T> {
    pass: &'a Pass,
    terms: Vec<Range<usize>>,
    starts: Vec<usize>,
    weights: Vec<Lane<T>>,
}

/// See [`Flat`]; the weights must be finite.
pub(super) fn sums<T: Float>(flat: &Flat, from: &[T], w: &[T], to: &mut [T]) {
    let (isa, groups, [pixels, places]) = (Isa::get(), flat.groups, [flat.read[1], flat.written[1]]);
    let (blocks, inside) = (groups.div_ceil(LANES), flat.frame.inside());
    let weights = |pass: &Pass| -> Vec<Lane<T>> {
        let of = |block: usize, at: isize| {
            let mut lanes = [T::ZERO; LANES];
            let kernels = w[block * LANES * flat.weights[1]..].chunks(flat.weights[1]);
            lanes.iter_mut().zip(kernels).for_each(|(lane, kernel)| *lane = kernel[at as usize]);
            lanes
        };
        (0..blocks).flat_map(|block| pass.terms.iter().map(move |&[at, _]| of(block, at))).collect()
    };
    // In the padding of whole rows there is nothing to add.
    let step = flat.frame.step();
    let mut has_pixels = vec![false; flat.frame.len().div_ceil(step)];
    inside.iter().for_each(|[_, place]| has_pixels[place / step] = true);
    let passes: Vec<Rows<T>> = flat
        .passes
        .iter()
        .map(|pass| {
            let starts: Vec<usize> = pass.terms.iter().map(|&[_, at]| at as usize).collect();
            let terms = |row: usize| {
                let meets = |start: &usize| has_pixels[start / step + row];
                let first = starts.iter().position(meets).unwrap_or(0);
                first..starts.iter().rposition(meets).map_or(first, |last| last + 1)
            };
            Rows { pass, terms: (0..pass.count[0]).map(terms).collect(), starts, weights: weights(pass) }
        })
        .collect();
    let work: usize = flat.passes.iter().map(|pass| pass.terms.len() * pass.count[0] * pass.count[1]).sum();
    let out = SharedMut::new(to);
    // Some images are one task, which has zeros around them only once.
    let many = (flat.batch * blocks / TASKS).clamp(1, flat.batch);
    for_each(flat.batch.div_ceil(many) * blocks, many * (work + 8 * (pixels + places)), |task| {
        let (images, block) = (task / blocks * many, task % blocks);
        let channels = LANES.min(groups - block * LANES);
        let mut memory = None;
        let [padded, dense] = lanes(&mut memory, flat.frame.len(), pixels.max(places));
        for image in images..flat.batch.min(images + many) {
            let first = image * groups + block * LANES;
            gather(isa, &from[first * pixels..][..channels * pixels], pixels, dense);
            // SAFETY: the instruction set is this machine's; channels that are no other task's.
            unsafe {
                put(isa, &inside, dense, padded);
                for rows in &passes {
                    places_of(isa, rows, block, step, padded, dense);
                }
                scatter(isa, dense, places, out.slice(first * places..(first + channels) * places));
            }
        }
    });
}

/// See [`Convolution::weight`]; NaN if the images or their cotangents are not finite.
pub(super) fn weight<T: Float>(conv: &Convolution, x: &[T], g: &[T], w: &mut [T]) {
    let (isa, groups, taps, flat) = (Isa::get(), conv.groups, conv.taps(), Flat::forward(conv));
    let (frame, pass) = (flat.frame, &flat.passes[0]);
    let ([pixels, places], inside) = ([conv.pixels(), conv.places()], frame.inside());
    let starts: Vec<usize> = pass.terms.iter().map(|&[_, at]| at as usize).collect();
    let out = SharedMut::new(w);
    for_each(groups.div_ceil(LANES), conv.batch * (taps * places + 8 * (pixels + places)), |block| {
        let channels = LANES.min(groups - block * LANES);
        let mut memory = None;
        let [padded, dense] = lanes(&mut memory, frame.len() + taps, pixels.max(places));
        let (padded, sums) = padded.split_at_mut(frame.len());
        for image in 0..conv.batch {
            let first = image * groups + block * LANES;
            gather(isa, &x[first * pixels..][..channels * pixels], pixels, dense);
            // SAFETY: the instruction set is this machine's.
            unsafe { put(isa, &inside, dense, padded) };
            gather(isa, &g[first * places..][..channels * places], places, dense);
            // SAFETY: as above.
            unsafe { products(isa, pass.count, frame.step(), &starts, padded, dense, sums) };
        }
        let first = block * LANES * taps;
        // SAFETY: kernels that are no other task's.
        unsafe { scatter(isa, sums, taps, out.slice(first..first + channels * taps)) };
    });
}

/// Two arrays of places, the first of which is zero.
fn lanes<T: Float>(memory: &mut Option<Scratch>, zeros: usize, len: usize) -> [&mut [Lane<T>]; 2] {
    let memory = memory.insert(Scratch::take((zeros + len) * size_of::<Lane<T>>()));
    // SAFETY: there is room for so many, and every bit pattern is an element.
    let all = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<Lane<T>>(), zeros + len) };
    all[..zeros].fill([T::ZERO; LANES]);
    all.split_at_mut(zeros).into()
}

multiversion! {
    /// Puts the pixels of an image to their places among zeros.
    ///
    /// # Safety
    /// None.
    unsafe fn put[T: Float](inside: &[[usize; 2]], image: &[Lane<T>], padded: &mut [Lane<T>]) {
        for &[pixel, place] in inside {
            padded[place] = image[pixel];
        }
    }
}

/// Channels of so many places as lanes of each.
fn gather<T: Float>(isa: Isa, from: &[T], places: usize, to: &mut [Lane<T>]) {
    let channels = from.len() / places;
    assert!(channels <= LANES && places <= to.len());
    for p in (0..places).step_by(SIDE) {
        let count = SIDE.min(places - p);
        // SAFETY: all of both are there.
        unsafe {
            let to = to.as_mut_ptr().add(p).cast::<T>();
            transpose(isa, from.as_ptr().add(p), places as isize, to, LANES as isize, count, channels);
        }
    }
}

/// Its inverse.
fn scatter<T: Float>(isa: Isa, from: &[Lane<T>], places: usize, to: &mut [T]) {
    let channels = to.len() / places;
    assert!(channels <= LANES && places <= from.len());
    for p in (0..places).step_by(SIDE) {
        let count = SIDE.min(places - p);
        // SAFETY: as above.
        unsafe {
            let from = from.as_ptr().add(p).cast::<T>();
            transpose(isa, from, LANES as isize, to.as_mut_ptr().add(p), places as isize, channels, count);
        }
    }
}

#[inline(always)]
fn multiply_add<T: Float>(sum: &mut Lane<T>, a: &Lane<T>, b: &Lane<T>) {
    for l in 0..LANES {
        sum[l] = a[l].mul_add(b[l], sum[l]);
    }
}

#[inline(always)]
fn add<T: Float>(sum: &mut Lane<T>, other: &Lane<T>) {
    for l in 0..LANES {
        sum[l] += other[l];
    }
}

multiversion! {
    /// The sums of all places of a pass, for a block of channels; rows are `step` apart in `padded`.
    ///
    /// # Safety
    /// None.
    unsafe fn places_of[T: Float](
        rows: &Rows<'_, T>, block: usize, step: usize, padded: &[Lane<T>], to: &mut [Lane<T>],
    ) {
        let (pass, [count, cols]) = (rows.pass, rows.pass.count);
        let weights = &rows.weights[block * rows.starts.len()..][..rows.starts.len()];
        let reach = count.saturating_sub(1) * step + cols + rows.starts.iter().max().unwrap_or(&0);
        assert!(reach <= padded.len(), "conv: elements behind the image");
        for (i, terms) in rows.terms.iter().enumerate() {
            let (starts, w) = (&rows.starts[terms.clone()], &weights[terms.clone()]);
            for j in (0..cols).step_by(PLACES) {
                let mut places = [0; PLACES];
                for (v, place) in places.iter_mut().enumerate() {
                    // The last one several times, rather than fewer.
                    *place = i * step + (j + v).min(cols - 1);
                }
                let mut sums = [[T::ZERO; LANES]; PLACES];
                for (starts, w) in starts.chunks(CHAIN).zip(w.chunks(CHAIN)) {
                    let mut chain = [[T::ZERO; LANES]; PLACES];
                    for (start, w) in starts.iter().zip(w) {
                        for v in 0..PLACES {
                            // SAFETY: no place and no element is behind the last ones, which are there.
                            multiply_add(&mut chain[v], w, unsafe { padded.get_unchecked(places[v] + start) });
                        }
                    }
                    for v in 0..PLACES {
                        add(&mut sums[v], &chain[v]);
                    }
                }
                for (v, sums) in sums.iter().enumerate().take(cols - j) {
                    to[pass.first + i * pass.step[0] + (j + v) * pass.step[1]] = *sums;
                }
            }
        }
    }
}

multiversion! {
    /// Adds the products of one image with its cotangents to `sums`.
    ///
    /// # Safety
    /// None.
    unsafe fn products[T: Float](
        count: [usize; 2], step: usize, starts: &[usize], padded: &[Lane<T>], g: &[Lane<T>], sums: &mut [Lane<T>],
    ) {
        let [rows, cols] = count;
        let reach = rows.saturating_sub(1) * step + cols + starts.iter().max().unwrap_or(&0);
        assert!(reach <= padded.len(), "conv: elements behind the image");
        let together = (CHAIN / cols).max(1);
        for (starts, sums) in starts.chunks(TAPS).zip(sums.chunks_mut(TAPS)) {
            // The last one several times, rather than fewer.
            let mut taps = [starts[starts.len() - 1]; TAPS];
            taps[..starts.len()].copy_from_slice(starts);
            let mut all = [[T::ZERO; LANES]; TAPS];
            for first in (0..rows).step_by(together) {
                let mut own = [[T::ZERO; LANES]; TAPS];
                for i in first..(first + together).min(rows) {
                    for (j, g) in g[i * cols..][..cols].iter().enumerate() {
                        for t in 0..TAPS {
                            // SAFETY: no place and no element is behind the last ones, which are there.
                            multiply_add(&mut own[t], g, unsafe { padded.get_unchecked(i * step + j + taps[t]) });
                        }
                    }
                }
                for t in 0..TAPS {
                    add(&mut all[t], &own[t]);
                }
            }
            sums.iter_mut().zip(&all).for_each(|(sum, all)| add(sum, all));
        }
    }
}
