//! Einstein sums: any product of arrays, by the names of their axes.

use std::fmt;

use smallvec::SmallVec;
use wengert_tensor::{Float, Shape};

use crate::Var;

/// The name of an axis: a letter, or the position from the end of one that an ellipsis stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Ellipsis(usize),
    Letter(char),
}

type Labels = Vec<Label>;

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Ellipsis(_) => write!(f, "an axis of the ellipsis"),
            Label::Letter(letter) => write!(f, "axis {letter}"),
        }
    }
}

/// `...` and letters; the ellipsis stands for `hidden` axes.
fn labels(term: &str, hidden: usize) -> Result<Labels, String> {
    let mut labels = Labels::new();
    let mut rest = term;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("...") {
            labels.extend((0..hidden).rev().map(Label::Ellipsis));
            rest = after;
        } else if next.is_alphabetic() {
            labels.push(Label::Letter(next));
            rest = &rest[next.len_utf8()..];
        } else {
            return Err(format!("{next:?} is neither a letter nor part of an ellipsis"));
        }
    }
    Ok(labels)
}

/// The labels of each operand and of the result.
fn parse(equation: &str, shapes: &[Shape]) -> Result<(Vec<Labels>, Labels), String> {
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (&equation[..], None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != shapes.len() {
        return Err(format!("it names {} operands of {}", terms.len(), shapes.len()));
    }
    let mut most_hidden = 0;
    let mut inputs = Vec::with_capacity(terms.len());
    for (term, shape) in terms.iter().zip(shapes) {
        let letters = labels(term, 0)?.len();
        let hidden = if term.contains("...") { shape.len().saturating_sub(letters) } else { 0 };
        let found = labels(term, hidden)?;
        if found.len() != shape.len() {
            return Err(format!("{term:?} names {letters} axes of shape {shape}"));
        }
        most_hidden = most_hidden.max(hidden);
        inputs.push(found);
    }
    let output = match right {
        Some(right) => labels(right, most_hidden)?,
        // The axes of ellipses, then letters that occur once, in alphabetical order.
        None => {
            let all = inputs.concat();
            let mut once = Labels::new();
            for label in &all {
                if matches!(label, Label::Letter(_)) && all.iter().filter(|other| *other == label).count() == 1 {
                    once.insert(once.partition_point(|before| before < label), *label);
                }
            }
            (0..most_hidden).rev().map(Label::Ellipsis).chain(once).collect()
        }
    };
    for (i, label) in output.iter().enumerate() {
        if output[..i].contains(label) {
            return Err(format!("its result names {label} twice"));
        }
        if !inputs.iter().any(|input| input.contains(label)) {
            return Err(format!("its result names {label}, which no operand has"));
        }
    }
    Ok((inputs, output))
}

/// The size of an axis: that of all operands that have it, apart from those that repeat.
fn size(label: Label, inputs: &[Labels], shapes: &[Shape]) -> Result<usize, String> {
    let mut size = 1;
    for (labels, shape) in inputs.iter().zip(shapes) {
        for (&own, &next) in labels.iter().zip(shape.iter()) {
            if own == label && next != size && next != 1 {
                if size != 1 {
                    return Err(format!("{label} has sizes {size} and {next}"));
                }
                size = next;
            }
        }
    }
    Ok(size)
}

impl<'t, T: Float> Var<'t, T> {
    /// The Einstein sum that `equation` describes: axes are named by letters; the result sums the
    /// product of the operands over those that it does not name. Without `->`, it names those that
    /// occur once, in alphabetical order. `...` stands for axes that broadcast.
    ///
    /// ```
    /// # use wengert_autograd::{Tape, Var};
    /// # use wengert_tensor::tensor;
    /// let tape = Tape::<f64>::new();
    /// let a = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(Var::einsum("ij,jk->ik", &[a, a]).value(), a.matmul(a).value());
    /// assert_eq!(Var::einsum("ii", &[a]).item(), 5.0);
    /// assert_eq!(Var::einsum("ij->j", &[a]).value(), tensor![4.0, 6.0]);
    /// ```
    /// # Panics
    /// If the equation makes no sense for operands of these shapes.
    #[track_caller]
    pub fn einsum(equation: &str, operands: &[Self]) -> Self {
        let mut shapes = Vec::with_capacity(operands.len());
        operands.iter().for_each(|operand| shapes.push(operand.shape()));
        let (inputs, output) = match parse(equation, &shapes) {
            Ok(parsed) => parsed,
            Err(error) => panic!("einsum: {equation:?}: {error} (shapes {shapes:?})"),
        };
        for &label in inputs.iter().flatten() {
            if let Err(error) = size(label, &inputs, &shapes) {
                panic!("einsum: {equation:?}: {error} (shapes {shapes:?})");
            }
        }
        let mut result: Option<Term<'t, T>> = None;
        for (i, (&operand, labels)) in operands.iter().zip(&inputs).enumerate() {
            let mut term = Term { var: operand, labels: labels.clone() };
            term.take_diagonals();
            // An axis that repeats is one that this operand does not have.
            let single = |&axis: &usize| {
                term.var.shape()[axis] == 1 && size(term.labels[axis], &inputs, &shapes).is_ok_and(|size| size != 1)
            };
            let repeated: Vec<usize> = (0..term.labels.len()).filter(single).collect();
            term.drop_axes(&repeated);
            let later: Labels = inputs[i + 1..].concat();
            let needed = |label: &Label| output.contains(label) || later.contains(label);
            result = Some(match result {
                None => term.sum_unless(|label| needed(label)),
                Some(before) => {
                    let term = term.sum_unless(|label| needed(label) || before.labels.contains(label));
                    before.times(term, needed)
                }
            });
        }
        let Some(Term { var, labels }) = result else { panic!("einsum: {equation:?}: there are no operands") };
        let order = output.iter().filter_map(|label| labels.iter().position(|own| own == label)).collect();
        var.permuted(order)
    }
}

/// A variable with the names of its axes.
struct Term<'t, T: Float> {
    var: Var<'t, T>,
    labels: Labels,
}

