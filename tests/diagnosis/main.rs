//! Faults planted in runs on the digits are named first, and healthy runs are left alone.
//!
//! `cargo test --release --test diagnosis -- --ignored --nocapture` measures both over every network and
//! optimizer, on seeds that no threshold was chosen by.

mod fault;
mod run;

use fault::Fault;
use run::{Net, Rule, Run};
use wengert::train::{Cause, Diagnosis};

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
    units_that_start_saturated: SaturatedUnits is SaturatedUnits;
    weights_that_start_at_zero: ZeroWeights is BadStart;
    ten_layers_that_start_too_small: SmallWeights is VanishingGradients;
    a_last_layer_that_starts_too_large: LargeScores is InitialLoss;
    pixels_as_they_are: RawPixels is UnscaledInputs;
    pixels_to_255: RawBytes is UnscaledInputs;
    one_column_in_another_unit: LargeColumn is UnscaledInputs;
    sorted_by_label: Sorted is UnshuffledData;
    validation_data_in_the_training_data: Leak is Leak;
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
}

#[track_caller]
fn is_named_first(fault: Fault, cause: Cause) {
    let nets = fault.nets();
    for i in 0..3 {
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
        for rule in [Rule::ALL[i % 5], Rule::ALL[(i + 2) % 5]] {
            let found = diagnosis(Run::new(net, rule, i as u64), None);
            assert!(found.is_empty(), "{net:?}, {rule:?}, seed {i}: {found}");
        }
    }
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
