//! Reports, event files and CSV of histories of every kind.

use roxmltree::{Document, ParsingOptions};
use wengert_report::{Finding, Severity};
use wengert_tensor::{Rng, Tensor, tensor};

use super::*;
use crate::{Best, Distribution, Epoch, Histogram, LayerStats, NormStats, NotFinite, ParamStats, Snapshot};

/// A history in which everything occurs.
fn full() -> History {
    let mut history = History::new(3);
    history.task = Task::Classification { classes: 10 };
    (history.examples, history.batch, history.params) = (800, 20, 1234);
    for step in 0..2000 {
        history.steps = step + 1;
        let loss = 2.3 * (-(step as f64) / 500.0).exp() + 0.01;
        history.loss.push(step, loss);
        history.lr.push(step, 0.01);
        history.gradient_norm.push(step, loss / 2.0);
        if step % 40 == 39 {
            let metrics = |scale: f64| [("loss".to_owned(), scale * loss), ("accuracy".to_owned(), 1.0 / scale)].into();
            history.epochs.push(Epoch {
                epoch: step / 40 + 1,
                step: step + 1,
                seconds: step as f64 / 1000.0,
                lr: 0.01,
                train: metrics(1.0),
                validation: metrics(1.1),
            });
        }
        if history.snapshots.is_due(step) {
            history.snapshots.push(snapshot(step));
        }
    }
    history.best = Some(Best { epoch: 50, step: 2000, metric: "loss".into(), value: 0.1 });
    history.note("the learning rate was <halved> & kept");
    history.end = Some(End::Finished);
    history
}

fn snapshot(step: u64) -> Snapshot {
    let values = Tensor::<f64>::normal([500], 0.0, 1.0 + step as f64, &mut Rng::seed(step));
    let distribution = || Distribution { mean: 0.0, sd: 1.0, histogram: Histogram::of(&values, 30) };
    let layer = |i: usize| LayerStats {
        path: format!("blocks.{i}"),
        kind: "relu".into(),
        output: distribution(),
        gradient: i.is_multiple_of(2).then(distribution),
        zero_fraction: 0.5,
        saturated_fraction: (i == 3).then_some(0.25),
        dead_fraction: Some(0.1),
    };
    let param = |i: usize| ParamStats {
        name: format!("blocks.{i}.weight"),
        value_rms: i as f64, // the first is 0, and has no ratio
        gradient_rms: 1.0,
        update_rms: 1e-3 * (i as f64),
        histogram: Histogram::of(&values, 30),
    };
    Snapshot {
        step,
        layers: (0..23).map(layer).collect(),
        params: (0..9).map(param).collect(),
        norms: vec![NormStats { path: "norm".into(), mean_drift: 0.1, var_ratio: 1.1 }],
    }
}

fn html(report: Report) -> String {
    let html = report.page().html();
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(&html, options).unwrap_or_else(|error| panic!("{error}\n{html}"));
    html
}

#[test]
fn a_full_report_shows_everything() {
    let history = full();
    let finding = |title: &str| Finding {
        severity: Severity::Warning,
        title: title.into(),
        evidence: vec!["0.1 < 0.2".into()],
        advice: vec![],
    };
    let scores: Tensor = tensor![[2.0, 0.0], [0.0, 3.0], [0.0, 1.0]];
    let pictures = Tensor::zeros([3, 2, 2]);
    let report = Report::new(&history)
        .title("Digits & <more>")
        .findings([finding("The gap is large")])
        .classes(["cat", "dog"])
        .classified(&scores, &tensor![0i64, 0, 1], &pictures)
        .weights("fc1", &Tensor::<f32>::ones([100, 16]));
    let html = html(report);
    let expected = [
        "Digits &amp; &lt;more&gt;",
        "The gap is large",
        "Classification into 10 classes from 800 examples in batches of 20, 1,234 parameters, seed 3; finished",
        "ln 10, a guess",
        "best: epoch 50",
        ">Accuracy<",
        "Update to weight",
        "Dead units",
        "Saturated units",
        "Drift of batch statistics",
        "Gradients over time",
        "<strong>blocks.19 (relu)</strong>",
        ">others<",
        "3 more layers have no figures",
        "cat → dog  0.95",
        "The first 64 of 100 units",
        "the learning rate was &lt;halved&gt; &amp; kept",
    ];
    for text in expected {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("<strong>blocks.20 (relu)</strong>"));
    assert_eq!(html.matches("<image ").count(), 2 * (1 + 64), "wide figures are drawn twice");
    assert!(html.len() < 1_500_000, "{}", html.len());
}

