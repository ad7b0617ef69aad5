//! Parts of a variable: slices, and their adjoint, which places values among others.

use std::ops::Range;

use smallvec::SmallVec;
use wengert_tensor::kernel::parallel::for_each_chunk;
use wengert_tensor::{Axes, Float, Layout, Shape, ShapeError, Slice, Tensor};

use crate::{Cotangents, Lowering, Op, Var};

/// Evenly spaced indices of each axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Region(pub(super) SmallVec<[Part; 4]>);

/// `start`, `start + step`, …: `count` indices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) start: usize,
    pub(super) count: usize,
    pub(super) step: isize,
}

impl Region {
    /// All of `shape`.
    pub(super) fn whole(shape: &Shape) -> Self {
        Self(shape.iter().map(|&count| Part { start: 0, count, step: 1 }).collect())
    }
}

impl Part {
    /// Those that lie in `range`, as a part of it, and which of them that are. There is at least one in all.
    fn within(&self, range: Range<usize>) -> (Part, Range<usize>) {
        let at = |i: usize| (self.start as isize + i as isize * self.step) as usize;
        let lowest = at(0).min(at(self.count - 1));
        let below = |end: usize| end.saturating_sub(lowest).div_ceil(self.step.unsigned_abs()).min(self.count);
        let (first, end) = (below(range.start), below(range.end));
        let which = if self.step > 0 { first..end } else { self.count - end..self.count - first };
        (Part { start: at(which.start).wrapping_sub(range.start), count: which.len(), step: self.step }, which)
    }
}

/// Where the parts of each axis lie in something of this layout.
fn located(parts: &[Part], layout: &Layout) -> Result<Layout, ShapeError> {
    parts.iter().enumerate().try_fold(layout.clone(), |layout, (axis, part)| {
        let end = part.start as isize + part.count as isize * part.step;
        layout.slice(axis, part.start, end, part.step)
    })
}

#[derive(Clone)]
struct Cut(Region);

impl Op for Cut {
    crate::op::compiled_here!(Cut);
    fn name(&self) -> &'static str {
        "slice"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(located(&self.0.0, &Layout::contiguous(x[0].clone()))?.shape().clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| Some(located(&self.0.0, x).expect("checked when recorded")))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.place(self.0.clone(), x[0].shape(), 0.0)].into()
    }
}

/// `fill` in `shape`, but the input in a region of it.
#[derive(Clone)]
pub(crate) struct Place {
    region: Region,
    shape: Shape,
    fill: f64,
}

impl Place {
    /// The axis and the first index, if the region is a run of indices of one axis among zeros.
    pub(crate) fn run(&self) -> Option<(usize, usize)> {
        let parts = self.region.0.iter().zip(&*self.shape).enumerate();
        let mut cut = parts.filter(|(_, (part, size))| part.count != **size || part.step != 1);
        let (axis, (part, _)) = cut.next()?;
        (cut.next().is_none() && part.step == 1 && self.fill == 0.0).then_some((axis, part.start))
    }
}

impl Op for Place {
    crate::op::compiled_here!(Place);
    fn name(&self) -> &'static str {
        "place"
    }
    fn shape(&self, _: &[&Shape]) -> Result<Shape, ShapeError> {
        self.shape.checked_count()?;
        Ok(self.shape.clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let (shape, parts, fill) = (&self.shape, &self.region.0, T::from_f64(self.fill));
            Tensor::build(shape, |out| {
                // Tasks by the first axis.
                let Some(first) = shape.iter().position(|&size| size != 1).filter(|_| x[0].count() > 0) else {
                    return if x[0].count() > 0 { out.fill(x[0].item()) } else { out.fill(fill) };
                };
                let x = (0..first).fold(x[0].clone(), |x, _| x.select(0, 0));
                let len: usize = shape[first + 1..].iter().product();
                let most = (TASK / len.max(1)).max(1);
                for_each_chunk(out, most * len, most * len, |task, out| {
                    let (mut shape, mut parts) = (Shape::from(&shape[first..]), Region(parts[first..].into()));
                    shape.sizes_mut()[0] = out.len() / len;
                    let (part, which) = parts.0[0].within(task * most..task * most + shape[0]);
                    parts.0[0] = part;
                    let x = x.slice(0, which.start as isize..which.end as isize);
                    place(out, &shape, &parts.0, x.buffer(), x.layout().offset(), x.layout().strides(), fill);
                });
            })
        })
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.cut(self.region.clone())].into()
    }
}

/// Elements of a task.
const TASK: usize = 8192;

