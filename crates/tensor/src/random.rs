//! Seeded random numbers: the same seed gives the same bits on every machine, in every run.

use std::convert::Infallible;
use std::ops::Range;

use rand::distr::Distribution;
use rand::{Rng as _, TryRng};
use rand_pcg::Pcg64Mcg;

use crate::error::checked;
use crate::{Element, Float, Shape, Tensor};

/// A stream of random numbers, made from a seed.
///
/// The stream is that of PCG-64 MCG (`pcg64_fast`, XSL-RR 128/64) from a state that SplitMix64
/// makes of the seed; it will not change in later versions. It is no generator for secrets. It
/// is an [`Rng`](rand::Rng) of the crate `rand`, so every distribution there and in
/// `rand_distr` takes it.
///
/// ```
/// use wengert_tensor::{Rng, Tensor};
/// let mut rng = Rng::seed(7);
/// let weights: Tensor = Tensor::normal([64, 10], 0.0, 0.1, &mut rng);
/// let again: Tensor = Tensor::normal([64, 10], 0.0, 0.1, &mut Rng::seed(7));
/// assert_eq!(weights, again);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    /// What forks are made from, whatever was drawn.
    key: u64,
    stream: Pcg64Mcg,
}

impl Rng {
    /// The stream of this seed.
    ///
    /// ```
    /// use wengert_tensor::Rng;
    /// assert_eq!(Rng::seed(0).below(1000), Rng::seed(0).below(1000));
    /// ```
    pub fn seed(seed: u64) -> Self {
        let (high, low) = (mix(seed.wrapping_add(GOLDEN)), mix(seed.wrapping_add(GOLDEN.wrapping_mul(2))));
        Self { key: seed, stream: Pcg64Mcg::new((high as u128) << 64 | low as u128) }
    }

    /// An independent stream for the part of a program that `label`, a name or a number, stands
    /// for.
    ///
    /// It depends on the seed and the label alone, not on what was drawn before, so adding a
    /// draw in one part changes nothing in another. The same label gives the same stream.
    ///
    /// ```
    /// use wengert_tensor::Rng;
    /// let rng = Rng::seed(7);
    /// let (mut dropout, mut shuffle) = (rng.fork("dropout"), rng.fork("shuffle"));
    /// assert_ne!(dropout.next_u64(), shuffle.next_u64());
    /// assert_eq!(rng.fork("epoch").fork(3), rng.fork("epoch").fork(3));
    /// ```
    pub fn fork(&self, label: impl Into<Label>) -> Self {
        // Mixed between key and label, so that neither their order nor their sum is lost.
        Self::seed(mix(mix(self.key ^ GOLDEN).wrapping_add(label.into().0)))
    }

    /// 64 random bits.
    ///
    /// ```
    /// assert_eq!(wengert_tensor::Rng::seed(1).next_u64(), 0x0d4b_0d11_b484_e818);
    /// ```
    pub fn next_u64(&mut self) -> u64 {
        self.stream.next_u64()
    }

