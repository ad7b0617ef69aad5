//! A checkpointed gradient is the same and takes less memory. Alone in its process: the peak is
//! that of all tensors.

use wengert_autograd::transform::checkpoint;
use wengert_autograd::{Tape, Var};
use wengert_tensor::{MemoryUse, Rng, Tensor};

const BLOCKS: usize = 12;
const ROWS: usize = 1000;
const WIDTH: usize = 16;
const HIDDEN: usize = 128;

/// What a gradient is taken of, once the forward pass is recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// Loss and gradients in one run.
    Together,
    /// The loss is looked at before a gradient is asked for.
    LossFirst,
    /// The gradient of the norm of the gradient.
    SecondOrder,
}

/// The gradient with respect to the weights of a residual network, and the most memory that it took.
fn gradient(
    step: Step,
    block: for<'t> fn(Var<'t, f64>, Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>,
) -> (Tensor<f64>, usize) {
    let mut rng = Rng::seed(1);
    let [x, up, down] =
        [[ROWS, WIDTH], [WIDTH, HIDDEN], [HIDDEN, WIDTH]].map(|shape| Tensor::normal(shape, 0.0, 0.2, &mut rng));
    let tape = Tape::train(1);
    let (up, down, mut h) = (tape.var(up), tape.var(down), tape.var(x));
    let before = MemoryUse::now().live;
    MemoryUse::reset_peak();
    for _ in 0..BLOCKS {
        h = block(h, up, down);
    }
    let loss = h.square().mean(..);
    if step == Step::LossFirst {
        loss.item();
    }
    let [mut slope] = loss.grad([up]);
    if step == Step::SecondOrder {
        [slope] = slope.square().sum(..).grad([up]);
    }
    let slope = slope.value();
    (slope, MemoryUse::now().peak - before)
}

fn plain<'t>(x: Var<'t, f64>, up: Var<'t, f64>, down: Var<'t, f64>) -> Var<'t, f64> {
    x + x.matmul(up).tanh().matmul(down).sin() * 0.5
}

fn saving<'t>(x: Var<'t, f64>, up: Var<'t, f64>, down: Var<'t, f64>) -> Var<'t, f64> {
    checkpoint(|x| plain(x, up, down), x)
}

#[test]
fn the_gradient_is_the_same_and_the_peak_lower() {
    let hidden = ROWS * HIDDEN * size_of::<f64>();
    for step in [Step::Together, Step::LossFirst, Step::SecondOrder] {
        let (expected, most) = gradient(step, plain);
        let (found, less) = gradient(step, saving);
        found.assert_close(&expected, 1e-11, 1e-13);
        println!("{step:?}: {most} bytes kept, {less} recomputed");
        assert!(most > BLOCKS * hidden, "{step:?}: the hidden layers were kept: {most}");
        assert!(3 * less < most, "{step:?}: {less} against {most}");
    }
}
