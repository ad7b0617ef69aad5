//! What a watched step sees, against what can be computed by hand.

use wengert_autograd::{Param, Tape, Var};
use wengert_nn::{
    Activation, Adam, BatchNorm, Conv1d, Conv2d, Dropout, Init, Layer, Linear, Loss, Maxout, Module, Sequential, Sgd,
    StateDict,
};
use wengert_tensor::{Rng, Tensor, tensor};

use super::*;
use crate::{LayerStats, Snapshot};

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-6 * b.abs().max(1e-3), "{a} and {b}");
}

/// The snapshot of one step with the squares of the outputs as the loss.
fn look<M: Module>(watch: &mut Watch, net: &M, forward: impl for<'t> Fn(&M, &'t Tape) -> Var<'t>) -> Snapshot {
    let tape = Tape::train(1);
    tape.watch();
    let gradients = forward(net, &tape).square().mean(..).backward();
    watch.step(5, net, &mut Sgd::new(net, 0.1), &gradients).unwrap().unwrap()
}

fn layer<'s>(snapshot: &'s Snapshot, path: &str) -> &'s LayerStats {
    snapshot.layers.iter().find(|layer| layer.path == path).unwrap()
}

#[test]
fn a_snapshot_is_what_the_tensors_say() {
    let mut rng = Rng::seed(1);
    let net = (Linear::new(6, 8, &mut rng), Linear::new(8, 3, &mut rng).weight(Init::Normal(3.0)));
    let x: Tensor = Tensor::normal([10, 6], 0.0, 3.0, &mut rng);
    // By hand, without watching.
    let tape = Tape::train(1);
    let h1 = net.0.forward(tape.var(&x));
    let h2 = h1.tanh();
    let h3 = net.1.forward(h2);
    let y = h3.sigmoid();
    let loss = y.square().mean(..);
    let cotangents = loss.grad([h1, h2, h3, y]).map(Var::value);
    let outputs = [h1, h2, h3, y].map(Var::value);
    let params = net.params();
    let gradients: Vec<Tensor> = params.values().map(|p| loss.grad([p.on(&tape)])[0].value()).collect();
    let before: Vec<Tensor> = params.values().map(Param::value).collect();

    let snapshot =
        look(&mut Watch::new(), &net, |net, tape| net.1.forward(net.0.forward(tape.var(&x)).tanh()).sigmoid());
    assert_eq!(snapshot.step, 5);
    let kinds: Vec<_> = snapshot.layers.iter().map(|l| (l.path.as_str(), l.kind.as_str())).collect();
    assert_eq!(kinds, [("0", "Linear"), ("0", "tanh"), ("1", "Linear"), ("1", "sigmoid")]);
    for ((layer, output), cotangent) in snapshot.layers.iter().zip(&outputs).zip(&cotangents) {
        close(layer.output.mean, f64::from(output.mean(..).item()));
        close(layer.output.sd, f64::from(output.std(.., 0).item()));
        assert_eq!(layer.output.histogram.total(), output.count() as u64);
        close(layer.gradient.as_ref().unwrap().sd, f64::from(cotangent.std(.., 0).item()));
        assert_eq!(layer.dead_fraction, None);
    }
    // A unit is saturated where its slope is below a twentieth of the steepest.
    let share = |flat: Tensor<bool>| flat.iter().filter(|&f| f).count() as f64 / flat.count() as f64;
    let tanh = share((1.0 - &outputs[1] * &outputs[1]).lt(0.05));
    let sigmoid = share((4.0 * &outputs[3] * (1.0 - &outputs[3])).lt(0.05));
    assert!(tanh > 0.1 && sigmoid > 0.1);
    let saturated: Vec<_> = snapshot.layers.iter().map(|l| l.saturated_fraction).collect();
    assert_eq!(saturated[0], None);
    close(saturated[1].unwrap(), tanh);
    close(saturated[3].unwrap(), sigmoid);
    for (i, param) in snapshot.params.iter().enumerate() {
        let rms = |x: &Tensor| f64::from((x * x).mean(..).item()).sqrt();
        close(param.value_rms, rms(&before[i]));
        close(param.gradient_rms, rms(&gradients[i]));
        // Of the change that rounding left.
        assert!((param.update_rms / (0.1 * rms(&gradients[i])) - 1.0).abs() < 1e-3);
    }
}

