use super::*;
use crate::testing::{assert_close, check, line_of_panic, message_of};
use proptest::prelude::*;
use wengert_autograd::Tape;
use wengert_autograd::check::gradgradcheck;
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
fn gates_at_the_ends() {
    type F<T> = for<'t> fn(Var<'t, T>) -> Var<'t, T>;
    fn ends<T: Float>(x: [T; 4]) {
        let all: [F<T>; 5] = [|x| x.gelu(), |x| x.gelu_tanh(), |x| x.silu(), |x| x.mish(), |x| x.hardswish()];
        for f in all {
            let tape = Tape::new();
            let x = tape.var(Tensor::from(x.to_vec()));
            let y = f(x);
            assert_eq!(y.value(), Tensor::from(vec![T::ZERO, T::ZERO, x.value().at([2]), T::INFINITY]));
            let [dx] = y.sum(..).grad([x]);
            assert_eq!(dx.value(), Tensor::from(vec![T::ZERO, T::ZERO, T::ONE, T::ONE]));
        }
    }
    ends([-INF, -1e300, 1e300, INF]);
    ends([f32::NEG_INFINITY, -1e30, 1e30, f32::INFINITY]);
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
    let message = message_of(|| drop(Tape::<f32>::new().var(Tensor::zeros([2, 3])).softmin(2).shape()));
    assert_eq!(message, "softmin: axis 2 is out of range for 2 axes (shape [2, 3])");
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

#[test]
fn gradients() {
    let x: Tensor<f64> = Tensor::normal([3, 4], 0.0, 2.0, &mut Rng::seed(3));
    let hidden = x.abs().map(|v| v > 1.5);
    type F = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
    let all: &[F] = &[
        |x| x.relu(),
        |x| x.leaky_relu(0.2),
        |x| x.relu6(),
        |x| x.elu(1.5),
        |x| x.selu(),
        |x| x.celu(1.5),
        |x| x.gelu(),
        |x| x.gelu_tanh(),
        |x| x.silu(),
        |x| x.mish(),
        |x| x.softsign(),
        |x| x.logsigmoid(),
        |x| x.hardsigmoid(),
        |x| x.hardswish(),
        |x| x.hardtanh(),
        |x| x.hardshrink(0.5),
        |x| x.softshrink(0.5),
        |x| x.tanhshrink(),
        |x| x.threshold(0.5, 2.0),
        |x| x.softmin(0),
        |x| x.glu(-1),
        |x| x.maxout(3, 0),
        |x| x.maxout(2, 1),
    ];
    for f in all {
        gradgradcheck(|[x]| f(x), [&x]).assert_ok();
        check(f, &x);
    }
    check(|x| x.masked_softmax(1, &hidden), &x);
    gradgradcheck(|[x]| x.masked_softmax(0, &hidden), [&x]).assert_ok();
}

#[test]
fn nan_stays() {
    let tape = Tape::<f64>::new();
    let x = tape.var(tensor![f64::NAN, f64::NAN]);
    let all = [
        x.relu6(),
        x.elu(1.0),
        x.selu(),
        x.celu(1.0),
        x.gelu(),
        x.gelu_tanh(),
        x.silu(),
        x.mish(),
        x.softsign(),
        x.logsigmoid(),
        x.hardsigmoid(),
        x.hardswish(),
        x.hardtanh(),
        x.hardshrink(0.5),
        x.softshrink(0.5),
        x.tanhshrink(),
        x.threshold(0.5, 2.0),
        x.softmin(0),
        x.glu(0),
        x.maxout(2, 0),
    ];
    for y in all {
        assert!(y.value().iter().all(f64::is_nan), "{}", y.op_name());
    }
}

#[test]
fn a_row_that_is_all_hidden_is_zero_and_gets_nothing() {
    let tape = Tape::<f64>::new();
    let x = tape.var(tensor![[1.0, 2.0, -INF], [3.0, f64::NAN, INF], [0.0, 1e308, -1e308]]);
    let hidden = tensor![[false, false, true], [true, true, true], [true, false, false]];
    let y = x.masked_softmax(-1, &hidden);
    let e = 1f64.exp();
    let expected = tensor![[1.0 / (1.0 + e), e / (1.0 + e), 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
    assert_close(&y.value(), &expected, 1e-14);
    let [dx] = (y * &tensor![1.0, 0.0, 2.0]).sum(..).grad([x]);
    let slope = e / (1.0 + e).powi(2);
    assert_close(&dx.value(), &tensor![[slope, -slope, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], 1e-13);
    let [ddx] = dx.square().sum(..).grad([x]);
    assert!(ddx.value().iter().all(f64::is_finite));
}

/// The pieces of the images are blocks of channels.
#[test]
fn maxout_of_images() {
    let tape = Tape::<f64>::new();
    let x: Tensor<f64> = Tensor::normal([2, 6, 3, 2], 0.0, 1.0, &mut Rng::seed(1));
    let y = tape.var(&x).maxout(3, 1).value();
    assert_eq!(y.shape(), &[2, 2, 3, 2]);
    for (image, unit, row, column) in [(0, 0, 0, 0), (1, 1, 2, 1), (1, 0, 1, 1)] {
        let pieces = (0..3).map(|j| x.at([image, 2 * j + unit, row, column]));
        assert_eq!(y.at([image, unit, row, column]), pieces.fold(f64::MIN, f64::max));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let tape = Tape::<f32>::new();
    let x = tape.var(Tensor::zeros([2, 3]));
    assert_eq!(message_of(|| _ = x.glu(-1)), "glu: axis 1 of shape [2, 3] has no halves");
    assert_eq!(message_of(|| _ = x.maxout(2, 1)), "maxout: axis 1 of shape [2, 3] does not consist of 2 pieces");
    assert_eq!(message_of(|| _ = x.maxout(0, 0)), "maxout: axis 0 of shape [2, 3] does not consist of 0 pieces");
    let line = line_of_panic(|| _ = x.masked_softmax(1, &tensor![true, false]));
    assert_eq!(line, line!() - 1);
}

/// A chain of activations, forward and back, runs as one kernel.
#[test]
fn they_fuse() {
    wengert_autograd::set_fusion(true);
    let tape = Tape::<f32>::new();
    tape.profile();
    let x = tape.var(Tensor::uniform([1000], -2.0..2.0, &mut Rng::seed(1)));
    let y = x.gelu().softsign().hardswish().elu(1.0).softshrink(0.1);
    let [dx] = y.sum(..).grad([x]);
    tape.compute([y, dx]);
    assert_eq!(tape.explain().launches.len(), 1, "{}", tape.explain());
}

/// Errors in units in the last place, against `f64`.
#[test]
fn gelu_in_f32() {
    let x: Tensor<f32> = Tensor::linspace(-3.0, 5.0, 40_001);
    let y = Tape::new().var(&x).gelu().value();
    let exact = Tape::new().var(x.cast::<f64>()).gelu().value();
    for ((x, y), exact) in x.iter().zip(y.iter()).zip(exact.iter()) {
        let unit = 2f64.powi((exact.abs().log2().floor() as i32).max(-126) - 23);
        let error = (f64::from(y) - exact).abs() / unit;
        assert!(error <= 3.0, "gelu({x}) is off by {error} units in the last place");
    }
}
