//! Every optimizer against PyTorch's trajectories, and the rules that hold for all.

mod state;
mod through;
mod trajectories;

use super::*;
use crate::testing::{assert_close, line_of_panic, message_of};
use crate::{BatchNorm, Dropout, Layer, Linear, Module};
use wengert_autograd::{Buffer, Param, Tape, Var};
use wengert_tensor::{Rng, Tensor, tensor};

/// The gradients that the golden trajectories are driven by.
const GRADIENTS: [[f64; 3]; 5] =
    [[0.1, -0.2, 0.3], [0.0, 0.5, -0.3], [-0.4, 0.0, 0.001], [1.0, -1.0, 0.0], [0.05, 0.05, 0.05]];
const EXTREME: [[f64; 3]; 3] = [[0.0, 1e+200, 1e-200], [0.0, 1e+200, 1e-200], [1e-10, 1.0, -1.0]];

/// Takes a step for every gradient and compares the parameter after each.
#[track_caller]
fn follows<O: Optimizer<f64>>(make: impl Fn(&Param<f64>) -> O, gradients: &[[f64; 3]], expected: &[[f64; 3]]) {
    assert_eq!(gradients.len(), expected.len());
    let param = Param::new("p", tensor![1.0, -2.0, 0.5]);
    let mut optimizer = make(&param);
    for (i, (gradient, expected)) in gradients.iter().zip(expected).enumerate() {
        let tape = Tape::train(i as u64);
        let loss = (param.on(&tape) * &Tensor::from(*gradient)).sum(..);
        optimizer.step(&loss.backward()).unwrap();
        assert_close(&param.value(), &Tensor::from(*expected), 1e-12);
    }
}

// The expected values are from PyTorch 2.15, f64.

#[test]
fn golden_sgd() {
    let expected = [
        [0.99, -1.98, 0.47],
        [0.99, -2.03, 0.5],
        [1.03, -2.03, 0.4999],
        [0.93, -1.9299999999999997, 0.4999],
        [0.925, -1.9349999999999996, 0.4949],
    ];
    follows(|p| Sgd::new(p, 0.1), &GRADIENTS, &expected);
}

#[test]
fn golden_sgd_mom() {
    let expected = [
        [0.99, -1.98, 0.47],
        [0.981, -2.012, 0.473],
        [1.0129, -2.0408, 0.47559999999999997],
        [0.94161, -1.96672, 0.47794],
        [0.8724489999999999, -1.905048, 0.47504599999999997],
    ];
    follows(|p| Sgd::new(p, 0.1).momentum(0.9), &GRADIENTS, &expected);
}

#[test]
fn golden_sgd_nesterov_wd() {
    let expected = [
        [0.9791, -1.9582, 0.44205],
        [0.96832971, -2.03165942, 0.473505105],
        [1.033677812551, -2.050675125102, 0.47412288480049997],
        [0.8653986137420531, -1.875721470434106, 0.474294207734329],
        [0.7937333874791869, -1.8160449180517686, 0.4644739499764004],
    ];
    follows(|p| Sgd::new(p, 0.1).nesterov(0.9).weight_decay(0.01), &GRADIENTS, &expected);
}

#[test]
fn golden_sgd_mom_extreme() {
    let expected = [[1.0, -1e+199, 0.5], [1.0, -2.9000000000000003e+199, 0.5], [0.99999999999, -4.61e+199, 0.6]];
    follows(|p| Sgd::new(p, 0.1).momentum(0.9), &EXTREME, &expected);
}

#[test]
fn golden_adam() {
    let expected = [
        [0.9900000009999999, -1.9900000005, 0.4900000003333333],
        [0.9832994194064769, -1.9944221530217234, 0.4905263161052631],
        [0.9882421380842892, -1.9978404897175932, 0.49091809034744266],
        [0.9844117479670902, -1.994049238953317, 0.49123900796588477],
        [0.9809256225805834, -1.99108795600361, 0.4908688372926604],
    ];
    follows(|p| Adam::new(p, 0.01), &GRADIENTS, &expected);
}

#[test]
fn golden_adam_wd() {
    let expected = [
        [0.9900000005, -1.99000000025, 0.4900000002857143],
        [0.9806929424608103, -1.9891226922673022, 0.48889387817377244],
        [0.9815580812598449, -1.986131949106828, 0.4873088815918473],
        [0.9762879154194773, -1.9798270500890904, 0.4853687894856044],
        [0.9711803359452555, -1.9739206395270914, 0.4825656487607175],
    ];
    follows(|p| Adam::new(p, 0.01).weight_decay(0.1), &GRADIENTS, &expected);
}

