use wengert_tensor::Rng;

use super::{Sampler, Seen};
use crate::{Ranges, Values};

/// Independent values, equally likely on each parameter's scale (J. Bergstra and Y. Bengio,
/// "Random search for hyper-parameter optimization", JMLR 13, 2012).
///
/// A trial's values depend on the seed and its number alone, so any number of workers proposes
/// the same trials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Random;

impl Sampler for Random {
    fn propose(&self, number: usize, ranges: &Ranges, _seen: &[Seen], rng: &Rng) -> Values {
        let mut rng = rng.fork("random").fork(number as u64);
        ranges.fill(|_, parameter| parameter.at(rng.unit()))
    }
}
