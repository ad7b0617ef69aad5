//! The cross entropy between logits and classes or probabilities.

use wengert_autograd::{Operand, Var};
use wengert_tensor::{Float, Tensor};

use super::classes::{Targets, check_count, checked_weights, classes_last, from_numbers};
use super::{beside, loss};
use crate::activation::below_largest;

loss! {
    /// The cross entropy between the softmax of logits and given classes or probabilities, with
    /// options: PyTorch's `CrossEntropyLoss`.
    ///
    /// −ln softmax(logits)\[class\] for each row, computed from the logits without overflow. The
    /// last axis of the logits is that of the classes unless told; the other axes are those of
    /// the targets.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::CrossEntropy;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let logits = tape.var(tensor![[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]);
    /// let loss = CrossEntropy::new().ignore_index(-1).of(logits, &tensor![-1, 2]);
    /// assert!((loss.item() - 3f64.ln()).abs() < 1e-15);
    /// ```
    #[doc(alias = "CrossEntropyLoss")]
    CrossEntropy {
        ignore_index: Option<i64> = None,
        smoothing: f64 = 0.0,
        weights: Option<Vec<f64>> = None,
        axis: isize = -1,
    }
}

impl CrossEntropy {
    /// Rows of this class have the loss 0 and do not count in the mean, which is NaN if no row
    /// counts. None unless told; in PyTorch −100.
    pub fn ignore_index(self, class: i64) -> Self {
        Self { ignore_index: Some(class), ..self }
    }

    /// Aims at the class with 1 − `smoothing` and spreads the rest evenly over all classes:
    /// Szegedy et al., "Rethinking the Inception architecture" (2015), section 7.
    ///
    /// # Panics
    /// If it is not a number from 0 to 1.
    #[track_caller]
    pub fn label_smoothing(self, smoothing: f64) -> Self {
        assert!((0.0..=1.0).contains(&smoothing), "cross_entropy: label smoothing {smoothing} is not from 0 to 1");
        Self { smoothing, ..self }
    }

    /// Multiplies the loss of a row by the weight of its class; the mean is over the weights.
    ///
    /// # Panics
    /// If a weight is negative or not finite.
    #[track_caller]
    pub fn class_weights(self, weights: impl Into<Vec<f64>>) -> Self {
        Self { weights: Some(checked_weights("cross_entropy", weights.into())), ..self }
    }

    /// Which axis of the logits is that of the classes; the last unless told, and 1 in PyTorch.
    pub fn class_axis(self, axis: isize) -> Self {
        Self { axis, ..self }
    }

