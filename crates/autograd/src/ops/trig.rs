//! Circular and hyperbolic functions and their inverses.

use wengert_tensor::Float;

use crate::Var;

unary! {
    /// Sine of an angle in radians.
    sin = Sin(x) { x.sin() } dear;
    slope(y) { x.cos() };
    at 0.0 => 0.0, 1.0;
    on -4.0, 4.0;

    /// Cosine of an angle in radians.
    cos = Cos(x) { x.cos() } dear;
    slope(y) { -x.sin() };
    at 0.0 => 1.0, 0.0;
    on -4.0, 4.0;

    /// Tangent of an angle in radians.
    tan = Tan(x) { x.tan() } dear;
    slope(y) { 1.0 + y * y };
    at 0.0 => 0.0, 1.0;
    on -1.2, 1.2;

    /// Inverse sine, in radians.
    #[doc(alias = "arcsin")]
    asin = Asin(x) { x.asin() } dear;
    slope(y) 1 / { ((x + 1.0) * (-x + 1.0)).sqrt() };
    at 0.0 => 0.0, 1.0;
    on -0.8, 0.8;

    /// Inverse cosine, in radians.
    #[doc(alias = "arccos")]
    acos = Acos(x) { x.acos() } dear;
    slope(y) 1 / { -((x + 1.0) * (-x + 1.0)).sqrt() };
    at 0.0 => std::f64::consts::FRAC_PI_2, -1.0;
    on -0.8, 0.8;

    /// Inverse tangent, in radians.
    #[doc(alias = "arctan")]
    atan = Atan(x) { x.atan() } dear;
    slope(y) 1 / { 1.0 + x * x };
    at 1.0 => std::f64::consts::FRAC_PI_4, 0.5;
    on -3.0, 3.0;

    /// Hyperbolic sine.
    sinh = Sinh(x) { x.sinh() } dear;
    slope(y) { x.cosh() };
    at 0.0 => 0.0, 1.0;
    on -3.0, 3.0;

    /// Hyperbolic cosine.
    cosh = Cosh(x) { x.cosh() } dear;
    slope(y) { x.sinh() };
    at 0.0 => 1.0, 0.0;
    on -3.0, 3.0;

    /// Inverse hyperbolic sine.
    #[doc(alias = "arcsinh")]
    asinh = Asinh(x) { x.asinh() } dear;
    // √(x² + 1) as a hypotenuse, whose square does not overflow.
    slope(y) 1 / { x.hypot(1.0) };
    at 0.0 => 0.0, 1.0;
    on -3.0, 3.0;

    /// Inverse hyperbolic cosine.
    #[doc(alias = "arccosh")]
    acosh = Acosh(x) { x.acosh() } dear;
    // Two roots: their product does not overflow, and is NaN below 1.
    slope(y) 1 / { (x - 1.0).sqrt() * (x + 1.0).sqrt() };
    at 1.0 => 0.0, f64::INFINITY;
    on 1.5, 4.0;

    /// Inverse hyperbolic tangent.
    #[doc(alias = "arctanh")]
    atanh = Atanh(x) { x.atanh() } dear;
    slope(y) 1 / { (1.0 - x) * (1.0 + x) };
    at 0.0 => 0.0, 1.0;
    on -0.8, 0.8;
}

binary! {
    /// The angle in radians from the first axis to the point (`other`, this), between −π and π.
    ///
    /// At the origin the gradient is 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let (y, x) = (tape.scalar(2.0), tape.scalar(0.0));
    /// let angle = y.atan2(x);
    /// assert_eq!(angle.item(), std::f64::consts::FRAC_PI_2);
    /// assert_eq!(angle.grad([y, x]).map(|d| d.item()), [0.0, -0.5]);
    /// ```
    atan2 = Atan2(a, b) { a.atan2(b) } dear,
    vjp(y, g) {
        // Twice by the distance, whose square might overflow.
        let origin = a.eq(0.0) * b.eq(0.0);
        let r = origin.where_(1.0, a.hypot(b));
        [g.chain(b / r / r), -g.chain(a / r / r)]
    };
}

#[cfg(test)]
mod tests {
    use wengert_tensor::tensor;

    use crate::ops::testing::slope;
    use crate::{Tape, check};

    const INF: f64 = f64::INFINITY;

    #[test]
    fn derivatives() {
        check::elementwise(|[y, x]| y.atan2(x), [-2.0..2.0, 0.5..3.0]).assert_ok();
    }

    #[test]
    fn at_the_ends() {
        assert_eq!(slope(|x| x.asin(), &tensor![-1.0, 1.0]), tensor![INF, INF]);
        assert_eq!(slope(|x| x.acos(), &tensor![-1.0, 1.0]), tensor![-INF, -INF]);
        assert_eq!(slope(|x| x.atanh(), &tensor![-1.0, 1.0]), tensor![INF, INF]);
        assert!(slope(|x| x.asin(), &tensor![1.5]).item().is_nan());
        assert!(slope(|x| x.acosh(), &tensor![0.5]).item().is_nan());
        let large = tensor![1e200];
        slope(|x| x.asinh(), &large).assert_close(&tensor![1e-200], 1e-15, 0.0);
        slope(|x| x.acosh(), &large).assert_close(&tensor![1e-200], 1e-15, 0.0);
    }

    #[test]
    fn angles() {
        let tape = Tape::new();
        let (y, x) = (tape.var(tensor![0.0, 1e200, -1.0]), tape.var(tensor![0.0, 1e200, 0.0]));
        let angle = y.atan2(x);
        let expected = tensor![0.0, std::f64::consts::FRAC_PI_4, -std::f64::consts::FRAC_PI_2];
        angle.value().assert_close(&expected, 1e-15, 0.0);
        let [dy, dx] = angle.sum(..).grad([y, x]);
        dy.value().assert_close(&tensor![0.0, 0.5e-200, 0.0], 1e-14, 0.0);
        dx.value().assert_close(&tensor![0.0, -0.5e-200, 1.0], 1e-14, 0.0);
        assert_eq!(dy.sum(..).grad([y])[0].value().at([0]), 0.0);
    }
}
