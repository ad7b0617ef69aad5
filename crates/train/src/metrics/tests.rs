//! Metrics against scikit-learn, and in batches against all at once.

use super::*;
use proptest::prelude::*;
use wengert_tensor::{Rng, tensor};

/// Scores whose highest are these classes.
fn scores_of(predicted: &[i64], classes: usize) -> Tensor<f64> {
    let score = |&p: &i64| (0..classes as i64).map(move |class| if class == p { 1.0 } else { 0.0 });
    Tensor::from_vec(predicted.iter().flat_map(score).collect(), [predicted.len(), classes])
}

fn value_of<Y, T: Float>(metric: &dyn Metric<Y, T>, batches: &[(Tensor<T>, Y)]) -> f64 {
    let mut sums = Vec::new();
    batches.iter().for_each(|(outputs, targets)| metric.add(&mut sums, outputs, targets));
    metric.value(&sums)
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-15, "{found} for {expected}");
}

// The expected values are from scikit-learn 1.9.

#[test]
fn classes_as_scikit_learn() {
    let labels = tensor![0i64, 1, 2, 2, 1, 0, 4, 4, 2, 1, 0, 2];
    let predicted = [0, 2, 2, 2, 1, 1, 4, 0, 2, 1, 0, 3];
    // A sixth class that never occurs counts nowhere.
    let scores = scores_of(&predicted, 6);
    let averages = [Average::Macro, Average::Micro, Average::Weighted];
    let expected = [
        [0.6166666666666666, 0.5166666666666666, 0.5499999999999999],
        [2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0],
        [0.75, 2.0 / 3.0, 0.6944444444444445],
    ];
    for (average, expected) in averages.into_iter().zip(expected) {
        let metrics: [&dyn Metric<Tensor<i64>, f64>; 3] = [&Precision(average), &Recall(average), &F1(average)];
        for (metric, expected) in metrics.into_iter().zip(expected) {
            close(value_of(metric, &[(scores.clone(), labels.clone())]), expected);
        }
    }
    let matrix = ConfusionMatrix::new(&predicted.into(), &labels, 5);
    for (class, f1) in [2.0 / 3.0, 2.0 / 3.0, 0.75, 0.0, 2.0 / 3.0].into_iter().enumerate() {
        close(matrix.f1(class), f1);
    }
    assert!(matrix.recall(3).is_nan() && matrix.precision(3) == 0.0);
}

#[test]
fn regression_as_scikit_learn() {
    let mut errors = RegressionErrors::new();
    let (targets, predicted): (Tensor<f64>, _) = (tensor![3.0, -0.5, 2.0, 7.0, 4.2], tensor![2.5, 0.0, 2.0, 8.0, 5.0]);
    errors.add(&predicted, &targets);
    close(errors.mean_squared(), 0.42799999999999994);
    close(errors.root_mean_squared(), 0.654217089351845);
    close(errors.mean_absolute(), 0.5599999999999999);
    close(errors.r_squared(), 0.9300470711297071);
    assert_eq!((errors.largest(), errors.rows()), (1.0, 5));

    let (targets, predicted) =
        (tensor![[0.5, 1.0], [-1.0, 1.0], [7.0, -6.0]], tensor![[0.0, 2.0], [-1.0, 2.0], [8.0, -5.0]]);
    let mut errors = RegressionErrors::new();
    errors.add::<f64>(&predicted, &targets);
    close(errors.mean_squared(), 0.7083333333333334);
    close(errors.r_squared(), 0.9368005266622779);

    let constant = tensor![2.0, 2.0, 2.0];
    for (predicted, expected) in [(tensor![2.0, 2.0, 2.0], 1.0), (tensor![2.0, 2.0, 3.0], 0.0)] {
        let mut errors = RegressionErrors::new();
        errors.add::<f64>(&predicted, &constant);
        assert_eq!(errors.r_squared(), expected);
    }
}

#[test]
fn top_k_as_scikit_learn() {
    let scores: Tensor = tensor![[0.5, 0.2, 0.2], [0.3, 0.4, 0.2], [0.2, 0.4, 0.3], [0.7, 0.2, 0.1]];
    assert_eq!(top_k_accuracy(&scores, &tensor![0, 1, 2, 2], 2), 0.75);
    assert_eq!(top_k_accuracy(&scores, &tensor![0, 1, 2, 2], 3), 1.0);
    // The first of equals, and NaN before all.
    assert_eq!(top_k_accuracy(&scores.slice(0, 0..1), &tensor![2], 2), 0.0);
    assert_eq!(top_k_accuracy::<f32>(&tensor![[0.5, f32::NAN, 0.9]], &tensor![1], 1), 1.0);
}

