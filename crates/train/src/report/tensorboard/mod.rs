//! Event files for TensorBoard.

mod live;
mod wire;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use wengert_report::Image;

use crate::{Curve, Epoch, Histogram, History, Snapshot};
use wire::{Message, record};

/// An event file, which TensorBoard shows while it grows: `tensorboard --logdir FOLDER`.
///
/// As a [`Callback`](crate::Callback) of a [`Trainer`](crate::Trainer) it writes what the history
/// gets: losses, learning rate, metrics, and, of the steps that are watched, histograms of outputs,
/// gradients and parameters. A run that is resumed into the same folder goes on where it was. If
/// the disk is full, it says so once and training goes on without it.
///
/// ```
/// use wengert_report::Image;
/// use wengert_tensor::{Tensor, tensor};
/// use wengert_train::{Histogram, TensorBoard};
///
/// let folder = std::env::temp_dir().join(format!("wengert-events-{}", std::process::id()));
/// let mut board = TensorBoard::create(&folder)?;
/// let values: Tensor = tensor![0.0, 1.0, 1.5];
/// board.scalar("loss", 1, 0.5)?;
/// board.histogram("fc1/output", 1, &Histogram::of(&values, 30))?;
/// board.image("example", 1, &Image::grey(2, &[0.0, 1.0, 1.0, 0.0], 0.0, 1.0))?;
/// board.flush()?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The format is that of TensorFlow's `event.proto` and `summary.proto`, in TFRecord files.
pub struct TensorBoard {
    file: BufWriter<File>,
    path: PathBuf,
    flushed: Instant,
    /// The time of the events that follow, if it is not now.
    time: Option<f64>,
    /// The number of steps that a run took.
    steps: u64,
    /// Whether writing failed, during a run.
    failed: bool,
}

