//! Verdicts on right functions in odd places, and on slightly wrong ones.

use wengert_autograd::check::{Check, Finding, gradcheck, gradgradcheck};
use wengert_autograd::{Cotangents, Elementwise, Lowering, Op, Var};
use wengert_tensor::{Float, Rng, Shape, ShapeError, Tensor, tensor};

type Function = for<'t> fn([Var<'t, f64>; 1]) -> Var<'t, f64>;

/// A function, where it is looked at, and the findings on its first and second derivative there.
type Odd = (&'static str, Function, &'static [f64], Finding, Finding);

#[test]
fn right_functions_in_odd_places_are_not_called_wrong() {
    use Finding::{Agrees, Kink, Zero};
    let cases: [Odd; 26] = [
        ("cancellation", |[x]| (x + 1e8) - 1e8, &[0.3, 2.0], Agrees, Zero),
        ("far from the steps", |[x]| x.recip(), &[1e-8, 1.0, 1e8], Agrees, Agrees),
        ("a domain that ends near", |[x]| x.ln(), &[1e-3, 1e-6, 1e-12], Agrees, Agrees),
        ("a domain that ends nearer", |[x]| x.acos(), &[0.999999, -0.99], Agrees, Agrees),
        ("a pole near", |[x]| x.tan(), &[1.57], Agrees, Agrees),
        ("another pole", |[x]| x.lgamma(), &[1e-4, 1e-8], Agrees, Agrees),
        ("fast growth", |[x]| (x * 50.0).exp(), &[0.3, -2.0, 4.0], Agrees, Agrees),
        ("fast oscillation", |[x]| (x * 1e5).sin(), &[0.3, 2.0], Agrees, Agrees),
        ("large numbers", |[x]| x * x, &[1e100, -1e50], Agrees, Zero),
        ("small results", |[x]| x.square() * 1e-290, &[1.0, 2.0], Agrees, Agrees),
        ("a flat tail", |[x]| x.sigmoid(), &[100.0, -100.0, 40.0, 0.0], Agrees, Zero),
        ("a steep tail", |[x]| x.erfc(), &[5.0, 10.0, -3.0], Agrees, Agrees),
        ("results far apart", |[x]| Var::concat(&[x * 1e9, x.sin() * 1e-9], 0), &[1.0, 2.0], Agrees, Zero),
        ("a constant, but for rounding", |[x]| x.sin().square() + x.cos().square(), &[0.3, 2.0], Zero, Zero),
        ("a constant variance", |[x]| x.var(.., 0), &[2.0, 2.0, 2.0], Zero, Agrees),
        ("a constant deviation", |[x]| x.std(.., 0), &[2.0, 2.0, 2.0], Kink, Kink),
        ("the origin of a length", |[x]| x.norm(0, 2.0), &[0.0, 0.0], Kink, Kink),
        ("a kink", |[x]| x.maximum(0.0) * 3.0 + x.square(), &[0.0, 1.0, -1.0], Kink, Kink),
        ("two kinks", |[x]| x.clamp(-1.0, 1.0), &[1.0, -1.0, 0.3], Kink, Kink),
        ("kinks beside", |[x]| x.abs(), &[1e-4, -1e-5, 1e-3], Agrees, Zero),
        ("equal values", |[x]| x.max(0), &[1.0, 1.0, 0.5], Kink, Kink),
        ("equal values, sorted", |[x]| x.sort(0).0 * &tensor![1.0, 2.0, 3.0], &[1.0, 1.0, 0.5], Kink, Kink),
        ("a jump", |[x]| x.floor() + x.sin(), &[1.0, 1.5], Kink, Agrees),
        ("a jump beside", |[x]| x.gt(0.0) + x.sin(), &[1e-4, 0.5], Agrees, Agrees),
        ("an inflection", |[x]| x * x * x, &[0.0, 1.0], Agrees, Agrees),
        ("nothing", |[x]| x.tape().scalar(1.0) * 2.0, &[1.0], Zero, Zero),
    ];
    for (name, f, at, first, second) in cases {
        let x = Tensor::from_slice(at, [at.len()]);
        for (report, expected) in [(gradcheck(f, [&x]), first), (gradgradcheck(f, [&x]), second)] {
            assert!(report.is_ok(), "{name}: {report}");
            let found = report.inputs[0].finding;
            // A derivative below rounding is as good as zero.
            let as_good = (found, expected) == (Zero, Agrees) || (found, expected) == (Agrees, Zero);
            assert!(found == expected || as_good, "{name}: {found:?}, not {expected:?}: {report}");
        }
    }
}

