//! What an operation is: a shape rule, a lowering and a vjp rule. The built-in operations
//! implement the same traits as a user's.

use std::any::{Any, TypeId};

use smallvec::SmallVec;
use wengert_tensor::kernel::{Arith, ElementFn, Reduction, TileMap, Tiled};
use wengert_tensor::{Float, Layout, Shape, ShapeError, Tensor, broadcast};

use crate::Var;

/// An operation that can be recorded on a tape, of any number of inputs and any parameters.
///
/// Implement it for an opaque kernel of your own; for an elementwise function
/// [`Elementwise`] is shorter and fuses with its neighbours.
///
/// The methods are generic over the element type, so every operation exists in `f64` and a
/// model written for `f32` can be checked there.
///
/// ```
/// use wengert_autograd::{Cotangents, Lowering, Op, Tape, Var};
/// use wengert_tensor::{Float, Shape, ShapeError, Tensor, tensor};
///
/// /// The values in the opposite order.
/// #[derive(Clone)]
/// struct Reverse;
///
/// impl Op for Reverse {
///     fn name(&self) -> &'static str {
///         "reverse"
///     }
///     fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
///         Ok(x[0].clone())
///     }
///     fn lower<T: Float>(&self) -> Lowering<'_, T> {
///         Lowering::kernel(|x: &[Tensor<T>]| {
///             let mut values = x[0].to_vec();
///             values.reverse();
///             Tensor::from_vec(values, x[0].shape())
///         })
///     }
///     fn vjp<'t, T: Float>(&self, _x: &[Var<'t, T>], _y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
///         [g.tape().record(Reverse, &[g])].into()
///     }
/// }
///
/// let tape = Tape::<f32>::new();
/// let x = tape.var(tensor![1.0, 2.0, 3.0]);
/// let y = tape.record(Reverse, &[x]);
/// let [dx] = (y * &tensor![1.0, 10.0, 100.0]).sum(..).grad([x]);
/// assert_eq!(dx.value(), tensor![100.0, 10.0, 1.0]);
/// ```
pub trait Op: Clone + Send + Sync + 'static {
    /// The name that messages, listings and profiles use.
    fn name(&self) -> &'static str;

    /// The shape of the output, or why the inputs do not fit. Called when the operation is
    /// recorded, so a mistake panics at the user's line.
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError>;

    /// How the value is computed.
    fn lower<T: Float>(&self) -> Lowering<'_, T>;

    /// The cotangents of the inputs, given inputs, output and the cotangent of the output: the
    /// transposed derivative applied to `g`, written with `Var` operations, so that it can be
    /// differentiated again.
    ///
    /// For a map, a cotangent may have the shape of the output: the engine sums it over the
    /// axes that were broadcast.
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T>;

    /// The floating-point operations of a kernel that is bound by arithmetic, for the profiler.
    fn flops(&self, _x: &[&Shape]) -> f64 {
        0.0
    }

    /// What it has in common with other operations on the same input.
    #[doc(hidden)]
    fn split<T: Float>(&self) -> Option<Split<T>> {
        None
    }

    /// Behind a pointer, for the tape; see `compiled_here`.
    #[doc(hidden)]
    fn boxed<T: Float>(self) -> Box<dyn Recorded<T>> {
        Box::new(self)
    }
}

/// A function of one argument split into a dear part, which other functions of the argument have in
/// common with it (a function and its slope often do), and a cheap rest.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Split<T: Float> {
    /// What tells one part from another.
    pub part_id: TypeId,
    /// The part, of the argument.
    pub part: &'static dyn TileMap<T>,
    /// The rest, of the argument and the part.
    pub rest: &'static dyn TileMap<T>,
}

pub(crate) fn split<T: Float, P: ElementFn<1> + 'static, R: ElementFn<2> + 'static>(
    part: &'static Tiled<P, 1>,
    rest: &'static Tiled<R, 2>,
) -> Split<T> {
    Split { part_id: TypeId::of::<P>(), part, rest }
}

