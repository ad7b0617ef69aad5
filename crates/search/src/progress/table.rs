//! The table of a stage that is drawn anew.

use super::score;
use crate::{Record, Stage, State, Study};

/// A table at the bottom of the terminal; nothing if there is no terminal.
#[cfg(feature = "progress")]
pub(super) struct Table {
    bar: indicatif::ProgressBar,
    metric: String,
    workers: usize,
}

#[cfg(feature = "progress")]
impl Table {
    pub(super) fn new(quiet: bool, metric: &str, workers: usize) -> Self {
        use std::io::IsTerminal;

        use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

        let shown = !quiet && std::io::stdout().is_terminal();
        let target = if shown { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{msg}").expect("a valid template");
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self { bar, metric: metric.to_owned(), workers }
    }

    /// A line above the table, or alone.
    pub(super) fn line(&self, text: &str) {
        // Not the bar's own printing, which says nothing where there is no terminal.
        self.bar.suspend(|| wengert_train::Progress::print(text));
    }

    pub(super) fn draw(&self, stage: &Stage, study: &Study) {
        if !self.bar.is_hidden() {
            let now = crate::journal::now();
            self.bar.set_message(rows(stage, study, &self.metric, self.workers, now).join("\n"));
        }
    }

    pub(super) fn clear(&self) {
        self.bar.set_message("");
    }
}

#[cfg(feature = "progress")]
impl Drop for Table {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Counts and times, the best trials, and those that run.
fn rows(stage: &Stage, study: &Study, metric: &str, workers: usize, now: f64) -> Vec<String> {
    let [running, stopped, failed] = [State::Running, State::Pruned, State::Failed].map(|state| study.count(state));
    let done = study.trials.len() - running;
    let filled = (40 * done / stage.trials.max(1)).min(40);
    let mut head =
        format!("{} {}{} {done}/{} trials", stage.name, "█".repeat(filled), "░".repeat(40 - filled), stage.trials);
    for (count, what) in [(running, "running"), (stopped, "stopped"), (failed, "failed")] {
        head += &format!(", {count} {what}");
    }
    let took: Vec<f64> = study.trials.iter().filter_map(Record::seconds).collect();
    if !took.is_empty() {
        let each = took.iter().sum::<f64>() / took.len() as f64;
        head += &format!(", {} left", clock(each * stage.trials.saturating_sub(done) as f64 / workers as f64));
    }
    let mut rows = vec![head, format!("{:>6}  {metric:<18}  {:>5}  {:>6}  parameters", "trial", "steps", "time")];
    let best = study.ranking().into_iter().filter(|trial| trial.state == State::Complete).take(3);
    let running = study.trials.iter().filter(|trial| trial.state == State::Running);
    rows.extend(best.map(|trial| row(trial, "", now)));
    rows.extend(running.take(16).map(|trial| row(trial, "…", now)));
    rows
}

fn row(trial: &Record, mark: &str, now: f64) -> String {
    let (steps, score) = match (trial.last(), trial.state) {
        (last, State::Complete) => (last.map(|(step, _)| step), score(trial)),
        (Some((step, score)), _) => (Some(step), format!("{score:.4}")),
        (None, _) => (None, String::new()),
    };
    let steps = steps.map_or_else(String::new, |step| step.to_string());
    let seconds = trial.seconds().or(trial.time[0].map(|start| (now - start).max(0.0)));
    let parameters: Vec<String> = trial.parameters.iter().map(|(_, value, range)| range.show(*value)).collect();
    let mut row = format!("{:>5}{mark:1}  {score:<18}  {steps:>5}  ", trial.number);
    row += &format!("{:>6}  {}", clock(seconds.unwrap_or(0.0)), parameters.join(" "));
    row.chars().take(100).collect()
}

/// Seconds as minutes and seconds.
fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Distribution;
    use crate::journal::{Event, NewTrial, Studies};

    #[test]
    fn the_table_shows_the_best_and_those_that_run() {
        let mut studies = Studies::default();
        studies.apply("w", Event::CreateStudy { name: "s".into(), directions: vec![2] });
        let range = Distribution::Float { low: 1e-4, high: 1.0, log: true, step: None };
        let states = [State::Complete, State::Complete, State::Pruned, State::Failed, State::Running];
        for (i, state) in states.into_iter().enumerate() {
            let trial = NewTrial {
                state,
                start: Some(10.0),
                end: state.is_finished().then_some(13.0),
                values: (state == State::Complete).then(|| vec![0.5 + i as f64 / 10.0]),
                parameters: vec![("lr".into(), 1e-2, range.clone())],
                curve: vec![(3, 0.25)],
                ..NewTrial::default()
            };
            studies.apply("w", Event::CreateTrial { study: 0, trial: Box::new(trial) });
        }
        let study = studies.named("s").expect("the study");
        let rows = rows(&Stage::new("coarse", 16), study, "accuracy", 2, 75.0);
        let bar = "█".repeat(10) + &"░".repeat(30);
        let expected = [
            &format!("coarse {bar} 4/16 trials, 1 running, 1 stopped, 1 failed, 0:18 left"),
            " trial  accuracy            steps    time  parameters",
            "    1   0.6000                  3    0:03  0.01",
            "    0   0.5000                  3    0:03  0.01",
            "    4…  0.2500                  3    1:05  0.01",
        ];
        assert_eq!(rows, expected);
        assert_eq!([59.6, 3600.0 + 125.0].map(clock), ["1:00", "1:02:05"]);
    }
}
