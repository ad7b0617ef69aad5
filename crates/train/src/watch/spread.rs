//! How the elements of a tensor are spread, as one operation of the tape: it runs with the step, and
//! what it looks at need not be kept.

use wengert_autograd::{Cotangents, Lowering, Op, Var};
use wengert_tensor::{Float, Shape, ShapeError, Tensor};

use crate::{Distribution, Histogram};

const BINS: usize = 32;
/// Of a larger tensor so many elements are looked at: what is told of it is then right to about 1 %.
const MOST: usize = 4096;

/// What the operation found out.
pub(super) struct Spread {
    pub(super) distribution: Distribution,
    /// The share of elements that are 0.
    pub(super) zero: f64,
    /// The share of elements outside the limits.
    pub(super) outside: f64,
}

/// Looks at `x` when the step runs; [`read`] tells what it saw.
pub(super) fn spread<'t, T: Float>(x: Var<'t, T>, limits: Option<[f64; 2]>) -> Var<'t, T> {
    x.tape().record(Look { limits: limits.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]) }, &[x])
}

#[derive(Clone)]
struct Look {
    limits: [f64; 2],
}

/// Mean, deviation, shares of zeros and of elements outside, then the histogram: its edges, the
/// number of its bins, their counts.
const HEAD: usize = 7;

impl Op for Look {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape, ShapeError> {
        Ok([HEAD + BINS].into())
    }

    fn lower<T: Float>(&self) -> Lowering<'_, T> {
        Lowering::kernel(|x: &[Tensor<T>]| {
            let x = x[0].contiguous();
            look(&sample(x.as_slice().expect("contiguous")), self.limits).into_iter().map(T::from_f64).collect()
        })
    }

    fn vjp<'t, T: Float>(&self, _: &[Var<'t, T>], _: Var<'t, T>, _: Var<'t, T>) -> Cotangents<'t, T> {
        Cotangents::none(1)
    }
}

/// All elements, or one out of each of so many equal parts; at a place that differs from part to part,
/// as a distance that is always the same may be that of the rows.
fn sample<T: Float>(x: &[T]) -> Vec<f64> {
    if x.len() <= MOST {
        return x.iter().map(|v| v.to_f64()).collect();
    }
    let element = |i: usize| {
        let (start, end) = (i * x.len() / MOST, (i + 1) * x.len() / MOST);
        let place = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        x[start + place as usize % (end - start)].to_f64()
    };
    (0..MOST).map(element).collect()
}

fn look(x: &[f64], [least, most]: [f64; 2]) -> Vec<f64> {
    let values = || x.iter().copied();
    let (mut zero, mut outside, mut sum, mut low, mut high) = (0u64, 0u64, 0.0, f64::INFINITY, f64::NEG_INFINITY);
    for value in values() {
        zero += u64::from(value == 0.0);
        outside += u64::from(value < least) + u64::from(value > most);
        sum += value;
        (low, high) = (low.min(value), high.max(value));
    }
    let share = |part: f64| part / x.len() as f64;
    let mean = share(sum);
    let sd = share(values().map(|value| (value - mean) * (value - mean)).sum()).sqrt();
    let histogram = if sd.is_finite() && low.is_finite() && high.is_finite() {
        Histogram::between(low, high, values(), BINS)
    } else {
        Histogram::of(&Tensor::from(x.to_vec()), BINS)
    };
    let Histogram { low, high, counts } = histogram;
    let mut seen = vec![mean, sd, share(zero as f64), share(outside as f64), low, high, counts.len() as f64];
    seen.extend(counts.iter().map(|&count| count as f64));
    seen.resize(HEAD + BINS, 0.0);
    seen
}

/// What [`spread`] saw.
pub(super) fn read<T: Float>(seen: Var<'_, T>) -> Spread {
    let seen: Vec<f64> = seen.value().iter().map(T::to_f64).collect();
    let [mean, sd, zero, outside, low, high, bins] = seen[..HEAD] else { unreachable!("its shape is fixed") };
    let counts = seen[HEAD..][..bins as usize].iter().map(|&count| count as u64).collect();
    Spread { distribution: Distribution { mean, sd, histogram: Histogram { low, high, counts } }, zero, outside }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wengert_autograd::Tape;
    use wengert_tensor::{Rng, tensor};

    fn of<T: Float>(x: impl Into<Tensor<T>>, limits: Option<[f64; 2]>) -> Spread {
        let tape = Tape::new();
        read(spread(tape.var(x), limits))
    }

    #[test]
    fn it_is_what_the_elements_say() {
        let x: Tensor<f32> = Tensor::normal([4, 1000], 3.0, 2.0, &mut Rng::seed(1));
        let seen = of(&x, Some([0.0, 5.0]));
        assert_eq!(seen.distribution.histogram, Histogram::of(&x, BINS));
        assert!((seen.distribution.mean / f64::from(x.mean(..).item()) - 1.0).abs() < 1e-6);
        assert!((seen.distribution.sd / f64::from(x.std(.., 0).item()) - 1.0).abs() < 1e-6);
        let outside = x.iter().filter(|v| !(0.0..=5.0).contains(v)).count();
        assert!((seen.outside - outside as f64 / 4000.0).abs() < 1e-7);
        assert_eq!(of(tensor![[0.0f64, 1.0], [0.0, -2.0]], None).zero, 0.5);
    }

    #[test]
    fn a_large_tensor_is_known_by_a_sample() {
        // Columns that differ, of a number that shares factors with that of the sample.
        let columns: Tensor<f32> = (0..64).map(|i| if i < 16 { 0.0 } else { i as f32 }).collect();
        let x = Tensor::normal([5000, 64], 1.0, 0.1, &mut Rng::seed(2)) * columns;
        let seen = of(&x, None);
        assert_eq!(seen.distribution.histogram.total(), MOST as u64);
        assert!((seen.zero - 0.25).abs() < 0.02);
        assert!((seen.distribution.mean / f64::from(x.mean(..).item()) - 1.0).abs() < 0.03);
        assert!((seen.distribution.sd / f64::from(x.std(.., 0).item()) - 1.0).abs() < 0.03);
    }

    #[test]
    fn odd_inputs() {
        let seen = of(tensor![f64::NAN, 1.0, 2.0], Some([0.0, 1.5]));
        assert!(seen.distribution.mean.is_nan());
        assert_eq!((seen.distribution.histogram.total(), seen.outside), (2, 1.0 / 3.0));
        assert_eq!(of(Tensor::<f32>::full([3], 2.0), None).distribution.histogram.counts, [3]);
        assert!(of(Tensor::<f32>::zeros([0, 4]), None).zero.is_nan());
    }
}
