//! What an operation costs against the size of the tape and of the tensors: a step is recorded,
//! differentiated and computed, by a plan that an earlier one left.
//!
//! ```text
//! cargo bench --bench cost
//! ```

use std::time::Instant;

use wengert::prelude::*;

/// Seconds of the best of some calls, after one that plans.
fn best(mut step: impl FnMut()) -> f64 {
    step();
    let start = Instant::now();
    let mut best = f64::INFINITY;
    while best == f64::INFINITY || start.elapsed().as_secs_f64() < 0.5 {
        let call = Instant::now();
        step();
        best = best.min(call.elapsed().as_secs_f64());
    }
    best
}

/// Seconds of a value and its gradient with respect to `x`.
fn step(x: &Tensor, y: impl for<'t> Fn(Var<'t>) -> Var<'t>) -> f64 {
    best(|| {
        let tape = Tape::new();
        let x = tape.var(x);
        let y = y(x).sum(..);
        let [dx] = y.grad([x]);
        tape.compute([y, dx]);
    })
}

fn main() {
    let mut rng = Rng::seed(1);
    for count in [1_000, 10_000, 100_000, 1_000_000] {
        let seconds = step(&Tensor::scalar(0.5), |x| {
            (0..count).fold(x, |y, i| match i % 3 {
                0 => y * x,
                1 => y + x,
                _ => y.tanh(),
            })
        });
        println!("scalars, {count} operations: {:.0} ns each", seconds * 1e9 / f64::from(count));
    }
    let rows = Tensor::uniform([8, 16], -1.0..1.0, &mut rng);
    for count in [1_000, 10_000, 100_000] {
        let seconds = step(&rows, |x| {
            (0..count).fold(x, |y, i| match i % 4 {
                0 => y * x,
                1 => y - y.mean_keep(1),
                2 => y.sigmoid(),
                _ => y + x,
            })
        });
        println!("[8, 16] with means of rows, {count} operations: {:.1} µs each", seconds * 1e6 / f64::from(count));
    }
    for count in [1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
        let seconds = step(&Tensor::uniform([count], -1.0..1.0, &mut rng), |x| (x * 2.0 + 1.0).tanh() * x);
        println!("tanh and products, {count} elements: {:.2} ns each", seconds * 1e9 / count as f64);
    }
}
