//! A training run as a page to look at, as TensorBoard's event files, and as CSV.

mod csv;
mod curves;
mod errors;
mod inside;
mod pictures;
mod rates;
mod tensorboard;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

use wengert_report::{Figure, Finding, Images, Number, Page, Plot, Table};
use wengert_tensor::{Float, Tensor};

use crate::before::Verdict;
use crate::{Diagnosis, End, History, Rates, Task};
use errors::Errors;
use inside::Side;
use pictures::Pictures;

pub use tensorboard::TensorBoard;

/// A page about a training run: one HTML file that loads nothing, with the diagnosis on top, the
/// curves, the inside of the model, its errors and its weights. What the history does not have,
/// and what is not added here, is left out.
///
/// ```
/// use wengert_nn::{Adam, Layer, Linear};
/// use wengert_tensor::Rng;
/// use wengert_train::{Loader, Report, Trainer, digits};
///
/// let [training, validation] = digits().map_features(|x| x / 16.0).split([0.8, 0.2], 1);
/// let net = Linear::<f32>::new(64, 10, &mut Rng::seed(1));
/// let history = Trainer::classifier(&net, Adam::new(&net, 0.01), |x| net.forward(x))
///     .validation(Loader::new(validation.clone(), 500))
///     .epochs(2)
///     .fit(&Loader::new(training, 64).shuffle(1))?;
///
/// let path = std::env::temp_dir().join(format!("wengert-report-{}.html", std::process::id()));
/// let tape = wengert_autograd::Tape::new();
/// let scores = net.forward(tape.var(validation.features())).value();
/// Report::new(&history)
///     .title("Digits")
///     .classified(&scores, validation.labels(), validation.features())
///     .weights("weight", &net.weight.value())
///     .write(&path)?;
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Report<'a> {
    history: &'a History,
    title: String,
    findings: Option<Vec<Finding>>,
    classes: Option<Vec<String>>,
    rates: Option<Plot>,
    errors: Option<Errors>,
    weights: Vec<Images>,
}

impl<'a> Report<'a> {
    /// A report of what the history knows.
    pub fn new(history: &'a History) -> Self {
        let title = "Training".into();
        Self { history, title, findings: None, classes: None, rates: None, errors: None, weights: Vec::new() }
    }

    /// The heading.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Other findings than those of [`Diagnosis::of`] the history, worst first.
    pub fn findings(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.findings = Some(findings.into_iter().collect());
        self
    }

    /// What a [`RangeTest`](crate::RangeTest) found.
    pub fn range_test(mut self, rates: &Rates) -> Self {
        self.rates = Some(rates::plot(rates));
        self
    }

    /// The names of the classes, for [`Report::classified`], which is to follow.
    pub fn classes<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.classes = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// How examples were classified: the confusion matrix, and, if the examples are pictures, the
    /// errors of which the model was surest.
    ///
    /// Scores of shape `[rows, classes]` are what cross entropy takes, labels are of shape
    /// `[rows]`. Examples are pictures if their shape is `[rows, h, w]`, `[rows, 1 or 3, h, w]`, or
    /// `[rows, s·s]`; take them before they are standardised.
    ///
    /// # Panics
    /// If the numbers of rows differ, or a label or the number of names does not fit the classes.
    #[track_caller]
    pub fn classified<T: Float>(mut self, scores: &Tensor<T>, labels: &Tensor<i64>, examples: &Tensor<T>) -> Self {
        self.errors = Some(Errors::new(scores, labels, examples, self.classes.as_deref()));
        self
    }

    /// The weights of a layer that looks at pictures, a picture for each unit: of shape
    /// `[units, s·s]`, `[units, h, w]` or `[units, 1 or 3, h, w]`.
    ///
    /// # Panics
    /// If they are of another shape.
    #[track_caller]
    pub fn weights<T: Float>(mut self, name: &str, weights: &Tensor<T>) -> Self {
        let shape = weights.shape();
        let units = shape.first().copied().unwrap_or(0);
        let pictures = Pictures::of(weights, 0..units.min(MOST_UNITS));
        let Some(pictures) = pictures else { panic!("report: weights of shape {shape} are not pictures") };
        let mut caption = if pictures.coloured() {
            "Weights of the three channels as red, green and blue; grey is 0.".to_owned()
        } else {
            "Blue weights are positive, orange ones negative; each unit has its own scale.".to_owned()
        };
        if units > MOST_UNITS {
            caption += &format!(" The first {MOST_UNITS} of {units} units.");
        }
        let images = Images::new(format!("Weights of {name}")).caption(caption);
        self.weights.push(pictures.signed().into_iter().fold(images, |images, image| images.image(image, "")));
        self
    }

