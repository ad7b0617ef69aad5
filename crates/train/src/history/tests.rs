//! Histories of any length are small, and survive JSON to the last bit.

use super::*;
use proptest::prelude::*;
use wengert_tensor::{Tensor, tensor};

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), -9.0..9.0]
}

proptest! {
    #[test]
    fn json_keeps_every_bit(values in prop::collection::vec(any_number(), 0..50), seed: u64) {
        let mut history = History::new(seed);
        for (step, &value) in (0..).zip(&values) {
            history.loss.push(step, value);
            history.steps = step + 1;
            let metrics: IndexMap<String, f64> = [("loss".to_owned(), value), ("a\"b".to_owned(), -value)].into();
            let (train, validation) = (metrics.clone(), metrics);
            history.epochs.push(Epoch { epoch: step + 1, step: step + 1, seconds: 0.1, lr: 1e-3, train, validation });
        }
        let again = History::from_json(&history.to_json()).unwrap();
        prop_assert_eq!(again.to_json(), history.to_json());
        for (a, b) in again.loss.iter().zip(history.loss.iter()) {
            prop_assert_eq!((a.mean.to_bits(), a.max.to_bits()), (b.mean.to_bits(), b.max.to_bits()));
        }
    }

    /// Each point has the mean and extremes of its steps, whatever was merged when.
    #[test]
    fn a_curve_is_the_naive_summary(n in 0usize..5000, seed: u64) {
        let values = Tensor::<f64>::normal([n], 3.0, 2.0, &mut wengert_tensor::Rng::seed(seed)).to_vec();
        let mut curve = Curve::default();
        (0..).zip(&values).for_each(|(step, &value)| curve.push(10 * step, value));
        prop_assert!(curve.len() <= Curve::MOST_POINTS);
        prop_assert!(n < Curve::MOST_POINTS || curve.len() > Curve::MOST_POINTS / 2);
        let starts: Vec<usize> = curve.iter().map(|point| point.step as usize / 10).chain([n]).collect();
        for (point, range) in curve.iter().zip(starts.windows(2)) {
            let part = &values[range[0]..range[1]];
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            prop_assert!((point.mean - mean).abs() < 1e-12);
            prop_assert_eq!(point.min, part.iter().copied().fold(f64::INFINITY, f64::min));
            prop_assert_eq!(point.max, part.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        }
        prop_assert_eq!((curve.first(), curve.last()), (values.first().copied(), values.last().copied()));
    }

    #[test]
    fn a_curve_goes_on_from_json_as_if_never_written(n in 0u64..3000, more in 1u64..1500) {
        let mut curve = Curve::default();
        let value = |step: u64| 1.0 / (step + 3) as f64;
        (0..n).for_each(|step| curve.push(step, value(step)));
        let mut again: Curve = serde_json::from_str(&serde_json::to_string(&curve).unwrap()).unwrap();
        for step in n..n + more {
            curve.push(step, value(step));
            again.push(step, value(step));
        }
        prop_assert_eq!(curve, again);
    }

    #[test]
    fn thinned_entries_are_even_and_end_with_the_latest(n in 1u64..3000) {
        let mut snapshots = Thinned::new(5);
        for step in 0..n {
            if snapshots.is_due(step) || step + 1 == n {
                snapshots.push(Snapshot { step, ..Snapshot::default() });
            }
        }
        prop_assert!(snapshots.len() <= Thinned::<Snapshot>::MOST);
        prop_assert_eq!(snapshots.last().unwrap().step, n - 1);
        let every = snapshots.every();
        let dates: Vec<u64> = snapshots[..snapshots.len() - 1].iter().map(|snapshot| snapshot.step).collect();
        let early = (0..).map(|i| 4u64.pow(i)).take_while(|&date| date < 5);
        let expected = [0].into_iter().chain(early).chain((1..).map(|i| i * every));
        prop_assert_eq!(&dates, &expected.take(dates.len()).collect::<Vec<_>>());
    }
}

#[test]
fn infinities_and_nan_in_a_merged_point() {
    let mut curve = Curve::default();
    for step in 0..4 * Curve::MOST_POINTS as u64 {
        curve.push(
            step,
            match step {
                1 => f64::INFINITY,
                9 => f64::NAN,
                _ => 0.1,
            },
        );
    }
    assert_eq!((curve[0].mean, curve[0].min, curve[0].max), (f64::INFINITY, 0.1, f64::INFINITY));
    assert!(curve[2].mean.is_nan() && curve[2].max == 0.1);
    assert_eq!(curve[3], Point { step: 12, mean: 0.1, min: 0.1, max: 0.1 });
}

#[test]
fn the_size_of_a_history_is_bounded() {
    let size = |steps: u64| {
        let mut history = History::new(0);
        for step in 0..steps {
            history.loss.push(step, 1.0 / 3.0);
            history.steps = step;
            history.note("something");
        }
        history.to_json().len()
    };
    assert!(size(200_000) < size(2000) * 2);
}

#[test]
fn histograms() {
    let odd: Tensor<f64> = tensor![f64::NAN, -1.0, f64::INFINITY, 1.0, 0.0];
    assert_eq!(Histogram::of(&odd, 4), Histogram { low: -1.0, high: 1.0, counts: vec![1, 0, 1, 1] });
    let wide: Tensor<f64> = tensor![f64::MAX, -f64::MAX, 0.0];
    assert_eq!(Histogram::of(&wide, 3).counts, [1, 1, 1]);
    assert_eq!(Histogram::of(&Tensor::<f32>::full([7], 2.0), 5), Histogram { low: 1.0, high: 3.0, counts: vec![7] });
    assert_eq!(Histogram::of(&Tensor::<f32>::zeros([0]), 5), Histogram::default());
    assert_eq!(Histogram::of(&Tensor::<f32>::zeros([3]), 5).edges(0), (-0.5, 0.5));
}
