//! What a space may be, and what a trial receives of it.

use std::collections::BTreeSet;
use std::sync::Mutex;

use wengert::search::*;

use crate::{Config, Decay, Update, one_stage};

#[test]
fn a_trial_receives_a_typed_value_of_its_parameters() {
    let configs = Mutex::new(Vec::new());
    let search = one_stage(Config::draw, Stage::new("all", 200).sampler(Random)).workers(2);
    let outcome = search.run(|trial| {
        configs.lock().expect("no panic").push((trial.number(), trial.config().clone()));
        Ok(0.0)
    });
    let outcome = outcome.expect("a result");
    let configs = configs.into_inner().expect("no panic");
    assert_eq!(configs.iter().map(|(number, _)| number).collect::<BTreeSet<_>>().len(), 200);
    let study = outcome.studies().next().expect("a stage");
    for (number, config) in &configs {
        assert!(
            (1e-4..=1.0).contains(&config.lr) && (1..=3).contains(&config.depth) && [2, 4, 8].contains(&config.pieces)
        );
        let record = &study.trials[*number];
        assert_eq!(record.value("lr"), Some(config.lr));
        let names: Vec<&str> = record.parameters.iter().map(|(name, _, _)| name.as_str()).collect();
        let common = ["lr", "depth", "pieces", "batch_norm", "update"];
        let own: &[&str] = match config.update {
            Update::Sgd { momentum, decay: Decay::None } => {
                assert!((momentum * 10.0 - (momentum * 10.0).round()).abs() < 1e-6);
                &["update.Sgd.momentum", "update.Sgd.decay"]
            }
            Update::Sgd { decay: Decay::Exponential(factor), .. } => {
                assert_eq!(record.value("update.Sgd.decay.Exponential.0"), Some(factor));
                &["update.Sgd.momentum", "update.Sgd.decay", "update.Sgd.decay.Exponential.0"]
            }
            Update::Adam => &[],
            Update::Named(value) => {
                assert!([1, 10].contains(&value));
                &["update.Named.0"]
            }
        };
        assert_eq!(names, [&common, own].concat());
    }
}

#[test]
fn spaces_that_are_impossible_are_refused_by_name_before_anything_runs() {
    fn why<T: Clone>(domain: impl Fn() -> Domain<T> + Send + Sync + 'static) -> String {
        let space = move |draw: &mut Draw<'_>| draw.variant("net", &[("a", &|draw| draw.value("x", domain()))]);
        Search::new("s", space).map(|_| ()).expect_err("refused").to_string()
    }
    let name = "parameter `net.a.x`: ";
    assert_eq!(
        why(|| Domain::uniform(2.0..=1.0)),
        format!("{name}the lower bound 2 is above the upper bound 1; swap them")
    );
    assert_eq!(
        why(|| Domain::log(0.0..=1.0)),
        format!("{name}a logarithmic range begins above 0, not at 0; raise the bound or use `uniform`")
    );
    for refused in [
        why(|| Domain::log(0usize..=8)),
        why(|| Domain::log(-1.0f32..=8.0)),
        why(|| Domain::<f64>::choice([])),
        why(|| Domain::choice(["a", "b", "a"])),
        why(|| Domain::uniform(f64::NAN..=1.0)),
        why(|| Domain::uniform(0.0..=f64::INFINITY)),
        why(|| Domain::uniform(f64::MIN..=f64::MAX)),
        why(|| Domain::uniform(0..=u64::MAX)),
        why(|| Domain::uniform(0.0..=1.0).step(0.0)),
        why(|| Domain::log(1.0..=10.0).step(1.0)),
        why(|| Domain::uniform(0.0..=1.0).within(0.5..=2.0)),
    ] {
        assert!(refused.starts_with(name) && refused.len() > name.len() + 20, "{refused}");
    }
    let twice = |draw: &mut Draw<'_>| {
        draw.value("x", Domain::uniform(0.0..=1.0))?;
        draw.value("x", Domain::uniform(0.0..=1.0))
    };
    let error = Search::new("s", twice).map(|_| ()).expect_err("refused");
    assert_eq!(error.kind, SpaceErrorKind::Twice);
    let none = |draw: &mut Draw<'_>| draw.variant::<()>("v", &[]);
    assert_eq!(Search::new("s", none).map(|_| ()).expect_err("refused").kind, SpaceErrorKind::Empty);
    let search = Search::new("s", |draw| draw.value("x", Domain::uniform(0.0..=1.0))).expect("a good space");
    assert!(matches!(search.run(|_| Ok(0.0)), Err(SearchError::Stages(_))));
}

#[test]
fn ranges_of_one_value_and_of_two_are_searched() {
    let space = |draw: &mut Draw<'_>| {
        let x = draw.value("x", Domain::uniform(1.0..=1.0))?;
        let n = draw.value("n", Domain::log(7usize..=7))?;
        draw.value("zero", Domain::uniform(0.0..=0.0))?;
        draw.value("narrow", Domain::uniform(0.0..=f64::from_bits(1)))?;
        Ok((x, n, draw.value("b", Domain::choice(["only"]))?, draw.value("two", Domain::uniform(0i8..=1))?))
    };
    for sampler in [true, false] {
        let stage = |name| if sampler { Stage::new(name, 20) } else { Stage::new(name, 20).sampler(Grid::new(3)) };
        let search = one_stage(space, stage("a")).stage(stage("b")).workers(1);
        let outcome = search.run(|trial| Ok(trial.config().0 - f64::from(trial.config().3))).expect("a result");
        assert_eq!(outcome.best().config, (1.0, 7, "only", 1));
    }
}

#[test]
fn a_value_that_is_drawn_after_an_if_says_how_to_draw_it() {
    let space = |draw: &mut Draw<'_>| {
        let layers = draw.value("layers", Domain::uniform(1usize..=3))?;
        (0..layers).map(|i| draw.value(&format!("width{i}"), Domain::log(4usize..=64))).collect::<Result<Vec<_>, _>>()
    };
    let outcome = one_stage(space, Stage::new("all", 12)).run(|trial| Ok(trial.config().len() as f64));
    let finding = &outcome.expect("some have one layer").findings()[0];
    assert!(finding.evidence[0].contains("parameter `width1`") && finding.evidence[0].contains("Draw::variant"));
}
