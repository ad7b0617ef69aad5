//! Faults planted in runs on the digits are named first, and healthy runs are left alone.
//!
//! `cargo test --release --test diagnosis -- --ignored --nocapture` measures both over every network and
//! optimizer, on seeds that no threshold was chosen by.

mod fault;
mod run;

use fault::Fault;
use run::{Net, Rule, Run};
use wengert::train::{Cause, Diagnosis, Epoch, Histogram, History, ParamStats, Snapshot, Task};

/// One test for each fault, of the cause that is to be named first.
macro_rules! planted {
    ($($name:ident: $fault:ident is $cause:ident;)*) => {
        $(
            #[test]
            fn $name() {
                is_named_first(Fault::$fault, Cause::$cause);
            }
        )*

        const PLANTED: &[(Fault, Cause)] = &[$((Fault::$fault, Cause::$cause)),*];
    };
}

planted! {
    a_rate_ten_thousand_times_too_high: RateTooHigh is RateTooHigh;
    a_rate_ten_thousand_times_too_low: RateTooLow is RateTooLow;
    units_that_start_dead: DeadUnits is DeadUnits;
    units_that_start_as_good_as_dead: SilentUnits is DeadUnits;
    units_that_start_saturated: SaturatedUnits is SaturatedUnits;
    weights_that_start_at_zero: ZeroWeights is BadStart;
    ten_layers_that_start_too_small: SmallWeights is VanishingGradients;
    a_last_layer_that_starts_too_large: LargeScores is InitialLoss;
    pixels_as_they_are: RawPixels is UnscaledInputs;
    pixels_to_255: RawBytes is UnscaledInputs;
    one_column_in_another_unit: LargeColumn is UnscaledInputs;
    sorted_by_label: Sorted is UnshuffledData;
    two_classes_by_turns: TwoByTurns is UnshuffledData;
    validation_data_in_the_training_data: Leak is Leak;
    a_fifth_of_the_validation_data_changed_a_little: ChangedLeak is Leak;
    all_labels_one_row_off: RowsOff is WrongLabels;
    training_labels_one_row_off: TrainingRowsOff is WrongLabels;
    validation_labels_one_class_off: ValidationClassesOff is WrongLabels;
    labels_from_one: LabelsFromOne is WrongLabels;
    labels_dealt_at_random: RandomLabels is WrongLabels;
    a_vjp_of_the_wrong_sign: WrongSign is WrongGradient;
    the_logarithm_of_zero: LogOfZero is NotFinite;
    sixty_examples: FewExamples is Overfitting;
    one_hidden_unit: OneUnit is Underfitting;
    running_statistics_that_lag: StaleStatistics is StaleStatistics;
    noise_on_the_training_data_only: NoisyTraining is ValidationBetter;
}

#[track_caller]
fn is_named_first(fault: Fault, cause: Cause) {
    let nets = fault.nets();
    for i in 0..2 {
        let (net, rule) = (nets[(2 * i + 1) % nets.len()], Rule::ALL[(i + fault as usize) % 5]);
        let found = diagnosis(Run::new(net, rule, i as u64), Some(fault));
        let first = found.first().map(|finding| finding.cause);
        assert_eq!(first, Some(cause), "{fault:?} in {net:?} with {rule:?}, seed {i}: {found}");
    }
}

fn diagnosis(mut run: Run, fault: Option<Fault>) -> Diagnosis {
    fault.into_iter().for_each(|fault| fault.plant(&mut run));
    Diagnosis::of(&run.history())
}

#[test]
fn nothing_is_found_in_healthy_runs() {
    for (i, net) in Net::HEALTHY.into_iter().enumerate() {
        let rule = Rule::ALL[i % 5];
        let found = diagnosis(Run::new(net, rule, i as u64), None);
        assert!(found.is_empty(), "{net:?}, {rule:?}, seed {i}: {found}");
    }
}

#[test]
fn dropout_explains_that_validation_goes_better() {
    let mut run = Run::new(Net::Dropout, Rule::Adam, 1);
    run.epochs = 5;
    let history = run.history();
    let accuracy = |epoch: &Epoch| [epoch.train["accuracy"], epoch.validation["accuracy"]];
    let last = history.epochs.last().map(accuracy).expect("epochs");
    assert!(last[1] > last[0] + 0.03, "{last:?}");
    let found = Diagnosis::of(&history);
    assert!(found.is_empty(), "{found}");
}

/// A history is all that a diagnosis reads, so this one is written by hand.
#[test]
fn a_loss_that_stops_falling_while_steps_are_large() {
    let found = |lr: fn(u64) -> f64, update: f64| {
        let mut history = History { task: Task::Classification { classes: 10 }, steps: 600, ..History::new(0) };
        for step in 0..600 {
            // Down to about 0.5, and from there up and down.
            let jumps = [0.2, 0.5, 1.5, 0.3, 0.4][step as usize % 5];
            history.loss.push(step, 2.0 * (-(step as f64) / 40.0).exp() + jumps);
            history.lr.push(step, lr(step));
            if history.snapshots.is_due(step) {
                let name = "0.weight".to_owned();
                let (value_rms, gradient_rms, update_rms) = (0.1, 0.1, 0.1 * update);
                let params =
                    vec![ParamStats { name, value_rms, gradient_rms, update_rms, histogram: Histogram::default() }];
                history.snapshots.push(Snapshot { step, params, ..Snapshot::default() });
            }
        }
        Diagnosis::of(&history).first().map(|finding| finding.cause)
    };
    assert_eq!(found(|_| 0.1, 1e-2), Some(Cause::Plateau));
    // With small steps, or a rate that fell, there is nothing to be had from a smaller one.
    assert_eq!(found(|_| 0.1, 1e-4), None);
    assert_eq!(found(|step| if step < 300 { 0.1 } else { 0.01 }, 1e-2), None);
}

#[test]
#[ignore = "takes minutes: it measures how often a diagnosis is right"]
fn how_often_it_is_right() {
    let measure = |what: &str, fault: Option<Fault>, cause: Option<Cause>| {
        let (mut right, mut count, mut others) = (0, 0, Vec::new());
        for (i, &net) in fault.map_or(&Net::HEALTHY[..], Fault::nets).iter().enumerate() {
            for (j, rule) in Rule::ALL.into_iter().enumerate() {
                let found = diagnosis(Run::new(net, rule, 1000 + (5 * i + j) as u64), fault);
                count += 1;
                if found.first().map(|finding| finding.cause) == cause {
                    right += 1;
                } else {
                    let causes: Vec<_> = found.iter().map(|finding| finding.cause).collect();
                    others.push(format!("{net:?}, {rule:?}: {causes:?}"));
                }
            }
        }
        println!("{what:<24} {right:>3} of {count}");
        others.iter().for_each(|other| println!("    {other}"));
    };
    measure("healthy", None, None);
    for &(fault, cause) in PLANTED {
        measure(&format!("{fault:?}"), Some(fault), Some(cause));
    }
}