    /// A number of `[0, 1)`: a multiple of 2⁻⁵³, each equally likely.
    ///
    /// ```
    /// let u = wengert_tensor::Rng::seed(1).unit();
    /// assert!((0.0..1.0).contains(&u));
    /// ```
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * UNIT
    }

    /// A whole number below `n`, each equally likely.
    ///
    /// ```
    /// assert!(wengert_tensor::Rng::seed(1).below(6) < 6);
    /// ```
    /// # Panics
    /// If `n` is 0.
    #[track_caller]
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "below: there is no number below 0");
        // Lemire's method: the high half of a product, redrawn where the low half would favour some.
        let mut product = self.next_u64() as u128 * n as u128;
        if (product as u64) < n {
            let refused = n.wrapping_neg() % n;
            while (product as u64) < refused {
                product = self.next_u64() as u128 * n as u128;
            }
        }
        (product >> 64) as u64
    }

    /// Brings the values into random order, each order equally likely.
    ///
    /// ```
    /// let mut cards = [1, 2, 3, 4];
    /// wengert_tensor::Rng::seed(1).shuffle(&mut cards);
    /// cards.sort();
    /// assert_eq!(cards, [1, 2, 3, 4]);
    /// ```
    pub fn shuffle<U>(&mut self, values: &mut [U]) {
        for i in (1..values.len()).rev() {
            values.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    /// The numbers 0 … `n - 1` in random order.
    ///
    /// ```
    /// let order = wengert_tensor::Rng::seed(1).permutation(5);
    /// assert_eq!(order.sort(0).to_vec(), [0, 1, 2, 3, 4]);
    /// ```
    /// # Panics
    /// If that many cannot be allocated.
    #[track_caller]
    pub fn permutation(&mut self, n: usize) -> Tensor<i64> {
        let fill = |out: &mut [i64]| {
            out.iter_mut().enumerate().for_each(|(i, v)| *v = i as i64);
            self.shuffle(out);
        };
        checked!("permutation", Tensor::try_build(n, fill))
    }

    /// Where the stream stands, to be stored in a checkpoint.
    ///
    /// ```
    /// use wengert_tensor::Rng;
    /// let mut rng = Rng::seed(1);
    /// rng.next_u64();
    /// let mut resumed = Rng::from_state(rng.state());
    /// assert_eq!(resumed.next_u64(), rng.next_u64());
    /// ```
    pub fn state(&self) -> [u64; 3] {
        let state = self.stream.state();
        [self.key, (state >> 64) as u64, state as u64]
    }

    /// The stream at a place that [`Rng::state`] told.
    pub fn from_state([key, high, low]: [u64; 3]) -> Self {
        Self { key, stream: Pcg64Mcg::new((high as u128) << 64 | low as u128) }
    }
}

impl TryRng for Rng {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.stream.try_next_u32()
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.stream.try_next_u64()
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.stream.try_fill_bytes(bytes)
    }
}

/// The name or number of a stream that [`Rng::fork`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(u64);

impl From<u64> for Label {
    fn from(number: u64) -> Self {
        Label(mix(number))
    }
}

impl From<&str> for Label {
    /// By FNV-1a, which is the same everywhere.
    fn from(name: &str) -> Self {
        let step = |h: u64, b: &u8| (h ^ *b as u64).wrapping_mul(0x0100_0000_01b3);
        Label(mix(name.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step) ^ GOLDEN))
    }
}

/// 2⁶⁴ divided by the golden ratio, the step of SplitMix64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// 2⁻⁵³.
const UNIT: f64 = 1.0 / (1u64 << 53) as f64;

/// The finalizer of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl<T: Element> Tensor<T> {
    /// Independent draws from any distribution of `rand` or `rand_distr`, in row-major order.
    ///
    /// Some of those call the platform's `ln` and `exp`, which may differ in the last bit
    /// between machines; [`Tensor::uniform`] and [`Tensor::normal`] never do.
    ///
    /// ```
    /// use wengert_tensor::{Rng, Tensor};
    /// let t: Tensor = Tensor::sample([3], rand_distr::Exp::new(2.0).unwrap(), &mut Rng::seed(1));
    /// assert!(t.iter().all(|v| v >= 0.0));
    /// ```
    /// # Panics
    /// If the shape cannot be allocated.
    #[track_caller]
    pub fn sample(shape: impl Into<Shape>, distribution: impl Distribution<T>, rng: &mut Rng) -> Self {
        checked!("sample", Self::try_build(shape, |out| out.fill_with(|| distribution.sample(rng))))
    }
}

impl<T: Float> Tensor<T> {
    /// Independent numbers of `range`, uniformly distributed.
    ///
    /// ```
    /// use wengert_tensor::{Rng, Tensor};
    /// let t: Tensor = Tensor::uniform([2, 3], -1.0..1.0, &mut Rng::seed(1));
    /// assert!(t.iter().all(|v| (-1.0..1.0).contains(&v)));
    /// ```
    /// # Panics
    /// If the range is empty or not finite, or the shape cannot be allocated.
    #[track_caller]
    pub fn uniform(shape: impl Into<Shape>, range: Range<T>, rng: &mut Rng) -> Self {
        let (low, high) = (range.start.to_f64(), range.end.to_f64());
        assert!(low < high && (high - low).is_finite(), "uniform: the range {range:?} is empty or not finite");
        let draw = || {
            loop {
                // The sum, or the rounding to `T`, may come out as `high`, which the range is without.
                let v = T::from_f64(low + (high - low) * rng.unit());
                if v < range.end {
                    return v;
                }
            }
        };
        checked!("uniform", Self::try_build(shape, |out| out.fill_with(draw)))
    }

