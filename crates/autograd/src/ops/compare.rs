//! Comparisons (1 where true, else 0), selection, and the larger and smaller of two.

use wengert_tensor::Float;

use crate::{Cotangents, Elementwise, Operand, Var};

/// A comparison: a mask without a derivative.
macro_rules! comparison {
    ($($(#[$doc:meta])* $name:ident $op:ident $symbol:tt;)*) => {$(
        #[derive(Clone)]
        struct $op;

        impl Elementwise<2> for $op {
            const NAME: &'static str = stringify!($name);
            #[inline(always)]
            fn apply<T: Float>(&self, [a, b]: [T; 2]) -> T {
                T::mask(a $symbol b)
            }
            fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 2], _: Var<'t, T>, _: Var<'t, T>) -> Cotangents<'t, T> {
                Cotangents::none(2)
            }
        }

        impl<'t, T: Float> Var<'t, T> {
            $(#[$doc])*
            #[track_caller]
            pub fn $name(self, other: impl Operand<'t, T>) -> Self {
                let other = other.on(self.tape());
                self.tape().map($op, [self, other])
            }
        }
    )*};
}

comparison! {
    /// 1 where this is larger, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 2.0]).gt(0.0).value(), tensor![0.0, 1.0]);
    /// ```
    gt Gt >;
    /// 1 where this is larger or equal, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 0.0]).ge(0.0).value(), tensor![0.0, 1.0]);
    /// ```
    ge Ge >=;
    /// 1 where this is smaller, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 2.0]).lt(0.0).value(), tensor![1.0, 0.0]);
    /// ```
    lt Lt <;
    /// 1 where this is smaller or equal, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![0.0, 2.0]).le(0.0).value(), tensor![1.0, 0.0]);
    /// ```
    le Le <=;
    /// 1 where both are equal, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![0.0, 2.0]).eq(2.0).value(), tensor![0.0, 1.0]);
    /// ```
    eq Eq ==;
    /// 1 where they differ, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![0.0, 2.0]).ne(2.0).value(), tensor![1.0, 0.0]);
    /// ```
    ne Ne !=;
}

#[derive(Clone)]
struct Where;

impl Elementwise<3> for Where {
    const NAME: &'static str = "where";
    #[inline(always)]
    fn apply<T: Float>(&self, [condition, a, b]: [T; 3]) -> T {
        if condition != T::ZERO { a } else { b }
    }
    fn vjp<'t, T: Float>(&self, [condition, _, _]: [Var<'t, T>; 3], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        // Selected, never multiplied: 0 · ∞ must not reach the other branch.
        [None, Some(condition.where_(g, 0.0)), Some(condition.where_(0.0, g))].into()
    }
}

/// The larger or smaller of two; equal ones share the gradient.
macro_rules! extreme {
    ($($(#[$doc:meta])* $name:ident $op:ident $select:ident $wins:ident;)*) => {$(
        #[derive(Clone)]
        struct $op;

        impl Elementwise<2> for $op {
            const NAME: &'static str = stringify!($name);
            #[inline(always)]
            fn apply<T: Float>(&self, [a, b]: [T; 2]) -> T {
                a.$select(b)
            }
            fn vjp<'t, T: Float>(&self, [a, b]: [Var<'t, T>; 2], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
                let share = a.eq(b).where_(g * 0.5, 0.0);
                [a.$wins(b).where_(g, share), b.$wins(a).where_(g, share)].into()
            }
        }

        impl<'t, T: Float> Var<'t, T> {
            $(#[$doc])*
            #[track_caller]
            pub fn $name(self, other: impl Operand<'t, T>) -> Self {
                let other = other.on(self.tape());
                self.tape().map($op, [self, other])
            }
        }
    )*};
}

extreme! {
    /// The larger of two; NaN if either is. Where they are equal, each gets half the gradient.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![-1.0, 0.0, 2.0]);
    /// let y = x.maximum(0.0);
    /// assert_eq!(y.value(), tensor![0.0, 0.0, 2.0]);
    /// assert_eq!(y.sum(..).grad([x])[0].value(), tensor![0.0, 0.5, 1.0]);
    /// ```
    maximum Maximum max_nan gt;
    /// The smaller of two; NaN if either is. Where they are equal, each gets half the gradient.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 2.0]).minimum(0.0).value(), tensor![-1.0, 0.0]);
    /// ```
    minimum Minimum min_nan lt;
}

impl<'t, T: Float> Var<'t, T> {
    /// `a` where this mask is not 0, else `b`. No gradient reaches the branch that was not
    /// chosen, even where it is NaN.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![-1.0, 4.0]);
    /// let y = x.gt(0.0).where_(x.sqrt(), 0.0);
    /// assert_eq!(y.value(), tensor![0.0, 2.0]);
    /// assert_eq!(y.sum(..).grad([x])[0].value(), tensor![0.0, 0.25]);
    /// ```
    #[track_caller]
    pub fn where_(self, a: impl Operand<'t, T>, b: impl Operand<'t, T>) -> Self {
        let (a, b) = (a.on(self.tape()), b.on(self.tape()));
        self.tape().map(Where, [self, a, b])
    }
}
