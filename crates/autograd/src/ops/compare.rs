//! Comparisons (1 where true, else 0), and choosing between values.

use wengert_tensor::kernel::Arith;
use wengert_tensor::{Float, Tensor, broadcast};

use super::checked;
use crate::{Cotangents, Elementwise, Operand, Tape, Var};

binary! {
    /// 1 where this is larger, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 0.0, 2.0]).gt(0.0).value(), tensor![0.0, 0.0, 1.0]);
    /// ```
    gt = Gt(a, b) { T::mask(a > b) } [Gt];
    /// 1 where this is larger or equal, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 0.0, 2.0]).ge(0.0).value(), tensor![0.0, 1.0, 1.0]);
    /// ```
    ge = Ge(a, b) { T::mask(a >= b) } [Ge];
    /// 1 where this is smaller, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 0.0, 2.0]).lt(0.0).value(), tensor![1.0, 0.0, 0.0]);
    /// ```
    lt = Lt(a, b) { T::mask(a < b) } [Lt];
    /// 1 where this is smaller or equal, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 0.0, 2.0]).le(0.0).value(), tensor![1.0, 1.0, 0.0]);
    /// ```
    le = Le(a, b) { T::mask(a <= b) } [Le];
    /// 1 where both are equal, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 0.0, 2.0]).eq(0.0).value(), tensor![0.0, 1.0, 0.0]);
    /// ```
    eq = Eq(a, b) { T::mask(a == b) } [Eq];
    /// 1 where they differ, else 0; NaN differs from everything.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 0.0, 2.0]).ne(0.0).value(), tensor![1.0, 0.0, 1.0]);
    /// ```
    ne = Ne(a, b) { T::mask(a != b) } [Ne];

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
    maximum = Maximum(a, b) { a.max_nan(b) } [Max],
    vjp(y, g) {
        let share = a.eq(b).where_(g * 0.5, 0.0);
        [a.gt(b).where_(g, share), b.gt(a).where_(g, share)]
    };
    /// The smaller of two; NaN if either is. Where they are equal, each gets half the gradient.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-1.0, 2.0]).minimum(0.0).value(), tensor![-1.0, 0.0]);
    /// ```
    minimum = Minimum(a, b) { a.min_nan(b) } [Min],
    vjp(y, g) {
        let share = a.eq(b).where_(g * 0.5, 0.0);
        [a.lt(b).where_(g, share), b.lt(a).where_(g, share)]
    };
}

unary! {
    /// 1 where it is NaN, else 0.
    #[doc(alias = "isnan")]
    is_nan = IsNan(x) { T::mask(x.is_nan()) };
    at f64::NAN => 1.0, 0.0;
    on -1.0, 1.0;

    /// 1 where it is neither infinite nor NaN, else 0.
    #[doc(alias = "isfinite")]
    is_finite = IsFinite(x) { T::mask(x.is_finite()) };
    at f64::INFINITY => 0.0, 0.0;
    on -1.0, 1.0;

    /// 1 where it is ∞ or −∞, else 0.
    #[doc(alias = "isinf")]
    is_infinite = IsInfinite(x) { T::mask(x.abs() == T::INFINITY) };
    at f64::INFINITY => 1.0, 0.0;
    on -1.0, 1.0;
}

#[derive(Clone)]
struct Where;

impl Elementwise<3> for Where {
    crate::op::compiled_here!(Where, 3);
    const NAME: &'static str = "where";
    const ARITH: Option<Arith> = Some(Arith::Where);
    #[inline(always)]
    fn apply<T: Float>(&self, [condition, a, b]: [T; 3]) -> T {
        if condition != T::ZERO { a } else { b }
    }
    fn vjp<'t, T: Float>(&self, [condition, _, _]: [Var<'t, T>; 3], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        // Selected, never multiplied: 0 · ∞ must not reach the other branch.
        [None, Some(condition.where_(g, 0.0)), Some(condition.where_(0.0, g))].into()
    }
}

#[derive(Clone)]
struct NanToNum;

impl Elementwise<1> for NanToNum {
    crate::op::compiled_here!(NanToNum, 1);
    const NAME: &'static str = "nan_to_num";
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        let finite = x.min_nan(T::MAX).max_nan(-T::MAX);
        if x.is_nan() { T::ZERO } else { finite }
    }
    fn vjp<'t, T: Float>(&self, [x]: [Var<'t, T>; 1], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [x.is_finite().where_(g, 0.0)].into()
    }
}

#[derive(Clone)]
struct Clamp {
    min: f64,
    max: f64,
}

