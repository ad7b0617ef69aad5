//! Sums of single precision, and the same bits at any number of threads.

use wengert::prelude::*;
use wengert::set_threads;

use crate::off;

/// `f` of a tensor and of a variable, as numbers of double precision.
fn both<const N: usize>(
    x: &Tensor<f32>,
    tensor: impl Fn(&Tensor<f32>) -> Tensor<f32>,
    var: impl for<'t> Fn(Var<'t, f32>) -> Var<'t, f32>,
) -> [Vec<f64>; 2] {
    let numbers = |y: Tensor<f32>| {
        assert_eq!(y.count(), N);
        y.iter().map(f64::from).collect()
    };
    [numbers(tensor(x)), numbers(var(Tape::new().var(x)).value())]
}

#[test]
fn ten_million_copies_over_every_axis_order() {
    let tenth = f64::from(0.1f32);
    let x = Tensor::full([10_000_000], 0.1f32);
    let columns = x.reshape([2_500_000, 4]);
    let close = |sums: [Vec<f64>; 2], count: f64| {
        for sum in sums.concat() {
            assert!(off(sum, count * tenth) <= 1e-6, "{sum} of {count}");
        }
    };
    close(both::<1>(&x, |x| x.sum(..), |x| x.sum(..)), 1e7);
    close(both::<4>(&columns, |x| x.sum(0), |x| x.sum(0)), 2.5e6);
    close(both::<4>(&columns.t(), |x| x.sum(1), |x| x.sum(1)), 2.5e6);
    close(both::<1>(&columns.t(), |x| x.sum(..), |x| x.sum(..)), 1e7);
    let blocks = x.reshape([50, 4, 50_000]);
    close(both::<4>(&blocks, |x| x.sum([0, 2]), |x| x.sum([0, 2])), 2.5e6);
    close(both::<50_000>(&blocks, |x| x.sum([0, 1]), |x| x.sum([0, 1])), 200.0);
    close(both::<1>(&blocks, |x| x.sum([2, 0, 1]), |x| x.sum([2, 0, 1])), 1e7);
    close(both::<1>(&x, |x| x.mean(..), |x| x.mean(..)), 1.0);
}

/// Sums of both signs are good to 10⁻⁶·Σ|x|.
#[test]
fn sums_that_cancel() {
    let x: Tensor<f32> = Tensor::normal([300, 1000], 0.0, 1.0, &mut Rng::seed(4));
    let (exact, sizes) = (x.cast::<f64>(), x.cast::<f64>().abs());
    for axis in [0, 1] {
        let sums = Tape::new().var(&x).sum(axis).value().cast::<f64>();
        for ((sum, exact), size) in sums.iter().zip(exact.sum(axis).iter()).zip(sizes.sum(axis).iter()) {
            assert!((sum - exact).abs() <= 1e-6 * size);
        }
    }
}

#[test]
fn variances_at_a_mean_of_a_million() {
    let x: Tensor<f32> = Tensor::normal([100_000], 1e6, 1.0, &mut Rng::seed(5));
    let exact = x.cast::<f64>().var(.., 1).item();
    for variance in both::<1>(&x, |x| x.var(.., 1), |x| x.var(.., 1)).concat() {
        assert!(off(variance, exact) <= 1e-5, "{variance}, not {exact}");
    }
    for deviation in both::<1>(&x, |x| x.std(.., 1), |x| x.std(.., 1)).concat() {
        assert!(off(deviation, exact.sqrt()) <= 1e-5, "{deviation}");
    }
    let norm = BatchNorm::<f32>::new(1).momentum(1.0);
    let tape = Tape::train(0);
    norm.forward(tape.var(x.reshape([100_000, 1])));
    tape.commit();
    let variance = f64::from(norm.running_var.value().item());
    assert!(off(variance, exact) <= 1e-5, "{variance}, not {exact}");
}

#[test]
fn neither_means_nor_norms_overflow() {
    let large = Tensor::full([4], 3e38f32);
    assert_eq!(both::<1>(&large, |x| x.mean(..), |x| x.mean(..)).concat(), [f64::from(3e38f32); 2]);
    let norm = Tape::new().var(tensor![1e200, 1e200]).norm(.., 2.0).item();
    assert!(off(norm, 2f64.sqrt() * 1e200) <= 1e-15);
    let single = Tape::<f32>::new().var(tensor![1e30f32, 1e30]).norm(.., 2.0).item();
    assert!(off(f64::from(single), 2f64.sqrt() * f64::from(1e30f32)) <= 1e-7);
}

/// Constant data is the worst: every rounding goes the same way.
#[test]
fn products_to_eight_roundings() {
    let constant = |shape: [usize; 2]| Tensor::full(shape, 0.1f32);
    let random = |shape: [usize; 2]| Tensor::normal(shape, 0.3, 1.0, &mut Rng::seed(7));
    for make in [&constant as &dyn Fn([usize; 2]) -> Tensor<f32>, &random] {
        for [m, k, n] in [[1, 1_000_000, 1], [1, 70_000, 9], [9, 70_000, 1], [5, 100_000, 6], [33, 4096, 65], [8, 3, 8]]
        {
            let (a, b) = (make([m, k]), make([k, n]));
            let (wide_a, wide_b) = (a.cast::<f64>(), b.cast::<f64>());
            let (exact, sizes) = (wide_a.matmul(&wide_b), wide_a.abs().matmul(&wide_b.abs()));
            let tape = Tape::new();
            let views = [tape.var(&a).matmul(&b), tape.var(&b).t().matmul(tape.var(&a).t()).t()];
            for product in [a.matmul(&b), views[0].value(), views[1].value()] {
                for ((got, want), size) in product.iter().zip(exact.iter()).zip(sizes.iter()) {
                    let off = (f64::from(got) - want).abs();
                    assert!(off <= 8.0 * 2f64.powi(-24) * size, "[{m}, {k}] · [{k}, {n}]: {got} is off by {off:e}");
                }
            }
        }
    }
}

/// The loss of a small network and its gradients, times a power of two.
fn network(factor: f64) -> Vec<Tensor<f32>> {
    let mut rng = Rng::seed(6);
    let (first, norm) = (Linear::new(20, 32, &mut rng), BatchNorm::new(32));
    let (pieces, out) = (Maxout::new(32, 16, 2, &mut rng), Linear::new(16, 5, &mut rng));
    let x = Tensor::normal([600, 20], 0.0, 1.0, &mut rng);
    let labels: Tensor<i64> = (0..600).map(|i| i % 5).collect();
    let tape = Tape::<f32>::train(0);
    let hidden = norm.forward(first.forward(tape.var(x))).leaky_relu(0.01);
    let loss = out.forward(pieces.forward(hidden)).cross_entropy(&labels) * factor;
    let gradients = loss.backward();
    let mut found = vec![loss.value()];
    for module in [&first as &dyn Module, &norm, &pieces, &out] {
        found.extend(module.params().iter().map(|(_, param)| gradients.get(param).expect("it is used").value()));
    }
    found
}

#[test]
fn powers_of_two_pass_through_exactly() {
    let one = network(1.0);
    for exponent in [-12, 1, 7] {
        let factor = 2f64.powi(exponent);
        for (scaled, value) in network(factor).iter().zip(&one) {
            assert!(scaled.bits_eq(&(value * factor as f32)), "2^{exponent}");
        }
    }
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let results: Vec<_> = [1, 2, 3, 8]
        .map(|threads| {
            set_threads(threads);
            network(1.0)
        })
        .into();
    for others in &results[1..] {
        assert!(others.iter().zip(&results[0]).all(|(a, b)| a.bits_eq(b)));
    }
}
