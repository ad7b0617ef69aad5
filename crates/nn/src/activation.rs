//! Activations: functions of variables, composed of operations of the tape.

use wengert_autograd::Var;
use wengert_tensor::{Float, resolve_axis};

/// Activations as methods of [`Var`], beside its own `tanh` and `sigmoid`.
pub trait Activation: Sized {
    /// max(x, 0). Its derivative at 0 is 0; NaN stays NaN.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_nn::Activation;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![-2.0, 0.0, 3.0]);
    /// let y = x.relu();
    /// assert_eq!(y.value(), tensor![0.0, 0.0, 3.0]);
    /// assert_eq!(y.sum(..).grad([x])[0].value(), tensor![0.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    fn relu(self) -> Self;

    /// x where it is positive, else `slope`·x. Its derivative at 0 is `slope`.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_nn::Activation;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![-2.0, 0.0, 3.0]);
    /// let y = x.leaky_relu(0.25);
    /// assert_eq!(y.value(), tensor![-0.5, 0.0, 3.0]);
    /// assert_eq!(y.sum(..).grad([x])[0].value(), tensor![0.25, 0.25, 1.0]);
    /// ```
    #[track_caller]
    fn leaky_relu(self, slope: f64) -> Self;

    /// eˣ / Σ eˣ along an axis, without overflow. NaN where every value is −∞.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_nn::Activation;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![[1000.0, 1000.0], [0.0, f64::NEG_INFINITY]]);
    /// assert_eq!(x.softmax(-1).value(), tensor![[0.5, 0.5], [1.0, 0.0]]);
    /// ```
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    fn softmax(self, axis: isize) -> Self;

    /// The logarithm of the softmax along an axis, without overflow or loss of accuracy. NaN
    /// where every value is −∞.
    ///
    /// ```
    /// # use wengert_autograd::Tape;
    /// # use wengert_nn::Activation;
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(tensor![0.0, -1000.0]);
    /// assert_eq!(x.log_softmax(0).value(), tensor![0.0, -1000.0]);
    /// ```
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    fn log_softmax(self, axis: isize) -> Self;
}

impl<T: Float> Activation for Var<'_, T> {
    fn relu(self) -> Self {
        // The other way round, x where x > 0, would turn NaN into 0.
        self.le(0.0).where_(0.0, self)
    }

    fn leaky_relu(self, slope: f64) -> Self {
        self * self.gt(0.0).where_(1.0, slope)
    }

    fn softmax(self, axis: isize) -> Self {
        let Some(shifted) = below_largest(self, axis, "softmax") else {
            return self;
        };
        let powers = shifted.exp();
        powers / powers.sum_keep(axis)
    }

    fn log_softmax(self, axis: isize) -> Self {
        let Some(shifted) = below_largest(self, axis, "log_softmax") else {
            return self;
        };
        shifted - shifted.exp().sum_keep(axis).ln()
    }
}