#[test]
fn watching_changes_nothing_but_rounding() {
    let train = |every: u64| -> StateDict {
        let mut rng = Rng::seed(3);
        let net = Sequential::new()
            // A bias before batch norm has a gradient of rounding only, which Adam makes large.
            .then(Conv2d::new(1, 4, 3, &mut rng).padding(1).no_bias())
            .then(BatchNorm::new(4))
            .then_fn(|x| x.relu())
            .then(wengert_nn::Flatten::new())
            .then(Dropout::new(0.2))
            .then(Linear::new(4 * 64, 10, &mut rng));
        let mut optimizer = Adam::new(&net, 0.01);
        let mut watch = Watch::new();
        for (step, (x, labels)) in (0..).zip(crate::digits().batches(100, 1)) {
            let tape = Tape::train(step);
            if step % every == 0 {
                tape.watch();
            }
            let x = (x / 16.0).reshape([labels.count(), 1, 8, 8]);
            let gradients = net.forward(tape.var(x)).cross_entropy(&labels).backward();
            let seen = watch.step(step, &net, &mut optimizer, &gradients).unwrap();
            assert_eq!(seen.is_some(), step % every == 0);
        }
        net.state_dict()
    };
    let (watched, alone) = (train(1), train(1000));
    for (name, entry) in watched.iter() {
        let (watched, alone): (Tensor, Tensor) = (entry.to(), alone.get(name).unwrap().to());
        watched.assert_close(&alone, 1e-4, 1e-4);
    }
}

