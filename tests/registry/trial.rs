//! What an operation goes through: drawn shapes and layouts, a naive reference, the battery, and
//! what it has to refuse.

use std::collections::BTreeSet;
use std::ops::Range;

use wengert::prelude::*;

use crate::guard::{Panic, guarded};

/// One operation at drawn shapes.
pub(crate) struct Trial {
    name: &'static str,
    rng: Rng,
    /// Whether its value was compared with a reference.
    pub(crate) compared: bool,
    /// Whether it went through the battery, or has no gradient to check.
    pub(crate) verified: bool,
    /// Whether it refused something.
    pub(crate) refused: bool,
    /// The names of everything that was recorded, forward and backward.
    pub(crate) recorded: BTreeSet<&'static str>,
}

impl Trial {
    pub(crate) fn new(name: &'static str, seed: u64) -> Self {
        let rng = Rng::seed(seed);
        Self { name, rng, compared: false, verified: false, refused: false, recorded: BTreeSet::new() }
    }

    /// A size of an axis: from 1 to 3.
    pub(crate) fn size(&mut self) -> usize {
        1 + self.rng.below(3) as usize
    }

    /// The sizes of this many axes.
    pub(crate) fn sizes<const N: usize>(&mut self) -> [usize; N] {
        std::array::from_fn(|_| self.size())
    }

    /// Numbers of both signs, no two near each other and none near 0, in some layout.
    pub(crate) fn tensor(&mut self, shape: &[usize]) -> Tensor<f64> {
        let count = shape.iter().product::<usize>();
        let mut values = vec![0.0; count];
        for (place, number) in self.rng.permutation(count).iter().zip(0..) {
            let sign = if self.rng.below(2) == 0 { 1.0 } else { -1.0 };
            values[place as usize] = sign * (0.2 + 1.3 * (f64::from(number) + 0.5 * self.rng.unit()) / count as f64);
        }
        self.laid_out(Tensor::from_vec(values, shape))
    }

    pub(crate) fn tensor_in(&mut self, range: Range<f64>, shape: &[usize]) -> Tensor<f64> {
        let x = Tensor::uniform(shape, range, &mut self.rng);
        self.laid_out(x)
    }

    /// As many indices below `size` as `shape` has elements.
    pub(crate) fn indices(&mut self, shape: &[usize], size: usize) -> Tensor<i64> {
        let count = shape.iter().product::<usize>();
        Tensor::from_vec((0..count).map(|_| self.rng.below(size as u64) as i64).collect(), shape)
    }

    fn laid_out(&mut self, x: Tensor<f64>) -> Tensor<f64> {
        let axes: Vec<isize> = (0..x.rank() as isize).rev().collect();
        match self.rng.below(3) {
            0 => x,
            1 => x.permute(&axes[..]).contiguous().permute(&axes[..]),
            _ => x.flip(..).contiguous().flip(..),
        }
    }

    /// The operation at these samples: its value is `expected`, and it passes the battery.
    #[track_caller]
    pub(crate) fn op<const N: usize>(
        &mut self,
        f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
        samples: [&Tensor<f64>; N],
        expected: Tensor<f64>,
    ) {
        let tape = Tape::new();
        let x = samples.map(|x| tape.var(x));
        let y = f(x);
        y.value().assert_close(&expected, 1e-12, 1e-13);
        self.compared = true;
        check::op(&f, samples).assert_ok();
        self.verified = true;
        // Second derivatives reach the operations that only rules use.
        y.square().sum(..).grad(x)[0].square().sum(..).grad(x);
        for entry in tape.listing().entries {
            let at = entry.at;
            assert!(at.file().contains("tests/registry"), "{}: {} is recorded at {at}", self.name, entry.op);
            self.recorded.insert(entry.op);
        }
    }

    /// An elementwise operation, where its arguments are in these ranges, against numbers.
    #[track_caller]
    pub(crate) fn map<const N: usize>(
        &mut self,
        f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
        domains: [Range<f64>; N],
        reference: impl Fn([f64; N]) -> f64,
    ) {
        let [rows, columns] = self.sizes();
        let shapes: [&[usize]; 4] = [&[rows, columns], &[columns], &[rows, 1], &[]];
        let turn = self.rng.below(4) as usize;
        let x: [Tensor<f64>; N] =
            std::array::from_fn(|k| self.tensor_in(domains[k].clone(), shapes[(turn + k) % shapes.len()]));
        let shape = x.iter().fold(Shape::scalar(), |shape, x| broadcast(&shape, x.shape()).expect("chosen to fit"));
        let full = x.each_ref().map(|x| x.expand(&shape).to_vec());
        let expected = (0..shape.count()).map(|i| reference(full.each_ref().map(|x| x[i]))).collect();
        self.op(&f, x.each_ref(), Tensor::from_vec(expected, shape));
        check::elementwise(&f, domains).assert_ok();
    }

    /// A result without a gradient.
    #[track_caller]
    pub(crate) fn equal<V: PartialEq + std::fmt::Debug>(&mut self, found: V, expected: V) {
        assert_eq!(found, expected, "{}", self.name);
        (self.compared, self.verified) = (true, true);
    }

    /// What must be refused: by a panic at the caller's line (the closure stands there too) that
    /// names the operation and the shapes.
    #[track_caller]
    pub(crate) fn refuses(&mut self, f: impl for<'t> FnOnce(&'t Tape<f64>) -> Var<'t, f64>) {
        let here = std::panic::Location::caller();
        let tape = Tape::new();
        let Err(panic) = guarded(|| _ = f(&tape)) else { panic!("{}: a mistake is accepted", self.name) };
        let Panic { message, file, line } = panic;
        let name = self.name.trim_end_matches('_');
        assert!(message.starts_with(&format!("{name}: ")), "`{message}` does not begin with `{name}`");
        for leaf in tape.listing().entries.iter().filter(|entry| entry.op == "leaf") {
            let shape = leaf.shape.to_string();
            assert!(message.contains(&shape), "`{message}` does not tell the shape {shape}");
        }
        let near = line.abs_diff(here.line()) <= 3;
        assert!(file == here.file().replace('\\', "/") && near, "{}: blamed on {file}:{line}", self.name);
        self.refused = true;
    }
}

/// The element at an index along each axis.
pub(crate) fn at(x: &Tensor<f64>, index: &[usize]) -> f64 {
    index.iter().fold(x.clone(), |x, &i| x.select(0, i as isize)).item()
}

/// A tensor by a function of the index along each axis.
pub(crate) fn by_index(shape: &[usize], f: impl Fn(&[usize]) -> f64) -> Tensor<f64> {
    let count = shape.iter().product::<usize>();
    let mut index = vec![0; shape.len()];
    let mut values = Vec::with_capacity(count);
    for element in 0..count {
        let mut rest = element;
        for (i, &size) in index.iter_mut().zip(shape).rev() {
            *i = rest % size;
            rest /= size;
        }
        values.push(f(&index));
    }
    Tensor::from_vec(values, shape)
}

/// A tensor of one axis less, from the values along `axis`.
pub(crate) fn along(x: &Tensor<f64>, axis: usize, f: impl Fn(Vec<f64>) -> f64) -> Tensor<f64> {
    let mut shape = x.shape().to_vec();
    let size = shape.remove(axis);
    by_index(&shape, |index| {
        let element = |k: usize| {
            let mut index = index.to_vec();
            index.insert(axis, k);
            at(x, &index)
        };
        f((0..size).map(element).collect())
    })
}
