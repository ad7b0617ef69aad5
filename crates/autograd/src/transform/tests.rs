//! Closed forms, and identities between the transforms.

use proptest::prelude::*;
use wengert_tensor::{Rng, Tensor, tensor};

use super::*;

/// exp(xᵢ) / Σ exp(x), whose Jacobian is diag(y) − y yᵀ.
fn softmax<T: Float>(x: Var<'_, T>) -> Var<'_, T> {
    let e = (x - x.max_keep(-1)).exp();
    e / e.sum_keep(-1)
}

/// Rosenbrock's function of two variables.
fn rosenbrock<T: Float>(x: Var<'_, T>) -> Var<'_, T> {
    let (first, second) = (x * &tensor_of(&[1.0, 0.0]), x * &tensor_of(&[0.0, 1.0]));
    let (a, b) = (first.sum(..), second.sum(..));
    (b - a.square()).square() * 100.0 + (a - 1.0).square()
}

fn tensor_of<T: Float>(values: &[f64]) -> Tensor<T> {
    Tensor::from_slice(values, [values.len()]).cast()
}

#[test]
fn numbers_and_tensors_of_both_precisions() {
    assert_eq!(grad(|x| x * x, 3.0f32), 6.0f32);
    assert_eq!(grad(|x| x * x, 3.0), 6.0);
    assert_eq!(grad(|x| (x * x).sum(..), &tensor![1f32, 2.0]), tensor![2f32, 4.0]);
    assert_eq!(value_and_grad(|x| x * x, 3.0f32), (9.0f32, 6.0));
    let (y, [a, b]) = (6.0, grads(|[a, b]| a * b, [2.0, 3.0]));
    assert_eq!((y, a, b), (6.0, 3.0, 2.0));
}

#[test]
fn the_jacobian_of_softmax_has_its_closed_form() {
    let x = tensor![0.3, -1.2, 2.0];
    let e: Vec<f64> = x.iter().map(f64::exp).collect();
    let total: f64 = e.iter().sum();
    let y: Vec<f64> = e.iter().map(|e| e / total).collect();
    let expected = Tensor::build([3, 3], |out| {
        for (k, v) in out.iter_mut().enumerate() {
            let (i, j) = (k / 3, k % 3);
            *v = if i == j { y[i] } else { 0.0 } - y[i] * y[j];
        }
    });
    jacobian(softmax, &x).assert_close(&expected, 1e-13, 1e-15);
}

#[test]
fn the_hessian_of_rosenbrock_has_its_closed_form() {
    let (a, b) = (-1.2, 1.0);
    let expected = tensor![[2.0 - 400.0 * (b - 3.0 * a * a), -400.0 * a], [-400.0 * a, 200.0]];
    let found = hessian(rosenbrock, tensor![a, b]);
    found.assert_close(&expected, 1e-13, 0.0);
    let v = tensor![0.5, -2.0];
    let product = hvp(rosenbrock, &tensor![a, b], &v);
    let by_hand = tensor![expected.at([0, 0]) * 0.5 - expected.at([0, 1]) * 2.0, expected.at([1, 0]) * 0.5 - 400.0];
    product.assert_close(&by_hand, 1e-13, 0.0);
}

#[test]
fn shapes_of_jacobians_join_output_and_input() {
    let x: Tensor<f64> = Tensor::ones([2, 3]);
    assert_eq!(*jacobian(|x| x.sum(1), &x).shape(), [2, 2, 3]);
    assert_eq!(*hessian(|x| (x * x).sum(..), &x).shape(), [2, 3, 2, 3]);
    assert_eq!(*jacobian(|x| x * x, 3.0).shape(), []);
    assert_eq!(*jacobian(|x| x * 2.0, Tensor::<f64>::zeros([0])).shape(), [0, 0]);
}

#[test]
fn what_the_function_ignores_has_derivative_zero() {
    fn ignore(x: Var<'_, f64>) -> Var<'_, f64> {
        x.tape().scalar(1.0)
    }
    assert_eq!(grad(ignore, 3.0), 0.0);
    assert_eq!(jvp(ignore, 3.0, 1.0).1.item(), 0.0);
    assert_eq!(jacobian(ignore, tensor![1.0, 2.0]), tensor![0.0, 0.0]);
    assert_eq!(hessian(|x| x.sum(..), tensor![1.0, 2.0]), Tensor::zeros([2, 2]));
}

#[test]
#[should_panic(expected = "grad: the function returned shape [2], not one element")]
fn the_gradient_of_several_outputs_is_refused() {
    grad(|x| x * x, &tensor![1.0, 2.0]);
}

#[test]
#[should_panic(expected = "jvp: a direction of shape [3] at a point of shape [2]")]
fn a_direction_of_another_shape_is_refused() {
    jvp(|x| x * x, tensor![1.0, 2.0], tensor![1.0, 2.0, 3.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn forward_and_reverse_agree(seed in any::<u64>(), n in 1usize..5) {
        let mut rng = Rng::seed(seed);
        let mut draw = |shape: &[usize]| Tensor::uniform(shape, -1.0..1.0, &mut rng);
        let (x, v, g, w) = (draw(&[n]), draw(&[n]), draw(&[3]), draw(&[3, n]));
        let dot = |a: &Tensor<f64>, b: &Tensor<f64>| a.iter().zip(b.iter()).map(|(a, b)| a * b).sum::<f64>();
        fn layer<'t>(w: &Tensor<f64>, x: Var<'t, f64>) -> Var<'t, f64> {
            x.tape().var(w).matmul(x.tanh()).exp()
        }

        // ⟨g, J v⟩ = ⟨Jᵀ g, v⟩, and both are products with the Jacobian.
        let (y, jv) = jvp(|x| layer(&w, x), &x, &v);
        let (again, gj) = vjp(|x| layer(&w, x), &x, &g);
        prop_assert_eq!(y, again);
        prop_assert!((dot(&g, &jv) - dot(&gj, &v)).abs() <= 1e-12);
        let j = jacobian(|x| layer(&w, x), &x);
        for i in 0..3 {
            let row: f64 = (0..n).map(|k| j.at([i, k]) * v.at([k])).sum();
            prop_assert!((row - jv.at([i])).abs() <= 1e-12);
        }

        // The Hessian is symmetric, and its product with v is the hvp.
        let h = hessian(|x| layer(&w, x).square().sum(..), &x);
        prop_assert!(h.allclose(&h.t(), 1e-12, 1e-12));
        let hv = hvp(|x| layer(&w, x).square().sum(..), &x, &v);
        for i in 0..n {
            let row: f64 = (0..n).map(|k| h.at([i, k]) * v.at([k])).sum();
            prop_assert!((row - hv.at([i])).abs() <= 1e-11 * (1.0 + row.abs()));
        }
    }
}
