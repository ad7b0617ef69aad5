//! Connectionist temporal classification.

use wengert_autograd::Var;
use wengert_tensor::{Float, Tensor};

use super::loss;
use crate::Reduction;

/// The logarithm of a probability that is as good as 0, whose sums are still finite in `f32`.
const NEVER: f64 = -1e30;

loss! {
    /// The negative log likelihood of a sequence of labels, however it is spread over the times:
    /// Graves et al., "Connectionist temporal classification" (2006), equations 6 to 8, in
    /// logarithms. PyTorch's `CTCLoss`.
    ///
    /// The mean is of the losses over the lengths of their labels. Labels that do not fit into
    /// their times have the loss ∞ and the gradient 0.
    ///
    /// ```
    /// use wengert_autograd::Tape;
    /// use wengert_nn::{Activation, Ctc};
    /// use wengert_tensor::{Tensor, tensor};
    ///
    /// // Two times, three classes: a label of class 1 is written as 1-, -1 or 11.
    /// let tape = Tape::<f64>::new();
    /// let x = tape.var(Tensor::zeros([2, 1, 3])).log_softmax(-1);
    /// let loss = Ctc::new().of(x, &tensor![[1]], &[2], &[1]);
    /// assert!((loss.item() + (3.0f64 / 9.0).ln()).abs() < 1e-14);
    /// ```
    #[doc(alias = "CTCLoss")]
    Ctc { blank: usize = 0, zero_infinity: bool = false }
}

impl Ctc {
    /// Which class is the blank; 0 unless told.
    pub fn blank(self, class: usize) -> Self {
        Self { blank: class, ..self }
    }

    /// Labels that do not fit have the loss 0 instead of ∞.
    pub fn zero_infinity(self) -> Self {
        Self { zero_infinity: true, ..self }
    }

    /// The loss of the logarithms of probabilities `x`, of shape `[times, batch, classes]`, for
    /// labels of shape `[batch, labels]`, of which the first `label_counts[n]` count for entry
    /// `n`, and of its times the first `time_counts[n]`.
    ///
    /// # Panics
    /// If the shapes do not fit, a count is larger than there is or no time counts, or a label
    /// is not a class or is the blank.
    #[track_caller]
    pub fn of<'t, T: Float>(
        &self,
        x: Var<'t, T>,
        labels: &Tensor<i64>,
        time_counts: &[usize],
        label_counts: &[usize],
    ) -> Var<'t, T> {
        let path = self.path(x, labels, time_counts, label_counts);
        let (tape, [batch, places]) = (x.tape(), [label_counts.len(), path.places]);
        // A constant for every entry and place.
        let each = |f: &dyn Fn(usize, usize) -> f64| {
            let values = (0..batch * places).map(|i| T::from_f64(f(i / places, i % places)));
            tape.var(Tensor::from_vec(values.collect(), [batch, places]))
        };
        let skips = each(&|n, s| if path.skips(n, s) { 0.0 } else { NEVER });
        let times = x.shape()[0];
        let emitted = x.gather(2, &path.indices(times));
        let mut alpha = each(&|_, s| if s < 2 { 0.0 } else { NEVER }) + emitted.select(0, 0);
        for t in 1..times {
            let padded = alpha.pad(&[(0, 0), (2, 0)], NEVER);
            let moved = padded.slice(1, 1..places as isize + 1);
            let skipped = padded.slice(1, 0..places as isize) + skips;
            let next = alpha.logaddexp(moved).logaddexp(skipped) + emitted.select(0, t as isize);
            let goes_on: Tensor<T> =
                time_counts.iter().map(|&count| T::mask(t < count)).collect::<Tensor<T>>().reshape([batch, 1]);
            alpha = tape.var(goes_on).where_(next, alpha);
        }
        let last = each(&|n, s| f64::from(s == 2 * label_counts[n] || s + 1 == 2 * label_counts[n]));
        let loss = -last.where_(alpha, NEVER).logsumexp(1);
        let impossible = if self.zero_infinity { 0.0 } else { f64::INFINITY };
        let loss = loss.gt(-NEVER / 10.0).where_(impossible, loss);
        match self.reduction {
            Reduction::Mean => {
                let lengths: Tensor<T> = label_counts.iter().map(|&count| T::from_f64(count.max(1) as f64)).collect();
                (loss / &lengths).mean(..)
            }
            other => other.of(loss),
        }
    }

    #[track_caller]
    fn path<T: Float>(
        &self,
        x: Var<'_, T>,
        labels: &Tensor<i64>,
        time_counts: &[usize],
        label_counts: &[usize],
    ) -> Path {
        let (shape, given) = (x.shape(), labels.shape());
        let fits = shape.len() == 3 && given.len() == 2 && given[0] == shape[1] && self.blank < shape[2];
        assert!(
            fits && time_counts.len() == shape[1] && label_counts.len() == shape[1],
            "ctc: input of shape {shape} (times, batch, classes), labels of shape {given} with {} and {} counts, blank {}",
            time_counts.len(),
            label_counts.len(),
            self.blank
        );
        let [batch, width] = [given[0], given[1]];
        for n in 0..batch {
            let (times, count) = (time_counts[n], label_counts[n]);
            assert!((1..=shape[0]).contains(&times), "ctc: {times} of {} times count for entry {n}", shape[0]);
            assert!(count <= width, "ctc: {count} of {width} labels count for entry {n}");
        }
        let mut classes = Vec::with_capacity(batch * (2 * width + 1));
        for (i, label) in labels.iter().enumerate() {
            let (n, s) = (i / width, i % width);
            let class = usize::try_from(label).ok().filter(|&class| class < shape[2] && class != self.blank);
            assert!(class.is_some() || s >= label_counts[n], "ctc: label {label} of entry {n} is not a class");
            classes.extend([self.blank, class.unwrap_or(self.blank)]);
            classes.extend((s + 1 == width).then_some(self.blank));
        }
        if width == 0 {
            classes = vec![self.blank; batch];
        }
        Path { classes, batch, places: 2 * width + 1 }
    }
}

/// The labels with blanks between and around them.
struct Path {
    classes: Vec<usize>,
    batch: usize,
    places: usize,
}

impl Path {
    /// Whether a label may follow the last one without a blank between.
    fn skips(&self, n: usize, s: usize) -> bool {
        let row = &self.classes[n * self.places..][..self.places];
        s % 2 == 1 && s > 2 && row[s] != row[s - 2]
    }

    /// The class at each place, for every time.
    fn indices(&self, times: usize) -> Tensor<i64> {
        let classes: Tensor<i64> = self.classes.iter().map(|&class| class as i64).collect();
        classes.reshape([1, self.batch, self.places]).expand([times, self.batch, self.places]).contiguous()
    }
}
