//! The product of the chain rule. A cotangent of 0 stays 0, whatever the slope: what `where_`
//! did not choose gets no gradient, although its slope may be infinite or NaN.

use wengert_tensor::Float;
use wengert_tensor::kernel::Arith;

use crate::{Cotangents, Elementwise, Operand, Var};

/// g · d, and 0 where g is 0.
#[derive(Clone)]
struct Chain;

impl Elementwise<2> for Chain {
    crate::op::compiled_here!(Chain, 2);
    const NAME: &'static str = "chain";
    const ARITH: Option<Arith> = Some(Arith::Chain);
    #[inline(always)]
    fn apply<T: Float>(&self, [g, d]: [T; 2]) -> T {
        let product = g * d;
        if g == T::ZERO { T::ZERO } else { product }
    }
    fn vjp<'t, T: Float>(&self, [g, d]: [Var<'t, T>; 2], _: Var<'t, T>, h: Var<'t, T>) -> Cotangents<'t, T> {
        [h.chain(d), h.tape().map(Both, [h, g])].into()
    }
}

/// g / d, and 0 where g is 0.
#[derive(Clone)]
struct Per;

impl Elementwise<2> for Per {
    crate::op::compiled_here!(Per, 2);
    const NAME: &'static str = "per";
    const ARITH: Option<Arith> = Some(Arith::Per);
    #[inline(always)]
    fn apply<T: Float>(&self, [g, d]: [T; 2]) -> T {
        let quotient = g / d;
        if g == T::ZERO { T::ZERO } else { quotient }
    }
    fn vjp<'t, T: Float>(&self, [_, d]: [Var<'t, T>; 2], y: Var<'t, T>, h: Var<'t, T>) -> Cotangents<'t, T> {
        let dg = h.per(d);
        [dg, -h.tape().map(Both, [dg, y])].into()
    }
}

/// g · h of two cotangents, and 0 where either is 0.
#[derive(Clone)]
struct Both;

impl Elementwise<2> for Both {
    crate::op::compiled_here!(Both, 2);
    const NAME: &'static str = "chain_both";
    #[inline(always)]
    fn apply<T: Float>(&self, [g, h]: [T; 2]) -> T {
        let product = g * h;
        if g == T::ZERO || h == T::ZERO { T::ZERO } else { product }
    }
    fn vjp<'t, T: Float>(&self, [g, h]: [Var<'t, T>; 2], _: Var<'t, T>, k: Var<'t, T>) -> Cotangents<'t, T> {
        let tape = k.tape();
        [tape.map(Both, [k, h]), tape.map(Both, [k, g])].into()
    }
}

/// x · p, and 0 where p is 0.
#[derive(Clone)]
struct Gate;

impl Elementwise<2> for Gate {
    crate::op::compiled_here!(Gate, 2);
    const NAME: &'static str = "gate";
    #[inline(always)]
    fn apply<T: Float>(&self, [x, p]: [T; 2]) -> T {
        let product = x * p;
        if p == T::ZERO { T::ZERO } else { product }
    }
    fn vjp<'t, T: Float>(&self, [x, p]: [Var<'t, T>; 2], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g.chain(p), g.tape().map(GateSlope, [g, x])].into()
    }
}

/// g · x, and 0 where x is infinite: there the gate stands still.
#[derive(Clone)]
struct GateSlope;

