//! Which trials of a stage are done, run, or have yet to begin.
//!
//! A stage has a slot for each of its trials. A trial whose process died leaves its slot to another,
//! which for most samplers has the same values.

use crate::{Fate, Record, Seen, State, Study};
use crate::{Ranges, Values};

pub(super) const SLOT: &str = "wengert:slot";
pub(crate) const DIED: &str = "wengert:died";
/// Of a trial that exploded or whose score was NaN, from which samplers learn.
pub(crate) const USELESS: &str = "wengert:useless";

pub(super) fn slot(trial: &Record) -> Option<usize> {
    trial.system.get(SLOT)?.as_u64().map(|slot| slot as usize)
}

fn has(trial: &Record, key: &str) -> bool {
    trial.system.contains_key(key)
}

/// The next slot that is free.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    Slot(usize),
    /// The rest runs elsewhere.
    Wait,
    Done,
}

/// `dead` are the trials, by position, whose processes have died.
pub(super) fn next(study: &Study, slots: usize, dead: &[usize]) -> Next {
    let mut taken = vec![false; slots];
    let mut deaths = vec![0; slots];
    let mut running = false;
    for trial in &study.trials {
        let Some(slot) = slot(trial).filter(|&slot| slot < slots) else { continue };
        if has(trial, DIED) || dead.contains(&trial.id) {
            deaths[slot] += 1;
            continue;
        }
        taken[slot] = true;
        running |= !trial.state.is_finished();
    }
    // Whatever kills its process again and again does not keep others from being tried.
    let free = (0..slots).filter(|&slot| !taken[slot]).min_by_key(|&slot| deaths[slot]);
    free.map_or(if running { Next::Wait } else { Next::Done }, Next::Slot)
}

/// What a sampler may know, with lower scores better.
pub(super) fn seen(study: &Study, ranges: &Ranges, dead: &[usize]) -> Vec<Seen> {
    let sign = if study.maximize { -1.0 } else { 1.0 };
    let seen = study.trials.iter().filter_map(|trial| {
        let fate = match trial.state {
            _ if has(trial, DIED) || dead.contains(&trial.id) => return None,
            _ if has(trial, USELESS) => Fate::Useless,
            State::Complete => Fate::Done(sign * trial.score.filter(|score| !score.is_nan())?),
            State::Pruned => trial.last().map_or(Fate::Useless, |(step, score)| Fate::Stopped(step, sign * score)),
            State::Running | State::Waiting => Fate::Running,
            State::Failed => return None,
        };
        let values: Values = ranges.values_of(trial);
        ranges.contains(&values).then_some(Seen { values, fate })
    });
    seen.collect()
}
