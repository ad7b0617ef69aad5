//! What holds for all transforms.

use super::*;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wengert_tensor::{Rng, tensor};

/// Rows of a mix of independent columns, so that none is a combination of others.
fn mixed(rows: usize, columns: usize, seed: u64) -> Tensor<f64> {
    let mut rng = Rng::seed(seed);
    let mix = Tensor::uniform([columns, columns], -1.0..1.0, &mut rng) + Tensor::eye(columns) * 3.0;
    Tensor::normal([rows, columns], 0.0, 1.0, &mut rng).matmul(&mix) + Tensor::uniform([columns], -9.0..9.0, &mut rng)
}

fn covariances(x: &Tensor<f64>) -> Tensor<f64> {
    let x = x - x.mean(0);
    x.t().matmul(&x) / (x.shape()[0] - 1) as f64
}

/// Inverts what it applies, and is the same after it was stored; in `f32` it does the same to
/// fewer digits.
fn holds<A, B>(x: &Tensor<f64>, options: impl Fn() -> (A::Options, B::Options), stretch: f64)
where
    A: Transform<f64> + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    B: Transform<f32> + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let exact = A::fit_with(x, options().0).unwrap();
    let y = exact.apply(x);
    exact.invert(&y).assert_close(x, 1e-9, 1e-9 * stretch);
    let text = serde_json::to_string(&exact).unwrap();
    assert_eq!(serde_json::from_str::<A>(&text).unwrap(), exact);

    let rounded = B::fit_with(&x.cast(), options().1).unwrap();
    rounded.apply(&x.cast()).cast().assert_close(&y, 1e-3, 1e-3 * stretch);
    let text = serde_json::to_string(&rounded).unwrap();
    assert_eq!(serde_json::from_str::<B>(&text).unwrap(), rounded);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_transform_inverts_what_it_applies(rows in 12usize..40, columns in 1usize..6, seed: u64) {
        let x = mixed(rows, columns, seed);
        let none = || ((), ());
        holds::<Center<f64>, Center<f32>>(&x, none, 10.0);
        holds::<Standardize<f64>, Standardize<f32>>(&x, none, 10.0);
        let range = Interval { low: -2.0, high: 5.0 };
        holds::<MinMax<f64>, MinMax<f32>>(&x, || (range, range), 10.0);
        holds::<PerChannel<f64>, PerChannel<f32>>(&x, none, 10.0);
        holds::<OneHot, OneHot>(&x.map(f64::round), || (vec![0], vec![0]), 1.0);
        for whitening in [Whitening::Pca { epsilon: 0.5 }, Whitening::Zca { epsilon: 0.5 }] {
            // The axes of close variances turn with the last digits; ZCA turns them back.
            let exact = Whiten::fit_with(&x, whitening).unwrap();
            exact.invert(&exact.apply(&x)).assert_close(&x, 1e-9, 1e-9);
            if matches!(whitening, Whitening::Zca { .. }) {
                holds::<Whiten<f64>, Whiten<f32>>(&x, || (whitening, whitening), 10.0);
            }
        }
        let pca = Pca::fit(&x).unwrap();
        pca.invert(&pca.apply(&x)).assert_close(&x, 1e-9, 1e-9);
        holds::<(Center<f64>, MinMax<f64>, Standardize<f64>), (Center<f32>, MinMax<f32>, Standardize<f32>)>(
            &x, || (((), range, ()), ((), range, ())), 10.0,
        );
    }

    #[test]
    fn whitening_makes_the_covariances_the_identity(rows in 12usize..60, columns in 1usize..8, seed: u64) {
        let x = mixed(rows, columns, seed);
        let identity = Tensor::eye(columns);
        for whitening in [Whitening::Pca { epsilon: 0.0 }, Whitening::Zca { epsilon: 0.0 }] {
            let white = Whiten::fit_with(&x, whitening).unwrap().apply(&x);
            covariances(&white).assert_close(&identity, 0.0, 1e-9);
            white.mean(0).assert_close(&Tensor::zeros([columns]), 0.0, 1e-10);
        }
        // That of ZCA is symmetric: the features are stretched, not turned.
        let zca = Whiten::fit_with(&x, Whitening::Zca { epsilon: 0.0 }).unwrap();
        let matrix = zca.apply(&(Tensor::eye(columns) + x.mean(0)));
        matrix.assert_close(&matrix.t(), 0.0, 1e-9);
        let (pca, standardize) = <(Pca<f64>, Standardize<f64>)>::fit(&x).unwrap();
        covariances(&standardize.apply(&pca.apply(&x)))
            .assert_close(&(identity * (rows as f64 / (rows - 1) as f64)), 0.0, 1e-9);
    }

    #[test]
    fn components_are_uncorrelated_and_in_falling_order(rows in 12usize..60, columns in 1usize..8, seed: u64) {
        let x = mixed(rows, columns, seed);
        let pca = Pca::fit(&x).unwrap();
        let axes = pca.components();
        axes.matmul(&axes.t()).assert_close(&Tensor::eye(columns), 0.0, 1e-12);
        let found = covariances(&pca.apply(&x));
        let scale = pca.variances()[0];
        for (i, &variance) in pca.variances().iter().enumerate() {
            for j in 0..columns {
                let expected = if i == j { variance } else { 0.0 };
                prop_assert!((found.at([i, j]) - expected).abs() < 1e-10 * scale);
            }
        }
        prop_assert!(pca.variances().is_sorted_by(|a, b| a >= b));
        prop_assert!((pca.shares().iter().sum::<f64>() - 1.0).abs() < 1e-12);

        // What few components lose is the variance of those left out.
        let count = columns.div_ceil(2);
        let few = Pca::fit_with(&x, Components::Count(count)).unwrap();
        let lost = few.invert(&few.apply(&x)) - &x;
        let lost = (&lost * &lost).sum(..).item() / (rows - 1) as f64;
        prop_assert!((lost - pca.variances()[count..].iter().sum::<f64>()).abs() < 1e-10 * scale);
        let share = few.shares().iter().sum::<f64>() - 1e-9;
        let fewest = Pca::fit_with(&x, Components::Share(share)).unwrap();
        prop_assert_eq!(fewest.variances(), few.variances());
    }
}