#[test]
fn units_are_dead_that_stay_at_zero() {
    let mut rng = Rng::seed(2);
    let hidden = Linear::new(2, 4, &mut rng);
    // The first unit is never active, the second for one kind of input, the others always.
    hidden.weight.set(tensor![[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]);
    hidden.bias.as_ref().unwrap().set(tensor![-1.0, 0.0, 1.0, 1.0]);
    let out = Linear::new(4, 1, &mut rng).weight(Init::Constant(0.0));
    let net = Sequential::new().then(hidden).then_fn(|x| x.relu()).then(out);
    let mut watch = Watch::new();
    let mut dead = |x: f32| {
        let x: Tensor = tensor![[x, 0.0], [x - 1.0, 3.0]];
        let snapshot = look(&mut watch, &net, |net, tape| net.forward(tape.var(&x)));
        layer(&snapshot, "1").dead_fraction.unwrap()
    };
    assert_eq!(dead(-1.0), 0.5);
    assert_eq!(dead(2.0), 0.25);
    // Inactive again, but not for long enough.
    assert_eq!([(); 4].map(|()| dead(-1.0)), [0.25, 0.25, 0.25, 0.5]);
}

#[test]
fn a_layer_that_is_an_activation_has_its_own_place() {
    let mut rng = Rng::seed(2);
    let net = (Linear::new(3, 4, &mut rng), Maxout::new(4, 2, 3, &mut rng));
    let snapshot =
        look(&mut Watch::new(), &net, |net, tape| net.1.forward(net.0.forward(tape.var(tensor![[1.0, 2.0, 3.0]]))));
    assert_eq!(layer(&snapshot, "1").kind, "maxout");
}

#[test]
fn channels_and_features_are_units() {
    let mut rng = Rng::seed(4);
    let signal = Sequential::new().then(Conv1d::new(1, 3, 2, &mut rng)).then_fn(|x| x.relu());
    let tape = Tape::<f32>::new();
    tape.watch();
    signal.forward(tape.var(Tensor::zeros([2, 1, 9])));
    let (seen, _) = layers::noted(&signal, &tape);
    assert_eq!(seen.iter().map(layers::Output::mortal_units).collect::<Vec<_>>(), [None, Some(1)]);
    let vectors = Sequential::new().then(Linear::new(5, 7, &mut rng)).then_fn(|x| x.relu());
    let tape = Tape::<f32>::new();
    tape.watch();
    vectors.forward(tape.var(Tensor::zeros([2, 9, 5])));
    let (seen, _) = layers::noted(&vectors, &tape);
    assert_eq!(seen[1].mortal_units(), Some(2));
}

#[test]
fn places_of_layers_activations_and_statistics() {
    let (linear, norm) = (Linear::new(3, 3, &mut Rng::seed(1)), BatchNorm::new(3));
    norm.running_mean.set(tensor![1.0, 0.0, 0.0]);
    norm.running_var.set(tensor![4.0, 1.0, 1.0]);
    let x: Tensor = Tensor::normal([50, 3], 0.0, 1.0, &mut Rng::seed(2));
    let tape = Tape::train(0);
    let h = linear.forward(linear.forward(tape.var(&x)).relu()).value();
    let snapshot = look(&mut Watch::new(), &(linear, norm), |(linear, norm), tape| {
        norm.forward(linear.forward(linear.forward(tape.var(&x)).relu())).tanh()
    });
    let names: Vec<_> = snapshot.layers.iter().map(|l| (l.path.as_str(), l.kind.as_str())).collect();
    let expected = [("0", "Linear"), ("0", "relu"), ("0#2", "Linear"), ("1", "BatchNorm"), ("1", "tanh")];
    assert_eq!(names, expected);
    let (mean, var) = (h.mean(0).to_vec(), h.var(0, 0).to_vec());
    let drift = [(mean[0] - 1.0) / 2.0, mean[1], mean[2]].map(|d| f64::from(d * d)).iter().sum::<f64>() / 3.0;
    let ratio = f64::from(var[0] / 4.0 + var[1] + var[2]) / 3.0;
    assert_eq!(snapshot.norms[0].path, "1");
    assert!((snapshot.norms[0].mean_drift / drift.sqrt() - 1.0).abs() < 1e-4);
    assert!((snapshot.norms[0].var_ratio / ratio - 1.0).abs() < 1e-4);
}

#[test]
fn an_anomaly_in_backward_is_placed_in_its_layer() {
    let net = Sequential::<f32>::new()
        .then(Linear::new(2, 2, &mut Rng::seed(0)).weight(Init::Constant(0.0)))
        .then_fn(|x| x.sqrt())
        .then(Linear::new(2, 2, &mut Rng::seed(0)));
    let tape = Tape::train(0);
    tape.watch();
    let gradients = net.forward(tape.var(Tensor::ones([3, 2]))).sum(..).backward();
    let of: Vec<Var<'_>> = net.params().values().filter_map(|param| gradients.get(param)).collect();
    let anomaly = tape.anomaly_in(of).unwrap();
    assert_eq!(layer_of(&anomaly, &net, &tape).as_deref(), Some("1"));
}

#[test]
fn a_step_that_is_refused_changes_nothing() {
    let net = Linear::<f32>::new(2, 2, &mut Rng::seed(0));
    let tape = Tape::new();
    tape.watch();
    let gradients = net.forward(tape.var(Tensor::ones([3, 2]))).sum(..).backward();
    let before = net.state_dict();
    assert!(Watch::new().step(0, &net, &mut Sgd::new(&net, 0.1), &gradients).is_err());
    assert_eq!(net.state_dict(), before);
}

#[test]
fn rows_of_categories_are_no_leak() {
    // 200 rows of 3 bits each: every validation row is in the training data, by chance.
    let mut rng = Rng::seed(1);
    let bits = |rng: &mut Rng| Tensor::<f32>::normal([200, 3], 0.0, 1.0, rng).map(|x| f32::from(u8::from(x > 0.0)));
    let [training, validation] = [bits(&mut rng), bits(&mut rng)];
    assert_eq!(before::copies(&training, &validation).verdict, before::Verdict::Doubtful);
    // Neither are points on a line, where some pairs are very near.
    let line = |rng: &mut Rng| Tensor::<f32>::normal([500, 1], 0.0, 1.0, rng);
    assert_eq!(before::copies(&line(&mut rng), &line(&mut rng)).verdict, before::Verdict::Good);
}

#[test]
fn a_small_model_need_not_fit_noise() {
    let mut rng = Rng::seed(1);
    let x = Tensor::<f32>::normal([200, 2], 0.0, 1.0, &mut rng);
    let labels: Tensor<i64> = rng.permutation(200).map(|i| i % 2);
    let line = Linear::<f32>::new(2, 2, &mut rng);
    assert_eq!(before::fits_few(&line, |x| line.forward(x), &x, &labels).verdict, before::Verdict::Good);
}

#[test]
fn a_deep_model_has_right_gradients() {
    // Rounding in so bent a function is not a wrong rule.
    for seed in 0..4 {
        let mut rng = Rng::seed(seed);
        let deep = (0..20).fold(Sequential::<f32>::new(), |net, i| {
            let inputs = if i == 0 { 64 } else { 32 };
            net.then(Linear::new(inputs, 32, &mut rng).no_bias()).then(BatchNorm::new(32)).then_fn(|x| x.relu())
        });
        let (x, labels) = crate::digits().batches(8, seed).next().unwrap();
        let tape = Tape::train(0);
        let check = before::gradients(deep.forward(tape.var(x / 16.0)).cross_entropy(&labels), &deep);
        assert_eq!(check.verdict, before::Verdict::Good, "{check}");
    }
}
