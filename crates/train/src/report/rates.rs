//! The learning-rate range test.

use wengert_report::{Axis, Number, Plot};

use crate::Rates;

/// The loss at each rate, with the rate to take.
pub(super) fn plot(rates: &Rates) -> Plot {
    let raw = rates.points.iter().map(|point| (point.lr, point.loss));
    let smoothed = || rates.points.iter().map(|point| (point.lr, point.smoothed));
    // What a rate does that is too high needs no room.
    let finite = || smoothed().map(|point| point.1).filter(|loss| loss.is_finite());
    let lowest = finite().fold(f64::INFINITY, f64::min);
    let highest = finite().take(10).fold(f64::NEG_INFINITY, f64::max);
    let room = 0.3 * (highest - lowest);
    let mut axis = Axis::new("loss");
    if room > 0.0 && room.is_finite() {
        axis = axis.range(lowest - room, highest + room);
    }
    let mut plot = Plot::new("Learning-rate range test")
        .x(Axis::new("learning rate").log())
        .y(axis)
        .context("each step", raw)
        .line("smoothed", smoothed());
    let mut caption = "The learning rate rises from step to step. ".to_owned();
    match rates.proposal {
        Some(lr) => {
            plot = plot.rule_x(lr, format!("take {}", short(lr)));
            caption += "The rate to take is where the loss falls fastest.";
        }
        None => caption += "The loss falls nowhere.",
    }
    if let Some(lr) = rates.diverges {
        caption += &format!(" At {} it diverges.", short(lr));
    }
    plot.caption(caption)
}

/// A rate to two digits: it is not known any better.
fn short(lr: f64) -> Number {
    Number(format!("{lr:.1e}").parse().unwrap_or(lr))
}
