//! What holds for every function and every derivative, on random functions, shapes and numbers.

use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, proptest};
use wengert::prelude::*;
use wengert::transform;

/// One of many families of operations, alone or after another.
#[derive(Clone, Copy, Debug)]
struct Pick(usize, usize);

fn family<T: Float>(which: usize, x: Var<'_, T>) -> Var<'_, T> {
    let (rows, columns) = (x.shape()[0], x.shape()[1]);
    match which {
        0 => x.tanh() * x.sigmoid() + x.sin(),
        1 => x.softplus() / (x.square() + 1.0),
        2 => x.softmax(-1) * x,
        3 => x - x.logsumexp_keep(0),
        4 => (x.matmul(x.t()) * 0.5).matmul(x),
        5 => (x - x.mean_keep(0)) / (x.var_keep(0, 0) + 1e-3).sqrt(),
        6 => x.cumsum(0) * x.flip(1),
        7 => x.sort(1).0 * x.roll(0, 1),
        8 => x.slice(0, ..rows).where_(x.exp(), x).maximum(x.abs() * 0.5),
        9 => Var::concat(&[x, x * x], 1).slice(1, columns..) + x.t().t(),
        10 => x.pad(&[(1, 0), (0, 1)], 0.5).windows(0, 2, 1).sum(-1).slice(1, ..columns),
        11 => x.index_select(0, &Tensor::zeros([rows])) + x.atan(),
        12 => x * (x.square().sum(..) + 1.0).ln(),
        _ => x.erf() * x.max_keep(1) + x.min_keep(0),
    }
}

const FAMILIES: usize = 14;

impl Pick {
    fn apply<'t, T: Float>(self, x: Var<'t, T>) -> Var<'t, T> {
        family(self.1, family(self.0, x) * 0.5)
    }
}

fn pick() -> impl Strategy<Value = Pick> {
    (0..FAMILIES, 0..FAMILIES).prop_map(|(a, b)| Pick(a, b))
}

fn draw<T: Float>(shape: [usize; 2], seed: u64) -> Tensor<T> {
    Tensor::<f64>::uniform(shape, -1.0..1.0, &mut Rng::seed(seed)).cast()
}

fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    a.iter().zip(b.iter()).map(|(a, b)| a * b).sum()
}

/// As large as rounding may be in sums of such numbers.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-11 * (1.0 + a.abs().max(b.abs()))
}

/// The gradients of a scaled and of a plain loss: the second times `factor` and the first.
fn scaled<T: Float>(f: Pick, x: &Tensor<T>, factor: f64) -> (Tensor<T>, Tensor<T>) {
    let slope = |factor: f64| transform::grad(|x| f.apply(x).square().sum(..) * factor, x);
    (&slope(1.0) * T::from_f64(factor), slope(factor))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_vjp_is_linear_in_its_cotangent(f in pick(), rows in 1usize..4, columns in 1usize..4, seed in any::<u64>()) {
        let shape = [rows, columns];
        let [x, g, h] = [0, 1, 2].map(|k| draw::<f64>(shape, seed.wrapping_add(k)));
        let at = |g: &Tensor<f64>| transform::vjp(|x| f.apply(x), &x, g).1;
        let together = at(&(&g * 2.5 - &(&h * 0.75)));
        let apart = at(&g) * 2.5 - &(at(&h) * 0.75);
        prop_assert!(together.allclose(&apart, 1e-11, 1e-11), "{together} against {apart}");
    }

    /// ⟨g, J v⟩ = ⟨Jᵀ g, v⟩.
    #[test]
    fn a_jvp_is_the_transpose_of_a_vjp(f in pick(), rows in 1usize..4, columns in 1usize..4, seed in any::<u64>()) {
        let shape = [rows, columns];
        let [x, g, v] = [0, 1, 2].map(|k| draw::<f64>(shape, seed.wrapping_add(k)));
        let (y, forward) = transform::jvp(|x| f.apply(x), &x, &v);
        let (again, reverse) = transform::vjp(|x| f.apply(x), &x, &g);
        prop_assert_eq!(y, again);
        prop_assert!(close(dot(&g, &forward), dot(&reverse, &v)));
    }

    /// ⟨u, H v⟩ = ⟨H u, v⟩, and H v is the product with the Hessian.
    #[test]
    fn a_hessian_is_symmetric(f in pick(), rows in 1usize..4, columns in 1usize..4, seed in any::<u64>()) {
        let shape = [rows, columns];
        let [x, u, v] = [0, 1, 2].map(|k| draw::<f64>(shape, seed.wrapping_add(k)));
        let product = |v: &Tensor<f64>| transform::hvp(|x| f.apply(x).sin().sum(..), &x, v);
        let (hu, hv) = (product(&u), product(&v));
        let scale = 1.0 + dot(&hu, &hu).sqrt() + dot(&hv, &hv).sqrt();
        prop_assert!((dot(&u, &hv) - dot(&hu, &v)).abs() <= 1e-10 * scale);
        let count = rows * columns;
        let h = transform::hessian(|x| f.apply(x).sin().sum(..), &x).reshape([count, count]);
        prop_assert!(h.allclose(&h.t(), 1e-10, 1e-10 * scale), "{h}");
        let by_matrix = h.matmul(&v.reshape([count])).reshape(shape);
        prop_assert!(by_matrix.allclose(&hv, 1e-10, 1e-10 * scale));
    }

    #[test]
    fn powers_of_two_pass_through_a_gradient_exactly(
        f in pick(), rows in 1usize..5, columns in 1usize..5, exponent in -20i32..20, seed in any::<u64>(),
    ) {
        let factor = 2f64.powi(exponent);
        let (expected, found) = scaled(f, &draw::<f64>([rows, columns], seed), factor);
        prop_assert_eq!(expected, found);
        let (expected, found) = scaled(f, &draw::<f32>([rows, columns], seed), factor);
        prop_assert_eq!(expected, found);
    }

    /// Transposed, reversed, cut out of a larger one or repeated: only the numbers count.
    #[test]
    fn a_view_is_worth_its_copy(
        f in pick(), rows in 1usize..5, columns in 1usize..5, how in 0usize..5, seed in any::<u64>(),
    ) {
        let view = match how {
            0 => draw::<f64>([columns, rows], seed).t(),
            1 => draw::<f64>([rows, columns], seed).flip(..),
            2 => draw::<f64>([rows + 2, columns + 1], seed).slice(0, 1..rows as isize + 1).slice(1, ..columns),
            3 => draw::<f64>([2 * rows, columns], seed).slice(0, Slice::from(..).step(-2)),
            _ => draw::<f64>([1, columns], seed).expand([rows, columns]),
        };
        let both = |x: &Tensor<f64>| {
            let tape = Tape::new();
            let x = tape.var(x);
            let y = f.apply(x);
            let [dx] = y.square().sum(..).grad([x]);
            (y.value(), dx.value())
        };
        let ((y, dx), (copy_y, copy_dx)) = (both(&view), both(&view.contiguous()));
        prop_assert!(y.allclose(&copy_y, 1e-13, 1e-14), "{y} against {copy_y}");
        prop_assert!(dx.allclose(&copy_dx, 1e-13, 1e-13), "{dx} against {copy_dx}");
    }
}
