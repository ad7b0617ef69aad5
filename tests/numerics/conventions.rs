//! Where mathematics leaves a choice, which one is taken.

use wengert::prelude::*;

use crate::{at, at_point, off};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Equal, where NaN equals NaN.
#[track_caller]
fn same(got: &Tensor<f64>, want: Tensor<f64>) {
    assert_eq!(got.shape(), want.shape());
    let equal = got.iter().zip(want.iter()).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
    assert!(equal, "{got} is not {want}");
}

#[test]
fn kinks() {
    let slope = |f: for<'t> fn(Var<'t, f64>) -> Var<'t, f64>, x| at_point(f, x)[1];
    assert_eq!([slope(|x| x.relu(), 0.0), slope(|x| x.relu(), -0.0), slope(|x| x.abs(), 0.0)], [0.0; 3]);
    assert_eq!(slope(|x| x.leaky_relu(0.2), 0.0), 0.2);
    same(&at(|x| x.clamp(-1.0, 1.0), tensor![-1.0, 0.0, 1.0])[1], tensor![0.0, 1.0, 0.0]);
    same(&at(|x| x.clamp(2.0, 1.0), tensor![-5.0, 5.0])[0], tensor![1.0, 1.0]);
    same(&at(|x| x.maximum(1.0) + x.minimum(1.0), tensor![1.0])[1], tensor![1.0]);
    assert_eq!([slope(|x| x.maximum(1.0), 1.0), slope(|x| x.minimum(1.0), 1.0)], [0.5, 0.5]);
    let ties = tensor![1.0, 3.0, 3.0];
    same(&at(|x| x.max(..), ties.clone())[1], tensor![0.0, 0.5, 0.5]);
    same(&at(|x| x.max_with_indices(0).0, ties)[1], tensor![0.0, 1.0, 0.0]);
    same(&at(|x| x.max_pool1d(wengert::Pool::new(2)), tensor![2.0, 2.0])[1], tensor![1.0, 0.0]);
}

#[test]
fn nan_is_passed_on() {
    let x = tensor![NAN, -1.0];
    same(&at(|x| x.relu(), x.clone())[0], tensor![NAN, 0.0]);
    same(&at(|x| x.clamp(0.0, 1.0), x.clone())[0], tensor![NAN, 0.0]);
    same(&at(|x| x.max(..), x.clone())[0], NAN.into());
    same(&at(|x| x.min(..), x.clone())[0], NAN.into());
    same(&at(|x| x.maximum(0.0), x)[0], tensor![NAN, 0.0]);
    let x = tensor![1.0, NAN, 3.0, NAN];
    assert_eq!(Tape::new().var(&x).argmax(0).item(), 1);
    same(&at(|x| x.sort(0).0, x)[0], tensor![1.0, 3.0, NAN, NAN]);
    same(&at(|x| x.matmul(&tensor![[INF], [1.0]]), tensor![[0.0, 1.0]])[0], tensor![[NAN]]);
}

/// What is masked does not reach the result, nor its gradient.
#[test]
fn masks_select() {
    let x = tensor![[1.0, NAN], [2.0, 3.0]];
    let [y, dy] = at(|x| x.tril(0), x.clone());
    same(&y, tensor![[1.0, 0.0], [2.0, 3.0]]);
    same(&dy, tensor![[1.0, 0.0], [1.0, 1.0]]);
    let [y, dy] = at(|x| x.masked_fill(x.is_nan(), 7.0), x);
    same(&y, tensor![[1.0, 7.0], [2.0, 3.0]]);
    same(&dy, tensor![[1.0, 0.0], [1.0, 1.0]]);
    let [y, dy] = at(|x| x.gt(0.0).where_(x.sqrt(), 0.0), tensor![-1.0, 0.0, 4.0]);
    same(&y, tensor![0.0, 0.0, 2.0]);
    same(&dy, tensor![0.0, 0.0, 0.25]);
    let [_, dy] = at(|x| x.lt(0.0).where_(x.exp(), 1.0 + x), tensor![-1.0, 1000.0]);
    assert_eq!(dy.at([1]), 1.0);
}

#[test]
fn at_zero() {
    assert_eq!(at_point(|x| x.sqrt(), 0.0), [0.0, INF]);
    same(&at(|x| x.norm(.., 2.0), tensor![0.0, 0.0])[1], tensor![0.0, 0.0]);
    same(&at(|x| x.std(.., 1), tensor![2.0, 2.0, 2.0])[1], tensor![0.0, 0.0, 0.0]);
}

#[test]
fn powers() {
    assert_eq!(at_point(|x| x.powf(0.0), 0.0), [1.0, 0.0]);
    assert_eq!(at_point(|x| x.powf(0.0), NAN), [1.0, 0.0]);
    let powers = |a: f64, b: f64| -> [f64; 3] {
        let tape = Tape::<f64>::new();
        let (a, b) = (tape.scalar(a), tape.scalar(b));
        let y = a.pow(b);
        let [da, db] = y.grad([a, b]);
        [y, da, db].map(|v| v.item())
    };
    assert_eq!(powers(0.0, 0.0), [1.0, 0.0, 0.0]);
    assert_eq!(powers(0.0, 2.0)[2], 0.0);
    assert_eq!(powers(-2.0, 3.0)[..2], [-8.0, 12.0]);
    assert!(powers(-2.0, 3.0)[2].is_nan());
    assert_eq!(powers(NAN, 0.0)[0], 1.0);
}