impl<'t, T: Float> Term<'t, T> {
    /// Axes of the same name become one.
    #[track_caller]
    fn take_diagonals(&mut self) {
        while let Some((a, b)) = twice(&self.labels) {
            let label = self.labels[a];
            self.labels.remove(b);
            self.labels.remove(a);
            self.labels.push(label);
            self.var = self.var.diagonal(a as isize, b as isize);
        }
    }

    /// Without these axes, whose size is 1.
    #[track_caller]
    fn drop_axes(&mut self, axes: &[usize]) {
        self.var = self.var.reshape(self.var.shape().reduced(axes, false));
        let mut axis = 0;
        self.labels.retain(|_| (!axes.contains(&axis), axis += 1).0);
    }

    /// Summed over the axes whose names are not needed.
    #[track_caller]
    fn sum_unless(mut self, needed: impl Fn(&Label) -> bool) -> Self {
        let mut over: SmallVec<[isize; 4]> = SmallVec::new();
        for (axis, label) in self.labels.iter().enumerate() {
            if !needed(label) {
                over.push(axis as isize);
            }
        }
        if !over.is_empty() {
            self.var = self.var.sum(&over[..]);
            self.labels.retain(|label| needed(label));
        }
        self
    }

    /// The product, summed over the axes of both that are not needed.
    #[track_caller]
    fn times(self, other: Self, needed: impl Fn(&Label) -> bool) -> Self {
        let (a, b) = (&self.labels, &other.labels);
        let pick = |from: &Labels, keep: &dyn Fn(&Label) -> bool| -> Labels {
            from.iter().filter(|l| keep(l)).copied().collect()
        };
        let batch = pick(a, &|l| b.contains(l) && needed(l));
        let inner = pick(a, &|l| b.contains(l) && !needed(l));
        let (left, right) = (pick(a, &|l| !b.contains(l)), pick(b, &|l| !a.contains(l)));
        let (batch_sizes, left_sizes) = (self.sizes(&batch), self.sizes(&left));
        let (inner_sizes, right_sizes) = (self.sizes(&inner), other.sizes(&right));
        let labels = [&batch[..], &left, &right].concat();
        let shape: Shape = [&batch_sizes[..], &left_sizes, &right_sizes].concat().into();
        let count = |sizes: &[usize]| sizes.iter().product::<usize>();
        let matrices =
            |rows: usize, columns: usize| -> Shape { batch_sizes.iter().copied().chain([rows, columns]).collect() };
        let (m, k, n) = (count(&left_sizes), count(&inner_sizes), count(&right_sizes));
        if inner.is_empty() {
            // Nothing to sum: an elementwise product, which fuses.
            let x = self.ordered(&[&batch, &left]).reshape(matrices(m, 1));
            let y = other.ordered(&[&batch, &right]).reshape(matrices(1, n));
            return Term { var: (x * y).reshape(shape), labels };
        }
        let x = self.ordered(&[&batch, &left, &inner]).reshape(matrices(m, k));
        let y = other.ordered(&[&batch, &inner, &right]).reshape(matrices(k, n));
        Term { var: x.matmul(y).reshape(shape), labels }
    }

