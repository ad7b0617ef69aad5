//! Exponentials and logarithms.

use std::f64::consts::{LN_2, LN_10};

use wengert_tensor::Float;

use crate::Var;

unary! {
    /// eˣ.
    exp = Exp(x) { x.exp() } dear;
    slope(y) { y };
    at 0.0 => 1.0, 1.0;
    on -3.0, 3.0;

    /// 2ˣ.
    exp2 = Exp2(x) { x.exp2() } dear;
    slope(y) { LN_2 * y };
    at 3.0 => 8.0, 8.0 * std::f64::consts::LN_2;
    on -3.0, 3.0;

    /// eˣ − 1, accurate near 0.
    expm1 = Expm1(x) { x.expm1() } dear;
    // Not y + 1, which loses the digits of e⁻²⁰.
    slope(y) { x.exp() };
    at 1e-20 => 1e-20, 1.0;
    on -3.0, 3.0;

    /// Natural logarithm.
    #[doc(alias = "log")]
    ln = Ln(x) { x.ln() } dear;
    slope(y) 1 / { x };
    at 1.0 => 0.0, 1.0;
    on 0.5, 4.0;

    /// ln(1 + x), accurate near 0.
    #[doc(alias = "log1p")]
    ln1p = Ln1p(x) { x.ln1p() } dear;
    slope(y) 1 / { 1.0 + x };
    at 1e-20 => 1e-20, 1.0;
    on -0.5, 4.0;

    /// Logarithm to base 2.
    log2 = Log2(x) { x.log2() } dear;
    slope(y) 1 / { LN_2 * x };
    at 8.0 => 3.0, 0.125 / std::f64::consts::LN_2;
    on 0.5, 4.0;

    /// Logarithm to base 10.
    log10 = Log10(x) { x.log10() } dear;
    slope(y) 1 / { LN_10 * x };
    at 1.0 => 0.0, 1.0 / std::f64::consts::LN_10;
    on 0.5, 4.0;
}

binary! {
    /// ln(eᵃ + eᵇ), without overflow.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.scalar(1000.0);
    /// assert_eq!(x.logaddexp(1000.0).item(), 1000.0 + 2f64.ln());
    /// assert_eq!(x.logaddexp(1000.0).grad([x])[0].item(), 0.5);
    /// ```
    logaddexp = LogAddExp(a, b) { a.log_add_exp(b) } dear,
    vjp(y, g) { [g.chain((a - b).sigmoid()), g.chain((b - a).sigmoid())] };

    /// This times the logarithm of `other`; 0 where this is 0, even of the logarithm of 0.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let p = tape.var(tensor![0.0, 1.0]);
    /// let entropy = -p.xlogy(p).sum(..);
    /// assert_eq!(entropy.item(), 0.0);
    /// ```
    xlogy = Xlogy(a, b) { a.xlogy(b) } dear,
    vjp(y, g) {
        // 0 · ln 0 is taken as constant.
        let b = (a.ne(0.0) + b.gt(0.0)).where_(b, 1.0);
        [g.chain(b.ln()), g.chain(a / b)]
    };
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::ops::testing::slope;
    use crate::{Tape, check};

    const INF: f64 = f64::INFINITY;

    #[test]
    fn derivatives() {
        check::elementwise(|[a, b]| a.logaddexp(b), [-2.0..2.0, -2.0..2.0]).assert_ok();
        check::elementwise(|[a, b]| a.xlogy(b), [-2.0..2.0, 0.5..3.0]).assert_ok();
    }

    #[test]
    fn the_whole_range() {
        let x: Tensor<f64> = tensor![-1000.0, -745.0, -50.0, 0.0, 709.0, 710.0];
        let exp = x.map(f64::exp);
        slope(|x| x.exp(), &x).assert_close(&exp, 1e-15, 0.0);
        slope(|x| x.expm1(), &x).assert_close(&exp, 1e-15, 0.0);
        let tiny = tensor![-1.0, -1e-20, 1e-300, 1e-8, 1e300];
        let expected = tensor![INF, 1.0, 1.0, 1.0 / (1.0 + 1e-8), 1e-300];
        slope(|x| x.ln1p(), &tiny).assert_close(&expected, 1e-15, 0.0);
    }

    #[test]
    fn infinite_arguments() {
        let tape = Tape::new();
        let (a, b) = (tape.var(tensor![-INF, -INF, INF]), tape.var(tensor![-INF, 1.0, 1.0]));
        let y = a.logaddexp(b);
        assert_eq!(y.value(), tensor![-INF, 1.0, INF]);
        assert_eq!(y.slice(0, 1..).sum(..).grad([a, b])[0].value(), tensor![0.0, 0.0, 1.0]);
        let (a, b) = (tape.var(tensor![0.0, 0.0, 2.0]), tape.var(tensor![0.0, -1.0, 0.0]));
        let y = a.xlogy(b);
        assert_eq!(y.value(), tensor![0.0, 0.0, -INF]);
        let [da, db] = y.sum(..).grad([a, b]);
        assert_eq!(da.value(), tensor![0.0, 0.0, -INF]);
        assert_eq!(db.value(), tensor![0.0, 0.0, INF]);
    }
}