impl Elementwise<1> for Clamp {
    crate::op::compiled_here!(Clamp, 1);
    const NAME: &'static str = "clamp";
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        x.max_nan(T::from_f64(self.min)).min_nan(T::from_f64(self.max))
    }
    fn vjp<'t, T: Float>(&self, [x]: [Var<'t, T>; 1], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        // An infinite bound is none: ∞ itself is inside of it.
        let above = (self.min > f64::NEG_INFINITY).then(|| x.gt(self.min));
        let below = (self.max < f64::INFINITY).then(|| x.lt(self.max));
        let inside = match (above, below) {
            (Some(a), Some(b)) => a * b,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return [g].into(),
        };
        [inside.where_(g, 0.0)].into()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `a` where this mask is not 0, else `b`.
    ///
    /// The gradient of what was not chosen is 0, even where it is NaN or its slope infinite.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![-1.0, 0.0, 4.0]);
    /// let y = x.gt(0.0).where_(x.sqrt(), 0.0);
    /// assert_eq!(y.value(), tensor![0.0, 0.0, 2.0]);
    /// assert_eq!(y.sum(..).grad([x])[0].value(), tensor![0.0, 0.0, 0.25]);
    /// ```
    /// # Panics
    /// If the shapes do not broadcast.
    #[doc(alias = "where")]
    #[track_caller]
    pub fn where_(self, a: impl Operand<'t, T>, b: impl Operand<'t, T>) -> Self {
        let (a, b) = (a.on(self.tape()), b.on(self.tape()));
        self.tape().map(Where, [self, a, b])
    }

    /// `value` where `mask` is not 0, else this.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![1.0, -2.0]);
    /// assert_eq!(x.masked_fill(x.lt(0.0), 0.0).value(), tensor![1.0, 0.0]);
    /// ```
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn masked_fill(self, mask: impl Operand<'t, T>, value: f64) -> Self {
        let mask = mask.on(self.tape());
        checked("masked_fill", broadcast(&mask.shape(), &self.shape()));
        mask.where_(value, self)
    }

    /// 0 for NaN, the largest or smallest finite number for ∞ and −∞; the derivative is 0 there.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![f64::NAN, f64::INFINITY, 1.0]);
    /// assert_eq!(x.nan_to_num().value(), tensor![0.0, f64::MAX, 1.0]);
    /// assert_eq!(x.nan_to_num().sum(..).grad([x])[0].value(), tensor![0.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn nan_to_num(self) -> Self {
        self.tape().map(NanToNum, [self])
    }

    /// The nearest number between `min` and `max`; `max` if `min` is larger, NaN for NaN. The
    /// derivative is 0 at the bounds and outside.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![-3.0, 0.5, 1.0]);
    /// assert_eq!(x.clamp(-1.0, 1.0).value(), tensor![-1.0, 0.5, 1.0]);
    /// assert_eq!(x.clamp(-1.0, 1.0).sum(..).grad([x])[0].value(), tensor![0.0, 1.0, 0.0]);
    /// ```
    #[doc(alias = "clip")]
    #[track_caller]
    pub fn clamp(self, min: f64, max: f64) -> Self {
        self.tape().map(Clamp { min, max }, [self])
    }

    /// The larger of this and `min`, as [`Var::clamp`].
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-3.0, 3.0]).clamp_min(0.5).value(), tensor![0.5, 3.0]);
    /// ```
    #[track_caller]
    pub fn clamp_min(self, min: f64) -> Self {
        self.clamp(min, f64::INFINITY)
    }

    /// The smaller of this and `max`, as [`Var::clamp`].
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// assert_eq!(tape.var(tensor![-3.0, 3.0]).clamp_max(0.5).value(), tensor![-3.0, 0.5]);
    /// ```
    #[track_caller]
    pub fn clamp_max(self, max: f64) -> Self {
        self.clamp(f64::NEG_INFINITY, max)
    }
}