impl TensorBoard {
    /// A new event file in a folder, which is made if it does not exist.
    ///
    /// # Errors
    /// If the folder or the file cannot be made.
    pub fn create(folder: impl AsRef<Path>) -> io::Result<Self> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(|error| named(folder, error))?;
        let (seconds, process) = (now() as u64, std::process::id());
        let mut number = 0;
        let (path, file) = loop {
            let path = folder.join(format!("events.out.tfevents.{seconds:010}.wengert.{process}.{number}"));
            match File::create_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                file => break (path.clone(), file.map_err(|error| named(&path, error))?),
            }
        };
        let file = BufWriter::new(file);
        let mut board = Self { file, path, flushed: Instant::now(), time: None, steps: 0, failed: false };
        board.event(0, |event| event.bytes(3, b"brain.Event:2"))?;
        board.flush()?;
        Ok(board)
    }

    /// A number at a step. TensorBoard keeps `f32`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) -> io::Result<()> {
        self.summary(tag, step, |summary| summary.float(2, value as f32))
    }

    /// How numbers are spread at a step.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn histogram(&mut self, tag: &str, step: u64, histogram: &Histogram) -> io::Result<()> {
        let edges = |i| histogram.edges(i);
        let bins = || histogram.counts.iter().enumerate().map(|(i, &count)| (edges(i), count as f64));
        // Each number counts as the middle of its bin.
        let middles = || bins().map(|((low, high), count)| (low / 2.0 + high / 2.0, count));
        let message = Message::default()
            .double(1, histogram.low)
            .double(2, histogram.high)
            .double(3, histogram.total() as f64)
            .double(4, middles().map(|(middle, count)| middle * count).sum())
            .double(5, middles().map(|(middle, count)| middle * middle * count).sum())
            // A first bin that ends where the numbers begin tells where that is.
            .doubles(6, std::iter::once(histogram.low).chain(bins().map(|((_, high), _)| high)))
            .doubles(7, std::iter::once(0.0).chain(bins().map(|(_, count)| count)));
        self.summary(tag, step, |summary| summary.bytes(5, &message.0))
    }

    /// A picture at a step.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn image(&mut self, tag: &str, step: u64, image: &Image) -> io::Result<()> {
        let message = Message::default()
            .int(1, image.height() as u64)
            .int(2, image.width() as u64)
            .int(3, image.channels().into())
            .bytes(4, &image.png());
        self.summary(tag, step, |summary| summary.bytes(4, &message.0))
    }

    /// All that a history knows, at the times at which it happened if the run has just ended.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn history(&mut self, history: &History) -> io::Result<()> {
        let clock = Clock::new(history);
        for (tag, curve) in curves(history) {
            for point in curve.iter() {
                self.time = Some(clock.at(point.step));
                self.scalar(tag, point.step, point.mean)?;
            }
        }
        for epoch in history.epochs.iter() {
            self.time = Some(clock.at(epoch.step));
            self.epoch(epoch)?;
        }
        for snapshot in history.snapshots.iter() {
            self.time = Some(clock.at(snapshot.step));
            self.snapshot(snapshot)?;
        }
        self.time = None;
        self.flush()
    }

    /// Makes visible what was written.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.flushed = Instant::now();
        self.file.flush().map_err(|error| named(&self.path, error))
    }

    fn epoch(&mut self, epoch: &Epoch) -> io::Result<()> {
        for (side, metrics) in [("train", &epoch.train), ("validation", &epoch.validation)] {
            for (name, &value) in metrics {
                // A folder a metric: TensorBoard shows what has the same beginning together.
                self.scalar(&format!("{name}/{side}"), epoch.step, value)?;
            }
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let step = snapshot.step;
        for layer in &snapshot.layers {
            let place =
                if layer.path.is_empty() { layer.kind.clone() } else { format!("{}.{}", layer.path, layer.kind) };
            self.histogram(&format!("output/{place}"), step, &layer.output.histogram)?;
            if let Some(gradient) = &layer.gradient {
                self.histogram(&format!("gradient/{place}"), step, &gradient.histogram)?;
            }
            for (what, share) in [("dead", layer.dead_fraction), ("saturated", layer.saturated_fraction)] {
                if let Some(share) = share {
                    self.scalar(&format!("{what}/{place}"), step, share)?;
                }
            }
        }
        for param in &snapshot.params {
            self.histogram(&format!("param/{}", param.name), step, &param.histogram)?;
            self.scalar(&format!("update_ratio/{}", param.name), step, param.update_ratio())?;
        }
        Ok(())
    }

    fn summary(&mut self, tag: &str, step: u64, value: impl FnOnce(Message) -> Message) -> io::Result<()> {
        let value = value(Message::default().bytes(1, tag.as_bytes()));
        let summary = Message::default().bytes(1, &value.0);
        self.event(step, |event| event.bytes(5, &summary.0))
    }

    fn event(&mut self, step: u64, what: impl FnOnce(Message) -> Message) -> io::Result<()> {
        let event = Message::default().double(1, self.time.unwrap_or_else(now)).int(2, step);
        self.file.write_all(&record(&what(event).0)).map_err(|error| named(&self.path, error))
    }
}

/// What there is at every step.
fn curves(history: &History) -> [(&'static str, &Curve); 3] {
    [("loss", &history.loss), ("learning_rate", &history.lr), ("gradient_norm", &history.gradient_norm)]
}

/// When steps were taken, as far as the epochs know.
struct Clock {
    /// The end of the run.
    end: f64,
    /// Steps and seconds at the ends of epochs.
    known: Vec<(u64, f64)>,
}

impl Clock {
    fn new(history: &History) -> Self {
        let known = std::iter::once((0, 0.0)).chain(history.epochs.iter().map(|epoch| (epoch.step, epoch.seconds)));
        Self { end: now(), known: known.collect() }
    }

    fn at(&self, step: u64) -> f64 {
        let (last_step, last) = *self.known.last().expect("the start");
        let seconds = match self.known.iter().position(|&(end, _)| end >= step) {
            Some(0) => 0.0,
            Some(i) => {
                let ((from, start), (to, end)) = (self.known[i - 1], self.known[i]);
                start + (end - start) * (step - from) as f64 / (to - from).max(1) as f64
            }
            None => last + (step - last_step) as f64 * 1e-6,
        };
        self.end - last + seconds
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
