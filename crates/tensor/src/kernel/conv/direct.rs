//! Convolutions of groups of few channels: vectors go along the places of the output.

use super::Convolution;
use super::flat::{Flat, Pass};
use super::padded::{Frame, SLACK};
use crate::Float;
use crate::kernel::isa::{Isa, multiversion};
use crate::kernel::matmul::tile::CHAIN;
use crate::kernel::parallel::{for_each_chunk, threads};
use crate::kernel::scratch::Scratch;

/// Elements that are computed at a time.
const LANES: usize = 16;
/// Elements of a task that is small.
const TASK: usize = 1 << 12;
/// Vectors of these that are computed at a time, of one channel: enough to hide the latency of an addition.
const VECTORS: usize = 4;
/// Places of whole rows that are computed before they are written.
const BAND: usize = 1 << 11;
/// Elements that are written behind the places of a band.
const TAIL: usize = VECTORS * LANES;
/// Elements of kernels whose gradients are summed at a time: two fifths, or five, are the usual kernels.
const TAPS: usize = 5;
/// Channels that are computed at a time.
pub(super) const TOGETHER: usize = 4;

/// See [`Flat`].
pub(super) fn sums<T: Float>(flat: &Flat, from: &[T], w: &[T], to: &mut [T]) {
    let ([read, pixels], [written, places]) = (flat.read, flat.written);
    let passes: Vec<(&Pass, Vec<usize>, Vec<T>)> = flat
        .passes
        .iter()
        .map(|pass| {
            let channels = (0..flat.groups).flat_map(|group| (0..written).map(move |o| [group, o]));
            let weights = channels.flat_map(|[group, o]| {
                let w = &w[group * flat.weights[1] + o * flat.weights[0]..];
                pass.terms.iter().map(|&[at, _]| w[at as usize])
            });
            (pass, pass.terms.iter().map(|&[_, at]| at as usize).collect(), weights.collect())
        })
        .collect();
    let work: usize = flat.passes.iter().map(|pass| pass.terms.len() * pass.len(&flat.frame)).sum();
    // Few images are cut into parts of their channels, so that each thread has some.
    let fits = |parts: &usize| written.is_multiple_of(*parts) && (written < TOGETHER || written / parts >= TOGETHER);
    let parts = (1..=written).filter(fits).find(|parts| parts * flat.batch * flat.groups >= threads()).unwrap_or(1);
    let (step, part) = (flat.frame.step(), written / parts);
    let many = (TASK / (part * places)).max(1);
    for_each_chunk(to, many * part * places, many * part * work / 16, |task, to| {
        let (mut memory, mut band) =
            (flat.frame.memory::<T>(read), Scratch::take((BAND + step + TAIL) * size_of::<T>()));
        // SAFETY: there is room for so many elements.
        let (padded, band) =
            unsafe { (zeros(&mut memory, read * flat.frame.len() + SLACK), zeros(&mut band, BAND + step + TAIL)) };
        let mut there = None;
        for (i, to) in (task * many..).zip(to.chunks_mut(part * places)) {
            let (image, first) = (i / parts, i % parts * part);
            if there != Some(image) {
                flat.frame.put(&from[image * read * pixels..][..read * pixels], padded);
                there = Some(image);
            }
            for (pass, starts, weights) in &passes {
                let weights = &weights[(image % flat.groups * written + first) * starts.len()..];
                planes(part, pass, step, starts, weights, padded, band, &mut to[pass.first..], places);
            }
        }
    });
}

/// The beginning of scratch memory as zeros.
///
/// # Safety
/// There must be room for so many.
unsafe fn zeros<T: Float>(memory: &mut Scratch, len: usize) -> &mut [T] {
    // SAFETY: the caller's promise; every bit pattern is an element.
    let zeros = unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), len) };
    zeros.fill(T::ZERO);
    zeros
}

