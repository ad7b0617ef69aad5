use super::*;
use crate::Activation;
use crate::testing::{assert_close, check, check_layer, line_of_panic, message_of};
use wengert_autograd::Tape;
use wengert_autograd::check::{Check, gradgradcheck};

fn numbers(shape: &[usize], seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(seed))
}

#[test]
fn gradients() {
    let (mut rng, x) = (Rng::seed(1), numbers(&[3, 2, 2], 2));
    check_layer(&Rnn::new(2, 3, &mut rng), &x);
    check_layer(&Lstm::new(2, 3, &mut rng).bidirectional(), &x);
    check_layer(&Gru::new(2, 3, &mut rng).layers(2).batch_first().dropout(0.2), &x);
    check_layer(&Rnn::new(2, 3, &mut rng).relu().no_bias(), &x);
    let (lstm, gru) = (Lstm::new(2, 2, &mut rng), Gru::new(2, 2, &mut rng));
    gradgradcheck(|[x]| lstm.forward(x), [&x]).assert_ok();
    gradgradcheck(|[x]| gru.forward(x), [&x]).assert_ok();
    // With respect to the first states, and through the last ones.
    let state = numbers(&[1, 2, 2], 3);
    let report = Check::new().gradcheck(
        |[h, c]| {
            let (y, [h, c]) = lstm.unroll(h.tape().var(&x), Some([h, c]));
            y.sum(..) + (h * c).sum(..)
        },
        [&state, &(&state * 0.5)],
    );
    report.assert_ok();
}

/// The definition of the LSTM, one number at a time.
#[test]
fn by_the_definition() {
    let (inputs, hidden, length) = (2, 3, 4);
    let layer = Lstm::<f64>::new(inputs, hidden, &mut Rng::seed(1));
    let x = numbers(&[length, 1, inputs], 2);
    let params = layer.params();
    let value = |name: &str| params[name].value();
    let (wi, wh) = (value("weight_ih_l0"), value("weight_hh_l0"));
    let (bi, bh) = (value("bias_ih_l0"), value("bias_hh_l0"));
    let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
    let mut expected = Vec::new();
    for t in 0..length {
        let gate = |gate: usize, unit: usize| {
            let row = gate * hidden + unit;
            let from_input: f64 = (0..inputs).map(|i| wi.at([row, i]) * x.at([t, 0, i])).sum();
            let from_state: f64 = (0..hidden).map(|i| wh.at([row, i]) * h[i]).sum();
            from_input + from_state + bi.at([row]) + bh.at([row])
        };
        let logistic = |v: f64| 1.0 / (1.0 + (-v).exp());
        let next: Vec<(f64, f64)> = (0..hidden)
            .map(|j| {
                let c = logistic(gate(1, j)) * c[j] + logistic(gate(0, j)) * gate(2, j).tanh();
                (logistic(gate(3, j)) * c.tanh(), c)
            })
            .collect();
        (h, c) = next.into_iter().unzip();
        expected.extend(&h);
    }
    let tape = Tape::new();
    let (y, [last, cell]) = layer.unroll(tape.var(&x), None);
    assert_close(&y.value(), &Tensor::from_vec(expected, [length, 1, hidden]), 1e-13);
    assert_close(&last.value(), &Tensor::from_vec(h, [1, 1, hidden]), 1e-13);
    assert_close(&cell.value(), &Tensor::from_vec(c, [1, 1, hidden]), 1e-13);
}

#[test]
fn names_are_those_of_the_exchange() {
    let layer = Gru::<f32>::new(2, 3, &mut Rng::seed(0)).layers(2).bidirectional();
    let shapes: Vec<String> = layer.params().iter().map(|(name, param)| format!("{name} {}", param.shape())).collect();
    let expected = "weight_ih_l0 [9, 2], weight_hh_l0 [9, 3], bias_ih_l0 [9], bias_hh_l0 [9], \
        weight_ih_l0_reverse [9, 2], weight_hh_l0_reverse [9, 3], bias_ih_l0_reverse [9], bias_hh_l0_reverse [9], \
        weight_ih_l1 [9, 6], weight_hh_l1 [9, 3], bias_ih_l1 [9], bias_hh_l1 [9], \
        weight_ih_l1_reverse [9, 6], weight_hh_l1_reverse [9, 3], bias_ih_l1_reverse [9], bias_hh_l1_reverse [9]";
    assert_eq!(shapes.join(", "), expected);
    assert_eq!(layer.to_string(), "Gru(2 → 3, 2 layers, bidirectional, 324 parameters)");
}

#[test]
fn directions_mirror_each_other() {
    let layer = Lstm::<f64>::new(2, 3, &mut Rng::seed(0)).bidirectional();
    let params = layer.params();
    for (name, param) in &params {
        if let Some(forward) = name.strip_suffix("_reverse") {
            param.set(params[forward].value());
        }
    }
    let x = numbers(&[4, 2, 2], 5);
    let tape = Tape::new();
    let (y, [h, _]) = layer.unroll(tape.var(&x), None);
    let mirrored = layer.forward(tape.var(x.flip(0))).value().flip(0);
    assert_close(&y.value().slice(2, 3..), &mirrored.slice(2, ..3), 1e-14);
    // The last state of the backward direction is that of the first step.
    assert_close(&h.value().select(0, 1), &y.value().select(0, 0).slice(1, 3..), 0.0);
    assert_close(&h.value().select(0, 0), &y.value().select(0, 3).slice(1, ..3), 0.0);
}

#[test]
fn options_come_in_any_order() {
    let new = || Gru::<f64>::new(3, 4, &mut Rng::seed(2));
    let init = Init::Orthogonal { gain: 1.0 };
    let a = new().layers(2).recurrent_weight(init).bidirectional();
    let b = new().bidirectional().recurrent_weight(init).layers(2);
    for (name, param) in a.params() {
        assert!(param.value().bits_eq(&b.params()[&name].value()), "{name}");
    }
    // Each gate has an orthogonal matrix of its own.
    let gate = a.params()["weight_hh_l1"].value().slice(0, 4..8);
    assert_close(&gate.matmul(&gate.t()), &Tensor::eye(4), 1e-13);
    check(|x| new().no_bias().weight(Init::Normal(1.0)).forward(x).relu(), &numbers(&[2, 1, 3], 1));
}

#[test]
fn what_does_not_fit_is_refused() {
    let layer = Lstm::<f32>::new(3, 2, &mut Rng::seed(1));
    let tape = Tape::new();
    let x = |shape: &[usize]| tape.var(Tensor::zeros(shape));
    assert_eq!(
        message_of(|| _ = layer.forward(x(&[4, 3]))),
        "Lstm: the input's shape [4, 3] should be [length, batch, 3]"
    );
    assert_eq!(message_of(|| _ = layer.forward(x(&[0, 1, 3]))), "Lstm: the input's shape [0, 1, 3] has no steps");
    let state = [x(&[1, 5, 2]), x(&[1, 4, 2])];
    let message = message_of(|| _ = layer.unroll(x(&[2, 4, 3]), Some(state)));
    assert_eq!(message, "Lstm: a state of shape [1, 5, 2] should be [1, 4, 2]");
    assert_eq!(line_of_panic(|| _ = layer.forward(x(&[4, 3]))), line!());
    assert_eq!(message_of(|| drop(layer.layers(0))), "Lstm: there must be a layer");
}
