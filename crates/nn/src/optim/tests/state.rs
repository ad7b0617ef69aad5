//! What an optimizer keeps: stopped and restored, it goes on with the same bits.

use super::*;
use crate::{LoadError, StateDict};

/// A step on a loss that differs from step to step.
fn step(optimizer: &mut dyn Optimizer, net: &Linear, step: u64) {
    let tape = Tape::train(step);
    let x = Tensor::normal([4, 3], 0.0, 1.0, &mut Rng::seed(step));
    optimizer.step(&(net.forward(tape.var(x)) - 0.3).square().mean(..).backward()).unwrap();
}

fn all(net: &Linear, optimizer: &dyn Optimizer) -> (StateDict, StateDict) {
    (net.state_dict(), optimizer.state())
}

#[test]
fn a_restored_optimizer_goes_on_with_the_same_bits() {
    let net = || Linear::new(3, 2, &mut Rng::seed(3));
    let count = optimizers(&net()).len();
    for i in 0..count {
        let first = net();
        let mut optimizer = optimizers(&first).swap_remove(i);
        (0..7).for_each(|k| step(&mut *optimizer, &first, k));
        optimizer.set_lr(0.07);
        let (weights, state) = all(&first, &*optimizer);
        (7..12).for_each(|k| step(&mut *optimizer, &first, k));

        let second = net();
        let mut restored = optimizers(&second).swap_remove(i);
        second.load_state_dict(&weights).unwrap();
        restored.restore(&state).unwrap();
        (7..12).for_each(|k| step(&mut *restored, &second, k));
        assert_eq!(all(&first, &*optimizer), all(&second, &*restored), "optimizer {i}");
    }
}

#[test]
fn a_restored_lbfgs_goes_on_with_the_same_bits() {
    let x = Param::<f64>::new("x", tensor![-1.2, 1.0]);
    let make = || Lbfgs::new(&x, 1.0).iterations(3).history(2).strong_wolfe();
    let go = |optimizer: &mut Lbfgs<f64>| {
        optimizer.step(0, |tape| trajectories::valley(x.on(tape))).unwrap();
    };
    let mut optimizer = make();
    assert_eq!(optimizer.state().len(), 1);
    (0..3).for_each(|_| go(&mut optimizer));
    let (before, state) = (x.value(), optimizer.state());
    go(&mut optimizer);
    let after = (x.value(), optimizer.state());
    x.set(before);
    let mut restored = make();
    restored.restore(&state).unwrap();
    go(&mut restored);
    assert_eq!((x.value(), restored.state()), after);

    let mut wrong = state.clone();
    wrong.insert_number("pairs", 1e15);
    let error = restored.restore(&wrong).unwrap_err();
    assert_eq!(error.invalid, [("pairs".to_owned(), "is 1000000000000000, not the number of pairs".to_owned())]);
    assert_eq!((x.value(), restored.state()), after);
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() {
    let net = Linear::new(3, 2, &mut Rng::seed(3));
    let mut optimizer = NAdam::new(&net, 0.1);
    step(&mut optimizer, &net, 0);
    let before = optimizer.state();
    let names = "lr weight.step weight.mu_product weight.exp_avg weight.exp_avg_sq \
        bias.step bias.mu_product bias.exp_avg bias.exp_avg_sq";
    assert_eq!(before.names().collect::<Vec<_>>().join(" "), names);

    let mut state = before.clone();
    state.insert_number("lr", -1.0);
    state.insert_number("weight.step", 1.5);
    state.insert("weight.exp_avg", Tensor::<f32>::zeros([7]));
    state.insert("other", tensor![1.0]);
    state.remove("bias.exp_avg");
    let error = optimizer.restore(&state).unwrap_err();
    let shape = net.weight.shape();
    let expected = "the state does not fit\n  1 missing: bias.exp_avg\n  1 unexpected: other\n  \
        weight.exp_avg should have the shape SHAPE, not [7]\n  lr is -1, not a finite number from 0 up\n  \
        weight.step is 1.5, not a whole number from 0 to 2^53";
    assert_eq!(error.to_string(), expected.replace("SHAPE", &shape.to_string()));
    assert_eq!(optimizer.state(), before);
    assert_eq!(optimizer.restore(&before), Ok(()));
    assert_ne!(Sgd::new(&net, 0.1).momentum(0.9).restore(&before), Ok(()), "another optimizer's state");
    let empty = Sgd::new(&net, 0.1).restore(&StateDict::new());
    let missing = ["lr", "weight.step", "bias.step"].map(str::to_owned).to_vec();
    assert_eq!(empty, Err(LoadError { missing, ..LoadError::default() }));
}

#[test]
fn groups_have_options_of_their_own() {
    let mut rng = Rng::seed(0);
    let net = (Linear::<f64>::new(2, 2, &mut rng), BatchNorm::<f64>::new(2));
    let frozen_decay = |group: Sgd<f64>| group.weight_decay(0.0).lr_scale(0.5);
    let mut optimizer = Sgd::new(&net, 0.1).weight_decay(1.0).group(|name: &str| name != "0.weight", frozen_decay);
    let before: Vec<_> = net.params().values().map(Param::value).collect();
    let tape = Tape::train(0);
    let sum = |param: &Param<f64>| param.on(&tape).sum(..);
    let loss = net.params().values().map(sum).reduce(|a, b| a + b).unwrap();
    optimizer.step(&loss.backward()).unwrap();
    let after: Vec<_> = net.params().values().map(Param::value).collect();
    assert_close(&after[0], &(&before[0] * 0.9 - 0.1), 1e-15);
    for i in 1..4 {
        assert_close(&after[i], &(&before[i] - 0.05), 1e-15);
    }
    assert_eq!(optimizer.lr(), 0.1);
}

#[test]
fn weight_averages() {
    let w = Param::<f64>::new("w", tensor![0.0]);
    let averages = |mut average: WeightAverage<f64>| {
        w.set(tensor![1.0]);
        let mut optimizer = Sgd::new(&w, 1.0);
        let found = (0..4).map(|step| {
            let tape = Tape::train(step);
            optimizer.record(&w.on(&tape).sum(..).backward()).unwrap();
            average.record(&tape);
            tape.commit();
            average.evaluate(|| w.value().item())
        });
        (found.collect::<Vec<f64>>(), average)
    };
    let (equal, _) = averages(WeightAverage::equal(&w));
    assert_eq!(equal, [0.0, -0.5, -1.0, -1.5]);
    let (exponential, mut average) = averages(WeightAverage::exponential(&w, 0.5));
    assert_eq!(exponential, [0.0, -0.5, -1.25, -2.125]);
    let state = average.state();
    assert_eq!(state.names().collect::<Vec<_>>(), ["updates", "average.w"]);
    let mut other = WeightAverage::exponential(&w, 0.5);
    other.restore(&state).unwrap();
    assert_eq!(other.state(), state);
    average.restore(&StateDict::new()).unwrap_err();
    assert_eq!(average.state(), state);
}