#[test]
fn of_nothing() {
    let none = || (Tensor::<f64>::zeros([0, 3]), Tensor::<i64>::zeros([0]));
    let metrics: [&dyn Metric<Tensor<i64>, f64>; 3] = [&Accuracy, &TopK(2), &F1(Average::Macro)];
    for metric in metrics {
        assert!(value_of(metric, &[none()]).is_nan() && metric.value(&[]).is_nan(), "{}", metric.name());
    }
    let errors = RegressionErrors::new();
    assert!(errors.mean_squared().is_nan() && errors.mean_absolute().is_nan() && errors.r_squared().is_nan());
    let metrics: [&dyn Metric<Tensor<f64>, f64>; 2] = [&RSquared, &RootMeanSquaredError];
    assert!(metrics.iter().all(|metric| value_of(*metric, &[(Tensor::zeros([0]), Tensor::zeros([0]))]).is_nan()));
}

#[test]
fn rows_with_a_negative_label_do_not_count() {
    let (scores, labels) = (scores_of(&[0, 1, 2, 2], 3), tensor![0i64, -100, 1, -1]);
    let metrics: [&dyn Metric<Tensor<i64>, f64>; 3] = [&Accuracy, &TopK(1), &Recall(Average::Micro)];
    for metric in metrics {
        assert_eq!(value_of(metric, &[(scores.clone(), labels.clone())]), 0.5, "{}", metric.name());
    }
}

#[test]
#[should_panic(expected = "F1: label 3 of 3 classes")]
fn a_label_out_of_range_is_refused() {
    value_of(&F1(Average::Macro), &[(scores_of(&[0], 3), tensor![3i64])]);
}

#[test]
#[should_panic(expected = "accuracy: scores of shape [2, 3] for labels of shape [3]")]
fn scores_and_labels_must_fit() {
    value_of(&Accuracy, &[(scores_of(&[0, 1], 3), tensor![0i64, 1, 2])]);
}

proptest! {
    /// Whatever the batches, and on more axes than one.
    #[test]
    fn batches_add_up(rows in 1usize..60, cut in 0usize..60, seed: u64) {
        let (cut, mut rng) = (cut.min(rows), Rng::seed(seed));
        let scores = Tensor::<f64>::normal([rows, 2, 4], 0.0, 1.0, &mut rng);
        let labels = Tensor::integers([rows, 2], 0..4, &mut rng);
        let part = |t: std::ops::Range<usize>| {
            let range = t.start as isize..t.end as isize;
            (scores.slice(0, range.clone()), labels.slice(0, range))
        };
        let metrics: [&dyn Metric<Tensor<i64>, f64>; 4] =
            [&Accuracy, &TopK(2), &F1(Average::Macro), &Precision(Average::Weighted)];
        for metric in metrics {
            let (whole, parts) = (value_of(metric, &[part(0..rows)]), value_of(metric, &[part(0..cut), part(cut..rows)]));
            prop_assert_eq!(whole, parts);
        }
        let naive = accuracy(&scores.argmax(2), &labels);
        prop_assert_eq!(value_of(&Accuracy, &[part(0..rows)]), naive);
        prop_assert_eq!(top_k_accuracy(&scores, &labels, 1), naive);

        let targets = &scores * 3.0 + 1e6;
        let mut errors = [RegressionErrors::new(), RegressionErrors::new()];
        errors[0].add(&scores, &targets);
        for range in [0..cut, cut..rows] {
            let range = range.start as isize..range.end as isize;
            errors[1].add(&scores.slice(0, range.clone()), &targets.slice(0, range));
        }
        prop_assert_eq!(&errors[0], &errors[1]);
        let difference = &scores - &targets;
        let mse = (&difference * &difference).mean(..).item();
        prop_assert!((errors[0].mean_squared() / mse - 1.0).abs() < 1e-12);
    }
}

mod table {
    use super::*;

    #[test]
    fn is_aligned() {
        let labels: Vec<i64> = [vec![0; 100], vec![1; 3], vec![2; 4]].concat();
        let mut predicted = labels.clone();
        predicted[100] = 0;
        predicted[106] = 1;
        let mut matrix = ConfusionMatrix::new(&predicted[..50].into(), &labels[..50].into(), 3);
        matrix.add(&predicted[50..].into(), &labels[50..].into());
        let expected = "\
label    0    1    2  recall
    0  100    ·    ·  1.0000
    1    1    2    ·  0.6667
    2    ·    1    3  0.7500";
        assert_eq!(matrix.to_string(), expected);
    }

    #[test]
    fn agrees_with_the_accuracy() {
        let (predicted, labels) = (tensor![0i64, 2, 2, 1], tensor![0i64, 1, 2, 1]);
        assert_eq!(ConfusionMatrix::new(&predicted, &labels, 3).accuracy(), accuracy(&predicted, &labels));
        assert_eq!(accuracy(&predicted, &labels), 0.75);
        assert!(accuracy(&Tensor::zeros([0]), &Tensor::zeros([0])).is_nan());
    }

    #[test]
    #[should_panic(expected = "confusion matrix: prediction 3 of 3 classes")]
    fn a_prediction_out_of_range_is_refused() {
        ConfusionMatrix::new(&tensor![3i64], &tensor![0i64], 3);
    }

    #[test]
    #[should_panic(expected = "accuracy: predictions of shape [2] for labels of shape [1]")]
    fn shapes_must_match() {
        accuracy(&tensor![0i64, 1], &tensor![0i64]);
    }
}
