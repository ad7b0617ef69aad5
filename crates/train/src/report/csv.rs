//! A history as tables for other programs.

use std::fmt::Write;

use crate::{History, Point};

impl History {
    /// The epochs as CSV, a row each: its number, step, seconds and learning rate, then the
    /// metrics as `train_…` and `validation_…`. What an epoch does not have is empty.
    ///
    /// ```
    /// use wengert_train::{Epoch, History};
    ///
    /// let mut history = History::new(0);
    /// let train = [("loss".to_owned(), 0.5)].into();
    /// let epoch = Epoch { epoch: 1, step: 20, seconds: 0.25, lr: 0.01, train, validation: [].into() };
    /// history.epochs.push(epoch);
    /// assert_eq!(history.epochs_csv(), "epoch,step,seconds,lr,train_loss\n1,20,0.25,0.01,0.5\n");
    /// ```
    pub fn epochs_csv(&self) -> String {
        let mut names: [Vec<&str>; 2] = [Vec::new(), Vec::new()];
        for epoch in self.epochs.iter() {
            for (names, metrics) in names.iter_mut().zip([&epoch.train, &epoch.validation]) {
                let new = metrics.keys().filter(|name| !names.contains(&name.as_str())).collect::<Vec<_>>();
                names.extend(new.into_iter().map(String::as_str));
            }
        }
        let mut text = "epoch,step,seconds,lr".to_owned();
        for (side, names) in ["train", "validation"].iter().zip(&names) {
            names.iter().for_each(|name| text += &format!(",{}", quoted(&format!("{side}_{name}"))));
        }
        text.push('\n');
        for epoch in self.epochs.iter() {
            write!(text, "{},{},{},{}", epoch.epoch, epoch.step, epoch.seconds, epoch.lr).expect("a string takes it");
            for (names, metrics) in names.iter().zip([&epoch.train, &epoch.validation]) {
                for &name in names {
                    text.push(',');
                    metrics.get(name).inspect(|value| text += &value.to_string());
                }
            }
            text.push('\n');
        }
        text
    }

    /// The curves as CSV, a row for each of their points: the step it begins at, then mean, smallest
    /// and largest of loss and gradient norm, and the mean of the learning rate. What a curve does
    /// not have is empty.
    pub fn steps_csv(&self) -> String {
        let curves = [&self.loss, &self.gradient_norm, &self.lr];
        let mut steps: Vec<u64> = curves.iter().flat_map(|curve| curve.iter().map(|point| point.step)).collect();
        steps.sort_unstable();
        steps.dedup();
        let mut text = "step,loss,loss_min,loss_max,gradient_norm,gradient_norm_min,gradient_norm_max,lr\n".to_owned();
        for step in steps {
            text += &step.to_string();
            for (curve, columns) in curves.into_iter().zip([3, 3, 1]) {
                let point = curve.binary_search_by_key(&step, |point| point.step).ok().map(|i| curve[i]);
                let values = point.map(|Point { mean, min, max, .. }| [mean, min, max]);
                for column in 0..columns {
                    text.push(',');
                    values.inspect(|values| text += &values[column].to_string());
                }
            }
            text.push('\n');
        }
        text
    }
}

/// A field as RFC 4180 wants it.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.into() }
}