/// x minus its largest value along `axis`; none if x is empty. A constant for the derivative:
/// what is made of it does not change with a shift.
#[track_caller]
pub(crate) fn below_largest<'t, T: Float>(x: Var<'t, T>, axis: isize, op: &str) -> Option<Var<'t, T>> {
    let shape = x.shape();
    if let Err(error) = resolve_axis(axis, shape.len()) {
        panic!("{op}: {error} (shape {shape})");
    }
    (shape.count() > 0).then(|| x - x.max_keep(axis).detach())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check, message_of};
    use proptest::prelude::*;
    use wengert_autograd::Tape;
    use wengert_tensor::{Rng, Tensor, tensor};

    const INF: f64 = f64::INFINITY;

    #[test]
    fn relu_at_its_kink_and_at_the_ends() {
        let tape = Tape::<f64>::new();
        let x = tape.var(tensor![-1.0, -0.0, 0.0, 1.0, 1e-300, -1e-300, INF, -INF, f64::NAN]);
        let y = x.relu();
        let expected = tensor![0.0, 0.0, 0.0, 1.0, 1e-300, 0.0, INF, 0.0, f64::NAN];
        assert_close(&y.value(), &expected, 0.0);
        let weights = tensor![1.0, -0.5, 0.75, 2.0, -1.25, 0.5, 1.5, 1.0, 1.0];
        let [dx] = (y * &weights).sum(..).grad([x]);
        assert_close(&dx.value(), &tensor![0.0, 0.0, 0.0, 2.0, -1.25, 0.0, 1.5, 0.0, 1.0], 0.0);
        assert_eq!(dx.sum(..).grad([x])[0].value(), Tensor::zeros([9]));
    }

    #[test]
    fn leaky_relu_at_its_kink_and_at_the_ends() {
        let tape = Tape::<f64>::new();
        let x = tape.var(tensor![-2.0, -0.0, 0.0, 3.0, INF, -INF, f64::NAN]);
        let y = x.leaky_relu(0.1);
        assert_close(&y.value(), &tensor![-0.2, 0.0, 0.0, 3.0, INF, -INF, f64::NAN], 1e-16);
        let [dx] = y.sum(..).grad([x]);
        assert_eq!(dx.value(), tensor![0.1, 0.1, 0.1, 1.0, 1.0, 0.1, 0.1]);
    }

    /// From PyTorch 2.15, f64.
    #[test]
    fn golden_softmax() {
        let tape = Tape::<f64>::new();
        let weights = tensor![1.0, -0.5, 0.75];
        let x = tape.var(tensor![10000.0, 10001.0, 0.0]);
        let y = x.softmax(0);
        assert_close(&y.value(), &tensor![0.26894142136999516, 0.7310585786300049, 0.0], 1e-14);
        let [dx] = (y * &weights).sum(..).grad([x]);
        assert_close(&dx.value(), &tensor![0.29491789986222283, -0.29491789986222283, 0.0], 1e-13);
        let [ddx] = (dx * &tensor![0.5, 1.0, -2.0]).sum(..).grad([x]);
        assert_close(&ddx.value(), &tensor![-0.06814331075471132, 0.06814331075471132, 0.0], 1e-13);

        let x = tape.var(tensor![[-0.717241], [0.587138], [-0.328483]]);
        let y = x.softmax(1);
        assert_eq!(y.value(), Tensor::ones([3, 1]));
        let [dx] = (y * &weights.reshape([3, 1])).sum(..).grad([x]);
        assert_eq!(dx.value(), Tensor::zeros([3, 1]));

        let x = tape.var(tensor![0.0, -40.0]);
        let y = x.log_softmax(0);
        assert_close(&y.value(), &tensor![0.0, -40.0], 1e-15);
        let [dx] = (y * &tensor![1.0, -0.5]).sum(..).grad([x]);
        assert_close(&dx.value(), &tensor![0.5, -0.5], 1e-14);
    }

    #[test]
    fn softmax_of_nothing_and_of_infinities() {
        let tape = Tape::<f64>::new();
        let empty = tape.var(Tensor::zeros([2, 0]));
        assert_eq!(empty.softmax(1).shape(), [2, 0]);
        assert_eq!(empty.log_softmax(0).shape(), [2, 0]);
        let x = tape.var(tensor![[-INF, -INF], [-INF, 5.0]]);
        assert_close(&x.softmax(1).value(), &tensor![[f64::NAN, f64::NAN], [0.0, 1.0]], 0.0);
        assert_close(&x.log_softmax(1).value(), &tensor![[f64::NAN, f64::NAN], [-INF, 0.0]], 0.0);
    }

    #[test]
    fn an_axis_that_is_not_there_is_refused() {
        let message = message_of(|| drop(Tape::<f32>::new().var(Tensor::zeros([2, 3])).softmax(2).shape()));
        assert_eq!(message, "softmax: axis 2 is out of range for 2 axes (shape [2, 3])");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn softmax_of_every_axis(shape in prop::collection::vec(1usize..4, 1..4), seed: u64, at: prop::sample::Index) {
            let axis = at.index(shape.len());
            let x: Tensor<f64> = Tensor::normal(shape.clone(), 0.0, 3.0, &mut Rng::seed(seed));
            let inner: usize = shape[axis + 1..].iter().product();
            let size = shape[axis];
            let flat = x.to_vec();
            // The elements that share all indices but the one along the axis.
            let total = |i: usize| {
                let first = i - i / inner % size * inner;
                (0..size).map(|j| flat[first + j * inner].exp()).sum::<f64>()
            };
            let expected: Vec<f64> = (0..flat.len()).map(|i| flat[i].exp() / total(i)).collect();
            let logs = expected.iter().map(|p| p.ln()).collect();
            let tape = Tape::new();
            let v = tape.var(&x);
            assert_close(&v.softmax(axis as isize).value(), &Tensor::from_vec(expected, shape.clone()), 1e-13);
            let back = axis as isize - shape.len() as isize;
            assert_close(&v.log_softmax(back).value(), &Tensor::from_vec(logs, shape.clone()), 1e-12);
            check(|x| x.softmax(back), &x);
            check(|x| x.log_softmax(back), &x);
            check(|x| x.relu(), &x);
            check(|x| x.leaky_relu(0.2), &x);
        }
    }
}
