//! How ranges move from stage to stage.

use wengert::search::*;

use crate::one_stage;

#[test]
fn ranges_narrow_around_the_best_in_log_space() {
    let space = |draw: &mut Draw<'_>| {
        let lr: f64 = draw.value("lr", Domain::log(1e-6..=1.0))?;
        Ok((lr, draw.value("noise", Domain::uniform(0.0..=1.0))?, draw.value("act", Domain::choice(["a", "b", "c"]))?))
    };
    let search = one_stage(space, Stage::new("coarse", 64).sampler(Sobol)).stage(Stage::new("fine", 16)).workers(1);
    let outcome = search.run(|trial| {
        let (lr, _, act) = trial.config();
        Ok((lr.log10() + 3.0).powi(2) + if *act == "c" { 30.0 } else { 0.0 })
    });
    let outcome = outcome.expect("a result");
    let fine = outcome.studies().nth(1).expect("two stages");
    let ranges: Vec<String> =
        fine.trials[0].parameters.iter().map(|(name, _, range)| format!("{name} {range}")).collect();
    let lr = fine.trials[0].parameters[0].2.bounds().expect("numbers");
    assert!(lr[0] > 1e-5 && lr[1] < 1e-1 && lr[0] < 1e-3 && lr[1] > 1e-3, "{ranges:?}");
    let noise = fine.trials[0].parameters[1].2.bounds().expect("numbers");
    assert!(noise[1] - noise[0] > 0.8, "{ranges:?}");
    assert!(fine.trials.iter().all(|trial| trial.value("act") != Some(2.0)));
    let moves: Vec<&str> = outcome.moves().collect();
    assert!(moves[0].starts_with("lr: narrowed from 1e-6 … 1 to "), "{moves:?}");
    assert_eq!(moves.last(), Some(&"act: given up c, which no good trial has"));
    // The best of the first stage come first in the second.
    let best = outcome.studies().next().and_then(Study::best).expect("a trial");
    assert_eq!(fine.trials[0].value("lr"), best.value("lr"));
    let important = outcome.importances().next().flatten().expect("enough trials");
    let matter: Vec<&str> = important.parameters.iter().filter(|p| p.matters).map(|p| p.parameter.as_str()).collect();
    assert_eq!(matter, ["act", "lr"], "{important:?}");
}

#[test]
fn where_the_best_lie_at_an_edge_the_range_is_widened_and_the_user_told() {
    let space = |draw: &mut Draw<'_>| {
        let lr: f64 = draw.value("lr", Domain::log(1e-6..=1e-4))?;
        let x: f64 = draw.value("x", Domain::uniform(-1.0..=1.0))?;
        let width = draw.value("width", Domain::log(8usize..=32))?;
        let share: f64 = draw.value("share", Domain::uniform(0.0..=0.5).within(0.0..=0.5))?;
        Ok((lr, x, width, share))
    };
    let mut search = one_stage(space, Stage::new("1", 40).sampler(Sobol)).workers(1);
    for stage in ["2", "3", "4"] {
        search = search.stage(Stage::new(stage, 40));
    }
    let outcome = search.run(|trial| {
        let &(lr, x, width, share) = trial.config();
        assert!(share <= 0.5 && lr > 0.0 && width >= 1);
        Ok((lr.log10() + 2.5).powi(2)
            + (x - 2.0).powi(2)
            + (width as f64).log2().powi(2) / 4.0
            + 4.0 * (1.0 - share).powi(2))
    });
    let outcome = outcome.expect("a result");
    let moves: Vec<&str> = outcome.moves().collect();
    let told = |start: &str, what: &str| moves.iter().any(|m| m.starts_with(start) && m.contains(what));
    assert!(told("lr: widened from 1e-6 … 1e-4 to ", "as the best lie at its upper edge"), "{moves:#?}");
    assert!(told("x: widened from ", "upper edge"), "{moves:#?}");
    assert!(told("width: widened from ", "lower edge"), "{moves:#?}");
    assert!(told("share: ", "the limit of what it may be"), "{moves:#?}");
    let (lr, x, ..) = outcome.best().config;
    assert!(lr > 1e-4 && x > 1.0, "{:?}", outcome.best());
}

#[test]
fn ranges_are_not_widened_beyond_what_their_type_holds() {
    let space = |draw: &mut Draw<'_>| {
        let byte = draw.value("byte", Domain::uniform(1u8..=250))?;
        let signed = draw.value("signed", Domain::uniform(-100i8..=100))?;
        Ok((byte, signed, draw.value("real", Domain::uniform(0.0..=f64::MAX))?))
    };
    let stages = ["b", "c"].map(|name| Stage::new(name, 30));
    let search = stages.into_iter().fold(one_stage(space, Stage::new("a", 30)), Search::stage).workers(1);
    let score = |(byte, signed, real): (u8, i8, f64)| f64::from(byte) + f64::from(signed) + real / f64::MAX;
    let outcome = search.maximize("sum").run(|trial| Ok(score(*trial.config()))).expect("a result");
    let (byte, signed, _) = outcome.best().config;
    assert!(byte > 250 && signed > 100, "widened to {byte} and {signed}");
    let study = outcome.studies().last().expect("a stage");
    for record in &study.trials {
        let value = |name: &str| record.value(name).expect("a value");
        assert!(value("byte") <= 255.0 && value("signed") <= 127.0 && value("real").is_finite());
    }
}