/// (1 + tanh(x/2))/2 = σ(x), ln(1 + eˣ) and the like, to the ends of the range.
#[test]
fn extremes() {
    type Function = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
    // Value and slope at −1000 and at 1000.
    let ends: [(Function, [f64; 4]); 4] = [
        (|x| x.sigmoid(), [0.0, 0.0, 1.0, 0.0]),
        (|x| x.tanh(), [-1.0, 0.0, 1.0, 0.0]),
        (|x| x.softplus(), [0.0, 0.0, 1000.0, 1.0]),
        (|x| -(-x).softplus(), [-1000.0, 1.0, 0.0, 0.0]),
    ];
    for (f, [low, low_slope, high, high_slope]) in ends {
        assert_eq!(at_point(f, -1000.0), [low, low_slope]);
        assert_eq!(at_point(f, 1000.0), [high, high_slope]);
    }
    // e⁻⁴⁰, where 1 − σ and 1 − tanh² have no digit left.
    assert!(off(at_point(|x| x.sigmoid(), 40.0)[1], 4.248354255291589e-18) <= 1e-14);
    assert!(off(at_point(|x| x.tanh(), 20.0)[1], 1.6993417021166356e-17) <= 1e-14);
    assert_eq!(at_point(|x| x.ln1p(), 1e-20), [1e-20, 1.0]);
    same(&at(|x| x.round(), tensor![0.5, 1.5, 2.5, -0.5])[0], tensor![0.0, 2.0, 2.0, -0.0]);
}

#[test]
fn softmax_family() {
    assert_eq!(at(|x| x.logsumexp(..), tensor![-INF, -INF])[0].item(), -INF);
    let of = |loss: CrossEntropy, x: Tensor<f64>, classes: Tensor<i64>| at(|x| loss.of(x, &classes), x);
    let [loss, slope] = of(CrossEntropy::new(), tensor![[0.0, -INF, 0.0]], tensor![1]);
    assert_eq!(loss.item(), INF);
    same(&slope, tensor![[0.5, -1.0, 0.5]]);
    let ignored = CrossEntropy::new().ignore_index(-1);
    let [mean, slope] = of(ignored.clone(), tensor![[1.0, 2.0]], tensor![-1]);
    assert!(mean.item().is_nan());
    same(&slope, tensor![[0.0, 0.0]]);
    assert_eq!(of(ignored.reduction(Reduction::Sum), tensor![[1.0, 2.0]], tensor![-1])[0].item(), 0.0);
    let weighted = CrossEntropy::new().class_weights([1.0, 3.0]);
    let [loss, _] = of(weighted, tensor![[0.0, 0.0], [0.0, 3f64.ln()]], tensor![0, 1]);
    assert!(off(loss.item(), (2f64.ln() + 3.0 * (4.0f64 / 3.0).ln()) / 4.0) <= 1e-13);
}

#[test]
fn empty_and_odd() {
    let empty = Tensor::zeros([0]);
    assert_eq!(at(|x| x.sum(..), empty.clone())[0].item(), 0.0);
    assert_eq!(at(|x| x.prod(..), empty.clone())[0].item(), 1.0);
    assert!(at(|x| x.mean(..), empty.clone())[0].item().is_nan());
    assert_eq!(at(|x| (x.exp() * 2.0).reshape([0, 3]), empty)[1].shape(), &[0]);
    assert!(at(|x| x.var(.., 1), tensor![3.0])[0].item().is_nan());
    assert_eq!(at(|x| x.var(.., 0), tensor![3.0])[0].item(), 0.0);
    same(&at(|x| x.prod(..), tensor![2.0, 0.0, 3.0])[1], tensor![0.0, 6.0, 0.0]);
    // A batch of nothing leaves the weights where they are.
    let tape = Tape::<f64>::new();
    let (x, w) = (tape.var(Tensor::zeros([0, 3])), tape.var(Tensor::ones([3, 2])));
    same(&x.matmul(w).sum(..).grad([w])[0].value(), Tensor::zeros([3, 2]));
    // So does a scalar, through operations that have nothing to do for it.
    assert_eq!(at_point(|x| x.sum(..).unsqueeze(0).squeeze(0).reshape(()).permute(..).max(..), 3.0), [3.0, 1.0]);
}

#[test]
fn indices_accumulate() {
    same(&at(|x| x.index_select(0, &tensor![1, 1, 0]), tensor![1.0, 2.0, 3.0])[1], tensor![1.0, 2.0, 0.0]);
    same(&at(|x| x.gather(0, &tensor![2, 2]), tensor![1.0, 2.0, 3.0])[1], tensor![0.0, 0.0, 2.0]);
    same(&at(|x| x.windows(0, 2, 1), tensor![1.0, 2.0, 3.0])[1], tensor![1.0, 2.0, 1.0]);
    let [first, _] = [0, 1].map(|i| at(|x| x.split(0, 1)[i], tensor![1.0, 2.0])[1].clone());
    same(&first, tensor![1.0, 0.0]);
}

/// [-1, 1] has biased variance 1 and unbiased variance 2.
#[test]
fn batch_norm_keeps_the_unbiased_variance() {
    let norm = BatchNorm::<f64>::new(1).momentum(1.0).eps(0.0);
    let tape = Tape::train(0);
    let y = norm.forward(tape.var(tensor![[-1.0], [1.0]]));
    tape.commit();
    same(&y.value(), tensor![[-1.0], [1.0]]);
    same(&norm.running_var.value(), tensor![2.0]);
}