impl Elementwise<2> for GateSlope {
    crate::op::compiled_here!(GateSlope, 2);
    const NAME: &'static str = "gate_slope";
    #[inline(always)]
    fn apply<T: Float>(&self, [g, x]: [T; 2]) -> T {
        let product = g * x;
        if x.abs() == T::INFINITY { T::ZERO } else { product }
    }
    fn vjp<'t, T: Float>(&self, [g, x]: [Var<'t, T>; 2], _: Var<'t, T>, h: Var<'t, T>) -> Cotangents<'t, T> {
        [h.tape().map(GateSlope, [h, x]), x.is_infinite().where_(0.0, h.chain(g))].into()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// This times a gate that depends on it, as in silu or gelu, and closes faster than this grows: 0
    /// where the gate is 0, and without a slope through the gate where this is infinite.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![f64::NEG_INFINITY, 0.0, f64::INFINITY]);
    /// let y = x.gate(x.sigmoid());
    /// assert_eq!(y.value(), tensor![0.0, 0.0, f64::INFINITY]);
    /// assert_eq!(y.sum(..).grad([x])[0].value(), tensor![0.0, 0.5, 1.0]);
    /// ```
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn gate(self, gate: impl Operand<'t, T>) -> Self {
        let gate = gate.on(self.tape());
        self.tape().map(Gate, [self, gate])
    }

    /// This cotangent times a slope, and 0 where the cotangent is 0, even if the slope is infinite
    /// or NaN: how the vjp rules of elementwise functions multiply.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let g = tape.var(tensor![0.0, 2.0]);
    /// assert_eq!(g.chain(&tensor![f64::INFINITY, 3.0]).value(), tensor![0.0, 6.0]);
    /// ```
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn chain(self, slope: impl Operand<'t, T>) -> Self {
        let slope = slope.on(self.tape());
        self.tape().map(Chain, [self, slope])
    }

    /// This cotangent over the reciprocal of a slope, as [`Var::chain`].
    #[track_caller]
    pub(crate) fn per(self, over: Self) -> Self {
        self.tape().map(Per, [self, over])
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::ops::testing::{gradients, numbers};
    use crate::{Tape, Var};

    #[test]
    fn derivatives() {
        let (g, d) = (numbers(&[3, 1]), numbers(&[4]) + 2.0);
        gradients(|[g, d]| g.chain(d), [g.clone(), d.clone()]);
        gradients(|[g, d]| g.per(d), [g.clone(), d.clone()]);
        gradients(|[g, d]| g.gate(d), [g, d]);
        gradients(|[x]| x.gate(x.sigmoid()), [numbers(&[2, 3])]);
    }

    /// Of tensors, cheap maps are steps of sequences; of single numbers, the functions themselves.
    #[test]
    fn cheap_maps_are_their_functions() {
        type Function = for<'t> fn([Var<'t, f32>; 3]) -> Var<'t, f32>;
        let all: [Function; 18] = [
            |[a, b, _]| a + b,
            |[a, b, _]| a - b,
            |[a, b, _]| a * b,
            |[a, b, _]| a / b,
            |[a, b, _]| a.chain(b),
            |[a, b, _]| a.per(b),
            |[a, _, _]| -a,
            |[a, _, _]| a.abs(),
            |[a, _, _]| a.sqrt(),
            |[a, b, _]| a.eq(b),
            |[a, b, _]| a.ne(b),
            |[a, b, _]| a.lt(b),
            |[a, b, _]| a.le(b),
            |[a, b, _]| a.gt(b),
            |[a, b, _]| a.ge(b),
            |[a, b, _]| a.maximum(b),
            |[a, b, _]| a.minimum(b),
            |[a, b, c]| a.where_(b, c),
        ];
        let special = [-2.5, -0.0, 0.0, 1.0, 3.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        let column = |step: usize| -> Vec<f32> { (0..512).map(|i| special[i / step % 8]).collect() };
        let columns = [column(1), column(8), column(64)];
        for (k, f) in all.into_iter().enumerate() {
            // Two maps, since one alone is no sequence.
            let value = |x: [Tensor; 3]| {
                let tape = Tape::<f32>::new();
                (-f(x.each_ref().map(|x| tape.var(x)))).value().to_vec()
            };
            let found = value(columns.clone().map(|x| Tensor::from_vec(x, [512])));
            for (i, found) in found.into_iter().enumerate() {
                let x = columns.each_ref().map(|x| x[i]);
                let expected = value(x.map(|x| Tensor::from_vec(vec![x], [])))[0];
                let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
                assert!(same, "function {k} of {x:?}: {found:?}, not {expected:?}");
            }
        }
    }

    /// A cotangent that happens to be 0 still varies with what it was computed from.
    #[test]
    fn a_zero_cotangent_has_derivatives() {
        let tape = Tape::<f64>::new();
        let (a, b) = (tape.var(tensor![0.0]), tape.var(tensor![3.0]));
        let half_square = (a * b).square().sum(..) * 0.5;
        let [da, db] = half_square.grad([a, b]);
        assert_eq!((da.value(), db.value()), (tensor![0.0], tensor![0.0]));
        assert_eq!(da.sum(..).grad([a])[0].value(), tensor![9.0]);
    }
}
