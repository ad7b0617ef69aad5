//! What a program's mistakes look like: the operation, the shapes, and the line of the program
//! that made the mistake.

#[path = "golden/guard.rs"]
mod guard;

use guard::Panic;
use wengert::prelude::*;
use wengert::{Conv, Interpolation, Pool, transform};

/// The panic of `f`, which must be blamed on the line of the call; the closure stands on it too.
#[track_caller]
fn refused<R>(f: impl FnOnce() -> R) -> String {
    let here = std::panic::Location::caller();
    match guard::guarded(f) {
        Ok(_) => panic!("accepted"),
        Err(Panic { message, file, line }) => {
            assert_eq!((file.as_str(), line), (here.file(), here.line()), "{message}");
            message
        }
    }
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in `{message}`");
    }
}

#[test]
fn shapes_that_do_not_fit() {
    let tape = Tape::<f32>::new();
    let [a, b] = [tape.var(Tensor::zeros([2, 3])), tape.var(Tensor::zeros([4]))];
    let line = line!() + 1;
    let message = refused(|| (a * a + b).tanh());
    assert_says(&message, &["add", "[2, 3]", "[4]", "3 against 4", &format!("tests/errors.rs:{line}")]);

    assert_says(&refused(|| a.matmul(b)), &["matmul", "[2, 3]", "[4]"]);
    assert_says(&refused(|| a.matmul(a)), &["matmul", "[2, 3]", "the inner sizes 3 and 2 differ"]);
    assert_says(&refused(|| a.reshape([4])), &["reshape", "[2, 3]", "[4]"]);
    assert_says(&refused(|| Var::concat(&[a, b], 0)), &["concat", "[2, 3]", "[4]"]);
    assert_says(&refused(|| a + &Tensor::zeros([5])), &["add", "[2, 3]", "[5]"]);
    assert_says(&refused(|| a * &Param::new("w", Tensor::zeros([5]))), &["mul", "[2, 3]", "[5]"]);
}

#[test]
fn shapes_of_tensors_that_do_not_fit() {
    let [a, b] = [Tensor::<f32>::zeros([2, 3]), Tensor::zeros([4])];
    assert_says(&refused(|| &a + &b), &["add", "[2, 3]", "[4]"]);
    assert_says(&refused(|| a.matmul(&b)), &["matmul", "[2, 3]", "[4]"]);
    assert_says(&refused(|| a.reshape([5])), &["reshape", "[2, 3]", "[5]"]);
    assert_says(&refused(|| a.sum(2)), &["sum", "axis 2"]);
    assert_says(&refused(|| a.at([0, 3])), &["at", "[0, 3]", "[2, 3]"]);
    assert_says(&refused(|| Tensor::<f64>::zeros([1 << 45])), &["zeros", "35184372088832 elements"]);
}

#[test]
fn axes_and_indices_out_of_range() {
    let tape = Tape::<f32>::new();
    let x = tape.var(Tensor::zeros([2, 3]));
    assert_says(&refused(|| x.sum(2)), &["sum", "axis 2", "[2, 3]"]);
    assert_says(&refused(|| x.mean(-3)), &["mean", "axis -3", "[2, 3]"]);
    assert_says(&refused(|| x.sum([0, 0])), &["sum", "axis 0", "twice"]);
    assert_says(&refused(|| x.softmax(2)), &["softmax", "axis 2"]);
    assert_says(&refused(|| x.select(0, 2)), &["select", "2", "[2, 3]"]);
    assert_says(&refused(|| x.index_select(1, &tensor![0, 3])), &["index_select", "3", "[2, 3]"]);
}

