//! Reductions and scans, against loops over the elements along an axis.

use wengert::prelude::*;

use crate::trial::{Trial, along, at, by_index};

/// Values of three axes, one of them to go over, and the same without gaps.
fn drawn(t: &mut Trial) -> (Tensor<f64>, usize) {
    let sizes: [usize; 3] = t.sizes();
    (t.tensor(&sizes), t.size() - 1)
}

/// A reduction of an axis, with and without keeping it.
macro_rules! reduction {
    ($method:ident($($argument:expr),*), $reference:expr) => {
        |t| {
            let (x, axis) = drawn(t);
            let keeps = stringify!($method).ends_with("_keep");
            let dropped = along(&x, axis, $reference);
            let expected = if keeps { dropped.unsqueeze(axis as isize) } else { dropped };
            t.op(|[x]| x.$method(axis as isize $(, $argument)*), [&x], expected);
            t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).$method(2 $(, $argument)*));
            t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).$method([0, -2] $(, $argument)*));
        }
    };
}

super::cases! {
    sum reduction!(sum(), sum);
    sum_keep reduction!(sum_keep(), sum);
    mean reduction!(mean(), |v| mean(&v));
    mean_keep reduction!(mean_keep(), |v| mean(&v));
    prod reduction!(prod(), |v| v.iter().product());
    prod_keep reduction!(prod_keep(), |v| v.iter().product());
    max reduction!(max(), largest);
    max_keep reduction!(max_keep(), largest);
    min reduction!(min(), smallest);
    min_keep reduction!(min_keep(), smallest);
    var reduction!(var(0), variance);
    var_keep reduction!(var_keep(0), variance);
    std reduction!(std(0), |v| variance(v).sqrt());
    std_keep reduction!(std_keep(0), |v| variance(v).sqrt());
    norm reduction!(norm(3.0), norm3);
    norm_keep reduction!(norm_keep(3.0), norm3);
    logsumexp reduction!(logsumexp(), |v| v.iter().map(|v| v.exp()).sum::<f64>().ln());
    logsumexp_keep reduction!(logsumexp_keep(), |v| v.iter().map(|v| v.exp()).sum::<f64>().ln());
    normalize |t| {
        let (x, axis) = drawn(t);
        let length = |index: &[usize]| line(&x, axis, index).iter().map(|v| v * v).sum::<f64>().sqrt();
        let expected = by_index(x.shape(), |index| at(&x, index) / length(index));
        t.op(|[x]| x.normalize(axis as isize, 2.0, 1e-12), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).normalize(2, 2.0, 1e-12));
    };
    any |t| {
        let (x, axis) = drawn(t);
        t.op(|[x]| x.gt(0.8).any(axis as isize), [&x], along(&x, axis, |v| f64::from(v.iter().any(|&v| v > 0.8))));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).any(2));
    };
    all |t| {
        let (x, axis) = drawn(t);
        t.op(|[x]| x.gt(-0.8).all(axis as isize), [&x], along(&x, axis, |v| f64::from(v.iter().all(|&v| v > -0.8))));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).all(2));
    };
    median |t| {
        let (x, axis) = drawn(t);
        let lower = |v: Vec<f64>| sorted(v.clone())[(v.len() - 1) / 2];
        t.op(|[x]| x.median(axis as isize), [&x], along(&x, axis, lower));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).median(2));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 0])).median(1));
    };
    median_with_indices |t| {
        let (x, axis) = drawn(t);
        let lower = |v: Vec<f64>| sorted(v.clone())[(v.len() - 1) / 2];
        t.op(|[x]| x.median_with_indices(axis as isize).0, [&x], along(&x, axis, lower));
        let tape = Tape::new();
        let (values, at) = tape.var(&x).median_with_indices(axis as isize);
        let chosen = tape.var(&x).gather(axis as isize, &at.unsqueeze(axis as isize)).value();
        assert_eq!(chosen.squeeze(axis as isize), values.value());
        t.refuses(|tape| tape.var(Tensor::zeros([2, 0])).median_with_indices(1).0);
    };
    cumsum |t| {
        let (x, axis) = drawn(t);
        let expected = by_index(x.shape(), |index| so_far(&x, axis, index).iter().sum());
        t.op(|[x]| x.cumsum(axis as isize), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).cumsum(2));
    };
    cumprod |t| {
        let (x, axis) = drawn(t);
        let expected = by_index(x.shape(), |index| so_far(&x, axis, index).iter().product());
        t.op(|[x]| x.cumprod(axis as isize), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).cumprod(2));
    };
    argmax |t| {
        let (x, axis) = drawn(t);
        let place = |v: Vec<f64>| v.iter().position(|&e| e == largest(v.clone())).expect("it is there") as f64;
        let tape = Tape::new();
        t.equal(tape.var(&x).argmax(axis as isize).cast(), along(&x, axis, place));
        t.refuses(|tape| as_var(tape, tape.var(Tensor::zeros([2, 0])).argmax(1)));
    };
    argmin |t| {
        let (x, axis) = drawn(t);
        let place = |v: Vec<f64>| v.iter().position(|&e| e == smallest(v.clone())).expect("it is there") as f64;
        let tape = Tape::new();
        t.equal(tape.var(&x).argmin(axis as isize).cast(), along(&x, axis, place));
        t.refuses(|tape| as_var(tape, tape.var(Tensor::zeros([2, 3])).argmin(2)));
    };
    argsort |t| {
        let (x, axis) = drawn(t);
        let order = Tape::new().var(&x).argsort(axis as isize);
        let expected = by_index(x.shape(), |index| {
            let rank = sorted(line(&x, axis, index))[index[axis]];
            line(&x, axis, index).iter().position(|&v| v == rank).expect("it is there") as f64
        });
        t.equal(order.cast(), expected);
        t.refuses(|tape| as_var(tape, tape.var(Tensor::zeros([2, 3])).argsort(2)));
    };
    sort |t| {
        let (x, axis) = drawn(t);
        let expected = by_index(x.shape(), |index| sorted(line(&x, axis, index))[index[axis]]);
        t.op(|[x]| x.sort(axis as isize).0, [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).sort(2).0);
    };
    topk |t| {
        let (x, axis) = drawn(t);
        let k = 1 + x.shape()[axis] / 2;
        let mut shape = x.shape().to_vec();
        shape[axis] = k.min(shape[axis]);
        let k = shape[axis];
        let expected = by_index(&shape, |index| {
            let line = sorted(line(&x, axis, index));
            line[line.len() - 1 - index[axis]]
        });
        t.op(|[x]| x.topk(axis as isize, k).0, [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).topk(1, 4).0);
    };
    max_with_indices |t| {
        let (x, axis) = drawn(t);
        t.op(|[x]| x.max_with_indices(axis as isize).0, [&x], along(&x, axis, largest));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 0])).max_with_indices(1).0);
    };
    min_with_indices |t| {
        let (x, axis) = drawn(t);
        t.op(|[x]| x.min_with_indices(axis as isize).0, [&x], along(&x, axis, smallest));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 0])).min_with_indices(1).0);
    };
}

