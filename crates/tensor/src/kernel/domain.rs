//! The domain as loops see it: its axes, merged where they are one run in every buffer, and how
//! far each buffer steps along them.

use smallvec::SmallVec;

use super::graph::{Class, Graph};
use super::past_caches::PAST_CACHES;
use super::program::{Spec, Step};

/// A buffer that is read or written element by element of the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// An operand of the run.
    Operand(u32),
    /// An output.
    Output(u32),
}

/// One stream of elements between memory and tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub(super) home: Home,
    /// Whether it varies over the whole domain, not only along kept axes.
    pub(super) full: bool,
    /// Whether it is an output that is not read back and too large for any cache.
    pub(super) past_caches: bool,
}

/// One loop over the domain.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) size: usize,
    /// Whether reductions leave it; when there are none, no axis is kept.
    pub(super) kept: bool,
    /// The step of each stream, in elements.
    pub(super) strides: SmallVec<[isize; 8]>,
}

/// The axes that are left to loop over, and the streams. Uniform values have no stream.
#[derive(Clone, Debug)]
pub(super) struct Domain {
    pub(super) axes: Vec<Axis>,
    pub(super) streams: Vec<Stream>,
}

impl Domain {
    /// The domain of `spec`, without axes of size 1 and with as few others as there can be;
    /// elements are of `bytes` bytes.
    pub(super) fn of(spec: &Spec, graph: &Graph, bytes: usize) -> Domain {
        // An operand is loaded once: a graph has no value twice.
        let mut streams: Vec<Stream> = Vec::new();
        for (_, value) in graph.used() {
            if let (Step::Load(o), true) = (&value.step, value.class != Class::Uniform) {
                streams.push(Stream { home: Home::Operand(*o), full: value.class == Class::Full, past_caches: false });
            }
        }
        let mut full_output = false;
        let large = spec.domain.count().saturating_mul(bytes) >= PAST_CACHES;
        let one_phase = graph.used().all(|(_, value)| value.class != Class::Full || value.level == 0);
        for (o, &v) in (0u32..).zip(&graph.outputs) {
            let class = graph.value(v).class;
            if class != Class::Uniform {
                let full = class == Class::Full;
                full_output |= full;
                streams.push(Stream { home: Home::Output(o), full, past_caches: full && large && one_phase });
            }
        }
        let is_kept = |axis: usize| graph.reduced != 1 && !spec.reduced.contains(&axis);
        // Steps of an output that varies along the axes that `varies` names, in row-major order.
        let row_major = |varies: &dyn Fn(usize) -> bool| {
            let mut strides: SmallVec<[isize; 4]> = SmallVec::from_elem(0, spec.domain.len());
            let mut step = 1isize;
            for axis in (0..spec.domain.len()).rev().filter(|&axis| varies(axis)) {
                strides[axis] = step;
                step = step.wrapping_mul(spec.domain[axis] as isize);
            }
            strides
        };
        let (full, kept) = (row_major(&|_| true), row_major(&is_kept));
        let mut axes: Vec<Axis> = (0..spec.domain.len())
            .filter(|&axis| spec.domain[axis] != 1)
            .map(|axis| Axis {
                size: spec.domain[axis],
                kept: is_kept(axis),
                strides: streams
                    .iter()
                    .map(|stream| match stream.home {
                        Home::Operand(o) => spec.operands[o as usize][axis],
                        Home::Output(_) if stream.full => full[axis],
                        Home::Output(_) => kept[axis],
                    })
                    .collect(),
            })
            .collect();
        if !full_output {
            // Nothing fixes the order: walk through memory as it lies.
            let reach = |axis: &Axis| -> isize {
                let steps = axis.strides.iter().zip(&streams);
                steps.filter(|(_, s)| s.full).map(|(step, _)| step.saturating_abs()).fold(0, isize::saturating_add)
            };
            axes.sort_by_key(|axis| std::cmp::Reverse(reach(axis)));
        }
        merge(&mut axes);
        Domain { axes, streams }
    }

    /// The number of results of each reduction.
    pub(super) fn kept_count(&self) -> usize {
        self.count(|axis| axis.kept)
    }

    /// The number of elements that each reduction goes over; all of them when there is none.
    pub(super) fn reduced_count(&self) -> usize {
        self.count(|axis| !axis.kept)
    }

    /// The sizes of some axes together, or what is too large for anything. (An empty domain may
    /// have axes whose sizes together are.)
    fn count(&self, which: impl Fn(&Axis) -> bool) -> usize {
        self.axes.iter().filter(|axis| which(axis)).fold(1, |n, axis| n.saturating_mul(axis.size))
    }
}

/// Makes one axis of neighbours along which every stream goes on at the same step.
fn merge(axes: &mut Vec<Axis>) {
    let mut merged: Vec<Axis> = Vec::with_capacity(axes.len());
    for axis in axes.drain(..) {
        match merged.last_mut() {
            Some(outer)
                if outer.kept == axis.kept
                    && outer
                        .strides
                        .iter()
                        .zip(&axis.strides)
                        .all(|(o, i)| *o == i.wrapping_mul(axis.size as isize)) =>
            {
                outer.size = outer.size.saturating_mul(axis.size);
                outer.strides = axis.strides;
            }
            _ => merged.push(axis),
        }
    }
    *axes = merged;
}