#[test]
fn golden_adamw() {
    let expected = [
        [0.9890000009999999, -1.9880000005, 0.4895000003333333],
        [0.9813104194054769, -1.9904341530212235, 0.4895368161049298],
        [0.9852718276638837, -1.991862055564072, 0.4894390535310044],
        [0.9804561657190208, -1.9860789427442318, 0.48927053209591553],
        [0.9759895841667949, -1.9811315808517806, 0.48841109089059526],
    ];
    follows(|p| Adam::new(p, 0.01).decoupled_weight_decay(0.1), &GRADIENTS, &expected);
}

#[test]
fn golden_adam_extreme() {
    let expected = [[1.0, -2.0, 0.5], [1.0, -2.0, 0.5], [0.9999633115577709, -2.0, 0.5063881358833947]];
    follows(|p| Adam::new(p, 0.01), &EXTREME, &expected);
}

/// Every optimizer that takes a step from gradients, with options that keep all there is to keep.
fn optimizers<T: Float>(module: &impl Module<T>) -> Vec<Box<dyn Optimizer<T>>> {
    vec![
        Box::new(Sgd::new(module, 0.1)),
        Box::new(Sgd::new(module, 0.1).nesterov(0.9).weight_decay(0.1)),
        Box::new(Sgd::new(module, 0.1).momentum(0.9).dampening(0.5)),
        Box::new(Adagrad::new(module, 0.1).lr_decay(0.1)),
        Box::new(Adadelta::new(module, 1.0)),
        Box::new(RmsProp::new(module, 0.1).momentum(0.9).centered()),
        Box::new(Adam::new(module, 0.1).amsgrad()),
        Box::new(AdamW::new(module, 0.1)),
        Box::new(NAdam::new(module, 0.1)),
        Box::new(RAdam::new(module, 0.1).decoupled_weight_decay(0.1)),
        Box::new(Lion::new(module, 0.1)),
    ]
}

#[test]
fn a_parameter_without_gradient_is_named_and_nothing_changes() {
    let mut rng = Rng::seed(1);
    let net = (BatchNorm::<f64>::new(2), Linear::new(2, 2, &mut rng), Linear::new(2, 2, &mut rng));
    let values = || net.params().values().map(Param::value).collect::<Vec<_>>();
    for mut optimizer in optimizers(&net) {
        let before = values();
        let tape = Tape::train(0);
        let x = net.0.forward(tape.var(tensor![[1.0, 2.0], [3.0, 5.0], [4.0, -1.0]]));
        let loss = net.1.forward(x).square().mean(..);
        let error = optimizer.step(&loss.backward()).unwrap_err();
        let missing = GradientError::Unreached { param: "2.weight".into(), on_tape: false };
        assert_eq!(error, StepError::Gradient(missing));
        assert!(error.to_string().contains("`2.weight`"), "{error}");
        assert_eq!(values(), before);
        assert_eq!(net.0.running_mean.value(), Tensor::zeros([2]));

        net.2.freeze();
        optimizer.step(&loss.backward()).unwrap();
        let changed: Vec<bool> = values().iter().zip(&before).map(|(new, old)| new != old).collect();
        assert_eq!(changed, [true, true, true, true, false, false]);
        assert_ne!(net.0.running_mean.value(), Tensor::zeros([2]));
        net.2.unfreeze();
        net.0.running_mean.set(Tensor::zeros([2]));
    }
}

#[test]
fn a_step_in_evaluate_mode_is_refused() {
    let param = Param::<f32>::new("p", tensor![1.0]);
    for mut optimizer in optimizers(&param) {
        let tape = Tape::new();
        let error = optimizer.step(&param.on(&tape).sum(..).backward()).unwrap_err();
        assert_eq!(error, StepError::Evaluate);
        assert!(error.to_string().contains("Tape::train(seed)"), "{error}");
        assert_eq!(param.value(), tensor![1.0]);
    }
}

#[test]
fn the_learning_rate_can_change() {
    let param = Param::<f64>::new("p", tensor![1.0]);
    for mut optimizer in optimizers(&param) {
        optimizer.set_lr(0.0);
        assert_eq!(optimizer.lr(), 0.0);
        let tape = Tape::train(0);
        optimizer.step(&param.on(&tape).sum(..).backward()).unwrap();
        assert_eq!(param.value(), tensor![1.0]);
        let message = message_of(|| optimizer.set_lr(-1.0));
        assert!(message.ends_with("learning rate: -1 is not a finite number from 0 up"), "{message}");
    }
}

