//! Sliding windows, and their adjoint, which adds overlapping ones.

use wengert_tensor::kernel::parallel::for_each_chunk;
use wengert_tensor::{Float, Layout, Shape, ShapeError, Tensor};

use super::strided::zip_with;
use crate::{Cotangents, Lowering, Op, Var};

/// `axis` becomes the number of windows, a new last axis runs through each.
#[derive(Clone)]
struct Windows {
    axis: usize,
    size: usize,
    step: usize,
}

impl Op for Windows {
    crate::op::compiled_here!(Windows);
    fn name(&self) -> &'static str {
        "windows"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let shape = Layout::contiguous(x[0].clone()).windows(self.axis, self.size, self.step)?.shape().clone();
        shape.checked_count()?;
        Ok(shape)
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| Some(x.windows(self.axis, self.size, self.step).expect("checked when recorded")))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.overlap(self.axis, self.step, x[0].shape()[self.axis])].into()
    }
}

/// Windows added up where they came from, along an axis of size `length`.
#[derive(Clone)]
struct Overlap {
    axis: usize,
    step: usize,
    length: usize,
}

impl Op for Overlap {
    crate::op::compiled_here!(Overlap);
    fn name(&self) -> &'static str {
        "overlap"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let misfit = || ShapeError::new(format!("windows of shape {} do not lie in an axis of {}", x[0], self.length));
        let mut shape = x[0].clone();
        let size = shape.sizes_mut().pop().ok_or_else(misfit)?;
        *shape.sizes_mut().get_mut(self.axis).ok_or_else(misfit)? = self.length;
        shape.checked_count()?;
        let windows = Layout::contiguous(shape.clone()).windows(self.axis, size, self.step)?;
        if windows.shape() == x[0] { Ok(shape) } else { Err(misfit()) }
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let shape = self.shape(&[x[0].shape()]).expect("checked when recorded");
            Tensor::build(&shape, |out| {
                // Tasks by the first axis, unless that is the one of the windows.
                let (axis, step) = (self.axis, self.step);
                let first = shape[..axis].iter().position(|&size| size != 1).unwrap_or(axis);
                let windows = (0..first).fold(x[0].clone(), |x, _| x.select(0, 0));
                if first == axis {
                    return add_windows(out, &shape[first..], &windows, 0, step);
                }
                let rest = &shape[first + 1..];
                let len = rest.iter().product();
                for_each_chunk(out, len, len, |i, out| {
                    add_windows(out, rest, &windows.select(0, i as isize), axis - first - 1, step);
                });
            })
        })
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let size = x[0].shape()[x[0].rank() - 1];
        [g.tape().record(Windows { axis: self.axis, size, step: self.step }, &[g])].into()
    }
}

/// Writes the sum of windows over `axis` to `out`, of this shape.
fn add_windows<T: Float>(out: &mut [T], shape: &[usize], windows: &Tensor<T>, axis: usize, step: usize) {
    out.fill(T::ZERO);
    let last = windows.rank() - 1;
    let size = windows.shape()[last];
    let space = Layout::contiguous(shape.into()).windows(axis, size, step).expect("checked when recorded");
    // The elements number k of all windows do not overlap.
    for k in 0..size {
        let element = |layout: &Layout| layout.slice(last, k, k as isize + 1, 1).expect("it is inside");
        let from = element(windows.layout());
        zip_with(out, &element(&space), windows.buffer(), &from, |to, from| *to += from);
    }
}

impl<T: Float> Var<'_, T> {
    /// Overlapping windows of `size` indices of `axis`, `step` apart: the axis then counts
    /// windows, and a new last axis runs through each.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::{Tensor, tensor};
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::range(0.0..4.0));
    /// assert_eq!(x.windows(0, 3, 1).value(), tensor![[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]);
    /// assert_eq!(x.windows(0, 3, 1).sum(..).grad([x])[0].value(), tensor![1.0, 2.0, 2.0, 1.0]);
    /// ```
    /// # Panics
    /// If the axis is out of range, the size or the step is 0, or the axis is shorter than a
    /// window.
    #[doc(alias = "unfold")]
    #[track_caller]
    pub fn windows(self, axis: isize, size: usize, step: usize) -> Self {
        let shape = self.shape();
        let axis = self.axis("windows", axis);
        // A step beyond the axis leaves one window, whatever its length.
        let step = step.min(shape[axis].max(1));
        self.tape().record(Windows { axis, size, step }, &[self])
    }

    /// The adjoint of windows over an axis of size `length`.
    #[track_caller]
    pub(super) fn overlap(self, axis: usize, step: usize, length: usize) -> Self {
        self.tape().record(Overlap { axis, step, length }, &[self])
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::Tape;
    use crate::ops::testing::{any_tensor, gradients, message_of, numbers};
    use proptest::prelude::*;

    #[test]
    fn derivatives() {
        gradients(|[x]| x.windows(1, 3, 2).square(), [numbers(&[2, 7])]);
        gradients(|[x]| x.windows(0, 2, 1).windows(1, 2, 1).square(), [numbers(&[3, 4])]);
        gradients(|[x]| x.overlap(0, 2, 6).square(), [numbers(&[2, 3])]);
    }

    #[test]
    fn overlaps_add() {
        let tape = Tape::new();
        let x = tape.var(Tensor::range(1.0..6.0));
        let g = tensor![[1.0, -0.5, 0.75], [2.0, -1.25, 0.5], [1.5, 1.0, -0.5]];
        assert_eq!(x.windows(0, 3, 1).vjp(&g, [x])[0].value(), tensor![1.0, 1.5, 1.0, 1.5, -0.5]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let x = tape.var(Tensor::zeros([2, 3]));
        assert!(
            message_of(|| _ = x.windows(0, 3, 1))
                .starts_with("windows: windows of 3 with step 1 do not fit axis 0 of [2, 3]")
        );
        assert!(message_of(|| _ = x.windows(0, 1, 0)).starts_with("windows: windows of 1 with step 0"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn as_for_tensors(x in any_tensor(), size in 1usize..4, step in 1usize..4) {
            let tape = Tape::<f64>::new();
            let v = tape.var(&x);
            for axis in 0..x.rank() as isize {
                if x.shape()[axis as usize] < size {
                    continue;
                }
                let y = v.windows(axis, size, step);
                prop_assert_eq!(y.value(), x.windows(axis, size, step));
                let numbered = Tensor::range(0.0..x.count() as f64).reshape(x.shape());
                let g = numbers(&y.shape());
                let mut expected = vec![0.0; x.count()];
                for (at, g) in numbered.windows(axis, size, step).iter().zip(g.iter()) {
                    expected[at as usize] += g;
                }
                let found = y.vjp(&g, [v])[0].value();
                found.assert_close(&Tensor::from_vec(expected, x.shape()), 1e-15, 1e-15);
            }
        }
    }
}