#[test]
fn a_report_of_nothing_and_of_a_failure() {
    let mut history = History::new(0);
    assert!(html(Report::new(&history)).contains("A loss of its own, seed 0; not ended"));
    assert!(html(Report::new(&history).findings([])).contains("Nothing looks wrong."));
    history.steps = 3;
    for (step, loss) in [2.3, 1e30, f64::NAN].into_iter().enumerate() {
        history.loss.push(step as u64, loss);
    }
    let text = "the loss of step 2 is NaN, in `fc2`\n  anomaly".to_owned();
    let (op, layer, line) = (None, None, None);
    let found = NotFinite { step: 2, what: "loss".into(), value: f64::NAN, op, layer, line, text };
    history.end = Some(End::NotFinite(found));
    let html = html(Report::new(&history));
    assert!(html.contains("seed 0; the loss of step 2 is NaN, in `fc2`<") && html.contains("training: NaN at 2"));
    assert!(html.contains("The largest loss, 1e30, is far above the figure."));
}

#[test]
fn what_was_found_before_training_is_shown() {
    let mut history = History::new(0);
    let rate = |i: i32| {
        let loss = if i < 40 { 2.0 - 0.03 * f64::from(i) } else { 100.0 };
        crate::RatePoint { lr: 10f64.powf(f64::from(i) / 10.0 - 6.0), loss, smoothed: loss }
    };
    let points = (0..50).map(rate).collect();
    let rates = crate::Rates { points, proposal: Some(2e-3), lowest: 1e-2, diverges: Some(0.1) };
    let html = html(Report::new(&history).range_test(&rates));
    assert!(html.contains("Before training") && html.contains("take 0.002") && html.contains("At 0.1 it diverges."));

    history.checks = crate::before::Checks(vec![crate::before::initial_loss(23.0, 10)]);
    let found = &history.checks[0].found;
    let html = Report::new(&history).page().html();
    assert!(html.contains("Before training") && html.contains(found) && html.contains("<td>bad</td>"), "{found}");
}

#[test]
fn the_surest_errors_come_first() {
    let scores: Tensor = tensor![[0.0, 1.0], [0.0, 9.0], [0.0, 4.0], [5.0, 0.0]];
    let labels = tensor![0i64, 0, 0, 0];
    let history = History::new(0);
    let html = html(Report::new(&history).classified(&scores, &labels, &Tensor::zeros([4, 9])));
    let place = |label: &str| html.find(label).unwrap_or_else(|| panic!("{label}"));
    assert!(place("0 → 1  1.00") < place("0 → 1  0.98") && place("0 → 1  0.98") < place("0 → 1  0.73"));
    assert!(!html.contains("0 → 0"));
}

#[test]
#[should_panic(expected = "report: scores of shape [2, 3], labels of shape [3] and examples of shape [2, 4]")]
fn rows_must_match() {
    let history = History::new(0);
    let _ =
        Report::new(&history).classified(&Tensor::<f32>::zeros([2, 3]), &tensor![0i64, 1, 2], &Tensor::zeros([2, 4]));
}

#[test]
#[should_panic(expected = "report: weights of shape [4, 7] are not pictures")]
fn weights_must_be_pictures() {
    let history = History::new(0);
    let _ = Report::new(&history).weights("fc1", &Tensor::<f32>::zeros([4, 7]));
}

#[test]
fn tables_have_a_cell_for_every_column() {
    let mut history = full();
    let train = [("a,\"b\"".to_owned(), f64::NAN)].into();
    history.epochs.push(Epoch { epoch: 51, step: 2040, seconds: 3.0, lr: 0.0, train, validation: [].into() });
    let csv = history.epochs_csv();
    let mut lines = csv.lines();
    let header =
        "epoch,step,seconds,lr,train_loss,train_accuracy,\"train_a,\"\"b\"\"\",validation_loss,validation_accuracy";
    assert_eq!(lines.next(), Some(header));
    assert_eq!(csv.lines().last(), Some("51,2040,3,0,,,NaN,,"));
    assert_eq!(lines.next().unwrap().split(',').count(), 9);
    assert_eq!(csv.lines().count(), 52);

    let csv = history.steps_csv();
    assert!(csv.lines().all(|line| line.split(',').count() == 8), "{csv}");
    assert_eq!(csv.lines().count(), 1 + history.loss.len());
    assert_eq!(History::new(0).steps_csv().lines().count(), 1);
}