/// Sizes that no memory holds are refused where the number is given, or, if only the value is so
/// large, where somebody looks at it: never by an abort.
#[test]
fn impossible_sizes() {
    const HUGE: usize = 1 << 45;
    let by = [
        Interpolation::Nearest,
        Interpolation::Linear { align_corners: true },
        Interpolation::Cubic { align_corners: false },
    ];
    let tape = Tape::<f32>::new();
    let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    let wide = tape.var(tensor![1.0]).expand([HUGE]);
    let indices = Tensor::<i64>::zeros([1]).expand([HUGE]);
    for by in by {
        assert_says(&refused(|| x.interpolate1d(HUGE, by)), &["interpolate1d: ", "35184372088832", "[2, 2]"]);
        assert_says(&refused(|| x.interpolate2d([2, HUGE], by)), &["interpolate2d: ", "35184372088832", "[2, 2]"]);
    }
    assert_says(&refused(|| x.pad_replicate(&[(HUGE, 0)])), &["pad_replicate: ", "[2, 2]"]);
    assert_says(&refused(|| x.pad_replicate(&[(usize::MAX, usize::MAX)])), &["pad_replicate: ", "[2, 2]"]);
    assert_says(&refused(|| wide.pad_reflect(&[(1, 1)])), &["pad_reflect: ", "[35184372088832]"]);
    assert_says(&refused(|| x.adaptive_avg_pool1d(HUGE)), &["adaptive_avg_pool1d: "]);
    assert_says(&refused(|| x.adaptive_avg_pool2d([HUGE, HUGE])), &["adaptive_avg_pool2d: ", "[2, 2]"]);
    assert_says(&refused(|| x.adaptive_max_pool2d([HUGE, HUGE])), &["adaptive_max_pool2d: ", "[2, 2]"]);
    assert_says(&refused(|| wide.split(0, 1)), &["split: ", "[35184372088832]"]);
    assert_says(&refused(|| wide.unsqueeze(1).expand([HUGE, HUGE])), &["expand: ", "[35184372088832, 1]"]);
    assert_says(&refused(|| x.flatten().index_select(0, &indices)), &["index_select: ", "[4]"]);
    assert_says(&refused(|| x.flatten().gather(0, &indices)), &["gather: ", "35184372088832"]);
    assert_says(&refused(|| wide.scatter(0, &tensor![0], 1.0)), &["scatter: ", "[35184372088832]"]);
    assert_says(&refused(|| wide.masked_select(&tensor![true])), &["masked_select: ", "[35184372088832]"]);
    assert_says(&refused(|| tape.one_hot(&tensor![1], HUGE)), &["one_hot: ", "35184372088832"]);
    assert_says(&refused(|| wide.expand([2, HUGE]).tril(0)), &["tril: ", "[2, 35184372088832]"]);
    assert_says(&refused(|| x.pad(&[(0, 1 << 61)], 0.0)), &["pad: ", "[2, 2]"]);
    assert_says(&refused(|| x.diag_at(1 << 61)), &["diag_at: "]);
    assert_says(&refused(|| x.tile(&[usize::MAX])), &["tile: ", "[2, 2]"]);
    assert_says(&refused(|| x.repeat(0, usize::MAX)), &["repeat: ", "[2, 2]"]);
    let large = tape.var(Tensor::zeros([1])).expand([1 << 59]);
    assert_says(&refused(|| Var::concat(&[large; 32], 0)), &["concat: ", "[576460752303423488]"]);
    assert_says(&refused(|| wide.expand([HUGE]).outer(wide)), &["outer: ", "[35184372088832]"]);
    assert_says(&refused(|| wide.max_pool1d(Pool::new(2))), &["max_pool1d: ", "[35184372088832]"]);
    let point = Tensor::<f32>::zeros([1]).expand([1 << 30]);
    assert_says(&refused(|| transform::jacobian(|x| x * 2.0, &point)), &["jacobian: ", "[1073741824, 1073741824]"]);

    // What is recorded, and found to be too large when it runs.
    let (ones, pair) = (Tensor::ones([1, 1, 2]), tape.var(tensor![1.0, 2.0]));
    let matrix = tape.var(tensor![[1.0]]).expand([1 << 23, 1 << 23]);
    let line = line!() + 2;
    let all = [
        x.pad(&[(0, HUGE as isize)], 0.0),
        wide.cumsum(0),
        wide.exp(),
        Var::concat(&[wide, wide], 0),
        wide.roll(0, 1),
        pair.repeat(0, HUGE),
        pair.tile(&[HUGE, 1]).flatten(),
        x.adaptive_max_pool1d(HUGE),
        wide.unsqueeze(1).matmul(&tensor![[1.0, 2.0]]),
        wide.reshape([1, 1, -1]).conv1d(&ones, Conv::new()),
        pair.reshape([1, 1, 2]).conv_transpose1d(&ones, Conv::new().stride(HUGE)),
        wide.windows(0, 2, 1) + 1.0,
        matrix.solve(&Tensor::ones([1 << 23])),
        matrix.det(),
        matrix.cholesky(),
        matrix.eigh().0,
    ];
    for (number, y) in all.into_iter().enumerate() {
        let message = refused(|| y.value());
        assert_says(&message, &["cannot allocate", &format!("recorded at tests/errors.rs:{}:", line + number as u32)]);
    }
    // The tape is as it was.
    assert_eq!((x * 2.0).value(), tensor![[2.0, 4.0], [6.0, 8.0]]);
}

