//! Stopping after any step, and going on.

use std::cell::Cell;

use super::*;
use crate::{Checkpoint, Checkpoints, Standardize, Transform};
use proptest::prelude::{ProptestConfig, prop, prop_assert_eq, proptest};
use wengert_nn::{Adadelta, Adagrad, AdamW, Lion, NAdam, RAdam, RmsProp};

type Classifier<'a> = Trainer<'a, (Tensor, Tensor<i64>)>;
type Make = fn(&Net) -> Box<dyn Optimizer>;

/// Every kind, with options that keep all there is to keep.
const OPTIMIZERS: [(&str, Make); 10] = [
    ("Sgd", |net| Box::new(Sgd::new(net, 0.1))),
    ("Sgd with momentum", |net| Box::new(Sgd::new(net, 0.1).nesterov(0.9).weight_decay(0.01))),
    ("Adagrad", |net| Box::new(Adagrad::new(net, 0.1).lr_decay(0.1))),
    ("Adadelta", |net| Box::new(Adadelta::new(net, 1.0))),
    ("RmsProp", |net| Box::new(RmsProp::new(net, 0.01).momentum(0.9).centered())),
    ("Adam", |net| Box::new(Adam::new(net, 0.01).amsgrad())),
    ("AdamW", |net| Box::new(AdamW::new(net, 0.01))),
    ("NAdam", |net| Box::new(NAdam::new(net, 0.01))),
    ("RAdam", |net| Box::new(RAdam::new(net, 0.01))),
    ("Lion", |net| Box::new(Lion::new(net, 0.01))),
];

/// Counts the steps of its run.
struct Counter<'a>(&'a Cell<u64>);

impl Callback for Counter<'_> {
    fn after_step(&mut self, _: &History) -> ControlFlow<String> {
        self.0.set(self.0.get() + 1);
        ControlFlow::Continue(())
    }

    fn state(&self) -> Value {
        self.0.get().into()
    }

    fn restore(&mut self, state: &Value) -> Result<(), String> {
        self.0.set(state.as_u64().ok_or("a count is a number")?);
        Ok(())
    }
}

/// A run of 3 epochs of 5 steps which is stopped after step `stop`, if that is one of them.
fn run(make: Make, folder: Option<&Folder>, stop: u64, every: u64, accumulate: usize) -> (StateDict, String) {
    let (net, count) = (net(4), Cell::new(0));
    let mut trainer =
        Trainer::classifier(&net, make(&net), |x| forward(&net, x))
            .metric(crate::F1(crate::Average::Macro))
            .validation(Loader::new(points(15, 6), 10))
            .epochs(3)
            .seed(5)
            .accumulate(accumulate)
            .clip_norm(1.0)
            .keep_best()
            .no_checks()
            .callback(Counter(&count))
            .after_step(|history| {
                if history.steps == stop { ControlFlow::Break("enough".into()) } else { ControlFlow::Continue(()) }
            })
            .quiet();
    if let Some(folder) = folder {
        trainer = trainer.checkpoints(Checkpoints::new(&folder.0).every_steps(every).resume());
    }
    // Without the checkpoint at the stop, it goes on from one that was written before.
    let history = trainer.fit(&loader(8 * accumulate + 2, 2)).unwrap();
    assert_eq!(count.get(), history.steps);
    essence(&net, history)
}