    /// The page, to which more can be added.
    pub fn page(self) -> Page {
        let history = self.history;
        let mut page = Page::new(self.title).subtitle(subtitle(history)).key_figures(key_figures(history));
        let found = || Diagnosis::of(history).iter().map(Finding::from).collect();
        let findings = self.findings.unwrap_or_else(found);
        page = page.section("Diagnosis");
        page = if findings.is_empty() { page.text("Nothing looks wrong.") } else { page.findings(&findings) };
        page = before(page, history, self.rates.as_ref());
        page = page.section("Curves").wide(&curves::loss(history));
        let mut figures = curves::metrics(history);
        if !history.lr.is_empty() {
            figures.push(curves::lr(history));
        }
        if !history.gradient_norm.is_empty() {
            figures.push(curves::gradient_norm(history));
        }
        page = page.figures(&all(&figures));

        if let Some(errors) = &self.errors {
            page = page.section("Errors").text(&errors.summary).figures(&[&*errors.confusion, &errors.classes]);
            if let Some(worst) = &errors.worst {
                page = page.wide(worst);
            }
        }
        if !self.weights.is_empty() {
            page = self.weights.iter().fold(page.section("Weights"), |page, images| page.wide(images));
        }
        page = inside(page, history);
        if !history.notes.is_empty() {
            let table = Table::new(["step", "note"]);
            let rows = history.notes.iter().map(|note| [(note.step as f64).into(), note.text.as_str().into()]);
            page = page.section("Notes").table(&rows.fold(table, Table::row));
        }
        page
    }

    /// Writes the page to a file, as a whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written; what was there before is then still there.
    pub fn write(self, path: impl AsRef<Path>) -> io::Result<()> {
        self.page().write(path)
    }
}

/// So many units are drawn of a layer.
const MOST_UNITS: usize = 64;

fn all<F: Figure>(figures: &[F]) -> Vec<&dyn Figure> {
    figures.iter().map(|figure| figure as &dyn Figure).collect()
}

/// What was found before training.
fn before(mut page: Page, history: &History, rates: Option<&Plot>) -> Page {
    if history.checks.is_empty() && rates.is_none() {
        return page;
    }
    page = page.section("Before training");
    if !history.checks.is_empty() {
        let rows = history.checks.iter().map(|check| {
            let verdict = match check.verdict {
                Verdict::Good => "good",
                Verdict::Doubtful => "doubtful",
                Verdict::Bad => "bad",
            };
            let found = [check.found.as_str(), &check.advice].join(" → ");
            [verdict.into(), check.about.to_string().into(), found.trim_end_matches(" → ").into()]
        });
        page = page.table(&rows.fold(Table::new(["verdict", "check", "found"]), Table::row));
    }
    rates.into_iter().fold(page, |page, plot| page.wide(plot))
}

fn inside(mut page: Page, history: &History) -> Page {
    let Some(last) = history.snapshots.last() else { return page };
    let mut figures: Vec<_> = inside::update_ratios(&history.snapshots).into_iter().collect();
    figures.extend(inside::shares(&history.snapshots));
    figures.extend(inside::drift(&history.snapshots));
    page = page.section("Inside the model").figures(&all(&figures));
    page = page.text(format_args!("The layers at step {}:", last.step)).table(&inside::table(last));
    let left_out = last.layers.len().saturating_sub(inside::LAYERS);
    for (title, of) in [("Outputs over time", Side::Output), ("Gradients over time", Side::Gradient)] {
        let mut text = of.described().to_owned();
        if left_out > 0 {
            text += &format!(" {left_out} more layers have no figures; the table has all of them.");
        }
        page = page.section(title).text(text).figures(&all(&inside::ridges(&history.snapshots, of)));
    }
    page
}

fn subtitle(history: &History) -> String {
    let task = match history.task {
        Task::Classification { classes } => format!("Classification into {classes} classes"),
        Task::Regression => "Regression".to_owned(),
        Task::Other => "A loss of its own".to_owned(),
    };
    let end = match &history.end {
        None => "not ended".to_owned(),
        Some(End::Finished) => "finished".to_owned(),
        Some(End::Stopped(reason)) => format!("stopped: {reason}"),
        // The rest of the text is for a terminal: the diagnosis has it.
        Some(End::NotFinite(found)) => found.text.lines().next().unwrap_or_default().to_owned(),
        Some(End::Failed(reason)) => format!("failed: {reason}"),
    };
    let mut text = task;
    if history.examples > 0 {
        text += &format!(" from {} examples in batches of {}", Number(history.examples as f64), history.batch);
    }
    if history.params > 0 {
        text += &format!(", {} parameters", Number(history.params as f64));
    }
    format!("{text}, seed {}; {end}", history.seed)
}

fn key_figures(history: &History) -> Vec<(String, String)> {
    let mut figures = Vec::new();
    let mut figure = |name: String, value: f64| figures.push((name, Number(value).to_string()));
    if let Some(best) = &history.best {
        figure(format!("best {}, epoch {}", best.metric, best.epoch), best.value);
    }
    if let Some(last) = history.epochs.last() {
        for (side, metrics) in [("training", &last.train), ("validation", &last.validation)] {
            for (name, &value) in metrics {
                figure(format!("{side} {name}"), value);
            }
        }
        figure("epochs".into(), last.epoch as f64);
        figure("seconds".into(), last.seconds);
    }
    figure("steps".into(), history.steps as f64);
    figures
}