    fn sizes(&self, labels: &[Label]) -> Shape {
        let shape = self.var.shape();
        labels
            .iter()
            .filter_map(|label| self.labels.iter().position(|own| own == label))
            .map(|axis| shape[axis])
            .collect()
    }

    /// The axes in this order.
    #[track_caller]
    fn ordered(&self, order: &[&Labels]) -> Var<'t, T> {
        let axes = order.iter().copied().flatten().filter_map(|label| self.labels.iter().position(|own| own == label));
        self.var.permuted(axes.collect())
    }
}

/// The first label that occurs twice, by its axes.
fn twice(labels: &Labels) -> Option<(usize, usize)> {
    let mut axes = (0..labels.len()).flat_map(|a| (a + 1..labels.len()).map(move |b| (a, b)));
    axes.find(|&(a, b)| labels[a] == labels[b])
}

#[cfg(test)]
mod tests {
    use wengert_tensor::{Tensor, tensor};

    use crate::ops::testing::{gradients, message_of, numbers};
    use crate::{Tape, Var};

    #[test]
    fn derivatives() {
        let (a, b) = (numbers(&[2, 2, 3]), numbers(&[2, 3, 2]));
        gradients(|[a, b]| Var::einsum("bij,bjk->k", &[a, b]), [a.clone(), b.clone()]);
        gradients(|[a, b]| Var::einsum("bij,cjb->ci", &[a, b]).square(), [a.clone(), b]);
        gradients(|[a]| Var::einsum("iij,i->j", &[a, a.sum([1, 2])]), [a.clone()]);
        gradients(|[a]| Var::einsum("i,j,k", &[a.sum([0, 1]), a.sum([0, 2]), a.sum([1, 2])]), [a]);
    }

    /// Against the sum over all indices, one at a time.
    fn naive(inputs: &[&str], output: &str, operands: &[Tensor<f64>]) -> Tensor<f64> {
        let mut letters: Vec<char> = output.chars().chain(inputs.concat().chars()).collect();
        let mut seen = Vec::new();
        letters.retain(|c| {
            !seen.contains(c) && {
                seen.push(*c);
                true
            }
        });
        let size = |c: char| {
            inputs
                .iter()
                .zip(operands)
                .find_map(|(term, x)| term.chars().position(|d| d == c).map(|axis| x.shape()[axis]))
                .unwrap()
        };
        let sizes: Vec<usize> = letters.iter().map(|&c| size(c)).collect();
        let shape: Vec<usize> = output.chars().map(size).collect();
        let mut y = vec![0.0; shape.iter().product()];
        for i in 0..sizes.iter().product::<usize>() {
            let mut index = vec![0; sizes.len()];
            let mut rest = i;
            for axis in (0..sizes.len()).rev() {
                index[axis] = rest % sizes[axis];
                rest /= sizes[axis];
            }
            let of = |c: char| index[letters.iter().position(|&d| d == c).unwrap()];
            let product: f64 = inputs
                .iter()
                .zip(operands)
                .map(|(term, x)| {
                    let flat = term.chars().zip(x.shape().iter()).fold(0, |flat, (c, size)| flat * size + of(c));
                    x.to_vec()[flat]
                })
                .product();
            y[output.chars().zip(&shape).fold(0, |flat, (c, size)| flat * size + of(c))] += product;
        }
        Tensor::from_vec(y, shape)
    }