    /// Independent normally distributed numbers of this mean and standard deviation.
    ///
    /// Computed in `f64` and rounded, so `f32` and `f64` tensors of one seed agree.
    ///
    /// ```
    /// use wengert_tensor::{Rng, Tensor};
    /// let t: Tensor = Tensor::normal([10_000], 5.0, 2.0, &mut Rng::seed(1));
    /// assert!((t.mean(..).item() - 5.0).abs() < 0.1);
    /// ```
    /// # Panics
    /// If the standard deviation is negative or NaN, or the shape cannot be allocated.
    #[track_caller]
    pub fn normal(shape: impl Into<Shape>, mean: T, sd: T, rng: &mut Rng) -> Self {
        assert!(sd >= T::ZERO, "normal: a standard deviation of {sd}");
        let (mean, sd) = (mean.to_f64(), sd.to_f64());
        let fill = |out: &mut [T]| {
            for pair in out.chunks_mut(2) {
                for (v, z) in pair.iter_mut().zip(normal_pair(rng)) {
                    *v = T::from_f64(mean + sd * z);
                }
            }
        };
        checked!("normal", Self::try_build(shape, fill))
    }
}

/// Two standard normal numbers, by Box and Muller with this crate's own functions: those of
/// `rand_distr` end in the platform's.
fn normal_pair(rng: &mut Rng) -> [f64; 2] {
    // 1 - u is never 0.
    let (u, v) = (1.0 - rng.unit(), rng.unit());
    let (radius, angle) = (Float::sqrt(-2.0 * Float::ln(u)), std::f64::consts::TAU * v);
    [radius * Float::cos(angle), radius * Float::sin(angle)]
}

impl Tensor<i64> {
    /// Independent whole numbers of `range`, each equally likely.
    ///
    /// ```
    /// use wengert_tensor::{Rng, Tensor};
    /// let dice = Tensor::integers([100], 1..7, &mut Rng::seed(1));
    /// assert!(dice.iter().all(|v| (1..=6).contains(&v)));
    /// ```
    /// # Panics
    /// If the range is empty, or the shape cannot be allocated.
    #[track_caller]
    pub fn integers(shape: impl Into<Shape>, range: Range<i64>, rng: &mut Rng) -> Self {
        assert!(!range.is_empty(), "integers: the range {range:?} is empty");
        let span = range.end.wrapping_sub(range.start) as u64;
        let draw = || range.start.wrapping_add(rng.below(span) as i64);
        checked!("integers", Self::try_build(shape, |out| out.fill_with(draw)))
    }
}