/// How an operation computes: the four things that the planner knows.
pub enum Lowering<'a, T: Float> {
    /// An elementwise function of inputs broadcast to one shape.
    Map {
        /// The function, run on tiles.
        f: &'a dyn TileMap<T>,
        /// Whether storing the result is cheaper than computing it again (exp, tanh).
        dear: bool,
    },
    /// A reduction over axes, which keep a size of 1.
    Reduce(Reduction, &'a [usize]),
    /// The same elements under another layout; `None` when the layout cannot express it and the
    /// elements must be copied to row-major order first.
    View(Box<ViewFn<'a>>),
    /// Anything else, over whole tensors.
    Kernel(Box<KernelFn<'a, T>>),
}

/// From the layout of the input to that of the output.
pub type ViewFn<'a> = dyn Fn(&Layout) -> Option<Layout> + Send + Sync + 'a;
/// From the values of the inputs, which may be strided, to the value of the output.
pub type KernelFn<'a, T> = dyn Fn(&[Tensor<T>]) -> Tensor<T> + Send + Sync + 'a;

impl<'a, T: Float> Lowering<'a, T> {
    /// A kernel from a closure over the values of the inputs.
    pub fn kernel(f: impl Fn(&[Tensor<T>]) -> Tensor<T> + Send + Sync + 'a) -> Self {
        Lowering::Kernel(Box::new(f))
    }

    /// A view from a closure over the layout of the input.
    pub fn view(f: impl Fn(&Layout) -> Option<Layout> + Send + Sync + 'a) -> Self {
        Lowering::View(Box::new(f))
    }
}

/// The cotangents that a vjp rule returns, one an input; `None` where the derivative is zero
/// everywhere.
#[derive(Clone, Debug, Default)]
pub struct Cotangents<'t, T: Float>(pub(crate) SmallVec<[Option<Var<'t, T>>; 3]>);

impl<T: Float> Cotangents<'_, T> {
    /// No derivative with respect to any of `count` inputs.
    pub fn none(count: usize) -> Self {
        Self(SmallVec::from_elem(None, count))
    }
}

impl<'t, T: Float, const N: usize> From<[Var<'t, T>; N]> for Cotangents<'t, T> {
    fn from(vars: [Var<'t, T>; N]) -> Self {
        vars.map(Some).into()
    }
}

impl<'t, T: Float, const N: usize> From<[Option<Var<'t, T>>; N]> for Cotangents<'t, T> {
    fn from(vars: [Option<Var<'t, T>>; N]) -> Self {
        Self(SmallVec::from_slice(&vars))
    }
}

impl<'t, T: Float> FromIterator<Var<'t, T>> for Cotangents<'t, T> {
    fn from_iter<I: IntoIterator<Item = Var<'t, T>>>(vars: I) -> Self {
        Self(vars.into_iter().map(Some).collect())
    }
}

/// An elementwise function of `N` inputs, which broadcast: give the function of scalars and its
/// vjp, and it fuses with its neighbours like the built-in ones.
///
/// ```
/// use wengert_autograd::{Cotangents, Elementwise, Tape, Var};
/// use wengert_tensor::{Float, tensor};
///
/// /// x / (1 + |x|)
/// #[derive(Clone)]
/// struct Softsign;
///
/// impl Elementwise<1> for Softsign {
///     const NAME: &'static str = "softsign";
///     #[inline(always)]
///     fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
///         x / (T::ONE + x.abs())
///     }
///     fn vjp<'t, T: Float>(&self, [x]: [Var<'t, T>; 1], _y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
///         let d = 1.0 + x.abs();
///         [g / (d * d)].into()
///     }
/// }
///
/// let tape = Tape::<f32>::new();
/// let x = tape.var(tensor![-1.0, 0.0, 3.0]);
/// assert_eq!(tape.map(Softsign, [x]).value(), tensor![-0.5, 0.0, 0.75]);
/// ```
pub trait Elementwise<const N: usize>: Clone + Send + Sync + 'static {
    /// The name that messages, listings and profiles use.
    const NAME: &'static str;
    /// Whether storing the result is cheaper than computing it again (exp, tanh).
    const DEAR: bool = false;
    /// Which of the cheap functions it is, if it is one.
    #[doc(hidden)]
    const ARITH: Option<Arith> = None;

    /// The function. Mark it `#[inline(always)]`: it is compiled into loops for each
    /// instruction set.
    fn apply<T: Float>(&self, x: [T; N]) -> T;

    /// The cotangents of the inputs, given inputs, output and the cotangent of the output.
    fn vjp<'t, T: Float>(&self, x: [Var<'t, T>; N], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T>;

    /// What it has in common with other functions of the same argument.
    #[doc(hidden)]
    fn split<T: Float>(&self) -> Option<Split<T>> {
        None
    }

    /// Behind a pointer, for the tape; see `compiled_here`.
    #[doc(hidden)]
    fn boxed<T: Float>(self) -> Box<dyn Recorded<T>> {
        Box::new(Map::new(self))
    }
}

/// The [`Op`] of an [`Elementwise`] function.
#[derive(Clone)]
pub(crate) struct Map<E, const N: usize>(Tiled<Apply<E>, N>);

