//! What goes wrong is named, and the model is kept.

use super::*;
use crate::{Dataset, End, NotFinite};

/// The error of a run, with the model as it was before the step that failed.
fn failure(lr: f64, forward: impl for<'t> Fn(&Net, Var<'t>) -> Var<'t>, data: Labelled) -> (NotFinite, History) {
    let (net, last) = (net(3), std::cell::RefCell::new(None));
    let error = Trainer::classifier(&net, Sgd::new(&net, lr), |x| forward(&net, x))
        .after_step(|_| {
            last.replace(Some(net.state_dict()));
            ControlFlow::Continue(())
        })
        .quiet()
        .fit(&Loader::new(data, 5))
        .unwrap_err();
    let TrainErrorKind::NotFinite(found) = error.kind else { panic!("{error}") };
    if let Some(last) = last.take() {
        assert_eq!(net.state_dict(), last);
    }
    // NaN is not equal to itself.
    assert_eq!(format!("{:?}", error.history.end), format!("{:?}", Some(End::NotFinite(*found.clone()))));
    assert_eq!(error.history.steps, found.step);
    (*found, *error.history)
}

#[test]
fn forward_names_step_layer_operation_and_line() {
    let mut line = 0;
    let (found, _) = failure(
        0.1,
        |net, x| {
            let h = net.1.forward(net.0.forward(x));
            net.3.forward((h - 1.0e4).ln())
        },
        points(20, 1),
    );
    line += line!() - 4;
    assert_eq!((found.step, found.what.as_str(), found.op.as_deref()), (0, "loss", Some("ln")));
    let at = found.line.unwrap();
    assert!(at.contains(file!()) && at.contains(&format!(":{line}:")), "{at} is not line {line}");
    assert!(found.text.starts_with("the loss of step 0 is NaN"), "{}", found.text);
    // After layer 1, on the way to the output of layer 3.
    assert!(found.text.contains("in or next to layer `3`") && found.layer.as_deref() == Some("3"), "{}", found.text);
}

#[test]
fn backward_too() {
    // The root of 0 has the slope ∞, and its product with the slope 0 of the square is NaN.
    let (found, history) = failure(
        0.1,
        |net, x| super::forward(net, x) * (x.sum(..) * 0.0 * net.0.weight.on(x.tape()).sum(..)).sqrt(),
        points(20, 1),
    );
    assert_eq!((found.step, found.what.as_str()), (0, "gradient norm"));
    assert!(found.text.contains("in the vjp of sqrt"), "{}", found.text);
    assert_eq!(history.steps, 0);
}

#[test]
fn data_that_are_not_finite_are_found_where_they_are_used() {
    let mut x = points(20, 1).features().to_vec();
    x[37] = f32::NAN;
    let data = Labelled::new(Tensor::from_vec(x, [20, 3]), points(20, 1).labels().clone());
    let (found, history) = failure(0.1, super::forward, data);
    assert_eq!((found.step, found.layer.as_deref()), (2, Some("0")));
    assert!(found.text.contains("input 0: leaf of shape [5, 3], NaN"), "{}", found.text);
    assert_eq!((history.steps, history.loss.len()), (2, 2));
}

#[test]
fn a_rate_that_is_much_too_high_is_seen() {
    let (found, history) = failure(1e37, super::forward, points(20, 1));
    assert!(found.step >= 1 && history.loss.len() as u64 == found.step, "{found:?}");
}

#[test]
fn a_parameter_without_gradient_is_named() {
    let net = net(1);
    let error =
        Trainer::classifier(&net, Adam::new(&net, 0.1), |x| net.3.forward(x.sum(1).unsqueeze(1) * &Tensor::ones([8])))
            .quiet()
            .fit(&loader(20, 5))
            .unwrap_err();
    assert!(matches!(error.kind, TrainErrorKind::Step(_)));
    assert!(
        error.to_string().contains("training stopped after 0 steps: parameter `0.weight` has no gradient"),
        "{error}"
    );
}

#[test]
fn an_example_that_cannot_be_had_is_named() {
    struct Broken;
    impl Dataset for Broken {
        type Item = (Tensor, i64);
        fn len(&self) -> usize {
            20
        }
        fn item(&self, index: usize) -> Result<Self::Item, Box<dyn std::error::Error + Send + Sync>> {
            if index == 13 { Err("the file is gone".into()) } else { Ok((Tensor::ones([3]), 0)) }
        }
    }
    let net = net(1);
    let error = Trainer::classifier(&net, Adam::new(&net, 0.1), |x| forward(&net, x))
        .quiet()
        .fit(&Loader::new(Broken, 5))
        .unwrap_err();
    assert_eq!(error.to_string(), "training stopped after 2 steps: example 13: the file is gone");
    assert_eq!(error.history.steps, 2);
}
