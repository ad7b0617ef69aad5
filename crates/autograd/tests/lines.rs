//! Messages and listings name the line that the user wrote.

use wengert_autograd::Tape;
use wengert_tensor::tensor;

#[test]
fn a_shape_mistake_names_operation_shapes_and_line() {
    let result = std::panic::catch_unwind(|| {
        let tape = Tape::<f64>::new();
        let a = tape.var(tensor![1.0, 2.0]);
        let b = tape.var(tensor![1.0, 2.0, 3.0]);
        (a * 2.0 + b).value()
    });
    let message = *result.expect_err("the shapes do not fit").downcast::<String>().expect("a message");
    let line = line!() - 3;
    for part in ["add", "[2]", "[3]", &format!("lines.rs:{line}")] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn a_gradient_is_listed_under_the_line_of_its_forward() {
    let tape = Tape::<f64>::new();
    tape.profile();
    let x = tape.var(tensor![1.0, 2.0]);
    let line = line!() + 1;
    let y = x.exp().sum(..);
    let [g] = y.grad([x]);
    g.value();
    let explanation = tape.explain();
    let here = format!("lines.rs:{line}:");
    let operations: Vec<_> = explanation.launches.iter().flat_map(|launch| &launch.operations).collect();
    assert!(operations.len() >= 2, "the function and its vjp: {explanation}");
    assert!(operations.iter().all(|(_, at)| at.contains(&here)), "{explanation}");
}