/// See [`Convolution::weight`]; NaN if the images or their cotangents are not finite.
pub(super) fn weight<T: Float>(conv: &Convolution, x: &[T], g: &[T], w: &mut [T]) {
    let flat = Flat::forward(conv);
    let (frame, pass) = (flat.frame, &flat.passes[0]);
    let (step, places) = (frame.step(), pass.len(&frame).next_multiple_of(LANES));
    // Between the rows, and behind them, are zeros.
    let height = conv.output[0] + LANES.div_ceil(step);
    let rows = Frame { from: conv.output, size: [height, step], corner: [0, 0], apart: [1, 1] };
    let starts: Vec<usize> = pass.terms.iter().map(|&[_, at]| at as usize).collect();
    let (inner, outer) = (conv.inputs * conv.pixels(), conv.outputs * conv.places());
    let len = conv.outputs * conv.terms();
    let many = (TASK / (inner + outer) / conv.batch).max(1);
    for_each_chunk(w, many * len, many * len * conv.batch * places / 16, |task, w| {
        let (mut memory, mut row_memory) = (frame.memory::<T>(conv.inputs), rows.memory::<T>(conv.outputs));
        // SAFETY: there is room for so many elements.
        let (padded, cotangents) = unsafe {
            (zeros(&mut memory, conv.inputs * frame.len() + SLACK), zeros(&mut row_memory, conv.outputs * rows.len()))
        };
        let mut sums = vec![[T::ZERO; LANES]; len];
        for (group, w) in (task * many..).zip(w.chunks_mut(len)) {
            sums.fill([T::ZERO; LANES]);
            for image in 0..conv.batch {
                let i = image * conv.groups + group;
                frame.put(&x[i * inner..][..inner], padded);
                rows.put(&g[i * outer..][..outer], cotangents);
                // SAFETY: the instruction set is this machine's.
                unsafe { products(Isa::get(), places, rows.len(), &starts, padded, cotangents, &mut sums) };
            }
            // SAFETY: as above.
            unsafe { add_lanes(Isa::get(), &sums, w) };
        }
    });
}

/// All channels that are written, `plane` apart from one to the next; their weights follow one another.
#[allow(clippy::too_many_arguments)]
fn planes<T: Float>(
    written: usize,
    pass: &Pass,
    step: usize,
    starts: &[usize],
    w: &[T],
    padded: &[T],
    band: &mut [T],
    y: &mut [T],
    plane: usize,
) {
    let isa = Isa::get();
    let weights = |o: usize| &w[o * starts.len()..][..starts.len()];
    // SAFETY: the instruction set is this machine's.
    unsafe {
        if written < TOGETHER {
            for o in 0..written {
                channel(isa, pass, step, starts, weights(o), padded, band, &mut y[o * plane..]);
            }
            return;
        }
        for o in (0..written).step_by(TOGETHER) {
            // The last ones begin earlier, rather than being fewer.
            let o = o.min(written - TOGETHER);
            let w = std::array::from_fn(|i| weights(o + i));
            channels(isa, pass, step, starts, w, padded, &mut y[o * plane..], plane);
        }
    }
}

multiversion! {
    /// Sums over the elements that begin at these places, times `w`, of all places; rows are `step` apart in `padded`,
    /// which has [`SLACK`].
    ///
    /// # Safety
    /// None.
    #[allow(clippy::too_many_arguments)]
    unsafe fn channel[T: Float](
        pass: &Pass, step: usize, starts: &[usize], w: &[T], padded: &[T], band: &mut [T], y: &mut [T],
    ) {
        let [rows, cols] = pass.count;
        if rows * cols == 0 {
            return;
        }
        let end = (rows - 1) * step + cols;
        assert!(starts.iter().max().unwrap_or(&0) + end + TAIL <= padded.len() + 1, "conv: elements behind the image");
        assert!((rows - 1) * pass.step[0] + (cols - 1) * pass.step[1] < y.len(), "conv: places behind the output");
        let together = (BAND / step).clamp(1, rows);
        for i in (0..rows).step_by(together) {
            let rows = together.min(rows - i);
            let count = (rows - 1) * step + cols;
            let mut at = 0;
            while at < count {
                let (from, to, left) = (&padded[i * step + at..], &mut band[at..], count - at);
                // SAFETY: no place and no element is behind the last ones, which are there, with a vector behind them.
                unsafe {
                    match left.div_ceil(LANES) {
                        1 => vectors::<1, T>(left, starts, w, from, to),
                        2 => vectors::<2, T>(left, starts, w, from, to),
                        _ => vectors::<VECTORS, T>(left, starts, w, from, to),
                    }
                }
                at += VECTORS * LANES;
            }
            // SAFETY: both have these rows.
            unsafe { pass.write(band.as_ptr(), step, rows, y.as_mut_ptr().add(i * pass.step[0])) };
        }
    }
}

/// Some vectors of sums, of so many places, or the last one several times, rather than fewer.
///
/// # Safety
/// From every one of `starts` on there must be so many places, and a vector.
#[inline(always)]
unsafe fn vectors<const N: usize, T: Float>(count: usize, starts: &[usize], w: &[T], from: &[T], to: &mut [T]) {
    let mut places = [0; N];
    for (v, place) in places.iter_mut().enumerate() {
        *place = (v * LANES).min((count - 1) / LANES * LANES);
    }
    let mut sums = [[T::ZERO; LANES]; N];
    for (starts, w) in starts.chunks(CHAIN).zip(w.chunks(CHAIN)) {
        let mut chain = [[T::ZERO; LANES]; N];
        for (start, &weight) in starts.iter().zip(w) {
            for v in 0..N {
                // SAFETY: the caller's promise.
                let x = unsafe { from.as_ptr().add(places[v] + start).cast::<[T; LANES]>().read_unaligned() };
                for l in 0..LANES {
                    chain[v][l] = weight.mul_add(x[l], chain[v][l]);
                }
            }
        }
        for v in 0..N {
            for l in 0..LANES {
                sums[v][l] += chain[v][l];
            }
        }
    }
    for (place, sums) in places.into_iter().zip(sums) {
        to[place..][..LANES].copy_from_slice(&sums);
    }
}

