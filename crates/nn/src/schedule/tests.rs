//! Every schedule against PyTorch 2.15.

use super::*;
use crate::testing::message_of;
use crate::{StateDict, Stateful};

const NAN: f64 = f64::NAN;

fn close(got: f64, want: f64) -> bool {
    (got - want).abs() <= 1e-14 + 1e-13 * want.abs()
}

#[rustfmt::skip]
fn schedules() -> Vec<(Box<dyn Schedule>, &'static [f64])> {
    vec![
        (Box::new(StepLr::new(1.0, 3, 0.5)), &[1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]),
        (Box::new(MultiStepLr::new(1.0, [2, 2, 5], 0.1)), &[1.0, 1.0, 0.010000000000000002, 0.010000000000000002, 0.010000000000000002, 0.0010000000000000002, 0.0010000000000000002, 0.0010000000000000002]),
        (Box::new(ExponentialLr::new(1.0, 0.9)), &[1.0, 0.9, 0.81, 0.7290000000000001, 0.6561000000000001, 0.5904900000000002, 0.5314410000000002, 0.47829690000000014]),
        (Box::new(LinearLr::new(0.25, 0.75, 5)), &[0.25, 0.35, 0.4499999999999999, 0.5499999999999999, 0.6499999999999999, 0.7499999999999998, 0.7499999999999998, 0.7499999999999998]),
        (Box::new(PolynomialLr::new(1.0, 5, 1.7)), &[1.0, 0.6843101439943604, 0.4196209142486576, 0.210621152693478, 0.06482626386771048, 0.0, 0.0, 0.0]),
        (Box::new(CosineLr::new(1.0, 10).min(0.01)), &[1.0, 0.9757729755661011, 0.905463412215599, 0.7959536998847743, 0.6579634122155991, 0.505, 0.35203658778440106, 0.21404630011522585, 0.10453658778440106, 0.034227024433899, 0.01, 0.034227024433899, 0.10453658778440138, 0.21404630011522666, 0.3520365877844025, 0.5050000000000021, 0.6579634122156017, 0.7959536998847775, 0.9054634122156029, 0.9757729755661052, 1.0000000000000042, 0.9757729755661052, 0.9054634122156031, 0.7959536998847777, 0.6579634122156018]),
        (Box::new(CosineRestartsLr::new(1.0, 3).times_longer(2).min(0.1)), &[1.0, 0.775, 0.3250000000000001, 1.0, 0.9397114317029974, 0.775, 0.55, 0.3250000000000001, 0.16028856829700258, 1.0, 0.9846666218300807, 0.9397114317029974, 0.8681980515339464, 0.775, 0.6664685702961344, 0.55, 0.4335314297038657, 0.3250000000000001, 0.23180194846605365, 0.16028856829700258, 0.11533337816991932, 1.0, 0.9961501876182147, 0.9846666218300807]),
        (Box::new(CosineRestartsLr::new(1.0, 4)), &[1.0, 0.8535533905932737, 0.5, 0.14644660940672627, 1.0, 0.8535533905932737, 0.5, 0.14644660940672627, 1.0, 0.8535533905932737]),
        (Box::new(OneCycleLr::new(0.8, 11)), &[0.03200000000000003, 0.33787289098778867, 0.768209139778094, 0.7837972542570413, 0.7075805798149043, 0.5808696394380227, 0.42446616647007984, 0.2640464231898359, 0.1259460102396063, 0.03283643456503269, 3.2e-06]),
        (Box::new(OneCycleLr::new(0.8, 13).rising(0.4).divisors(10.0, 50.0).three_phases().linear()), &[0.08, 0.25142857142857145, 0.4228571428571429, 0.5942857142857143, 0.7657142857142857, 0.6628571428571429, 0.4914285714285715, 0.32, 0.14857142857142858, 0.06693333333333334, 0.04515555555555557, 0.023377777777777782, 0.0016000000000000042]),
        (Box::new(LinearLr::new(0.1, 1.0, 4).then(4, CosineLr::new(1.0, 6))), &[0.1, 0.325, 0.55, 0.7750000000000001, 1.0, 0.9330127018922194, 0.75, 0.5, 0.2500000000000001, 0.06698729810778065, 0.0]),
        (Box::new(CosineLr::new(1.0, 6).warmup(4, 0.1)), &[0.1, 0.325, 0.55, 0.7750000000000001, 1.0, 0.9330127018922194, 0.75, 0.5, 0.2500000000000001, 0.06698729810778065, 0.0]),
        (Box::new(LinearLr::new(0.5, 1.0, 4).times(ExponentialLr::new(1.0, 0.9))), &[0.5, 0.5625, 0.6074999999999999, 0.637875, 0.6560999999999999, 0.59049, 0.5314409999999999, 0.47829689999999997]),
    ]
}

