//! Layers against PyTorch: the same names and layouts of parameters, the same outputs, gradients
//! and buffers. `reference.py` wrote the numbers.

mod models;

use serde_json::Value;
use wengert::prelude::*;

const WEIGHTS: [f64; 7] = [1.0, -0.5, 0.75, 2.0, -1.25, 0.5, 1.5];

fn tensor_of(value: &Value) -> Tensor<f64> {
    let numbers = |key: &str| value[key].as_array().expect("a list").iter();
    let shape: Vec<usize> = numbers("shape").map(|v| v.as_u64().expect("a size") as usize).collect();
    Tensor::from_vec(numbers("data").map(|v| v.as_f64().expect("a number")).collect(), shape)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, Tensor<f64>)> {
    value.as_object().expect("an object").iter().map(|(name, value)| (name, tensor_of(value)))
}

/// Errors relative to the largest element: in `f32`, small sums of large terms lose digits.
#[track_caller]
fn assert_close<T: Float>(what: &str, got: &Tensor<T>, want: &Tensor<f64>, tolerance: f64) {
    assert_eq!(got.shape(), want.shape(), "{what}");
    let largest = want.iter().fold(1e-3, |m: f64, v| m.max(v.abs()));
    for (got, want) in got.iter().zip(want.iter()) {
        let error = (got.to_f64() - want).abs();
        assert!(error <= tolerance * largest, "{what}: {got}, not {want}, off by {error:e}");
    }
}

fn check<T: Float>(case: &Value, tolerance: f64) {
    let name = case["name"].as_str().expect("a name");
    let model = models::named::<T>(name);
    let (params, buffers) = (model.params(), model.buffers());

    let mut names: Vec<&String> = params.keys().chain(buffers.keys()).collect();
    names.sort();
    let mut expected: Vec<&String> = entries(&case["state"]).map(|(name, _)| name).collect();
    expected.sort();
    assert_eq!(names, expected, "{name}");
    for (key, value) in entries(&case["state"]) {
        match params.get(key) {
            Some(param) => param.set(value.cast::<T>()),
            None => buffers[key].set(value.cast::<T>()),
        }
    }

    let tape = if case["train"] == true { Tape::train(0) } else { Tape::new() };
    let inputs: Vec<Tensor<f64>> = case["inputs"].as_array().expect("a list").iter().map(tensor_of).collect();
    let x: Vec<Var<'_, T>> = inputs.iter().map(|x| tape.var(x.cast::<T>())).collect();
    let y = model.call(&x);
    let mut loss = tape.scalar(0.0);
    for (y, want) in y.iter().zip(case["outputs"].as_array().expect("a list")) {
        assert_close(&format!("{name}: output"), &y.value(), &tensor_of(want), tolerance);
        let weights: Vec<T> = (0..y.count()).map(|i| T::from_f64(WEIGHTS[i % 7])).collect();
        loss = loss + (*y * &Tensor::from_vec(weights, y.shape())).sum(..);
    }
    let wanted = case["input_grads"].as_array().expect("a list");
    for (i, (&x, want)) in x.iter().zip(wanted).enumerate() {
        let [dx] = loss.grad([x]);
        assert_close(&format!("{name}: gradient of input {i}"), &dx.value(), &tensor_of(want), 10.0 * tolerance);
    }
    if !params.is_empty() {
        let gradients = loss.backward();
        for (key, want) in entries(&case["param_grads"]) {
            let found = gradients.get(&params[key]).expect("every parameter is used").value();
            assert_close(&format!("{name}: gradient of {key}"), &found, &want, 10.0 * tolerance);
        }
    }
    tape.commit();
    for (key, want) in entries(&case["buffers_after"]) {
        assert_close(&format!("{name}: {key}"), &buffers[key].value(), &want, tolerance);
    }
}

#[test]
fn layers_agree_with_pytorch() {
    let cases: Value = serde_json::from_str(include_str!("reference.json")).expect("JSON");
    let cases = cases.as_array().expect("a list");
    assert_eq!(cases.len(), 60);
    for case in cases {
        check::<f64>(case, 1e-12);
        check::<f32>(case, 1e-6);
    }
}