#[test]
fn every_optimizer_goes_on_to_the_same_bits_from_every_step() {
    for (i, (name, make)) in (1..).zip(OPTIMIZERS) {
        let whole = run(make, None, 0, 1, 1);
        // Together they stop after every step.
        for stop in (i..=15).step_by(5) {
            let folder = Folder::new();
            run(make, Some(&folder), stop, 100, 1);
            assert!(whole == run(make, Some(&folder), 0, 100, 1), "{name} after step {stop}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    /// A kill leaves the last checkpoint and what was done since is done again.
    #[test]
    fn runs_go_on_after_several_kills(kills in prop::collection::vec(1u64..16, 1..4), every in 1u64..4, which in 0usize..10) {
        let make = OPTIMIZERS[which].1;
        let whole = run(make, None, 0, 1, 3);
        let folder = Folder::new();
        for stop in kills {
            run(make, Some(&folder), stop, every, 3);
            // The checkpoint of the stop itself, which a kill does not write.
            let last = crate::checkpoint::list(&folder.0).unwrap().pop().unwrap();
            if !last.0.is_multiple_of(every) && last.0 < 15 {
                std::fs::remove_file(last.1).unwrap();
            }
        }
        prop_assert_eq!(whole, run(make, Some(&folder), 0, every, 3));
    }
}

#[test]
fn schedules_stopping_and_the_best_model_go_on_too() {
    let run = |folder: Option<&Folder>, stop: u64| {
        let net = net(4);
        let mut trainer = Trainer::classifier(&net, Adam::new(&net, 0.1), |x| forward(&net, x))
            .epochs(40)
            .reduce_on_plateau(PlateauLr::new(0.1).patience(1).factor(0.5))
            .early_stopping(4)
            .keep_best()
            .after_epoch(|history| {
                if history.epochs.len() as u64 == stop {
                    ControlFlow::Break("enough".into())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .quiet();
        if let Some(folder) = folder {
            trainer = trainer.checkpoints(Checkpoints::new(&folder.0).resume());
        }
        essence(&net, trainer.fit(&loader(20, 4)).unwrap())
    };
    let whole = run(None, 0);
    assert!(whole.1.contains("loss has not improved for 4 epochs"), "{}", whole.1);
    for stop in 1..=8 {
        let folder = Folder::new();
        run(Some(&folder), stop);
        assert_eq!(whole, run(Some(&folder), 0), "after epoch {stop}");
        // One that has ended ends again, as it was.
        assert_eq!(whole, run(Some(&folder), 0), "after its end");
    }
}

#[test]
fn more_epochs_continue_a_finished_run() {
    let folder = Folder::new();
    let run = |folder: Option<&Folder>, epochs| {
        let net = net(4);
        let mut trainer = Trainer::classifier(&net, Adam::new(&net, 0.1), |x| forward(&net, x)).epochs(epochs).quiet();
        if let Some(folder) = folder {
            trainer = trainer.checkpoints(Checkpoints::new(&folder.0).resume());
        }
        essence(&net, trainer.fit(&loader(20, 4)).unwrap())
    };
    run(Some(&folder), 2);
    assert_eq!(run(Some(&folder), 5), run(None, 5));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let folder = Folder::new();
    let checkpoints = || Some(Checkpoints::new(&folder.0).resume());
    let told = |net: &Net, make: Make, change: &dyn Fn(&mut Classifier<'_>), size: usize| {
        let mut trainer = Trainer::classifier(net, make(net), |x| forward(net, x)).epochs(1).quiet();
        trainer.checkpoints = checkpoints();
        change(&mut trainer);
        let (model, optimizer) = (net.state_dict(), trainer.optimizer.state());
        let error = trainer.fit(&loader(20, size)).unwrap_err();
        assert_eq!((net.state_dict(), trainer.optimizer.state()), (model, optimizer));
        error.to_string()
    };
    let adam: Make = |net| Box::new(Adam::new(net, 0.1));
    let first = net(1);
    let mut trainer = Trainer::classifier(&first, adam(&first), |x| forward(&first, x)).epochs(1).quiet();
    trainer = trainer.preprocessing(&1.5);
    trainer.checkpoints = checkpoints();
    trainer.fit(&loader(20, 4)).unwrap();
    let files = || std::fs::read_dir(&folder.0).unwrap().count();
    let count = files();

    let same = |trainer: &mut Classifier<'_>| trainer.preprocessing = 1.5.into();
    let sgd: Make = |net| Box::new(Sgd::new(net, 0.1));
    let error = told(&net(2), sgd, &same, 4);
    assert!(error.contains("is not one of this optimizer") && error.contains("exp_avg"), "{error}");

    let mut rng = Rng::seed(1);
    let wide = (Linear::new(3, 9, &mut rng), BatchNorm::new(9), Dropout::new(0.3), Linear::new(9, 2, &mut rng));
    let error = told(&wide, adam, &same, 4);
    assert!(error.contains("is not one of this model") && error.contains("0.weight should have the shape"), "{error}");

    let error = told(&net(2), adam, &|trainer| (trainer.seed, trainer.preprocessing) = (3, 1.5.into()), 4);
    assert!(error.contains("its seed is 0, not 3"), "{error}");

    let error = told(&net(2), adam, &|trainer| trainer.preprocessing = 2.5.into(), 4);
    assert!(error.contains("its data were prepared in another way"), "{error}");

    struct Picky;
    impl Callback for Picky {
        fn restore(&mut self, state: &Value) -> Result<(), String> {
            if state.is_null() { Ok(()) } else { Err("not mine".into()) }
        }
    }
    let error = told(
        &net(2),
        adam,
        &|trainer| {
            same(trainer);
            trainer.callbacks.push(Box::new(Picky));
        },
        4,
    );
    assert!(error.contains("its callbacks: there were 0, not 1"), "{error}");

    let occupied = |trainer: &mut Classifier<'_>| trainer.checkpoints = Some(Checkpoints::new(&folder.0));
    let error = told(&net(2), adam, &occupied, 4);
    assert!(error.contains("there are checkpoints of a run already"), "{error}");
    assert_eq!(files(), count);
}

#[test]
fn other_data_are_refused() {
    let folder = Folder::new();
    let net = net(1);
    let fit = |loader: &Loader<Labelled>, stop: u64| {
        Trainer::classifier(&net, Adam::new(&net, 0.1), |x| forward(&net, x))
            .after_step(|history| {
                if history.steps == stop { ControlFlow::Break("enough".into()) } else { ControlFlow::Continue(()) }
            })
            .checkpoints(Checkpoints::new(&folder.0).resume())
            .quiet()
            .fit(loader)
    };
    fit(&loader(20, 4), 3).unwrap();
    let before = net.state_dict();
    let error = fit(&loader(20, 4).shuffle(7), 0).unwrap_err();
    assert!(matches!(error.kind, TrainErrorKind::Resume(_)), "{error}");
    assert!(error.to_string().contains("shuffled by the seed 2"), "{error}");
    assert_eq!(net.state_dict(), before);
}

#[test]
fn a_checkpoint_holds_what_a_user_of_the_model_needs() {
    let folder = Folder::new();
    let data = points(40, 1);
    let scale = Standardize::fit(data.features()).unwrap();
    let trained = net(1);
    let history = Trainer::classifier(&trained, Adam::new(&trained, 0.05), |x| forward(&trained, x))
        .preprocessing(&scale)
        .keep_best()
        .checkpoints(Checkpoints::new(&folder.0).every_epochs(4))
        .quiet()
        .fit(&Loader::new(data.map_features(|x| scale.apply(x)), 8))
        .unwrap();
    let checkpoint = Checkpoint::latest(&folder.0).unwrap().unwrap();
    assert_eq!(checkpoint.best().unwrap(), trained.state_dict());
    let again: Standardize = checkpoint.preprocessing().unwrap();
    assert_eq!(again.apply(data.features()), scale.apply(data.features()));
    assert!(checkpoint.preprocessing::<f64>().is_err());
    assert_eq!(checkpoint.history().best, history.best);
    // Those of epochs 8 and 10: the last is always written.
    let names: Vec<u64> = crate::checkpoint::list(&folder.0).unwrap().into_iter().map(|(steps, _)| steps).collect();
    assert_eq!(names, [40, 50]);
    assert!(Checkpoint::latest(std::env::temp_dir().join("no-such-folder-of-wengert")).is_err());
}