impl Tensor<bool> {
    /// Independent flags, each true with probability `p`.
    ///
    /// ```
    /// use wengert_tensor::{Rng, Tensor};
    /// let keep = Tensor::bernoulli([1000], 0.8, &mut Rng::seed(1));
    /// assert!((700..900).contains(&keep.count_true()));
    /// ```
    /// # Panics
    /// If `p` is not a probability, or the shape cannot be allocated.
    #[track_caller]
    pub fn bernoulli(shape: impl Into<Shape>, p: f64, rng: &mut Rng) -> Self {
        assert!((0.0..=1.0).contains(&p), "bernoulli: {p} is not a probability");
        checked!("bernoulli", Self::try_build(shape, |out| out.fill_with(|| rng.unit() < p)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;
    use crate::testing::{line_of_panic, message_of};

    /// These bits are a promise: models are reproduced from them.
    #[test]
    fn the_stream_is_pinned() {
        // Computed in another language from the published PCG and SplitMix64.
        let mut rng = Rng::seed(42);
        assert_eq!([rng.next_u64(), rng.next_u64()], [9488631487095002522, 256833948629588205]);
        assert_eq!(Rng::seed(42).fork("dropout").next_u64(), 4999957061578350287);
        assert_eq!(Rng::seed(42).fork(7).next_u64(), 6152230202136734256);
        assert_eq!(Rng::seed(42).permutation(8), tensor![6, 7, 2, 1, 5, 3, 0, 4]);
        let normal = Tensor::<f64>::normal([3], 0.0, 1.0, &mut Rng::seed(42));
        assert_eq!(normal, tensor![1.1973424889315012, 0.10501245698883313, -0.3668555856089791]);
        let uniform = Tensor::<f32>::uniform([2], -1.0..1.0, &mut Rng::seed(42));
        assert_eq!(uniform, tensor![0.028759487, -0.972154]);
    }

    #[test]
    fn forks_are_apart() {
        let rng = Rng::seed(1);
        let mut seen = std::collections::HashSet::new();
        for i in 0..1000u64 {
            assert!(seen.insert(rng.fork(i).next_u64()));
            assert!(seen.insert(rng.fork(format!("{i}").as_str()).next_u64()));
            assert!(seen.insert(Rng::seed(i + 2).fork(0).next_u64()));
        }
        assert_ne!(rng.fork(1).fork(2), rng.fork(2).fork(1));
        let mut drawn = rng.clone();
        drawn.next_u64();
        assert_eq!(drawn.fork("a"), rng.fork("a"));
    }

    #[test]
    fn moments() {
        let mut rng = Rng::seed(3);
        let t = Tensor::<f32>::normal([100_001], 2.0, 3.0, &mut rng).cast::<f64>();
        let m = |p: i32| t.iter().map(|v| ((v - 2.0) / 3.0).powi(p)).sum::<f64>() / 100_001.0;
        assert!(m(1).abs() < 0.02 && (m(2) - 1.0).abs() < 0.02 && m(3).abs() < 0.05 && (m(4) - 3.0).abs() < 0.1);
        let u = Tensor::<f64>::uniform([100_000], -1.0..3.0, &mut rng);
        assert!((u.iter().sum::<f64>() / 1e5 - 1.0).abs() < 0.02);
        let mut counts = [0; 6];
        (0..60_000).for_each(|_| counts[rng.below(6) as usize] += 1);
        assert!(counts.iter().all(|c| (9_600..10_400).contains(c)), "{counts:?}");
        assert_eq!(Tensor::bernoulli([50], 0.0, &mut rng).count_true(), 0);
        assert_eq!(Tensor::bernoulli([50], 1.0, &mut rng).count_true(), 50);
        let wide = Tensor::integers([1000], i64::MIN..i64::MAX, &mut rng);
        assert!(wide.iter().any(|v| v < 0) && wide.iter().any(|v| v > 0));
    }

    #[test]
    fn the_end_of_a_range_is_never_drawn() {
        let next = f32::from_bits(1.0f32.to_bits() + 1);
        let t = Tensor::uniform([1000], 1.0..next, &mut Rng::seed(1));
        assert!(t.iter().all(|v| v == 1.0));
    }

    #[test]
    fn precisions_agree() {
        let a: Tensor<f32> = Tensor::normal([7], 1.0, 2.0, &mut Rng::seed(5));
        let b: Tensor<f64> = Tensor::normal([7], 1.0, 2.0, &mut Rng::seed(5));
        assert_eq!(a, b.cast());
    }

    #[test]
    fn mistakes_are_named() {
        let rng = || Rng::seed(0);
        for (f, message) in [
            (
                &(|| drop(Tensor::uniform([1], 1.0..1.0, &mut rng()))) as &dyn Fn(),
                "uniform: the range 1.0..1.0 is empty or not finite",
            ),
            (&|| drop(Tensor::normal([1], 0.0, -1.0, &mut rng())), "normal: a standard deviation of -1"),
            (&|| drop(Tensor::bernoulli([1], 1.5, &mut rng())), "bernoulli: 1.5 is not a probability"),
            (&|| drop(Tensor::integers([1], 3..3, &mut rng())), "integers: the range 3..3 is empty"),
            (&|| _ = rng().below(0), "below: there is no number below 0"),
        ] {
            assert_eq!(message_of(f), message);
        }
        assert_eq!(line_of_panic(|| drop(Tensor::normal([1], 0.0, -1.0, &mut rng()))), line!());
    }
}
