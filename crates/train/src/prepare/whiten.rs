//! Features that are uncorrelated and of variance 1.

use serde::{Deserialize, Serialize};
use wengert_tensor::{Float, Tensor};

use super::projection::{Principal, Projection, flat};
use super::{FitError, Transform};

/// Turns and stretches features so that their (unbiased) covariances are the identity matrix.
///
/// What is fitted on `[rows, …]` makes `[rows, columns]` of principal components, or with
/// [`Whitening::Zca`] features of the shape that they had.
///
/// A. Kessy, A. Lewin and K. Strimmer, *Optimal whitening and decorrelation* (2018), equations 8
/// and 9; ε as in A. Krizhevsky, *Learning multiple layers of features from tiny images* (2009),
/// appendix A.
///
/// ```
/// use wengert_tensor::{Rng, Tensor, tensor};
/// use wengert_train::{Transform, Whiten, Whitening};
///
/// let mix: Tensor<f64> = tensor![[2.0, 1.0], [0.0, 0.5]];
/// let x = Tensor::normal([100, 2], 5.0, 1.0, &mut Rng::seed(1)).matmul(&mix);
/// let white = Whiten::fit_with(&x, Whitening::Zca { epsilon: 0.0 })?.apply(&x);
/// (white.t().matmul(&white) / 99.0).assert_close(&Tensor::eye(2), 0.0, 1e-12);
/// # Ok::<(), wengert_train::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Whiten<T: Float = f32> {
    whiten: Projection<T>,
    /// Whether the rows have the shape that they had.
    zca: bool,
}

/// Which of the transforms that make features white [`Whiten`] is. Both divide by √(variance + ε)
/// along each principal component: ε keeps what hardly varies, mostly noise, from being blown up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Whitening {
    /// The principal components.
    Pca {
        /// ε, at least 0.
        epsilon: f64,
    },
    /// The principal components turned back, which of all white features are nearest to what
    /// they were: white images still look like images.
    Zca {
        /// ε, at least 0.
        epsilon: f64,
    },
}

impl<T: Float> Transform<T> for Whiten<T> {
    type Options = Whitening;

    fn fit_with(features: &Tensor<T>, whitening: Whitening) -> Result<Self, FitError> {
        let (Whitening::Pca { epsilon } | Whitening::Zca { epsilon }) = whitening;
        if !(epsilon >= 0.0 && epsilon.is_finite()) {
            return Err(FitError::Options(format!("whiten: ε is {epsilon}, not a number from 0 up")));
        }
        let Principal { mean, variances, axes } = Principal::of(features)?;
        let noise = variances.first().unwrap_or(&0.0) * variances.len() as f64 * f64::EPSILON;
        let still = variances.iter().filter(|&&variance| variance + epsilon <= noise).count();
        if still > 0 {
            return Err(FitError::Options(format!(
                "whiten: the features do not vary along {still} of {} components: \
                 choose an ε above 0, or keep fewer components with Pca and standardize them",
                variances.len()
            )));
        }
        let sd: Tensor<f64> = variances.into_iter().map(|variance| (variance + epsilon).sqrt()).collect();
        // Row i is axis i, divided or multiplied by its deviation.
        let (forward, back) = (&axes / sd.unsqueeze(1), &axes * sd.unsqueeze(1));
        let zca = matches!(whitening, Whitening::Zca { .. });
        let turn = |x: Tensor<f64>| if zca { axes.t().matmul(&x) } else { x };
        let (forward, back) = (turn(forward).t().contiguous(), turn(back));
        Ok(Self { whiten: Projection::new(mean.cast(), forward.cast(), back.cast())?, zca })
    }

    fn apply(&self, features: &Tensor<T>) -> Tensor<T> {
        let rows = self.whiten.apply("whiten", features);
        if self.zca { self.whiten.shaped(rows) } else { rows }
    }

    fn invert(&self, transformed: &Tensor<T>) -> Tensor<T> {
        if self.zca && transformed.rank() > 0 {
            return self.whiten.invert("whiten", &flat(transformed));
        }
        self.whiten.invert("whiten", transformed)
    }
}