impl<T: Float> Tape<T> {
    /// A variable of 1 where `mask` is true, else 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let mask = tape.mask(&tensor![true, false]);
    /// assert_eq!(mask.where_(1.0, -1.0).value(), tensor![1.0, -1.0]);
    /// ```
    #[track_caller]
    pub fn mask(&self, mask: &Tensor<bool>) -> Var<'_, T> {
        self.var(mask.cast())
    }
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::ops::testing::slope;
    use crate::{Tape, check};

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    #[test]
    fn derivatives() {
        check::elementwise(|[a, b]| a.maximum(b) * a, [-2.0..2.0, -2.0..2.0]).assert_ok();
        check::elementwise(|[a, b]| a.minimum(b) * b, [-2.0..2.0, -2.0..2.0]).assert_ok();
        check::elementwise(|[a, b, c]| a.gt(b).where_(c * c, b * b * b), [-2.0..2.0, -2.0..2.0, -1.0..1.0]).assert_ok();
        check::elementwise(|[a]| a.clamp(-0.5, 0.5) * a, [-1.0..1.0]).assert_ok();
        check::elementwise(|[a]| a.masked_fill(a.lt(0.0), 3.0) * a, [-1.0..1.0]).assert_ok();
    }

    #[test]
    fn comparisons_by_hand() {
        let tape = Tape::new();
        let (a, b) = (tape.var(tensor![1.0, 2.0, 2.0, NAN]), 2.0);
        assert_eq!(a.gt(b).value(), tensor![0.0, 0.0, 0.0, 0.0]);
        assert_eq!(a.ge(b).value(), tensor![0.0, 1.0, 1.0, 0.0]);
        assert_eq!(a.lt(b).value(), tensor![1.0, 0.0, 0.0, 0.0]);
        assert_eq!(a.le(b).value(), tensor![1.0, 1.0, 1.0, 0.0]);
        assert_eq!(a.eq(b).value(), tensor![0.0, 1.0, 1.0, 0.0]);
        assert_eq!(a.ne(b).value(), tensor![1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn ties_share() {
        let x = tensor![1.0, -2.0];
        assert_eq!(slope(|x| x.maximum(x), &x), tensor![1.0, 1.0]);
        assert_eq!(slope(|x| x.minimum(1.0), &x), tensor![0.5, 1.0]);
        let tape = Tape::new();
        let y = tape.var(tensor![NAN, 1.0]).maximum(&tensor![1.0, NAN]).value();
        assert!(y.iter().all(f64::is_nan));
    }

    #[test]
    fn clamping() {
        let x = tensor![-2.0, -1.0, 0.5, 1.0, NAN, INF, -INF];
        let tape = Tape::new();
        let y = tape.var(&x).clamp(-1.0, 1.0).value();
        assert!(y.allclose(&tensor![-1.0, -1.0, 0.5, 1.0, NAN, 1.0, -1.0], 0.0, 0.0));
        assert_eq!(slope(|x| x.clamp(-1.0, 1.0), &x), tensor![0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(slope(|x| x.clamp_min(-1.0), &x), tensor![0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(slope(|x| x.clamp_max(1.0), &x), tensor![1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(tape.scalar(0.0).clamp(2.0, 1.0).item(), 1.0);
    }

    #[test]
    fn what_was_not_chosen_gets_nothing() {
        let tape = Tape::new();
        let condition = tape.mask(&tensor![[true], [false]]);
        let (a, b) = (tape.var(tensor![[1.0, 2.0, INF]]), tape.scalar(NAN));
        let y = condition.where_(a, b);
        let [da, db] = y.vjp(&tensor![[1.0, 2.0, 3.0], [INF, NAN, INF]], [a, b]);
        assert_eq!(da.value(), tensor![[1.0, 2.0, 3.0]]);
        assert_eq!(db.shape(), []);
        let x = tape.var(tensor![-1.0, 0.0, 4.0]);
        let root = x.gt(0.0).where_(x.sqrt(), 0.0);
        let [first] = root.sum(..).grad([x]);
        assert_eq!(first.value(), tensor![0.0, 0.0, 0.25]);
        assert_eq!(first.sum(..).grad([x])[0].value(), tensor![0.0, 0.0, -1.0 / 32.0]);
        let quotient = x.ne(0.0).where_(x / x, 1.0);
        assert_eq!(quotient.sum(..).grad([x])[0].value(), tensor![0.0, 0.0, 0.0]);
        let large = tape.var(tensor![-1.0, 1000.0]);
        let y = large.lt(0.0).where_(large.exp(), 1.0 + large);
        assert_eq!(y.sum(..).grad([large])[0].value(), tensor![(-1f64).exp(), 1.0]);
    }

    #[test]
    fn replaced_numbers() {
        let x = tensor![NAN, INF, -INF, 1.0];
        let tape = Tape::new();
        assert_eq!(tape.var(&x).nan_to_num().value(), tensor![0.0, f64::MAX, -f64::MAX, 1.0]);
        assert_eq!(slope(|x| x.nan_to_num(), &x), tensor![0.0, 0.0, 0.0, 1.0]);
        let single: Tensor<f32> = Tape::new().var(tensor![f32::INFINITY]).nan_to_num().value();
        assert_eq!(single.item(), f32::MAX);
        assert_eq!(tape.var(&x).is_nan().value(), tensor![1.0, 0.0, 0.0, 0.0]);
        assert_eq!(tape.var(&x).is_infinite().value(), tensor![0.0, 1.0, 1.0, 0.0]);
        assert_eq!(tape.var(&x).is_finite().value(), tensor![0.0, 0.0, 0.0, 1.0]);
    }
}