/// Panics, or has a lowering that does not fit its shape rule.
#[derive(Clone)]
enum Broken {
    Panics,
    View,
    Axis,
}

impl Op for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }
    fn shape(&self, x: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok(x[0].clone())
    }
    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        match self {
            Broken::Panics => Lowering::kernel(|x: &[Tensor<T>]| x[0].reshape([7])),
            Broken::View => Lowering::view(|layout| layout.permute(&[1, 0]).ok()),
            Broken::Axis => Lowering::Reduce(wengert::kernel::Reduction::Sum, &[7]),
        }
    }
    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, _: Var<'t, T>) -> Cotangents<'t, T> {
        Cotangents::none(1)
    }
}

impl Elementwise<1> for Broken {
    const NAME: &'static str = "broken_map";
    fn apply<T: Float>(&self, [x]: [T; 1]) -> T {
        if x > T::ZERO { panic!("more than nothing") } else { x }
    }
    fn vjp<'t, T: Float>(&self, _: [Var<'t, T>; 1], _: Var<'t, T>, _: Var<'t, T>) -> Cotangents<'t, T> {
        Cotangents::none(1)
    }
}

#[test]
fn a_kernel_that_panics_is_named_with_its_line() {
    let tape = Tape::<f32>::new();
    let x = tape.var(tensor![1.0, 2.0]);
    let line = line!() + 1;
    let (y, z) = (tape.record(Broken::Panics, &[x]), tape.map(Broken::Panics, [x]));
    let at = format!("recorded at tests/errors.rs:{line}:");
    assert_says(
        &refused(|| y.value()),
        &["broken of [2] to [2]", &at, "reshape: [2]: sizes [7] do not hold 2 elements"],
    );
    assert_says(&refused(|| z.value()), &["broken_map of [2] to [2]", &at, "more than nothing"]);
}

#[test]
fn a_lowering_that_does_not_fit_is_named_with_its_line() {
    let tape = Tape::<f32>::new();
    let x = tape.var(Tensor::zeros([2, 3]));
    let line = line!() + 1;
    let (view, axis) = (tape.record(Broken::View, &[x]), tape.record(Broken::Axis, &[x]));
    let at = format!("broken of [2, 3] (recorded at tests/errors.rs:{line}:");
    assert_says(&refused(|| (view + x).value()), &[&at, "its view has shape [3, 2] where its shape rule says [2, 3]"]);
    assert_says(&refused(|| (axis + x).value()), &[&at, "its lowering reduces axes [7]"]);
}