/// Writes `out`, of this shape, once and in order: parts of its axes are from `x`, from its element `at` on and with
/// these strides, and what lies around them is `fill`.
fn place<T: Float>(mut out: &mut [T], shape: &[usize], parts: &[Part], x: &[T], at: usize, strides: &[isize], fill: T) {
    let ([part, parts @ ..], [stride, strides @ ..]) = (parts, strides) else {
        return out.fill(x[at]);
    };
    if parts.is_empty() && part.count > 0 && (part.step, *stride) == (1, 1) {
        let (before, rest) = out.split_at_mut(part.start);
        let (to, after) = rest.split_at_mut(part.count);
        before.fill(fill);
        to.copy_from_slice(&x[at..at + part.count]);
        return after.fill(fill);
    }
    if parts.is_empty() {
        if part.count < out.len() {
            out.fill(fill);
        }
        for i in 0..part.count as isize {
            out[(part.start as isize + i * part.step) as usize] = x[(at as isize + i * stride) as usize];
        }
        return;
    }
    let len: usize = shape[1..].iter().product();
    let mut next = 0;
    for i in 0..part.count {
        let i = if part.step > 0 { i } else { part.count - 1 - i } as isize;
        let index = (part.start as isize + i * part.step) as usize;
        let (around, rest) = out.split_at_mut((index - next) * len);
        let (to, rest) = rest.split_at_mut(len);
        around.fill(fill);
        place(to, &shape[1..], parts, x, (at as isize + i * stride) as usize, strides, fill);
        (out, next) = (rest, index + 1);
    }
    out.fill(fill);
}