fn as_var<'t>(tape: &'t Tape<f64>, indices: Tensor<i64>) -> Var<'t, f64> {
    tape.var(indices.cast::<f64>())
}

fn sum(v: Vec<f64>) -> f64 {
    v.iter().sum()
}

fn mean(v: &[f64]) -> f64 {
    v.iter().sum::<f64>() / v.len() as f64
}

fn largest(v: Vec<f64>) -> f64 {
    v.into_iter().fold(f64::NEG_INFINITY, f64::max)
}

fn smallest(v: Vec<f64>) -> f64 {
    v.into_iter().fold(f64::INFINITY, f64::min)
}

fn variance(v: Vec<f64>) -> f64 {
    v.iter().map(|x| (x - mean(&v)).powi(2)).sum::<f64>() / v.len() as f64
}

fn norm3(v: Vec<f64>) -> f64 {
    v.iter().map(|v| v.abs().powi(3)).sum::<f64>().cbrt()
}

fn sorted(mut v: Vec<f64>) -> Vec<f64> {
    v.sort_by(f64::total_cmp);
    v
}

/// The elements along `axis` through the one at `index`.
fn line(x: &Tensor<f64>, axis: usize, index: &[usize]) -> Vec<f64> {
    let element = |k: usize| {
        let mut index = index.to_vec();
        index[axis] = k;
        at(x, &index)
    };
    (0..x.shape()[axis]).map(element).collect()
}

/// Of those, the ones up to `index`.
fn so_far(x: &Tensor<f64>, axis: usize, index: &[usize]) -> Vec<f64> {
    line(x, axis, index)[..=index[axis]].to_vec()
}
