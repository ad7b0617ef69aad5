//! Which classes are taken for which, and the worst examples.

use wengert_report::{Axis, Figure, Images, Matrix, Number, Rows};
use wengert_tensor::{Float, Tensor};

use super::pictures::Pictures;
use crate::ConfusionMatrix;
use crate::order::descending;

/// So many of the worst examples are drawn.
const WORST: usize = 24;
/// So many classes, or pairs of classes, have a bar.
const BARS: usize = 20;
/// A confusion matrix of more classes could not be read.
const MATRIX: usize = 40;

pub(super) struct Errors {
    pub(super) confusion: Box<dyn Figure>,
    pub(super) classes: Rows,
    /// In words.
    pub(super) summary: String,
    pub(super) worst: Option<Images>,
}

impl Errors {
    #[track_caller]
    pub(super) fn new<T: Float>(
        scores: &Tensor<T>,
        labels: &Tensor<i64>,
        examples: &Tensor<T>,
        names: Option<&[String]>,
    ) -> Self {
        let (s, l, e) = (scores.shape(), labels.shape(), examples.shape());
        let fits = s.len() == 2 && l.len() == 1 && s[0] == l[0] && e.first() == l.first();
        assert!(
            fits,
            "report: scores of shape {s}, labels of shape {l} and examples of shape {e} do not have the same rows"
        );
        let count = s[1];
        let names: Vec<String> = match names {
            Some(names) => {
                assert!(names.len() == count, "report: {} names for {count} classes", names.len());
                names.to_vec()
            }
            None => (0..count).map(|class| class.to_string()).collect(),
        };
        let predicted = scores.argmax(1);
        let matrix = ConfusionMatrix::new(&predicted, labels, count);
        let counts: Vec<Vec<u64>> =
            (0..count).map(|i| (0..count).map(|j| matrix.counts().at([i, j]) as u64).collect()).collect();
        Self {
            confusion: if count <= MATRIX {
                let matrix = Matrix::confusion("Confusion", names.clone(), &counts);
                let caption = "A row for each label holds how often it was predicted as each class. Errors are orange.";
                Box::new(matrix.caption(caption))
            } else {
                Box::new(pairs(&counts, &names))
            },
            classes: classes(&matrix, &names),
            summary: summary(&matrix),
            worst: worst(scores, labels, &predicted, examples, &names),
        }
    }
}

/// How well each class is told, the worst first.
fn classes(matrix: &ConfusionMatrix, names: &[String]) -> Rows {
    // A class that occurs nowhere has no F1.
    let mut order = descending(&(0..names.len()).map(|class| -matrix.f1(class)).collect::<Vec<_>>());
    order.retain(|&class| !matrix.f1(class).is_nan());
    let most =
        if order.len() > BARS { format!(" The worst {BARS} of {} classes.", order.len()) } else { String::new() };
    let rows = Rows::new("F1 by class").axis(Axis::new("F1").range(0.0, 1.0)).caption(format!(
        "The harmonic mean of precision and recall; the whisker goes from the smaller of the two to the larger.{most}"
    ));
    order.into_iter().take(BARS).fold(rows, |rows, class| {
        let (precision, recall) = (matrix.precision(class), matrix.recall(class));
        rows.bar(&names[class], matrix.f1(class), Some((precision.min(recall), precision.max(recall))))
    })
}

/// The pairs of classes that are confused most often.
fn pairs(counts: &[Vec<u64>], names: &[String]) -> Rows {
    let mut wrong = Vec::new();
    for (label, row) in counts.iter().enumerate() {
        for (said, &n) in row.iter().enumerate() {
            if n > 0 && label != said {
                wrong.push((n as f64, label, said));
            }
        }
    }
    let rows = Rows::new("Most confused")
        .axis(Axis::new("examples"))
        .caption("How often the label on the left was predicted as the class on the right.");
    let order = descending(&wrong.iter().map(|pair| pair.0).collect::<Vec<_>>());
    order.into_iter().take(BARS).fold(rows, |rows, i| {
        let (n, label, said) = wrong[i];
        rows.bar(format!("{} → {}", names[label], names[said]), n, None)
    })
}

fn summary(matrix: &ConfusionMatrix) -> String {
    let total: i64 = matrix.counts().iter().sum();
    let right: i64 = (0..matrix.classes()).map(|class| matrix.counts().at([class, class])).sum();
    format!("{right} of {total} examples are classified as labelled: accuracy {}.", Number(matrix.accuracy()))
}

/// The errors that the model was surest of, if examples are pictures.
fn worst<T: Float>(
    scores: &Tensor<T>,
    labels: &Tensor<i64>,
    predicted: &Tensor<i64>,
    examples: &Tensor<T>,
    names: &[String],
) -> Option<Images> {
    let mut errors: Vec<(f64, usize, usize, usize)> = Vec::new();
    for (row, (label, said)) in labels.iter().zip(predicted.iter()).enumerate() {
        if label != said {
            let (label, said) = (label as usize, said as usize);
            errors.push((probability(&scores.select(0, row as isize), said), row, label, said));
        }
    }
    let surest = descending(&errors.iter().map(|error| error.0).collect::<Vec<_>>());
    let worst: Vec<_> = surest.into_iter().take(WORST).map(|i| errors[i]).collect();
    let pictures = Pictures::of(examples, worst.iter().map(|error| error.1))?;
    let labelled = pictures.grey().into_iter().zip(&worst);
    let images = Images::new("Worst confused").size(64.0).caption(if errors.is_empty() {
        "Every example was predicted as it is labelled."
    } else {
        "The errors of which the model was surest: label → prediction, and the probability that it gave to it."
    });
    Some(labelled.fold(images, |images, (image, &(p, _, label, said))| {
        images.image(image, format!("{} → {}  {p:.2}", names[label], names[said]))
    }))
}

/// The softmax of scores at one class.
fn probability<T: Float>(scores: &Tensor<T>, class: usize) -> f64 {
    let scores: Vec<f64> = scores.iter().map(T::to_f64).collect();
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (scores[class] - largest).exp() / scores.iter().map(|s| (s - largest).exp()).sum::<f64>()
}
