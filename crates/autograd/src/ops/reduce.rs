//! Reductions over axes. The primitives keep reduced axes with size 1; dropping them is a view.

use smallvec::SmallVec;
use wengert_tensor::kernel::Reduction;
use wengert_tensor::{Axes, Float, Shape, ShapeError};

use crate::{Cotangents, Lowering, Op, Var};

/// A reduction over `axes`, ascending and checked.
#[derive(Clone)]
struct Reduce {
    reduction: Reduction,
    axes: SmallVec<[usize; 4]>,
}

impl Op for Reduce {
    fn name(&self) -> &'static str {
        match self.reduction {
            Reduction::Sum => "sum",
            Reduction::Mean => "mean",
            Reduction::Prod => "prod",
            Reduction::Max => "max",
            Reduction::Min => "min",
        }
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let empty = self.axes.iter().find(|&&axis| x[0][axis] == 0);
        match (self.reduction, empty) {
            (Reduction::Max | Reduction::Min, Some(axis)) => {
                Err(ShapeError::new(format!("axis {axis} of {} is empty, and nothing has no extreme", x[0])))
            }
            _ => Ok(x[0].reduced(&self.axes, true)),
        }
    }

    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::Reduce(self.reduction, &self.axes)
    }

    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let x = x[0];
        let shape = x.shape();
        let count: usize = self.axes.iter().map(|&axis| shape[axis]).product();
        match self.reduction {
            Reduction::Sum => [g.expand(&shape)].into(),
            Reduction::Mean => [(g / count as f64).expand(&shape)].into(),
            // Ties share the gradient evenly.
            Reduction::Max | Reduction::Min => {
                let chosen = x.eq(y);
                [chosen * (g / chosen.reduce(Reduction::Sum, self.axes.clone()))].into()
            }
            Reduction::Prod => unimplemented!("the product's vjp comes with cumulative products"),
        }
    }
}

impl<'t, T: Float> Var<'t, T> {
    #[track_caller]
    fn reduce(self, reduction: Reduction, axes: SmallVec<[usize; 4]>) -> Self {
        self.tape().record(Reduce { reduction, axes }, &[self])
    }

    /// `reduction` over checked axes, which stay with size 1 when `keep`.
    #[track_caller]
    fn reduce_over(self, reduction: Reduction, axes: impl Into<Axes>, keep: bool) -> Self {
        let shape = self.shape();
        let reduce = |axes| Reduce { reduction, axes };
        let axes = match axes.into().resolve(shape.len()) {
            Ok(axes) => axes,
            Err(error) => panic!("{}: {error} (shape {shape})", reduce(SmallVec::new()).name()),
        };
        let kept = self.reduce(reduction, axes.clone());
        if keep || axes.is_empty() { kept } else { kept.reshape(shape.reduced(&axes, false)) }
    }
}

/// A reduction with and without the reduced axes.
macro_rules! reduction {
    ($($(#[$doc:meta])* $name:ident $keep:ident $reduction:ident;)*) => {
        impl<'t, T: Float> Var<'t, T> {
            $(
                $(#[$doc])*
                #[track_caller]
                pub fn $name(self, axes: impl Into<Axes>) -> Self {
                    self.reduce_over(Reduction::$reduction, axes, false)
                }

                #[doc = concat!("As [`Var::", stringify!($name), "`], but the axes stay with size 1.")]
                #[track_caller]
                pub fn $keep(self, axes: impl Into<Axes>) -> Self {
                    self.reduce_over(Reduction::$reduction, axes, true)
                }
            )*
        }
    };
}

reduction! {
    /// The sum over axes (`..` for all, `0`, `-1`, `[0, 2]`), accumulated in `f64`; 0 of nothing.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum(0).value(), tensor![4.0, 6.0]);
    /// assert_eq!(x.sum_keep(1).value(), tensor![[3.0], [7.0]]);
    /// assert_eq!(x.sum(..).item(), 10.0);
    /// ```
    sum sum_keep Sum;
    /// The mean over axes; NaN of nothing. It does not overflow where the sum would.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.mean(-1).value(), tensor![1.5, 3.5]);
    /// ```
    mean mean_keep Mean;
    /// The largest value over axes; NaN if there is one. Ties share the gradient evenly.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1.0, 5.0, 5.0]]);
    /// assert_eq!(x.max(1).value(), tensor![5.0]);
    /// assert_eq!(x.max(..).grad([x])[0].value(), tensor![[0.0, 0.5, 0.5]]);
    /// ```
    /// # Panics
    /// If an axis is empty.
    max max_keep Max;
    /// The smallest value over axes; NaN if there is one. Ties share the gradient evenly.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![3.0, 1.0]).min(..).item(), 1.0);
    /// ```
    /// # Panics
    /// If an axis is empty.
    min min_keep Min;
}