#[derive(Clone)]
struct Apply<E>(E);

impl<E: Elementwise<N>, const N: usize> ElementFn<N> for Apply<E> {
    const ARITH: Option<Arith> = E::ARITH;
    #[inline(always)]
    fn apply<T: Float>(&self, x: [T; N]) -> T {
        self.0.apply(x)
    }
}

impl<E, const N: usize> Map<E, N> {
    pub(crate) fn new(f: E) -> Self {
        Map(Tiled(Apply(f)))
    }
}

/// The common shape of the inputs, for all functions.
fn broadcast_all(x: &[&Shape]) -> Result<Shape, ShapeError> {
    let (first, rest) = x.split_first().expect("an elementwise function has an input");
    rest.iter().try_fold((*first).clone(), |shape, next| broadcast(&shape, next))
}

impl<E: Elementwise<N>, const N: usize> Op for Map<E, N> {
    fn name(&self) -> &'static str {
        E::NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        broadcast_all(x)
    }

    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::Map { f: &self.0, dear: E::DEAR }
    }

    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        self.0.0.0.vjp(x.try_into().expect("recorded with N inputs"), y, g)
    }

    fn split<T: Float>(&self) -> Option<Split<T>> {
        self.0.0.0.split()
    }

    fn boxed<T: Float>(self) -> Box<dyn Recorded<T>> {
        self.0.0.0.boxed()
    }
}

/// An [`Op`] behind a pointer, for one element type.
pub trait Recorded<T: Float>: Any + Send + Sync {
    fn name(&self) -> &'static str;
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError>;
    fn lower(&self) -> Lowering<'_, T>;
    fn split(&self) -> Option<Split<T>>;
    fn vjp<'t>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T>;
    fn flops(&self, x: &[&Shape]) -> f64;
    /// The same operation once more.
    fn again(&self) -> Box<dyn Recorded<T>>;
    /// The same operation for `f64`.
    fn to_f64(&self) -> Box<dyn Recorded<f64>>;
}

impl<O: Op, T: Float> Recorded<T> for O {
    fn name(&self) -> &'static str {
        Op::name(self)
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Op::shape(self, x)
    }
    fn lower(&self) -> Lowering<'_, T> {
        Op::lower(self)
    }
    fn split(&self) -> Option<Split<T>> {
        Op::split(self)
    }
    fn vjp<'t>(&self, x: &[Var<'t, T>], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        Op::vjp(self, x, y, g)
    }
    fn flops(&self, x: &[&Shape]) -> f64 {
        Op::flops(self, x)
    }
    fn again(&self) -> Box<dyn Recorded<T>> {
        self.clone().boxed()
    }
    fn to_f64(&self) -> Box<dyn Recorded<f64>> {
        self.clone().boxed()
    }
}

/// Overrides `boxed` in the implementation of a built-in operation (with `N` inputs, if it is
/// [`Elementwise`]), so that its loops are compiled once, optimised, in this crate. Generic code
/// is otherwise compiled in the program that uses it: slowly, and without optimisation in a
/// debug build.
macro_rules! compiled_here {
    ($op:ty) => {
        $crate::op::compiled_here!(@ $op, op, op);
    };
    ($op:ty, $n:literal) => {
        $crate::op::compiled_here!(@ $op, op, $crate::op::Map::<$op, $n>::new(op));
    };
    (@ $op:ty, $name:ident, $boxed:expr) => {
        #[doc(hidden)]
        fn boxed<T: Float>(self) -> Box<dyn $crate::op::Recorded<T>> {
            #[inline(never)]
            fn single($name: $op) -> Box<dyn $crate::op::Recorded<f32>> {
                Box::new($boxed)
            }
            #[inline(never)]
            fn double($name: $op) -> Box<dyn $crate::op::Recorded<f64>> {
                Box::new($boxed)
            }
            match std::any::TypeId::of::<T>() == std::any::TypeId::of::<f32>() {
                true => $crate::op::same(single(self)),
                false => $crate::op::same(double(self)),
            }
        }
    };
}
pub(crate) use compiled_here;

/// An operation for the element type that `A` and `B` both are.
pub(crate) fn same<A: Float, B: Float>(op: Box<dyn Recorded<A>>) -> Box<dyn Recorded<B>> {
    let mut op = Some(op);
    let op: &mut dyn Any = &mut op;
    let op = op.downcast_mut::<Option<Box<dyn Recorded<B>>>>();
    op.and_then(Option::take).expect("an element of a tape is f32 or f64")
}