/// As `numpy.linalg.eigh(numpy.cov(x.T))` has them.
#[test]
fn components_of_numpy() {
    let x =
        tensor![[2.5, 2.4, 0.5], [0.5, 0.7, 1.5], [2.2, 2.9, -1.0], [1.9, 2.2, 0.0], [3.1, 3.0, 2.0], [2.3, 2.7, 0.25]];
    let pca = Pca::fit(&x).unwrap();
    let variances = tensor![1.5760596463901442, 1.048945813047967, 0.01474454056188916];
    Tensor::from(pca.variances()).assert_close(&variances, 1e-12, 0.0);
    let components = tensor![
        [0.568820592641289, 0.6398724695359224, -0.5167265777151512],
        [0.48348034527385275, 0.24810677949079327, 0.8394580285544848],
        [-0.6653494488771206, 0.7273281575057483, 0.1682375171541862]
    ];
    pca.components().assert_close(&components, 1e-12, 0.0);
    let zca = Whiten::fit_with(&x, Whitening::Zca { epsilon: 0.1 }).unwrap();
    let matrix = tensor![
        [1.7748724123536255, -1.035561080495626, -0.17884357004717477],
        [-1.035561080495626, 1.9353767807178386, 0.3001462851018863],
        [-0.17884357004717477, 0.3001462851018863, 0.9472262819557358]
    ];
    zca.apply(&x).assert_close(&(&x - x.mean(0)).matmul(&matrix), 1e-11, 1e-12);
}

/// The eigenvalues of a 2 × 2 matrix are the roots of a square equation.
#[test]
fn components_of_two_columns_in_closed_form() {
    let x = mixed(50, 2, 3);
    let c = covariances(&x);
    let (half, gap) = ((c.at([0, 0]) + c.at([1, 1])) / 2.0, (c.at([0, 0]) - c.at([1, 1])) / 2.0);
    let root = gap.hypot(c.at([0, 1]));
    let found = Pca::fit(&x).unwrap();
    assert!(
        (found.variances()[0] - (half + root)).abs() < 1e-12 && (found.variances()[1] - (half - root)).abs() < 1e-12
    );
}

#[test]
fn the_mean_does_not_swallow_the_variance() {
    let x = (mixed(500, 3, 1) + 1e6).cast::<f32>();
    let exact = Pca::fit(&x.cast::<f64>()).unwrap();
    Tensor::from(Pca::fit(&x).unwrap().variances()).assert_close(&exact.variances().into(), 1e-12, 0.0);
}

#[test]
fn images_keep_their_shape() {
    let x = mixed(40, 12, 5).reshape([40, 3, 2, 2]);
    let zca = Whiten::fit_with(&x, Whitening::Zca { epsilon: 0.1 }).unwrap();
    assert_eq!(zca.apply(&x).shape(), x.shape());
    zca.invert(&zca.apply(&x)).assert_close(&x, 1e-9, 1e-9);
    let pca = Pca::fit_with(&x, Components::Count(5)).unwrap();
    assert_eq!(pca.apply(&x).shape(), &[40, 5]);
    assert_eq!(pca.invert(&pca.apply(&x)).shape(), x.shape());
    let scale = PerChannel::fit(&x).unwrap();
    assert_eq!(scale.mean(), &x.mean([0, 2, 3]));
    assert_eq!(scale.apply(&x.slice(3, ..1)).shape(), &[40, 3, 2, 1]);
    assert_eq!(MinMax::fit(&x).unwrap().apply(&x).min(0), Tensor::zeros([3, 2, 2]));
}

