//! Single expressions, with and without their gradients.

use std::time::Instant;

use wengert::prelude::*;

use crate::harness::{Record, labels, mean_abs, measure, reset_peak_memory, uniform};

/// Times an expression without gradients; `check` is the mean of |output|.
fn forward(f: impl Fn() -> Tensor) -> Record {
    let start = Instant::now();
    let first = f();
    let first_call = start.elapsed().as_secs_f64();
    let check = mean_abs(&first);
    drop(first);
    reset_peak_memory();
    let record = measure(|calls| (0..calls).for_each(|_| drop(f())), 1, None);
    Record { check, first_call, ..record }
}

/// Times a scalar with its gradients; `check` is the scalar and the means of |gradient|.
fn forward_and_backward<const N: usize>(
    leaves: [Tensor; N],
    f: impl for<'t> Fn(&'t Tape, [Var<'t>; N]) -> Var<'t>,
) -> Record {
    let step = || {
        let tape = Tape::new();
        let x = std::array::from_fn(|i| tape.var(leaves[i].clone()));
        let loss = f(&tape, x);
        let gradients = loss.grad(x);
        tape.compute(gradients.into_iter().chain([loss]));
        (loss.item(), gradients.map(|g| g.value()))
    };
    let start = Instant::now();
    let (loss, gradients) = step();
    let first_call = start.elapsed().as_secs_f64();
    let check = loss as f64 + gradients.iter().map(mean_abs).sum::<f64>();
    drop(gradients);
    reset_peak_memory();
    let record = measure(|calls| (0..calls).for_each(|_| drop(step())), 1, None);
    Record { check, first_call, ..record }
}

pub(crate) fn product(m: usize, k: usize, n: usize) -> Record {
    let (a, b) = (uniform(1, [m, k], 1.0), uniform(2, [k, n], 1.0));
    forward(|| {
        let tape = Tape::new();
        tape.var(a.clone()).matmul(&b).value()
    })
}

pub(crate) fn elementwise() -> Record {
    let leaf = |seed| uniform(seed, [1 << 20], 1.0);
    forward_and_backward([leaf(1), leaf(2), leaf(3)], |_, [x, a, b]| {
        ((a * x + b).tanh() * x.sigmoid() + x.relu().square()).sum(..)
    })
}

pub(crate) fn softmax_cross_entropy() -> Record {
    let targets = labels(2, 4096, 1000);
    forward_and_backward([uniform(1, [4096, 1000], 3.0)], move |_, [x]| x.cross_entropy(&targets))
}

pub(crate) fn batch_norm(shape: &[usize]) -> Record {
    let channels = shape[1];
    let mut across = vec![1; shape.len()];
    across[1] = channels;
    let axes: Vec<isize> = (0..shape.len() as isize).filter(|&axis| axis != 1).collect();
    let weights = uniform(4, shape, 1.0);
    let gamma = uniform(2, [channels], 1.0) + 1.5;
    forward_and_backward([uniform(1, shape, 1.0), gamma, uniform(3, [channels], 1.0)], move |_, [x, gamma, beta]| {
        let d = x - x.mean_keep(&axes[..]);
        let variance = d.square().mean_keep(&axes[..]);
        let y = d / (variance + 1e-5).sqrt() * gamma.reshape(&across[..]) + beta.reshape(&across[..]);
        (y * &weights).sum(..)
    })
}

pub(crate) fn maxout() -> Record {
    let weights = uniform(4, [256, 512], 1.0);
    let leaves = [uniform(1, [256, 512], 1.0), uniform(2, [512, 4 * 512], 0.05), uniform(3, [4 * 512], 1.0)];
    forward_and_backward(leaves, move |_, [x, w, b]| {
        ((x.matmul(w) + b).reshape([256, 4, 512]).max(1) * &weights).sum(..)
    })
}

pub(crate) fn scalar_chain() -> Record {
    let leaf = |v: f32| Tensor::from_vec(vec![v], []);
    let record = forward_and_backward([leaf(0.5), leaf(1.0), leaf(0.001)], |_, [x, w, b]| {
        (0..1000).fold(x, |c, i| match i % 3 {
            0 => c * w,
            1 => c + b,
            _ => c.tanh(),
        })
    });
    Record { ops: Some(1000), ..record }
}

pub(crate) fn reduce(f: impl for<'t> Fn(Var<'t>) -> Var<'t>) -> Record {
    let a = uniform(1, [4096, 4096], 1.0);
    forward(|| {
        let tape = Tape::new();
        f(tape.var(a.clone())).value()
    })
}

pub(crate) fn transpose_copy() -> Record {
    let a = uniform(1, [4096, 4096], 1.0);
    forward(|| {
        let tape = Tape::new();
        tape.var(a.clone()).t().value().contiguous()
    })
}
