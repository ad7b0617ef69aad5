//! Elementwise functions written as table entries: what it computes, its derivative, a point for
//! the example and a range for the gradient test, side by side.

/// The cotangent of the input of a function of one argument.
macro_rules! pull_back {
    ($g:ident) => {
        crate::Cotangents::none(1)
    };
    ($g:ident $slope:block) => {
        [$g.chain($slope)].into()
    };
    ($g:ident 1 / $over:block) => {
        [$g.per($over)].into()
    };
}

/// Functions of one argument.
///
/// ```text
/// unary! {
///     /// What it is.
///     method = Struct(x) { value of a number x };      // `{ … } dear` to store rather than recompute
///     split Part, Rest;                                // if it has a part in common with its slope
///     slope(y) { derivative, from variables };         // or `1 / { … }`; left out where it is 0
///     noted;                                           // if it is an activation
///     at 0.5 => value, derivative;                     // the example
///     on low, high;                                    // where it is smooth, for the test
/// }
/// ```
macro_rules! unary {
    ($(
        $(#[$doc:meta])*
        $method:ident = $op:ident($x:ident) { $value:expr } $([$arith:ident])? $($dear:ident)?;
        $(split $part:ident, $rest:ident;)?
        $(slope($y:ident) $(1 $over:tt)? $slope:block;)?
        $(noted $end:tt)?
        at $at:expr => $is:expr, $rise:expr;
        on $low:expr, $high:expr;
    )*) => {$(
        #[derive(Clone)]
        struct $op;

        impl crate::Elementwise<1> for $op {
            crate::op::compiled_here!($op, 1);
            const NAME: &'static str = stringify!($method);
            const DEAR: bool = stringify!($($dear)?).len() > 0;
            $(const ARITH: Option<wengert_tensor::kernel::Arith> = Some(wengert_tensor::kernel::Arith::$arith);)?
            #[inline(always)]
            fn apply<T: Float>(&self, [$x]: [T; 1]) -> T {
                $value
            }
            $(fn split<T: Float>(&self) -> Option<crate::op::Split<T>> {
                Some(crate::op::split(&Tiled($part), &Tiled($rest)))
            })?
            #[allow(unused_variables, reason = "not every rule reads the input")]
            fn vjp<'t, T: Float>(&self, [$x]: [Var<'t, T>; 1], y: Var<'t, T>, g: Var<'t, T>) -> crate::Cotangents<'t, T> {
                $(let $y = y;)?
                pull_back!(g $($(1 $over)? $slope)?)
            }
        }

        impl<'t, T: Float> Var<'t, T> {
            $(#[$doc])*
            ///
            /// ```
            /// # use wengert_autograd::Tape;
            /// let tape = Tape::<f64>::new();
            #[doc = concat!("let x = tape.scalar(", stringify!($at), ");")]
            #[doc = concat!("let y = x.", stringify!($method), "();")]
            #[doc = concat!("assert_eq!((y.item(), y.grad([x])[0].item()), (", stringify!($is), ", ", stringify!($rise), "));")]
            /// ```
            #[track_caller]
            pub fn $method(self) -> Self {
                let y = self.tape().map($op, [self]);
                $(y.noted(stringify!($method), crate::Noter::Activation, y.entry()) $end)?
                y
            }
        }

        #[cfg(test)]
        #[test]
        fn $method() {
            crate::check::elementwise(|[x]| x.$method(), [$low..$high]).assert_ok();
        }
    )*};
}

/// Functions of two arguments, which broadcast, with their vjp; the example and the test stand
/// elsewhere.
macro_rules! binary {
    ($(
        $(#[$doc:meta])*
        $method:ident = $op:ident($a:ident, $b:ident) { $value:expr } $([$arith:ident])? $($dear:ident)? $(, vjp($y:ident, $g:ident) $rule:block)?;
    )*) => {$(
        #[derive(Clone)]
        struct $op;

        impl crate::Elementwise<2> for $op {
            crate::op::compiled_here!($op, 2);
            const NAME: &'static str = stringify!($method);
            const DEAR: bool = stringify!($($dear)?).len() > 0;
            $(const ARITH: Option<wengert_tensor::kernel::Arith> = Some(wengert_tensor::kernel::Arith::$arith);)?
            #[inline(always)]
            fn apply<T: Float>(&self, [$a, $b]: [T; 2]) -> T {
                $value
            }
            #[allow(unused_variables, reason = "not every rule reads the inputs")]
            fn vjp<'t, T: Float>(&self, [$a, $b]: [Var<'t, T>; 2], y: Var<'t, T>, g: Var<'t, T>) -> crate::Cotangents<'t, T> {
                #[allow(unused_mut, unused_assignments, reason = "without a rule the derivatives are 0")]
                let mut found = crate::Cotangents::none(2);
                $(
                    let ($y, $g) = (y, g);
                    found = $rule.into();
                )?
                found
            }
        }

        impl<'t, T: Float> Var<'t, T> {
            $(#[$doc])*
            /// # Panics
            /// If the shapes do not broadcast.
            #[track_caller]
            pub fn $method(self, other: impl crate::Operand<'t, T>) -> Self {
                let other = other.on(self.tape());
                self.tape().map($op, [self, other])
            }
        }
    )*};
}
