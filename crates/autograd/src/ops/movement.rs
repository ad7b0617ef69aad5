//! Other views of the same elements.

use smallvec::SmallVec;
use wengert_tensor::{Float, Layout, Shape, ShapeError};

use crate::{Cotangents, Lowering, Op, Var};

/// The same value without a derivative.
#[derive(Clone)]
pub(crate) struct Detach;

impl Op for Detach {
    fn name(&self) -> &'static str {
        "detach"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(x[0].clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| Some(x.clone()))
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, _: Var<'t, T>) -> Cotangents<'t, T> {
        Cotangents::none(1)
    }
}

#[derive(Clone)]
struct Reshape(Shape);

impl Op for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Layout::contiguous(x[0].clone()).reshape(&self.0).map(|_| self.0.clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| x.reshape(&self.0).expect("checked when recorded"))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.reshape(&x[0].shape())].into()
    }
}

#[derive(Clone)]
struct Expand(Shape);

impl Op for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Layout::contiguous(x[0].clone()).expand(&self.0).map(|_| self.0.clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| Some(x.expand(&self.0).expect("checked when recorded")))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.sum_to_shape(x[0].shape())].into()
    }
}

#[derive(Clone)]
struct Permute(SmallVec<[usize; 4]>);

impl Op for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(Layout::contiguous(x[0].clone()).permute(&self.0)?.shape().clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::view(|x| Some(x.permute(&self.0).expect("checked when recorded")))
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let mut inverse: SmallVec<[usize; 4]> = SmallVec::from_elem(0, self.0.len());
        for (to, &from) in self.0.iter().enumerate() {
            inverse[from] = to;
        }
        [g.tape().record(Permute(inverse), &[g])].into()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The same elements in row-major order under another shape of the same count.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(x.reshape([2, 2]).value(), tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// ```
    /// # Panics
    /// If the counts differ.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if shape == self.shape() { self } else { self.tape().record(Reshape(shape), &[self]) }
    }

    /// Stretched to `shape` by the broadcasting rule.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0], [2.0]]);
    /// assert_eq!(x.expand([2, 2]).value(), tensor![[1.0, 1.0], [2.0, 2.0]]);
    /// ```
    /// # Panics
    /// If an axis of another size than 1 would have to change.
    #[track_caller]
    pub fn expand(self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if shape == self.shape() { self } else { self.tape().record(Expand(shape), &[self]) }
    }

    /// The last two axes swapped: the transpose of a matrix, or of each of a batch.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![[1.0, 2.0]]).t().value(), tensor![[1.0], [2.0]]);
    /// ```
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn t(self) -> Self {
        let rank = self.rank();
        assert!(rank >= 2, "t: a transpose needs two axes, shape {} has {rank}", self.shape());
        let mut axes: SmallVec<[usize; 4]> = (0..rank).collect();
        axes.swap(rank - 1, rank - 2);
        self.tape().record(Permute(axes), &[self])
    }
}