    /// The loss of these logits for these classes.
    ///
    /// A target whose logit is −∞ has the loss ∞ and a finite gradient.
    ///
    /// # Panics
    /// If the classes have another shape than the rows, one of them is out of range, or there
    /// is not a weight for each class.
    #[track_caller]
    pub fn of<'t, T: Float>(&self, logits: Var<'t, T>, classes: &Tensor<i64>) -> Var<'t, T> {
        let logits = classes_last("cross_entropy", logits, self.axis);
        let shape = logits.shape();
        let targets = Targets::new("cross_entropy", &shape, classes, self.ignore_index, self.weights.as_deref());
        let Some(shifted) = below_largest(logits, -1, "cross_entropy") else {
            return targets.reduce(logits.reshape(classes.shape()), self.reduction);
        };
        let log_sum = shifted.exp().sum(-1).ln();
        let mut loss = targets.weigh(log_sum - targets.pick(shifted));
        if self.smoothing > 0.0 {
            let count = shape[shape.len() - 1];
            let over_classes = match self.class_weight_row::<T>(count) {
                None => log_sum * count as f64 - shifted.sum(-1),
                Some((weights, total)) => log_sum * total - (shifted * &weights).sum(-1),
            };
            loss = loss * (1.0 - self.smoothing) + over_classes * (self.smoothing / count as f64);
        }
        targets.reduce(loss, self.reduction)
    }

    /// The loss of these logits for a distribution over the classes in each row:
    /// −Σ target·ln softmax(logits), each class times its weight. The mean is over the rows.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::CrossEntropy;
    /// use wengert_tensor::tensor;
    ///
    /// let tape = Tape::<f64>::new();
    /// let logits = tape.var(tensor![[0.0, 0.0]]);
    /// let loss = CrossEntropy::new().of_probabilities(logits, &tensor![[0.25, 0.75]]);
    /// assert!((loss.item() - 2f64.ln()).abs() < 1e-15);
    /// ```
    /// # Panics
    /// If the target has another shape than the logits, there is not a weight for each class, or a
    /// class is to be ignored.
    #[track_caller]
    pub fn of_probabilities<'t, T: Float>(&self, logits: Var<'t, T>, target: impl Operand<'t, T>) -> Var<'t, T> {
        assert!(self.ignore_index.is_none(), "cross_entropy: probabilities have no class that could be ignored");
        let mut target = classes_last("cross_entropy", beside("cross_entropy", logits, target), self.axis);
        let logits = classes_last("cross_entropy", logits, self.axis);
        let shape = logits.shape();
        let count = shape[shape.len() - 1];
        if self.smoothing > 0.0 {
            target = target * (1.0 - self.smoothing) + self.smoothing / count as f64;
        }
        check_count("cross_entropy", self.weights.as_deref(), count);
        if let Some((weights, _)) = self.class_weight_row::<T>(count) {
            target = target * &weights;
        }
        let Some(shifted) = below_largest(logits, -1, "cross_entropy") else {
            return self.reduction.of(logits.sum(-1));
        };
        let log_sum = shifted.exp().sum(-1).ln();
        // A class that has no part in the target may have the logit −∞.
        let picked = target.eq(0.0).where_(0.0, target * shifted).sum(-1);
        self.reduction.of(log_sum * target.sum(-1) - picked)
    }

    /// The weights of the classes and their sum.
    fn class_weight_row<T: Float>(&self, count: usize) -> Option<(Tensor<T>, f64)> {
        let weights = self.weights.as_ref()?;
        Some((from_numbers(weights.clone(), &[count].into()), weights.iter().sum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check, message_of};
    use crate::{Loss, Reduction};
    use wengert_autograd::Tape;
    use wengert_tensor::{Rng, tensor};

    const INF: f64 = f64::INFINITY;

    fn logits() -> Tensor<f64> {
        tensor![[-0.717241, 0.587138, -0.328483], [0.975897, 0.060276, -0.855345]]
    }

    /// Loss and gradient.
    fn run(options: &CrossEntropy, logits: &Tensor<f64>, classes: &Tensor<i64>) -> (f64, Tensor<f64>) {
        let tape = Tape::new();
        let x = tape.var(logits);
        let loss = options.of(x, classes);
        (loss.item(), loss.grad([x])[0].value())
    }

    /// From PyTorch 2.15, f64.
    #[test]
    fn golden_ignored_rows() {
        let ignore = CrossEntropy::new().ignore_index(-100);
        let x =
            tensor![[-0.717241, 0.587138, -0.328483], [0.975897, 0.060276, -0.855345], [0.449034, -0.466586, 0.837793]];
        let (loss, dx) = run(&ignore, &x, &tensor![0, -100, 2]);
        assert_close(&loss.into(), &1.2428022279777378.into(), 1e-14);
        let expected = tensor![
            [-0.4188383794630955, 0.29911301601136286, 0.11972536345173271],
            [0.0, 0.0, 0.0],
            [0.1738877991837611, 0.06960178815855075, -0.2434895873423118]
        ];
        assert_close(&dx, &expected, 1e-13);

        let none = tensor![-100, -100];
        let (loss, dx) = run(&ignore, &logits(), &none);
        assert!(loss.is_nan());
        assert_eq!(dx, Tensor::zeros([2, 3]));
        let (loss, dx) = run(&ignore.reduction(Reduction::Sum), &logits(), &none);
        assert_eq!((loss, dx), (0.0, Tensor::zeros([2, 3])));
    }

    #[test]
    fn golden_label_smoothing() {
        let smooth = CrossEntropy::new().label_smoothing(0.1);
        let tape = Tape::new();
        let x = tape.var(logits());
        let loss = smooth.of(x, &tensor![0, 2]);
        assert_close(&loss.value(), &1.9732013232573404.into(), 1e-14);
        let [dx] = loss.grad([x]);
        let expected = tensor![
            [-0.38550504612976216, 0.2824463493446962, 0.10305869678506605],
            [0.30374706378964705, 0.11158469078128327, -0.4153317545709303]
        ];
        assert_close(&dx.value(), &expected, 1e-13);
        let [ddx] = (dx * &tensor![[0.5, 1.0, -2.0], [0.25, 1.75, -0.75]]).sum(..).grad([x]);
        let expected = tensor![
            [0.024309025482399247, 0.23914498443378943, -0.26345400991618867],
            [-0.09038366625346766, 0.1561993484316982, -0.0658156821782305]
        ];
        assert_close(&ddx.value(), &expected, 1e-12);
    }

    #[test]
    fn golden_extremes() {
        let (loss, dx) = run(&CrossEntropy::new(), &tensor![[-INF, 0.0, 1.0]], &tensor![0]);
        assert_eq!(loss, INF);
        assert_close(&dx, &tensor![[-1.0, 0.2689414213699951, 0.7310585786300049]], 1e-14);
        let (loss, dx) = run(&CrossEntropy::new(), &Tensor::zeros([0, 3]), &Tensor::zeros([0]));
        assert!(loss.is_nan());
        assert_eq!(dx.shape(), &[0, 3]);
    }

    /// The definition, written out: weights, smoothing and ignored rows as PyTorch has them.
    fn naive(options: &CrossEntropy, x: &Tensor<f64>, classes: &Tensor<i64>) -> (Vec<f64>, f64) {
        let count = *x.shape().last().unwrap();
        let weights = options.weights.clone().unwrap_or(vec![1.0; count]);
        let (mut losses, mut total) = (Vec::new(), 0.0);
        for (row, class) in x.to_vec().chunks(count).zip(classes.iter()) {
            if Some(class) == options.ignore_index {
                losses.push(0.0);
                continue;
            }
            let sum: f64 = row.iter().map(|v| v.exp()).sum();
            let minus_log: Vec<f64> = row.iter().map(|v| sum.ln() - v).collect();
            let spread: f64 = minus_log.iter().zip(&weights).map(|(l, w)| l * w).sum::<f64>() / count as f64;
            let at = class as usize;
            losses.push((1.0 - options.smoothing) * weights[at] * minus_log[at] + options.smoothing * spread);
            total += weights[at];
        }
        (losses, total)
    }

    #[test]
    fn every_option_against_the_definition() {
        let mut rng = Rng::seed(4);
        let x = Tensor::normal([2, 3, 4], 0.0, 2.0, &mut rng);
        let classes: Tensor<i64> = tensor![[0, 3, 1], [1, 2, 0]];
        for smoothing in [0.0, 0.3, 1.0] {
            for ignore in [None, Some(1)] {
                for weights in [None, Some(vec![0.5, 2.0, 0.0, 1.0])] {
                    let mut options = CrossEntropy::new().label_smoothing(smoothing);
                    options.ignore_index = ignore;
                    options.weights = weights;
                    let (losses, total) = naive(&options, &x, &classes);
                    let sum: f64 = losses.iter().sum();
                    let (mean, _) = run(&options, &x, &classes);
                    assert_close(&mean.into(), &(sum / total).into(), 1e-13);
                    check(|x| options.of(x, &classes), &x);
                    options.reduction = Reduction::Sum;
                    assert_close(&run(&options, &x, &classes).0.into(), &sum.into(), 1e-13);
                    options.reduction = Reduction::None;
                    let tape = Tape::new();
                    let kept = options.of(tape.var(&x), &classes).value();
                    assert_close(&kept, &Tensor::from_vec(losses, [2, 3]), 1e-13);
                }
            }
        }
    }

    #[test]
    fn one_row_needs_no_batch() {
        let tape = Tape::<f64>::new();
        let loss = tape.var(tensor![0.0, 0.0]).cross_entropy(&1i64.into());
        assert_close(&loss.value(), &2f64.ln().into(), 1e-15);
    }

    #[test]
    fn it_is_stable_in_f32() {
        let tape = Tape::<f32>::new();
        let x = tape.var(tensor![[1e4, -1e4], [3e38, 0.0]]);
        let loss = CrossEntropy::new().reduction(Reduction::None).of(x, &tensor![1, 0]);
        assert_eq!(loss.value(), tensor![2e4, 0.0]);
        assert_eq!(loss.sum(..).grad([x])[0].value(), tensor![[1.0, -1.0], [0.0, 0.0]]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refuse = |options: &CrossEntropy, x: Tensor<f64>, classes: Tensor<i64>| {
            message_of(|| drop(options.of(Tape::new().var(x), &classes).shape()))
        };
        let plain = CrossEntropy::new();
        assert_eq!(
            refuse(&plain, logits(), tensor![0, 1, 2]),
            "cross_entropy: logits of shape [2, 3] take classes of shape [2], not [3]"
        );
        assert_eq!(refuse(&plain, logits(), tensor![0, 3]), "cross_entropy: class 3 (row 1) is not one of 3");
        assert_eq!(refuse(&plain, logits(), tensor![-100, 0]), "cross_entropy: class -100 (row 0) is not one of 3");
        assert_eq!(
            refuse(&plain, Tensor::zeros([2, 0]), tensor![0, 0]),
            "cross_entropy: logits of shape [2, 0] have no classes on the last axis"
        );
        let weighted = CrossEntropy::new().class_weights([1.0, 2.0]);
        assert_eq!(refuse(&weighted, logits(), tensor![0, 1]), "cross_entropy: 2 weights for 3 classes");
        let message = message_of(|| drop(CrossEntropy::new().class_weights([1.0, -2.0])));
        assert_eq!(message, "cross_entropy: a class weight of -2");
        let message = message_of(|| drop(CrossEntropy::new().label_smoothing(f64::NAN)));
        assert_eq!(message, "cross_entropy: label smoothing NaN is not from 0 to 1");
    }
}