#[test]
fn every_schedule_has_pytorchs_values() {
    for (i, (schedule, expected)) in schedules().into_iter().enumerate() {
        for (step, want) in expected.iter().enumerate() {
            let got = schedule.lr(step as u64);
            assert!(close(got, *want), "schedule {i}, step {step}: {got} instead of {want}");
        }
    }
}

#[test]
fn inverse_time_is_its_definition() {
    let schedule = InverseTimeLr::new(0.3, 0.7);
    assert!((0..50).all(|step| close(schedule.lr(step), 0.3 / (1.0 + 0.7 * step as f64))));
}

/// No step is too large, and degenerate lengths have sensible values.
#[test]
fn far_out() {
    for (schedule, _) in schedules() {
        let lr = schedule.lr(u64::MAX);
        assert!((0.0..=1.0).contains(&lr), "{lr}");
    }
    assert_eq!(LinearLr::new(0.0, 1.0, 0).lr(0), 1.0);
    assert_eq!(CosineLr::new(1.0, u64::MAX).lr(0), 1.0);
    assert_eq!(PolynomialLr::new(1.0, 0, 1.0).lr(0), 0.0);
    assert_eq!(CosineLr::new(1.0, 9).warmup(0, 0.5).lr(0), 1.0);
    assert!((OneCycleLr::new(1.0, 1).lr(0) - 4e-6).abs() < 1e-20);
    assert_eq!(OneCycleLr::new(1.0, 2).rising(0.5).lr(0), 1.0);
    let half: Box<dyn Schedule> = Box::new(LambdaLr(|step| if step < 3 { 1.0 } else { 0.5 }));
    assert_eq!((half.lr(2), half.lr(3)), (1.0, 0.5));
}

fn observed(mut schedule: PlateauLr, metrics: &[f64]) -> Vec<f64> {
    metrics.iter().map(|&metric| schedule.observe(metric)).collect()
}

#[test]
fn plateau() {
    let metrics = [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, NAN, 0.8, 0.80001, 0.8, 0.8, 0.8];
    let expected = [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25];
    assert_eq!(observed(PlateauLr::new(1.0).patience(2).factor(0.5), &metrics), expected);

    let schedule = PlateauLr::new(1.0).patience(1).factor(0.5).maximize();
    let schedule = schedule.absolute_threshold(0.05).cooldown(2).min(0.2);
    let expected = [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25];
    assert_eq!(observed(schedule, &metrics.map(|m| -m)), expected);

    // A share of a negative metric: what PyTorch makes of it.
    let metrics = [-1.0, -1.1, -1.1, -1.05, -1.3, -1.3, -1.3, -1.3];
    let schedule = PlateauLr::new(1.0).patience(1).threshold(0.1);
    assert_eq!(observed(schedule.clone(), &metrics), [1.0; 8]);
    let expected = [1.0, 1.0, 0.1, 0.1, 0.1, 0.1, 0.010000000000000002, 0.010000000000000002];
    assert_eq!(observed(schedule.maximize(), &metrics.map(|m| -m)), expected);
}

#[test]
fn a_restored_plateau_goes_on() {
    let make = || PlateauLr::new(1.0).patience(1).cooldown(1).factor(0.5);
    let metrics = [1.0, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8];
    for stop in 0..metrics.len() {
        let (mut whole, mut rest) = (make(), make());
        metrics[..stop].iter().for_each(|&metric| _ = whole.observe(metric));
        rest.restore(&whole.state()).unwrap();
        assert_eq!(observed(whole, &metrics[stop..]), observed(rest, &metrics[stop..]));
    }
    let mut schedule = make();
    let error = schedule.restore(&StateDict::new()).unwrap_err();
    assert_eq!(error.missing, ["lr", "best", "bad", "cooling"]);
    assert_eq!(schedule.lr(), 1.0);
}

#[test]
fn senseless_options_are_refused() {
    let refused: [(&dyn Fn(), &str); 6] = [
        (&|| _ = StepLr::new(-1.0, 2, 0.5), "StepLr: lr: -1 is"),
        (&|| _ = StepLr::new(1.0, 0, 0.5), "StepLr: every 0 steps"),
        (&|| _ = CosineLr::new(1.0, 0), "CosineLr: 0 steps"),
        (&|| _ = 1.0.warmup(3, NAN), "Warmup: start: NaN is"),
        (&|| _ = OneCycleLr::new(1.0, 5).rising(1.5), "OneCycleLr: share 1.5 is"),
        (&|| _ = PlateauLr::new(1.0).factor(1.0), "PlateauLr: factor 1 is"),
    ];
    for (f, message) in refused {
        let found = message_of(f);
        assert!(found.starts_with(message), "{found}");
    }
}