#[test]
fn variables_of_two_tapes() {
    let (one, two) = (Tape::<f32>::new(), Tape::<f32>::new());
    let (a, b) = (one.var(tensor![1.0]), two.var(tensor![2.0]));
    let line = line!() + 1;
    let message = refused(|| a * b);
    assert_says(&message, &["mul", "another tape", "tape.var(v.value())", &format!("tests/errors.rs:{line}")]);
    assert_says(&refused(|| (a * a).grad([b])), &["grad", "another tape", "mul"]);
    assert_says(&refused(|| (a * a).vjp(b, [a])), &["another tape", "mul"]);
    assert_says(&refused(|| one.compute([a, b])), &["compute", "another tape"]);
}

#[test]
fn gradients_that_cannot_be() {
    let tape = Tape::<f32>::new();
    let x = tape.var(tensor![1.0, 2.0]);
    assert_says(&refused(|| (x * 2.0).backward()), &["backward", "mul", "[2]", ".sum(..)", ".vjp(g, [x])"]);
    assert_says(&refused(|| (x * 2.0).grad([x])), &["grad", "mul", "[2]"]);
    assert_says(&refused(|| x.vjp(&tensor![1.0, 2.0, 3.0], [x])), &["vjp", "[3]", "[2]"]);
    assert_says(&refused(|| x.item()), &["item", "[2]", "2 elements"]);
}

#[test]
fn layers_and_losses() {
    let mut rng = Rng::seed(0);
    let fc: Linear = Linear::new(4, 3, &mut rng);
    let tape = Tape::train(0);
    let x = tape.var(Tensor::zeros([1, 3]));
    assert_says(&refused(|| fc.forward(x)), &["linear", "[1, 3]", "[4]"]);
    assert_says(&refused(|| BatchNorm::new(3).forward(x)), &["atch", "[1, 3]"]);
    assert_says(&refused(|| x.mse(&tensor![0.0, 0.0, 0.0])), &["mse", "[1, 3]", "[3]"]);
    assert_says(&refused(|| x.cross_entropy(&tensor![3i64])), &["cross_entropy", "3"]);
    assert_says(&refused(|| x.cross_entropy(&tensor![0i64, 1])), &["cross_entropy", "[1, 3]", "[2]"]);
    assert_says(&refused(|| Sgd::new(&fc, -1.0)), &["learning rate", "-1"]);
}

#[derive(Module)]
struct Pair {
    used: Linear,
    other: Linear,
}

impl Pair {
    fn new() -> Self {
        let mut rng = Rng::seed(0);
        Self { used: Linear::new(2, 1, &mut rng), other: Linear::new(1, 1, &mut rng) }
    }
}

#[test]
fn a_parameter_that_the_loss_does_not_reach() {
    let pair = Pair::new();
    let mut optimizer = Adam::new(&pair, 0.1);
    let before = pair.used.weight.value();

    let tape = Tape::train(0);
    let loss = pair.used.forward(tape.var(Tensor::ones([3, 2]))).sum(..);
    let error = optimizer.step(&loss.backward()).unwrap_err().to_string();
    assert_says(&error, &["`other.weight`", "not used on the tape", "freeze it"]);

    let tape = Tape::train(0);
    let h = pair.used.forward(tape.var(Tensor::ones([3, 2]))).detach();
    let loss = pair.other.forward(h).sum(..);
    let error = optimizer.step(&loss.backward()).unwrap_err().to_string();
    assert_says(&error, &["`used.weight`", "used on the tape", "does not depend on it", "detach"]);

    assert_eq!(pair.used.weight.value(), before, "a refused step changes nothing");
}

#[test]
fn a_step_in_evaluate_mode() {
    let pair = Pair::new();
    let tape = Tape::new();
    let loss = pair.used.forward(tape.var(Tensor::ones([3, 2]))).sum(..);
    let error = Sgd::new(&pair.used, 0.1).step(&loss.backward()).unwrap_err().to_string();
    assert_says(&error, &["evaluate mode", "Tape::train(seed)"]);
}