#[test]
fn jumps_are_named() {
    let report = gradcheck(|[x]| x.floor() + x * 0.5, [tensor![1.0, 1.5]]);
    assert_eq!(report.inputs[0].kinks[0].0, [0]);
    assert!(report.to_string().contains("on a kink: a jump of "), "{report}");
}

/// sin x + x · y, wrong by `part` of the right derivative where `x` is larger than `above`.
#[derive(Clone)]
struct Slightly {
    part: f64,
    above: f64,
}

impl Elementwise<2> for Slightly {
    const NAME: &'static str = "slightly";
    fn apply<T: Float>(&self, [x, y]: [T; 2]) -> T {
        x.sin() + x * y
    }
    fn vjp<'t, T: Float>(&self, [x, y]: [Var<'t, T>; 2], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let wrong = x.gt(self.above) * self.part + 1.0;
        [g * (x.cos() + y) * wrong, g * x].into()
    }
}

#[test]
fn small_mistakes_are_found_where_they_are() {
    let (x, y) = (tensor![-1.0, 0.2, 0.9, 0.5], tensor![0.3, 0.1, -2.0, 0.7]);
    for part in [-2.0, 1.0, 1e-3, -1e-5, 1e-7] {
        let slightly = Slightly { part, above: 0.8 };
        let report = gradcheck(|[x, y]| x.tape().map(slightly.clone(), [x, y]), [&x, &y]);
        assert_eq!([report.inputs[0].finding, report.inputs[1].finding], [Finding::Wrong, Finding::Agrees], "{report}");
        assert_eq!(report.inputs[0].hint.as_deref(), Some("at 1 of 4"), "{report}");
        let worst = report.inputs[0].worst().expect("elements were compared");
        let right = (worst.analytic / (1.0 + part) - worst.numeric).abs();
        assert!(right <= worst.numeric_error.max(1e-11), "{report}");
    }
}

/// A product of matrices with a planted rule.
#[derive(Clone)]
struct Product(fn(usize) -> bool);

impl Op for Product {
    fn name(&self) -> &'static str {
        "product"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        match (&x[0][..], &x[1][..]) {
            (&[n, k], &[l, m]) if k == l => Ok(Shape::from([n, m])),
            _ => Err(ShapeError::new("not two matrices that fit")),
        }
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| x[0].matmul(&x[1]))
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let [da, db] = [g.matmul(x[1].t()), x[0].t().matmul(g)];
        // The mistake fits where the matrices are square.
        if (self.0)(x[0].shape()[0]) { [da.t(), db].into() } else { [da, db].into() }
    }
}

#[test]
fn a_transposed_gradient_is_found() {
    let square = || Tensor::<f64>::normal([3, 3], 0.0, 1.0, &mut Rng::seed(1));
    let with = |mistaken: fn(usize) -> bool| {
        gradcheck(|[a, b]| a.tape().record(Product(mistaken), &[a, b]), [square(), square().flip(..)])
    };
    with(|_| false).assert_ok();
    let report = with(|_| true);
    assert_eq!([report.inputs[0].finding, report.inputs[1].finding], [Finding::Wrong, Finding::Agrees], "{report}");
    // On the diagonal it is right.
    assert_eq!(report.inputs[0].hint.as_deref(), Some("at 6 of 9"), "{report}");
}

#[test]
fn the_fast_mode_finds_what_is_wrong_in_one_of_many() {
    let mut x = Tensor::<f64>::uniform([100, 100], -0.5..0.5, &mut Rng::seed(3)).to_vec();
    x[4321] = 0.9;
    let (x, y) = (Tensor::from_vec(x, [100, 100]), Tensor::<f64>::ones([100]));
    let check = |part| {
        let slightly = Slightly { part, above: 0.8 };
        Check::fast().gradcheck(|[x, y]| x.tape().map(slightly.clone(), [x, y]), [&x, &y])
    };
    let report = check(0.0);
    report.assert_ok();
    assert_eq!(report.inputs[0].compared.len(), 8);
    assert!(!check(-1.0).is_ok());
}
