//! What the options do.

use super::*;
use crate::before::{About, Verdict};
use wengert_nn::{ExponentialLr, LambdaLr, Mse};

/// Fits one number to targets, so that everything can be told by hand.
fn one_number(
    targets: &[f32],
    trainer: impl Fn(Trainer<'static, (Tensor, Tensor)>) -> Trainer<'static, (Tensor, Tensor)>,
) -> (f32, History) {
    let w: &'static Param = Box::leak(Box::new(Param::new("w", wengert_tensor::tensor![0.0f32])));
    let n = targets.len();
    let data = Labelled::new(Tensor::<f32>::ones([n, 1]), Tensor::from(targets).reshape([n, 1]));
    let built = Trainer::supervised(
        w,
        Sgd::new(w, 0.25),
        move |tape, x: &Tensor| tape.var(x) * w,
        |y, targets: &Tensor| Mse::new().of(y, targets),
    );
    let history = trainer(built).quiet().fit(&Loader::new(data, 1)).unwrap();
    (w.value().item(), history)
}

#[test]
fn schedules_by_step_and_by_epoch() {
    let rates = |history: &History| history.lr.iter().map(|point| point.mean).collect::<Vec<_>>();
    let halving = || ExponentialLr::new(1.0, 0.5);
    let (_, history) = one_number(&[1.0, 2.0], |trainer| trainer.epochs(2).schedule(halving()));
    assert_eq!(rates(&history), [1.0, 0.5, 0.25, 0.125]);
    let (_, history) = one_number(&[1.0, 2.0], |trainer| trainer.epochs(2).schedule_by_epoch(halving()));
    assert_eq!(rates(&history), [1.0, 1.0, 0.5, 0.5]);
}

#[test]
fn norms_are_those_before_clipping() {
    // The gradient of (w − 3)² at 0 is −6.
    let (w, history) = one_number(&[3.0], |trainer| trainer.epochs(1));
    assert_eq!((w, history.gradient_norm.last()), (1.5, Some(6.0)));
    let (w, history) = one_number(&[3.0], |trainer| trainer.epochs(1).clip_value(1.0));
    assert_eq!((w, history.gradient_norm.last()), (0.25, Some(6.0)));
    let (w, history) = one_number(&[3.0], |trainer| trainer.epochs(1).clip_norm(2.0));
    assert!((w - 0.5).abs() < 1e-6 && history.gradient_norm.last() == Some(6.0));
    // Its square is more than an f32 holds.
    let (w, history) =
        one_number(&[1.0], |trainer| trainer.epochs(1).loss(|y, _| y.sum(..) * 2f64.powi(70)).schedule(2f64.powi(-70)));
    assert_eq!((w, history.gradient_norm.last()), (-1.0, Some(2f64.powi(70))));
}

#[test]
fn accumulated_batches_are_one() {
    // Mean of (0 − t)² over 1, 2, 3, then the 4 that is left.
    let (w, history) = one_number(&[1.0, 2.0, 3.0, 4.0], |trainer| trainer.epochs(1).accumulate(3));
    assert_eq!((history.steps, history.batch), (2, 3));
    let first = 0.25 * 4.0;
    assert!((w - (first + 0.25 * 2.0 * (4.0 - first))).abs() < 1e-6, "{w}");
    assert_eq!(history.gradient_norm[0].mean, 4.0);
    assert!((history.loss[0].mean - 14.0 / 3.0).abs() < 1e-6);
    let losses = [1.0, 4.0, 9.0, 9.0];
    assert_eq!(history.epochs[0].train["loss"], losses.iter().sum::<f64>() / 4.0);

    let step = |size: usize, batches: usize| {
        let net = (Linear::<f32>::new(3, 8, &mut Rng::seed(1)), Linear::new(8, 2, &mut Rng::seed(2)));
        Trainer::classifier(&net, Adam::new(&net, 0.01), |x| net.1.forward(net.0.forward(x).tanh()))
            .epochs(2)
            .accumulate(batches)
            .quiet()
            .fit(&loader(30, size))
            .unwrap();
        net.state_dict()
    };
    for ((_, a), (_, b)) in step(12, 1).iter().zip(step(4, 3).iter()) {
        a.to::<f64>().assert_close(&b.to(), 1e-4, 1e-6);
    }
}

#[test]
fn early_stopping_and_the_best_model() {
    // Validation loss of 0.5·k² − 3k: best at 3, and the run knows nothing else.
    let w: &Param = &Param::new("w", wengert_tensor::tensor![0.0f32]);
    let data = || Loader::new(Labelled::new(Tensor::<f32>::zeros([1]), Tensor::<f32>::zeros([1])), 1);
    let mut seen = Vec::new();
    let history = Trainer::new(w, Sgd::new(w, 1.0), |tape, _: &(Tensor, Tensor)| {
        let w = w.on(tape);
        if tape.is_training() { -w.sum(..) } else { ((w - 3.0).square() * 0.5).sum(..) }
    })
    .epochs(100)
    .validation(data())
    .early_stopping(2)
    .keep_best()
    .after_epoch(|history| {
        seen.push(history.epochs.last().unwrap().validation["loss"]);
        ControlFlow::Continue(())
    })
    .quiet()
    .fit(&data())
    .unwrap();
    assert_eq!(seen, [2.0, 0.5, 0.0, 0.5, 2.0]);
    assert_eq!(history.best.as_ref().map(|best| (best.epoch, best.step, best.value)), Some((3, 3, 0.0)));
    assert_eq!(history.end, Some(crate::End::Stopped("loss has not improved for 2 epochs".into())));
    assert_eq!(w.value().item(), 3.0);
}

#[test]
fn larger_is_better_for_metrics_that_say_so() {
    let net = net(1);
    let mut accuracies = Vec::new();
    let history = Trainer::classifier(&net, Adam::new(&net, 0.03), |x| forward(&net, x))
        .validation(Loader::new(points(40, 5), 40))
        .monitor("accuracy")
        .after_epoch(|history| {
            accuracies.push(history.epochs.last().unwrap().validation["accuracy"]);
            ControlFlow::Continue(())
        })
        .quiet()
        .fit(&loader(60, 10))
        .unwrap();
    let best = history.best.unwrap();
    assert_eq!(best.value, accuracies.iter().copied().fold(0.0, f64::max));
    assert_eq!(accuracies.iter().position(|&a| a == best.value), Some(best.epoch as usize - 1));
    assert_ne!(best.value, accuracies[0]);
}

#[test]
fn a_callback_ends_the_run() {
    let (_, history) = one_number(&[1.0; 5], |trainer| {
        trainer.after_step(|history| {
            if history.steps == 7 { ControlFlow::Break("seven".into()) } else { ControlFlow::Continue(()) }
        })
    });
    assert_eq!((history.steps, history.epochs.len()), (7, 1));
    assert_eq!(history.end, Some(crate::End::Stopped("seven".into())));
}

#[test]
fn seeds_decide() {
    let run = |seed| {
        let net = net(1);
        Trainer::classifier(&net, Adam::new(&net, 0.1), |x| forward(&net, x))
            .epochs(1)
            .seed(seed)
            .quiet()
            .fit(&loader(20, 5))
            .unwrap();
        net.state_dict()
    };
    assert_eq!(run(0), run(0));
    assert_ne!(run(0), run(1));
}

#[test]
fn evaluation_is_that_of_an_epoch() {
    let net = net(1);
    let mut trainer = Trainer::classifier(&net, Adam::new(&net, 0.1), |x| forward(&net, x))
        .metric(crate::TopK(1))
        .validation(Loader::new(points(30, 3), 8))
        .epochs(1)
        .quiet();
    let history = trainer.fit(&loader(20, 5)).unwrap();
    let values = trainer.evaluate(&Loader::new(points(30, 3), 8)).unwrap();
    assert_eq!(values, history.epochs[0].validation);
    assert!(values.keys().eq(["loss", "accuracy", "top-1 accuracy"]));
    assert_eq!(values["accuracy"], values["top-1 accuracy"]);
}

#[test]
#[should_panic(expected = "fit: no training data")]
fn no_data_are_refused() {
    let net = net(1);
    _ = Trainer::classifier(&net, Adam::new(&net, 0.1), |x| forward(&net, x)).fit(&loader(0, 5));
}

#[test]
#[should_panic(expected = "fit: `acuracy` is neither the loss nor one of [\"accuracy\"]")]
fn an_unknown_metric_is_refused() {
    let net = net(1);
    _ = Trainer::classifier(&net, Adam::new(&net, 0.1), |x| forward(&net, x)).monitor("acuracy").fit(&loader(20, 5));
}

#[test]
#[should_panic(expected = "fit: the schedule gives step 2 the learning rate -0.5; it is finite, from 0 up")]
fn an_impossible_learning_rate_is_refused() {
    one_number(&[1.0, 2.0, 3.0], |trainer| trainer.schedule(LambdaLr(|step| 0.5 - step as f64 / 2.0)));
}

#[test]
fn a_model_may_take_batches_of_one_size_only() {
    let loaders = |size| [loader(80, size), loader(90, size).drop_last()];
    for (size, loader) in [1, 5, 40].into_iter().flat_map(|size| loaders(size).map(|loader| (size, loader))) {
        let net = Linear::new(3, 2, &mut Rng::seed(1));
        let trainer = Trainer::classifier(&net, Sgd::new(&net, 0.1), |x| net.forward(of_size(x, size)));
        let history = trainer.epochs(1).quiet().fit(&loader).unwrap();
        let verdict = |about: About| history.checks.iter().find(|check| check.about == about).unwrap().verdict;
        assert_eq!([About::Gradients, About::Inputs].map(verdict), [Verdict::Good; 2]);
        verdict(About::InitialLoss);
        verdict(About::Few);

        let numbers = Labelled::new(points(90, 1).features().clone(), Tensor::<f32>::zeros([90, 2]));
        let trainer = Trainer::regressor(&net, Sgd::new(&net, 0.1), |x| net.forward(of_size(x, size)));
        let history = trainer.epochs(1).quiet().fit(&Loader::new(numbers, size).drop_last()).unwrap();
        assert_eq!(history.checks.iter().map(|check| check.verdict).collect::<Vec<_>>(), [Verdict::Good; 2]);
    }
}

fn of_size(x: Var<'_>, size: usize) -> Var<'_> {
    assert_eq!(x.shape()[0], size);
    x
}