    #[test]
    fn against_the_sum_over_all_indices() {
        for equation in [
            "ij,jk->ik",
            "ij,jk->ki",
            "ij,ij->",
            "ij->ji",
            "ij->",
            "ii->i",
            "ii->",
            "iij->ij",
            "ij,kj->ikj",
            "i,j->ji",
            "bij,bjk->bik",
            "bij,bjk->k",
            "bhqd,bhkd->bhqk",
            "ij,jk,kl->il",
            "ij,i,j->",
            "ijk,jil->kl",
            "abc,cd,ade->be",
            "i,i,i->i",
        ] {
            let (left, output) = equation.split_once("->").unwrap();
            let inputs: Vec<&str> = left.split(',').collect();
            let size = |c: char| 2 + c as usize % 3;
            let operands: Vec<Tensor<f64>> =
                inputs.iter().map(|term| numbers(&term.chars().map(size).collect::<Vec<_>>())).collect();
            let tape = Tape::<f64>::new();
            let vars: Vec<Var<'_, f64>> = operands.iter().map(|x| tape.var(x)).collect();
            let y = Var::einsum(equation, &vars).value();
            y.assert_close(&naive(&inputs, output, &operands), 1e-14, 1e-14);
        }
    }

    #[test]
    fn ellipses_and_implied_results() {
        let tape = Tape::<f64>::new();
        let (a, b) = (tape.var(numbers(&[4, 2, 3])), tape.var(numbers(&[3, 2])));
        let expected = a.matmul(b).value();
        assert!(Var::einsum("...ij,jk->...ik", &[a, b]).value().allclose(&expected, 1e-15, 1e-15));
        assert!(Var::einsum("... i j, j k", &[a, b]).value().allclose(&expected, 1e-15, 1e-15));
        assert_eq!(Var::einsum("ba", &[b]).value(), b.t().value());
        let batches = tape.var(numbers(&[1, 3, 2]));
        assert!(Var::einsum("bij,bjk->bik", &[a, batches]).value().allclose(&a.matmul(batches).value(), 1e-15, 1e-15));
        let none = tape.var(Tensor::zeros([2, 0]));
        assert_eq!(Var::einsum("ij,ij->i", &[none, none]).value(), tensor![0.0, 0.0]);
        let scalar = tape.scalar(3.0);
        assert_eq!(Var::einsum(",i->i", &[scalar, tape.var(tensor![2.0])]).value(), tensor![6.0]);
    }

    #[test]
    fn mistakes_are_named() {
        let tape = Tape::<f64>::new();
        let a = tape.var(Tensor::zeros([2, 3]));
        for (equation, message) in [
            ("ij,jk", "einsum: \"ij,jk\": axis j has sizes 3 and 2 (shapes [[2, 3], [2, 3]])"),
            ("ij", "einsum: \"ij\": it names 1 operands of 2 (shapes [[2, 3], [2, 3]])"),
            ("ij,j", "einsum: \"ij,j\": \"j\" names 1 axes of shape [2, 3] (shapes [[2, 3], [2, 3]])"),
            ("ij,i1", "einsum: \"ij,i1\": '1' is neither a letter nor part of an ellipsis (shapes [[2, 3], [2, 3]])"),
            ("ij,ij->ii", "einsum: \"ij,ij->ii\": its result names axis i twice (shapes [[2, 3], [2, 3]])"),
            (
                "ij,ij->k",
                "einsum: \"ij,ij->k\": its result names axis k, which no operand has (shapes [[2, 3], [2, 3]])",
            ),
            (
                "...,...->......",
                "einsum: \"...,...->......\": its result names an axis of the ellipsis twice (shapes [[2, 3], [2, 3]])",
            ),
        ] {
            assert_eq!(message_of(|| _ = Var::einsum(equation, &[a, a])), message);
        }
    }
}