multiversion! {
    /// As [`channel`] for several channels, so that each vector is loaded once for all. For one channel this
    /// takes longer than the above.
    ///
    /// # Safety
    /// None.
    #[allow(clippy::too_many_arguments)]
    unsafe fn channels[T: Float](
        pass: &Pass, width: usize, starts: &[usize], w: [&[T]; TOGETHER], padded: &[T], y: &mut [T], plane: usize,
    ) {
        let [rows, cols] = pass.count;
        for i in 0..rows {
            let padded = &padded[i * width..];
            for j in (0..cols).step_by(LANES) {
                // Here, too, the last ones begin earlier.
                let j = j.min(cols.saturating_sub(LANES));
                let mut sums = [[T::ZERO; LANES]; TOGETHER];
                let mut left = w;
                for starts in starts.chunks(CHAIN) {
                    let mut chain = [[T::ZERO; LANES]; TOGETHER];
                    for (t, start) in starts.iter().enumerate() {
                        let from: &[T; LANES] = padded[start + j..].first_chunk().expect("there is slack");
                        for o in 0..TOGETHER {
                            for l in 0..LANES {
                                chain[o][l] = left[o][t].mul_add(from[l], chain[o][l]);
                            }
                        }
                    }
                    for o in 0..TOGETHER {
                        for l in 0..LANES {
                            sums[o][l] += chain[o][l];
                        }
                        left[o] = &left[o][starts.len()..];
                    }
                }
                for (o, sums) in sums.iter().enumerate() {
                    let y = &mut y[o * plane + i * pass.step[0] + j * pass.step[1]..];
                    let sums = &sums[..LANES.min(cols)];
                    match pass.step[1] {
                        1 => y[..sums.len()].copy_from_slice(sums),
                        step => y.iter_mut().step_by(step).zip(sums).for_each(|(y, &sum)| *y = sum),
                    }
                }
            }
        }
    }
}

multiversion! {
    /// Adds the products of one image with so many places of its cotangents, `plane` elements each, to `sums`, in as
    /// many lanes; what is between and behind the rows meets zeros. `padded` has [`SLACK`].
    ///
    /// # Safety
    /// None.
    unsafe fn products[T: Float](
        places: usize, plane: usize, starts: &[usize], padded: &[T], g: &[T], sums: &mut [[T; LANES]],
    ) {
        let reach = places + starts.iter().max().unwrap_or(&0);
        assert!(reach <= padded.len() && places.is_multiple_of(LANES), "conv: elements behind the image");
        for (g, sums) in g.chunks_exact(plane).zip(sums.chunks_exact_mut(starts.len())) {
            for (starts, sums) in starts.chunks(TAPS).zip(sums.chunks_mut(TAPS)) {
                // The last one several times, rather than fewer.
                let mut taps = [starts[starts.len() - 1]; TAPS];
                taps[..starts.len()].copy_from_slice(starts);
                let mut own = [[T::ZERO; LANES]; TAPS];
                for (i, g) in g[..places].as_chunks::<LANES>().0.iter().enumerate() {
                    for t in 0..TAPS {
                        // SAFETY: no place and no element is behind the last ones, which are there.
                        let x = unsafe { padded.as_ptr().add(i * LANES + taps[t]).cast::<[T; LANES]>().read_unaligned() };
                        for l in 0..LANES {
                            own[t][l] = g[l].mul_add(x[l], own[t][l]);
                        }
                    }
                }
                for (all, own) in sums.iter_mut().zip(&own) {
                    for l in 0..LANES {
                        all[l] += own[l];
                    }
                }
            }
        }
    }
}

multiversion! {
    /// The sums of all lanes.
    ///
    /// # Safety
    /// None.
    unsafe fn add_lanes[T: Float](sums: &[[T; LANES]], w: &mut [T]) {
        for (w, &(mut sums)) in w.iter_mut().zip(sums) {
            for half in [8, 4, 2, 1] {
                for l in 0..half {
                    sums[l] += sums[l + half];
                }
            }
            *w = sums[0];
        }
    }
}
