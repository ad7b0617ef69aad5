//! Operations of your own, one of each kind, put through everything that the built-in ones are.
//!
//! ```text
//! cargo run --release --example custom_op
//! ```

use wengert::prelude::*;

/// x · tanh(ln(1 + eˣ)), composed of other operations (Misra 2019). Its derivatives come for
/// nothing, and it runs as one loop.
fn mish<'t, T: Float>(x: Var<'t, T>) -> Var<'t, T> {
    x * x.softplus().tanh()
}

/// (x + √(x² + b)) / 2, a function of numbers with its vjp (Barron 2021). It fuses with its
/// neighbours like the built-in ones.
#[derive(Clone)]
struct Squareplus(f64);

impl Elementwise<1> for Squareplus {
    const NAME: &'static str = "squareplus";
    #[inline(always)]
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        T::from_f64(0.5) * (x + (x * x + T::from_f64(self.0)).sqrt())
    }
    fn vjp<'t, T: Float>(&self, [x]: [Var<'t, T>; 1], y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        [g * y / (x * x + self.0).sqrt()].into()
    }
}

/// yᵢ = Σⱼ wⱼ exp(−γ (xᵢ − cⱼ)²), radial basis functions at points x with centres c and weights w:
/// a kernel of whole tensors, opaque to the planner. Its parameter is γ.
#[derive(Clone)]
struct Radial(f64);

impl Op for Radial {
    fn name(&self) -> &'static str {
        "radial"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        let fits = x[0].len() == 1 && x[1].len() == 1 && x[1] == x[2];
        if fits { Ok(x[0].clone()) } else { Err(ShapeError::new("points, centres and weights are [n], [m], [m]")) }
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|values| {
            let [x, c, w] = [0, 1, 2].map(|k| values[k].to_vec());
            let bell = |d: T| (-T::from_f64(self.0) * d * d).exp();
            let y = x.iter().map(|&x| c.iter().zip(&w).fold(T::ZERO, |sum, (&c, &w)| sum + w * bell(x - c)));
            Tensor::from_vec(y.collect(), values[0].shape())
        })
    }
    fn vjp<'t, T: Float>(&self, x: &[Var<'t, T>], _y: Var<'t, T>, g: Var<'t, T>) -> Cotangents<'t, T> {
        let d = x[0].unsqueeze(1) - x[1];
        let dw = g.unsqueeze(1) * (d * d * -self.0).exp();
        let dc = dw * x[2] * d * (2.0 * self.0);
        [-dc.sum(1), dc.sum(0), dw.sum(0)].into()
    }
}

pub(crate) fn main() {
    let composed = check::elementwise(|[x]| mish(x), [-3.0..3.0]);
    println!("{composed}");

    let elementwise = check::elementwise(|[x]| x.tape().map(Squareplus(4.0), [x]), [-3.0..3.0]);
    println!("{elementwise}");

    let samples = [tensor![0.1, -0.4, 0.7], tensor![-1.0, 0.5], tensor![2.0, -0.3]];
    let kernel = check::op(|[x, c, w]| x.tape().record(Radial(0.5), &[x, c, w]), samples);
    println!("{kernel}");

    for report in [composed, elementwise, kernel] {
        report.assert_ok();
    }
}