#[test]
fn senseless_options_are_refused() {
    let p = Param::<f64>::new("p", tensor![1.0]);
    let refused: [(&dyn Fn(), &str); 12] = [
        (&|| drop(Sgd::new(&p, -1.0)), "Sgd: learning rate: -1 is"),
        (&|| drop(Sgd::new(&p, f64::NAN)), "Sgd: learning rate: NaN is"),
        (&|| drop(Sgd::new(&p, 0.1).momentum(f64::INFINITY)), "Sgd: momentum: inf is"),
        (&|| drop(Sgd::new(&p, 0.1).weight_decay(-0.1)), "Sgd: weight decay: -0.1 is"),
        (&|| drop(Sgd::new(&p, 0.1).lr_scale(-0.1)), "Sgd: scale of the learning rate: -0.1 is"),
        (&|| drop(Muon::new(&p, 0.1)), "Muon: parameter `p` of shape [1] is not a matrix"),
        (&|| drop(Adam::new(&p, 0.1).group("q", |q| q)), "Adam: `q` matches none of the parameters p"),
        (&|| drop(RmsProp::new(&p, 0.1).alpha(1.0)), "RmsProp: alpha 1 is not from 0 to below 1"),
        (&|| drop(WeightAverage::exponential(&p, 2.0)), "WeightAverage: decay 2 is not from 0 to 1"),
        (&|| drop(Adam::new(&p, -1.0)), "Adam: learning rate: -1 is"),
        (&|| drop(Adam::new(&p, 0.1).betas(0.9, 1.0)), "Adam: beta 1 is"),
        (&|| drop(Adam::new(&p, 0.1).eps(f64::NAN)), "Adam: eps: NaN is"),
    ];
    for (f, message) in refused {
        let found = message_of(f);
        assert!(found.starts_with(message), "{found}");
    }
}

#[test]
fn what_a_rule_does_not_keep_is_named_at_its_line() {
    let tape = Tape::<f64>::new();
    let mut memory = Memory::new(&AdamRule::default(), tape.scalar(1.0));
    let kept = "only [\"exp_avg\", \"exp_avg_sq\"]; name it in `Rule::tensors`";
    let message = format!("memory: the rule keeps no tensor called `exp`, {kept}");
    assert_eq!(message_of(|| _ = memory["exp"]), message);
    assert_eq!(message_of(|| memory["exp"] = tape.scalar(0.0)), message);
    assert_eq!(
        message_of(|| *memory.number("mu") = 0.0),
        "memory: the rule keeps no number called `mu`, only []; name it in `Rule::numbers`"
    );
    assert_eq!(line_of_panic(|| _ = memory["exp"]), line!());
}

/// A parameter that is thawed late takes a first step as large as that of a new optimizer.
#[test]
fn adam_corrects_the_bias_of_each_parameter_by_its_own_steps() {
    let (a, b) = (Param::<f64>::new("a", tensor![1.0]), Param::new("b", tensor![1.0]));
    let mut optimizer = Adam::new(&(&a, &b), 0.1);
    b.freeze();
    let mut step = || {
        let tape = Tape::train(0);
        let loss = (a.on(&tape) + b.on(&tape)).sum(..);
        optimizer.step(&loss.backward()).unwrap();
    };
    (0..50).for_each(|_| step());
    b.unfreeze();
    step();
    assert_close(&b.value(), &tensor![0.9], 1e-7);
}

/// The update joins the step's one run: what an optimizer computes, it computes as written.
#[test]
fn two_steps_on_one_loss_continue_from_each_other() {
    let param = Param::<f64>::new("p", tensor![1.0]);
    let mut optimizer = Sgd::new(&param, 0.25);
    let tape = Tape::train(0);
    let gradients = (param.on(&tape) * 2.0).sum(..).backward();
    optimizer.step(&gradients).unwrap();
    optimizer.step(&gradients).unwrap();
    assert_eq!(param.value(), tensor![0.0]);
}

#[test]
fn the_same_seed_trains_to_the_same_bits() {
    let train = || {
        let mut rng = Rng::seed(8);
        let net = (Linear::<f32>::new(5, 7, &mut rng), BatchNorm::new(7), Dropout::new(0.3));
        let x = Tensor::normal([64, 5], 0.0, 1.0, &mut rng);
        let mut optimizer = Adam::new(&net, 0.01);
        for step in 0..5 {
            let tape = Tape::train(step);
            let y = net.2.forward(net.1.forward(net.0.forward(tape.var(&x))));
            optimizer.step(&(y - 1.0).square().mean(..).backward()).unwrap();
        }
        net.params().values().map(Param::value).chain(net.buffers().values().map(Buffer::value)).collect::<Vec<_>>()
    };
    assert_eq!(train(), train());
}
