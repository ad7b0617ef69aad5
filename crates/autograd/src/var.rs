//! The handle that expressions are made of.

use std::fmt;

use wengert_tensor::{Float, Shape, Tensor};

use crate::{Buffer, Param, Tape};

/// An entry of a tape: a small `Copy` handle, so that expressions read as mathematics.
///
/// Its value is computed when somebody looks ([`Var::value`], [`Var::item`], the end of a
/// training step). Operators and methods take other variables, `&Param`, `&Buffer`, `&Tensor`
/// and numbers (on the left `f64` and `i32`, so that literals need no annotation), and broadcast
/// by NumPy's rules.
///
/// ```
/// use wengert_autograd::{Tape, Var};
/// use wengert_tensor::tensor;
///
/// fn logistic<'t>(x: Var<'t>) -> Var<'t> {
///     1.0 / (1.0 + (-x).exp())
/// }
///
/// let tape = Tape::new();
/// let x = tape.var(tensor![0.0]);
/// let [dx] = logistic(x).sum(..).grad([x]);
/// assert_eq!(dx.value(), tensor![0.25]);
/// ```
pub struct Var<'t, T: Float = f32> {
    tape: &'t Tape<T>,
    pub(crate) id: u32,
}

impl<T: Float> Clone for Var<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Float> Copy for Var<'_, T> {}

impl<'t, T: Float> Var<'t, T> {
    pub(crate) fn new(tape: &'t Tape<T>, id: u32) -> Self {
        Self { tape, id }
    }

    /// The tape it is on.
    pub fn tape(self) -> &'t Tape<T> {
        self.tape
    }

    /// The sizes of its axes.
    pub fn shape(self) -> Shape {
        self.tape.nodes.borrow().shape(self.id).clone()
    }

    pub(crate) fn has_shape_of(self, other: Self) -> bool {
        let nodes = self.tape.nodes.borrow();
        let (own, others) = (nodes.list[self.id as usize].shape, nodes.list[other.id as usize].shape);
        own == others || nodes.shapes[own as usize] == nodes.shapes[others as usize]
    }

    /// The number of axes.
    #[doc(alias = "ndim")]
    pub fn rank(self) -> usize {
        self.tape.nodes.borrow().shape(self.id).len()
    }

    /// The number of elements.
    #[doc(alias = "numel")]
    pub fn count(self) -> usize {
        self.tape.nodes.borrow().shape(self.id).count()
    }

    /// The name of the operation that made it.
    pub fn op_name(self) -> &'static str {
        self.tape.nodes.borrow().name(self.id)
    }

    /// Its value, computed now if it was not yet.
    #[track_caller]
    pub fn value(self) -> Tensor<T> {
        self.tape.run(&[self.id]);
        self.tape.nodes.borrow().value(self.id).expect("a root of the run").clone()
    }

    /// Its only element.
    ///
    /// # Panics
    /// If there is not exactly one.
    #[track_caller]
    pub fn item(self) -> T {
        let shape = self.shape();
        assert!(
            shape.count() == 1,
            "item: {} of shape {shape} has {} elements, not one",
            self.op_name(),
            shape.count()
        );
        self.value().item()
    }

    /// The same value, through which no gradient flows.
    #[doc(alias = "stop_gradient")]
    #[track_caller]
    pub fn detach(self) -> Self {
        self.tape.record(crate::ops::Detach, &[self])
    }
}

impl<T: Float> fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Var(#{} {} {})", self.id, self.op_name(), self.shape())
    }
}

/// What may stand beside a [`Var`] in an expression: `Var`, `&Param`, `&Buffer`, `&Tensor`,
/// `f32`, `f64`, `i32`.
pub trait Operand<'t, T: Float> {
    /// As a variable of `tape`.
    #[track_caller]
    fn on(self, tape: &'t Tape<T>) -> Var<'t, T>;
}

impl<'t, T: Float> Operand<'t, T> for Var<'t, T> {
    fn on(self, _: &'t Tape<T>) -> Var<'t, T> {
        self
    }
}

impl<'t, T: Float> Operand<'t, T> for &Param<T> {
    #[track_caller]
    fn on(self, tape: &'t Tape<T>) -> Var<'t, T> {
        tape.param(self)
    }
}

impl<'t, T: Float> Operand<'t, T> for &Buffer<T> {
    #[track_caller]
    fn on(self, tape: &'t Tape<T>) -> Var<'t, T> {
        Buffer::on(self, tape)
    }
}

impl<'t, T: Float> Operand<'t, T> for &Tensor<T> {
    #[track_caller]
    fn on(self, tape: &'t Tape<T>) -> Var<'t, T> {
        tape.var(self.clone())
    }
}

macro_rules! number {
    ($($t:ty),*) => {$(
        impl<'t, T: Float> Operand<'t, T> for $t {
            #[track_caller]
            fn on(self, tape: &'t Tape<T>) -> Var<'t, T> {
                tape.scalar(self as f64)
            }
        }
    )*};
}
number!(f32, f64, i32);

/// `Var ∘ operand` and `operand ∘ Var` for one operator.
macro_rules! operator {
    ($trait:ident, $method:ident, $op:expr) => {
        impl<'t, T: Float, R: Operand<'t, T>> std::ops::$trait<R> for Var<'t, T> {
            type Output = Var<'t, T>;
            #[track_caller]
            fn $method(self, right: R) -> Var<'t, T> {
                let right = right.on(self.tape());
                self.tape().map($op, [self, right])
            }
        }
        // One floating-point type only, or the literal in `(2.0 * x).tanh()` could be either.
        operator!(@left $trait, $method, $op; f64; i32; &Param<T>; &Buffer<T>; &Tensor<T>);
    };
    (@left $trait:ident, $method:ident, $op:expr; $($left:ty);*) => {$(
        impl<'t, T: Float> std::ops::$trait<Var<'t, T>> for $left {
            type Output = Var<'t, T>;
            #[track_caller]
            fn $method(self, right: Var<'t, T>) -> Var<'t, T> {
                let left = Operand::on(self, right.tape());
                right.tape().map($op, [left, right])
            }
        }
    )*};
}
operator!(Add, add, crate::ops::Add);
operator!(Sub, sub, crate::ops::Sub);
operator!(Mul, mul, crate::ops::Mul);
operator!(Div, div, crate::ops::Div);

impl<'t, T: Float> std::ops::Neg for Var<'t, T> {
    type Output = Var<'t, T>;
    #[track_caller]
    fn neg(self) -> Var<'t, T> {
        self.tape().map(crate::ops::Neg, [self])
    }
}