#[test]
fn what_is_not_finite_is_named() {
    let mut values = vec![0.5; 24];
    values[17] = f32::NAN;
    let table = Tensor::from_vec(values.clone(), [6, 4]);
    let told = |error: FitError| error.to_string();
    let nan = "column 1 is NaN in row 4: leave the row out, or fill in a value";
    assert_eq!(told(Standardize::fit(&table).unwrap_err()), nan);
    assert_eq!(told(Center::fit(&table).unwrap_err()), nan);
    assert_eq!(told(MinMax::fit(&table).unwrap_err()), nan);
    assert_eq!(told(Pca::fit(&table).unwrap_err()), nan);
    assert_eq!(told(Whiten::fit_with(&table, Whitening::Zca { epsilon: 1.0 }).unwrap_err()), nan);
    assert_eq!(told(OneHot::fit_with(&table, vec![0]).unwrap_err()), nan);
    values[17] = f32::NEG_INFINITY;
    let images = Tensor::from_vec(values, [2, 3, 2, 2]);
    let infinite = "column [1, 0, 1] is -inf in row 1: leave the row out, or fill in a value";
    assert_eq!(told(PerChannel::fit(&images).unwrap_err()), infinite);
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let told = |error: FitError| error.to_string();
    let x = tensor![[1.0, 2.0, 1.0], [2.0, 4.0, 1.0], [4.0, 8.0, 1.0]];
    assert_eq!(
        told(Standardize::<f32>::fit(&Tensor::zeros([0, 2])).unwrap_err()),
        "features of shape [0, 2] are too few rows to fit, at least 1 are needed"
    );
    assert_eq!(
        told(Pca::<f32>::fit(&Tensor::zeros([1, 2])).unwrap_err()),
        "features of shape [1, 2] are too few rows to fit, at least 2 are needed"
    );
    assert_eq!(
        told(Whiten::fit_with(&x, Whitening::Pca { epsilon: 0.0 }).unwrap_err()),
        "whiten: the features do not vary along 2 of 3 components: choose an ε above 0, \
         or keep fewer components with Pca and standardize them"
    );
    assert!(told(Whiten::fit_with(&x, Whitening::Pca { epsilon: -1.0 }).unwrap_err()).contains("ε is -1"));
    assert!(told(Pca::fit_with(&x, Components::Count(4)).unwrap_err()).contains("4 components of 3 columns"));
    assert!(told(Pca::fit_with(&x, Components::Share(1.5)).unwrap_err()).contains("1.5 is no share"));
    assert!(told(MinMax::fit_with(&x, Interval { low: 1.0, high: 1.0 }).unwrap_err()).contains("1 to 1 is no range"));
    assert!(told(OneHot::fit_with(&x, vec![3]).unwrap_err()).contains("column 3 is none of 3"));
    assert!(MinMax::fit(&tensor![[-3e38f32], [3e38]]).is_err());
    assert!(told(Pca::fit(&tensor![[-3e200], [3e200]]).unwrap_err()).contains("their squares are infinite"));
}

#[test]
fn damaged_and_foreign_texts_are_refused() {
    let x = mixed(9, 2, 1);
    let good = serde_json::to_string(&Standardize::fit(&x).unwrap()).unwrap();
    assert!(serde_json::from_str::<MinMax<f64>>(&good).unwrap_err().to_string().contains("missing field `min_max`"));
    let zero = r#"{"standardize":{"shift":{"shape":[1],"values":[1.0]},"scale":{"shape":[1],"values":[0.0]}}}"#;
    assert!(
        serde_json::from_str::<Standardize>(zero).unwrap_err().to_string().contains("no finite scale other than 0")
    );
    let short = r#"{"center":{"shift":{"shape":[2],"values":[1.0]},"scale":{"shape":[2],"values":[1.0,1.0]}}}"#;
    assert!(serde_json::from_str::<Center>(short).unwrap_err().to_string().contains("1 values do not fill shape [2]"));
    let huge = short.replace("[2]", "[18446744073709551615,2]");
    assert!(serde_json::from_str::<Center>(&huge).is_err());
    let pca = serde_json::to_string(&Pca::fit(&x).unwrap()).unwrap();
    assert!(serde_json::from_str::<Pca<f64>>(&pca.replacen("[2,2]", "[1,4]", 1)).is_err());
}

#[test]
fn a_value_that_was_not_there_is_no_category() {
    let one_hot = OneHot::fit_with(&tensor![[3.0, 1.0], [5.0, 1.0]], vec![0, 1]).unwrap();
    let y = one_hot.apply(&tensor![[5.0, 1.0], [4.0, 1.0]]);
    assert_eq!(y, tensor![[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]);
    let back = one_hot.invert(&y);
    assert!(back.at([0, 0]) == 5.0 && back.at([1, 0]).is_nan());
}

#[test]
#[should_panic(expected = "standardize: features of shape [1, 3], fitted on columns [2]")]
fn columns_must_match() {
    Standardize::<f32>::fit(&Tensor::zeros([4, 2])).unwrap().apply(&Tensor::zeros([1, 3]));
}

#[test]
#[should_panic(expected = "pca: features of shape [2, 3], fitted on columns [2]")]
fn made_columns_must_match() {
    Pca::fit(&mixed(9, 2, 1)).unwrap().invert(&Tensor::zeros([2, 3]));
}

#[test]
#[should_panic(expected = "per channel: features of shape [2, 4, 1], fitted on 3 channels")]
fn channels_must_match() {
    PerChannel::<f32>::fit(&Tensor::ones([2, 3, 5])).unwrap().apply(&Tensor::zeros([2, 4, 1]));
}