/// The data of the records of an event file.
fn records(file: &[u8]) -> Vec<&[u8]> {
    let mut rest = file;
    let mut records = Vec::new();
    while let [length, ..] = rest {
        let length = usize::from(*length) + 256 * usize::from(rest[1]);
        records.push(&rest[12..12 + length]);
        rest = &rest[12 + length + 4..];
    }
    records
}

fn event_file(folder: &Path) -> Vec<u8> {
    let mut files = std::fs::read_dir(folder).expect("a folder");
    let path = files.next().expect("a file").expect("a name").path();
    assert!(path.to_string_lossy().contains("tfevents") && files.next().is_none());
    std::fs::read(path).expect("a file")
}

fn temporary(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("wengert-{name}-{}", std::process::id()))
}

#[test]
fn events_are_the_bytes_that_tensorboard_reads() {
    let folder = temporary("known");
    let mut board = TensorBoard::create(&folder).expect("made");
    board.scalar("loss", 300, 0.5).expect("written");
    board.flush().expect("written");
    let file = event_file(&folder);
    let [version, scalar] = records(&file)[..] else { panic!("two records") };
    // A time of 9 bytes, then what does not depend on the clock.
    assert_eq!(version[9..], *b"\x10\x00\x1a\x0dbrain.Event:2");
    assert_eq!(scalar[9..], *b"\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x00\x3f");
    // The length, and its checksum as TensorBoard computes it.
    assert_eq!(file[..12], [26, 0, 0, 0, 0, 0, 0, 0, 18, 155, 216, 45]);
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn all_of_a_history_becomes_events() {
    let (folder, history) = (temporary("history"), full());
    TensorBoard::create(&folder).expect("made").history(&history).expect("written");
    let file = event_file(&folder);
    let tagged = |tag: &str| {
        let tag = [&[0x0a, tag.len() as u8], tag.as_bytes()].concat();
        records(&file).iter().filter(|record| record.windows(tag.len()).any(|window| window == tag)).count()
    };
    assert_eq!(tagged("loss"), history.loss.len());
    assert_eq!(tagged("accuracy/validation"), history.epochs.len());
    assert_eq!(tagged("output/blocks.22.relu"), history.snapshots.len());
    assert_eq!(tagged("gradient/blocks.1.relu"), 0);
    assert_eq!(tagged("update_ratio/blocks.8.weight"), history.snapshots.len());
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = temporary("file");
    std::fs::write(&file, "not a folder").expect("written");
    let error = TensorBoard::create(&file).err().expect("a file is in the way");
    assert!(error.to_string().contains("wengert-file"), "{error}");
    std::fs::remove_file(&file).expect("removed");
}

#[test]
fn training_writes_events_as_it_goes() {
    use wengert_nn::{Adam, Layer, Linear};
    let folder = temporary("live");
    let [training, validation] = crate::digits().split([0.3, 0.7], 1);
    let net = Linear::<f32>::new(64, 10, &mut Rng::seed(1));
    let mut board = TensorBoard::create(&folder).expect("made");
    crate::Callback::restore(&mut board, &7.into()).expect("a number of steps");
    assert!(crate::Callback::restore(&mut board, &"x".into()).is_err());
    let history = crate::Trainer::classifier(&net, Adam::new(&net, 0.001), |x| net.forward(x))
        .validation(crate::Loader::new(validation, 1000))
        .epochs(2)
        .quiet()
        .callback(board)
        .fit(&crate::Loader::new(training, 25).shuffle(1))
        .expect("trained");
    let file = event_file(&folder);
    let records = records(&file);
    let with = |bytes: &[u8]| records.iter().filter(|record| record.windows(bytes.len()).any(|w| w == bytes)).count();
    assert_eq!(with(b"\x0a\x04loss\x15"), history.steps.div_ceil(10) as usize);
    assert_eq!(with(b"\x0a\x0floss/validation\x15"), 2);
    assert_eq!(records[1][9..], *b"\x10\x07\x3a\x02\x08\x01", "what was written after step 7 is to be forgotten");
    std::fs::remove_dir_all(&folder).expect("removed");
}
