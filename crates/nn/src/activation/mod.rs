//! Activations: functions of variables, composed of operations of the tape.

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use std::f64::consts::{FRAC_2_SQRT_PI, SQRT_2};

use wengert_autograd::{Noter, Var};
use wengert_tensor::{Axes, Float, Shape, Tensor};

/// Declares [`Activation`] and implements it: the expression and its example stand together.
/// The example compares values and slopes exactly.
macro_rules! activations {
    ($(#[$trait_doc:meta])* $trait:ident; $(
        $(#[$doc:meta])*
        $name:ident($x:ident $(, $arg:ident: $type:ty)*) $body:block
        at $at:expr, ($($with:expr),*) => $value:expr, $slope:expr $(, panics $when:literal)?;
    )*) => {
        $(#[$trait_doc])*
        pub trait $trait: Sized {$(
            $(#[$doc])*
            ///
            /// ```
            /// # use wengert_autograd::Tape;
            /// # use wengert_nn::Activation;
            /// # use wengert_tensor::tensor;
            /// let tape = Tape::<f64>::new();
            #[doc = concat!("let x = tape.var(tensor!", stringify!($at), ");")]
            #[doc = concat!("let y = x.", stringify!($name), "(", stringify!($($with),*), ");")]
            #[doc = concat!("assert_eq!(y.value(), tensor!", stringify!($value), ");")]
            #[doc = concat!("assert_eq!(y.sum(..).grad([x])[0].value(), tensor!", stringify!($slope), ");")]
            /// ```
            $(#[doc = concat!("# Panics\n", $when)])?
            #[track_caller]
            fn $name(self $(, $arg: $type)*) -> Self;
        )*}

        impl<T: Float> $trait for Var<'_, T> {$(
            fn $name(self $(, $arg: $type)*) -> Self {
                let $x = self;
                let from = $x.tape().len();
                let y = $body;
                y.noted(stringify!($name), Noter::Activation, from)
            }
        )*}
    };
}

/// What SELU scales its two sides by: the numbers that keep mean 0 and variance 1 from layer to
/// layer (Klambauer et al. 2017, eq. 14).
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

activations! {
    /// Activations as methods of [`Var`], beside its own `tanh`, `sigmoid` and `softplus`.
    ///
    /// Values and slopes are finite and accurate from −1000 to 1000; NaN stays NaN. At a kink,
    /// the slope is the one that the example shows. On a tape that is watched, each notes its output.
    Activation;

    /// max(x, 0).
    relu(x) {
        // The other way round, x where x > 0, would turn NaN into 0.
        x.le(0.0).where_(0.0, x)
    }
    at [-2.0, 0.0, 3.0], () => [0.0, 0.0, 3.0], [0.0, 0.0, 1.0];

    /// x where it is positive, else `slope`·x.
    leaky_relu(x, slope: f64) {
        x * x.gt(0.0).where_(1.0, slope)
    }
    at [-2.0, 0.0, 3.0], (0.25) => [-0.5, 0.0, 3.0], [0.25, 0.25, 1.0];

    /// x, but at least 0 and at most 6.
    relu6(x) {
        x.clamp(0.0, 6.0)
    }
    at [-2.0, 0.0, 3.0, 6.0, 8.0], () => [0.0, 0.0, 3.0, 6.0, 6.0], [0.0, 0.0, 1.0, 0.0, 0.0];

    /// x where it is positive, else α(eˣ − 1): Clevert et al., "Fast and accurate deep network
    /// learning by exponential linear units" (2015), eq. 3.
    elu(x, alpha: f64) {
        x.gt(0.0).where_(x, alpha * x.expm1())
    }
    at [-1000.0, 0.0, 3.0], (0.5) => [-0.5, 0.0, 3.0], [0.0, 0.5, 1.0];

    /// [`elu`](Activation::elu) with α ≈ 1.67, times 1.05: Klambauer et al., "Self-normalizing
    /// neural networks" (2017), eq. 2.
    selu(x) {
        SELU_SCALE * x.elu(SELU_ALPHA)
    }
    at [0.0, 1.0], () => [0.0, 1.0507009873554805], [1.7580993408473766, 1.0507009873554805];

    /// x where it is positive, else α(e^(x/α) − 1), smooth at 0: Barron, "Continuously
    /// differentiable exponential linear units" (2017), eq. 2.
    celu(x, alpha: f64) {
        x.gt(0.0).where_(x, alpha * (x / alpha).expm1())
    }
    at [-1000.0, 0.0, 3.0], (0.5) => [-0.5, 0.0, 3.0], [0.0, 1.0, 1.0];

    /// x·Φ(x), where Φ is the distribution function of the normal distribution: Hendrycks &
    /// Gimpel, "Gaussian error linear units" (2016), section 2.
    gelu(x) {
        x.gate(x.normal_cdf())
    }
    at [-1000.0, 0.0, 1000.0], () => [0.0, 0.0, 1000.0], [0.0, 0.5, 1.0];

    /// The approximation of [`gelu`](Activation::gelu) by tanh(√(2/π)·(x + 0.044715·x³)):
    /// Hendrycks & Gimpel (2016), section 2.
    gelu_tanh(x) {
        // (1 + tanh u)/2 is the logistic function of 2u, which keeps its digits in the tail.
        let u = (SQRT_2 * FRAC_2_SQRT_PI) * x * (1.0 + 0.044715 * x.square());
        x.gate(u.sigmoid())
    }
    at [-1000.0, 0.0, 1000.0], () => [0.0, 0.0, 1000.0], [0.0, 0.5, 1.0];

    /// x·σ(x), where σ is the logistic function; also called swish: Elfwing et al.,
    /// "Sigmoid-weighted linear units" (2017), eq. 1.
    #[doc(alias = "swish")]
    silu(x) {
        x.gate(x.sigmoid())
    }
    at [-1000.0, 0.0, 1000.0], () => [0.0, 0.0, 1000.0], [0.0, 0.5, 1.0];

    /// x·tanh(softplus(x)): Misra, "Mish: a self regularized non-monotonic activation function"
    /// (2019), eq. 1.
    mish(x) {
        x.gate(x.softplus().tanh())
    }
    at [-1000.0, 1000.0], () => [0.0, 1000.0], [0.0, 1.0];

    /// x/(1 + |x|).
    softsign(x) {
        // Each form where its slope keeps its digits; the second also holds at ±∞.
        let size = x.abs();
        size.le(1.0).where_(x / (1.0 + size), x.sign() / (1.0 + size.recip()))
    }
    at [-3.0, 0.0, 1.0], () => [-0.75, 0.0, 0.5], [0.0625, 1.0, 0.25];

    /// ln σ(x), where σ is the logistic function.
    logsigmoid(x) {
        -(-x).softplus()
    }
    at [-1000.0, 1000.0], () => [-1000.0, 0.0], [1.0, 0.0];

    /// x/6 + ½, but at least 0 and at most 1.
    hardsigmoid(x) {
        (x + 3.0).clamp(0.0, 6.0) / 6.0
    }
    at [-3.0, 0.0, 3.0], () => [0.0, 0.5, 1.0], [0.0, 1.0 / 6.0, 0.0];

    /// x times its [`hardsigmoid`](Activation::hardsigmoid): Howard et al., "Searching for
    /// MobileNetV3" (2019), section 5.2.
    hardswish(x) {
        x.gate(x.hardsigmoid())
    }
    at [-3.0, 0.0, 3.0], () => [0.0, 0.0, 3.0], [0.0, 0.5, 1.0];

    /// x, but at least −1 and at most 1.
    hardtanh(x) {
        x.clamp(-1.0, 1.0)
    }
    at [-2.0, -1.0, 0.5, 1.0], () => [-1.0, -1.0, 0.5, 1.0], [0.0, 0.0, 1.0, 0.0];

    /// x, and 0 between −λ and λ.
    hardshrink(x, lambda: f64) {
        x.abs().le(lambda).where_(0.0, x)
    }
    at [-2.0, 0.5, 3.0], (0.5) => [-2.0, 0.0, 3.0], [1.0, 0.0, 1.0];

    /// x brought nearer to 0 by λ, and 0 between −λ and λ.
    softshrink(x, lambda: f64) {
        x.abs().le(lambda).where_(0.0, x - lambda * x.sign())
    }
    at [-2.0, 0.5, 3.0], (0.5) => [-1.5, 0.0, 2.5], [1.0, 0.0, 1.0];

    /// x − tanh x, which is rounded as x is: near 0, where it is x³/3, few digits are left.
    tanhshrink(x) {
        x - x.tanh()
    }
    at [-1000.0, 0.0, 1000.0], () => [-999.0, 0.0, 999.0], [1.0, 0.0, 1.0];

    /// x where it is larger than `above`, else `value`.
    threshold(x, above: f64, value: f64) {
        // The other way round, x where it is larger, would turn NaN into `value`.
        x.le(above).where_(value, x)
    }
    at [-2.0, 0.5, 3.0], (0.5, 9.0) => [9.0, 9.0, 3.0], [0.0, 0.0, 1.0];

    /// The first half of an axis times the logistic function of the second: Dauphin et al.,
    /// "Language modeling with gated convolutional networks" (2016), eq. 1.
    glu(x, axis: isize) {
        let (axis, size) = sized("glu", x, axis);
        assert!(size.is_multiple_of(2), "glu: axis {axis} of shape {} has no halves", x.shape());
        let half = (size / 2) as isize;
        x.slice(axis, ..half) * x.slice(axis, half..).sigmoid()
    }
    at [3.0, 0.0], (0) => [1.5], [0.5, 0.75],
    panics "If there is no such axis, or its size is odd.";

    /// The largest of several pieces, which are the blocks of an axis: piece j of unit i is at
    /// j·units + i. Pieces that tie share the gradient. Goodfellow et al., "Maxout networks"
    /// (2013), section 2.
    ///
    /// [`Maxout`](crate::Maxout) is the dense layer; for images,
    /// `Conv2d::new(3, 2 * 16, 3, rng)` is followed by `maxout(2, 1)`.
    maxout(x, pieces: usize, axis: isize) {
        let (axis, size) = sized("maxout", x, axis);
        let fits = pieces > 0 && size.is_multiple_of(pieces);
        assert!(fits, "maxout: axis {axis} of shape {} does not consist of {pieces} pieces", x.shape());
        let mut shape = x.shape();
        shape.sizes_mut()[axis as usize] = size / pieces;
        shape.sizes_mut().insert(axis as usize, pieces);
        x.reshape(shape).max(axis)
    }
    at [1.0, 5.0, 2.0, -5.0], (2, 0) => [2.0, 5.0], [0.0, 1.0, 1.0, 0.0],
    panics "If there is no such axis, or the pieces do not divide its size.";

    /// eˣ / Σ eˣ along an axis, without overflow. NaN where every value is −∞.
    softmax(x, axis: isize) {
        let Some(shifted) = below_largest(x, axis, "softmax") else {
            return x;
        };
        let powers = shifted.exp();
        powers / powers.sum_keep(axis)
    }
    at [1000.0, 1000.0], (-1) => [0.5, 0.5], [0.0, 0.0],
    panics "If there is no such axis.";

    /// The [`softmax`](Activation::softmax) of −x.
    softmin(x, axis: isize) {
        sized("softmin", x, axis);
        (-x).softmax(axis)
    }
    at [1000.0, 1000.0], (-1) => [0.5, 0.5], [0.0, 0.0],
    panics "If there is no such axis.";

    /// The logarithm of the softmax along an axis, without overflow or loss of accuracy. NaN
    /// where every value is −∞.
    log_softmax(x, axis: isize) {
        let Some(shifted) = below_largest(x, axis, "log_softmax") else {
            return x;
        };
        shifted - shifted.exp().sum_keep(axis).ln()
    }
    at [0.0, -1000.0], (0) => [0.0, -1000.0], [-1.0, 1.0],
    panics "If there is no such axis.";

    /// The softmax along an axis of what is not hidden. What is hidden gets 0 and no gradient,
    /// also where everything is.
    masked_softmax(x, axis: isize, hidden: &Tensor<bool>) {
        let (axis, _) = sized("masked_softmax", x, axis);
        check_mask("masked_softmax", hidden, &x.shape());
        softmax_of_shown(x, axis, x.tape().mask(hidden))
    }
    at [7.0, 7.0, 9.0], (0, &tensor![false, false, true]) => [0.5, 0.5, 0.0], [0.0, 0.0, 0.0],
    panics "If there is no such axis, or the mask does not broadcast to the shape.";
}

/// Refuses a mask that does not broadcast to a shape.
#[track_caller]
pub(crate) fn check_mask(op: &str, hidden: &Tensor<bool>, shape: &Shape) {
    let fits = wengert_tensor::broadcast(hidden.shape(), shape).is_ok_and(|both| both == *shape);
    assert!(fits, "{op}: a mask of shape {} does not broadcast to {shape}", hidden.shape());
}

/// The softmax of what is not hidden, where the mask is not 0.
#[track_caller]
pub(crate) fn softmax_of_shown<'t, T: Float>(x: Var<'t, T>, axis: isize, hidden: Var<'t, T>) -> Var<'t, T> {
    if x.count() == 0 {
        return x;
    }
    let largest = x.masked_fill(hidden, f64::NEG_INFINITY).max_keep(axis).detach();
    let powers = (x - largest).exp().masked_fill(hidden, 0.0);
    let total = powers.sum_keep(axis);
    powers / total.masked_fill(total.eq(0.0), 1.0)
}

/// The axis, counted from the front, and its size.
#[track_caller]
fn sized<T: Float>(op: &str, x: Var<'_, T>, axis: isize) -> (isize, usize) {
    let shape = x.shape();
    match shape.axis(axis) {
        Ok(axis) => (axis as isize, shape[axis]),
        Err(error) => panic!("{op}: {error}"),
    }
}

/// x minus its largest value along `axis`; none if x is empty. A constant for the derivative:
/// what is made of it does not change with a shift.
#[track_caller]
pub(crate) fn below_largest<'t, T: Float>(x: Var<'t, T>, axis: isize, op: &str) -> Option<Var<'t, T>> {
    if let Err(error) = Axes::from(axis).resolve(&x.shape()) {
        panic!("{op}: {error}");
    }
    if x.count() > 0 { Some(x - x.max_keep(axis).detach()) } else { None }
}