impl<T: Float> Var<'_, T> {
    #[track_caller]
    pub(super) fn cut(self, region: Region) -> Self {
        if region == Region::whole(&self.shape()) { self } else { self.tape().record(Cut(region), &[self]) }
    }

    /// This in a region of `shape`, and `fill` around it.
    #[track_caller]
    pub(super) fn place(self, region: Region, shape: Shape, fill: f64) -> Self {
        if region == Region::whole(&shape) { self } else { self.tape().record(Place { region, shape, fill }, &[self]) }
    }

    /// This at every `step`-th index of `axis` from `start` among zeros, `size` indices in all: the
    /// adjoint of a slice.
    #[track_caller]
    pub(crate) fn spread(self, axis: usize, start: usize, step: usize, size: usize) -> Self {
        let mut shape = self.shape();
        let mut region = Region::whole(&shape);
        region.0[axis] = Part { start, count: shape[axis], step: step as isize };
        shape.sizes_mut()[axis] = size;
        self.place(region, shape, 0.0)
    }

    /// The indices of `axis` that the range names, with negative bounds counted from the end and
    /// everything outside clipped, as in Python; [`Slice`] adds steps.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::{Slice, tensor};
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![0.0, 1.0, 2.0, 3.0]);
    /// assert_eq!(x.slice(0, -2..).value(), tensor![2.0, 3.0]);
    /// let odd = x.slice(0, Slice::from(1..).step(2));
    /// assert_eq!(odd.sum(..).grad([x])[0].value(), tensor![0.0, 1.0, 0.0, 1.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range, or the step is 0.
    #[doc(alias = "narrow")]
    #[track_caller]
    pub fn slice(self, axis: isize, range: impl Into<Slice>) -> Self {
        self.sliced(axis, range.into())
    }

    #[track_caller]
    #[inline(never)]
    fn sliced(self, axis: isize, range: Slice) -> Self {
        let shape = self.shape();
        let axis = self.axis("slice", axis);
        let (start, end, step) = match range.resolve(shape[axis]) {
            Ok(slice) => slice,
            Err(error) => panic!("slice: {error} of axis {axis} of {shape}"),
        };
        let span = if step > 0 { end - start as isize } else { start as isize - end };
        let count = (span.max(0) as usize).div_ceil(step.unsigned_abs());
        let mut region = Region::whole(&shape);
        region.0[axis] = Part { start, count, step };
        self.cut(region)
    }

    /// One index of `axis`, counted from the end when negative; the axis is removed.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.select(1, -1).value(), tensor![2.0, 4.0]);
    /// ```
    /// # Panics
    /// If the axis or the index is out of range.
    #[track_caller]
    pub fn select(self, axis: isize, index: isize) -> Self {
        let shape = self.shape();
        let axis = self.axis("select", axis);
        let size = shape[axis] as isize;
        let at = if index < 0 { index + size } else { index };
        assert!((0..size).contains(&at), "select: index {index} is out of range for axis {axis} of {shape}");
        self.slice(axis as isize, at..at + 1).reshape(shape.reduced(&[axis], false))
    }

    /// The indices of these axes in reverse order.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.flip(1).value(), tensor![[2.0, 1.0], [4.0, 3.0]]);
    /// ```
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn flip(self, axes: impl Into<Axes>) -> Self {
        let mut region = Region::whole(&self.shape());
        for axis in self.axes("flip", axes) {
            let part = &mut region.0[axis];
            if part.count > 1 {
                *part = Part { start: part.count - 1, count: part.count, step: -1 };
            }
        }
        self.cut(region)
    }

    /// The indices of `axis` moved on by `shift`; those moved over the end come in at the start.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![1.0, 2.0, 3.0]).roll(0, 1).value(), tensor![3.0, 1.0, 2.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn roll(self, axis: isize, shift: isize) -> Self {
        let size = self.shape()[self.axis("roll", axis)];
        if size == 0 {
            return self;
        }
        let at = size - shift.rem_euclid(size as isize) as usize;
        if at == size { self } else { Self::concat(&[self.slice(axis, at..), self.slice(axis, ..at)], axis) }
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Slice, Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{any_tensor, gradients, message_of, numbers};
    use proptest::prelude::*;

    /// Several tasks, of which some get nothing.
    #[test]
    fn far_apart() {
        let tape = Tape::<f64>::new();
        let x = tape.var(numbers(&[3]));
        for (before, after) in [(0, 30_000), (30_000, 0), (9_000, 9_000)] {
            let y = x.pad(&[(before, after)], 2.0).value();
            assert_eq!(y.slice(0, before..before + 3), x.value());
            assert_eq!(y.eq(2.0).count_true() as isize, before + after);
        }
        for step in [7_001, -7_001] {
            let long = tape.var(Tensor::zeros([20_000]));
            let part = long.slice(0, Slice::from(..).step(step));
            let first = if step > 0 { 0 } else { 19_999 };
            let [g] = part.vjp(&tensor![1.0, 2.0, 3.0], [long]);
            let at = |i: isize| g.value().at([(first + i * step) as usize]);
            assert_eq!([at(0), at(1), at(2), g.value().sum(..).item()], [1.0, 2.0, 3.0, 6.0]);
        }
    }

    #[test]
    fn derivatives() {
        let x = numbers(&[3, 4]);
        gradients(|[x]| x.slice(1, Slice::from(..).step(-2)).square(), [x.clone()]);
        gradients(
            |[x]| x.flip(..).slice(1, Slice::from(..).step(2)) * x.slice(1, Slice::from(1..).step(2)),
            [x.clone()],
        );
        gradients(|[x]| x.select(0, -1) * x.select(0, 0), [x.clone()]);
        gradients(|[x]| x.roll(1, -1) * x, [x.clone()]);
        gradients(|[x]| x.spread(0, 1, 2, 7).square(), [x]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([3, 4]));
        assert_eq!(message_of(|| _ = x.select(0, 3)), "select: index 3 is out of range for axis 0 of [3, 4]");
        assert_eq!(message_of(|| _ = x.select(0, -4)), "select: index -4 is out of range for axis 0 of [3, 4]");
        assert_eq!(
            message_of(|| _ = x.slice(0, Slice::from(..).step(0))),
            "slice: a slice with step 0 of axis 0 of [3, 4]"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// As the slices of tensors; the adjoint adds each element where it came from.
        #[test]
        fn slices_and_their_adjoint(x in any_tensor(), start in -6isize..6, end in -6isize..6, step in prop_oneof![-3isize..0, 1isize..4]) {
            let tape = Tape::<f64>::new();
            let v = tape.var(&x);
            let slice = Slice::from(start..end).step(step);
            for axis in 0..x.rank() as isize {
                let y = v.slice(axis, slice);
                prop_assert_eq!(y.value(), x.slice(axis, slice));
                prop_assert_eq!(v.flip(axis).value(), x.flip(axis));
                let numbered = Tensor::range(0.0..x.count() as f64).reshape(x.shape());
                let g = numbers(&y.shape());
                let mut expected = vec![0.0; x.count()];
                for (at, g) in numbered.slice(axis, slice).iter().zip(g.iter()) {
                    expected[at as usize] += g;
                }
                prop_assert_eq!(y.vjp(&g, [v])[0].value().to_vec(), expected);
            }
        }

        #[test]
        fn rolling_moves_indices(x in any_tensor(), shift in -7isize..7) {
            let tape = Tape::<f64>::new();
            for axis in 0..x.rank() as isize {
                let n = x.shape()[axis as usize] as isize;
                let rolled = tape.var(&x).roll(axis, shift).value();
                for i in 0..n {
                    prop_assert_eq!(rolled.select(axis, (i + shift).rem_euclid(n)), x.select(axis, i));
                }
            }
        }
    }
}
