//! What a program's mistakes look like: the operation, the shapes, and the line of the program
//! that made the mistake.

#[path = "golden/guard.rs"]
mod guard;

use guard::Panic;
use wengert::prelude::*;

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

#[test]
fn variables_of_two_tapes() {
    let (one, two) = (Tape::<f32>::new(), Tape::<f32>::new());
    let (a, b) = (one.var(tensor![1.0]), two.var(tensor![2.0]));
    let line = line!() + 1;
    let message = refused(|| a * b);
    assert_says(&message, &["mul", "another tape", "tape.var(v.value())", &format!("tests/errors.rs:{line}")]);
    assert_says(&refused(|| (a * a).grad([b])), &["another tape", "mul"]);
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
    assert_says(&refused(|| fc.forward(x)), &["matmul", "[1, 3]", "[4, 3]"]);
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
