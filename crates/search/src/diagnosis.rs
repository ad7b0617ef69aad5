//! What a search says about itself, in words.

use wengert_report::{Finding, Number, Severity};

use crate::importance::{Importances, importances};
use crate::narrow::{good, standing};
use crate::outcome::deviation;
use crate::run::{DIED, StageFound, USELESS};
use crate::{Parameter, Record, State, Study};

/// Whatever part of the differences is foretold below this, importances say nothing.
const EXPLAINED: f64 = 0.1;

/// What is worth saying, the worst first.
pub(crate) fn diagnose(stages: &[StageFound], test: &[f64], damaged: usize) -> Vec<Finding> {
    let (Some(first), Some(last)) = (stages.first(), stages.last()) else { return Vec::new() };
    let mut findings = Vec::new();
    findings.extend(stages.iter().filter_map(failed));
    findings.extend(exploded(first));
    findings.extend(at_edges(last));
    findings.extend(judged(last, test));
    findings.extend(alike(last));
    findings.extend(more_trials(last));
    findings.extend(matters(first));
    if damaged > 0 {
        findings.push(Finding {
            severity: Severity::Warning,
            title: format!("{damaged} lines of the journal are no events"),
            evidence: vec!["They were passed over; what they said is missing here.".to_owned()],
            advice: vec!["If the file was edited by hand, mend these lines".to_owned()],
        });
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn failed(stage: &StageFound) -> Option<Finding> {
    let study = &stage.study;
    // What died with its process was done again.
    let failed: Vec<&Record> =
        study.trials.iter().filter(|trial| trial.state == State::Failed && !trial.system.contains_key(DIED)).collect();
    let (count, all) = (failed.len(), study.trials.len());
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for trial in failed {
        let reason = trial.notes.get("error").and_then(|v| v.as_str()).unwrap_or("for no known reason").to_owned();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason, 1)),
        }
    }
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    (count > 0).then(|| Finding {
        severity: if 2 * count > all { Severity::Serious } else { Severity::Warning },
        title: format!("{count} of {all} trials of stage {} failed", stage.name),
        evidence: reasons.iter().take(3).map(|(reason, count)| format!("{count}: {reason}")).collect(),
        advice: vec!["Mend what fails, or take what makes it fail out of the space".to_owned()],
    })
}

fn is_useless(trial: &Record) -> bool {
    trial.system.contains_key(USELESS)
}

/// Trials that came to nothing, and the part of a range in which most of them are.
fn exploded(stage: &StageFound) -> Option<Finding> {
    let ended: Vec<&Record> = stage.study.trials.iter().filter(|trial| trial.state.is_finished()).collect();
    let useless = ended.iter().filter(|trial| is_useless(trial)).count();
    if useless < 3 {
        return None;
    }
    let parameters = stage.ranges.parameters().iter();
    let parts = parameters.filter_map(|parameter| Some((parameter, worst_part(parameter, &ended)?)));
    let best = parts.max_by(|(_, a), (_, b)| a.gain.total_cmp(&b.gain));
    let (evidence, advice) = match best {
        Some((parameter, part)) if part.here() > 2.0 * part.elsewhere() => {
            let (name, bound) = (&parameter.name, parameter.distribution.show(part.bound));
            let (side, advice) = if part.above { ("from", "Lower the upper") } else { ("below", "Raise the lower") };
            let ([hit, all], [other_hit, other]) = (part.inside, part.outside);
            (
                format!("{hit} of {all} trials with {name} {side} {bound} did, and {other_hit} of the other {other}"),
                format!("{advice} bound of {name} to about {bound}"),
            )
        }
        _ => ("No single parameter tells them from the others".to_owned(), "Look for a pair of parameters".to_owned()),
    };
    Some(Finding {
        severity: if 3 * useless > ended.len() { Severity::Warning } else { Severity::Note },
        title: format!("{useless} of {} trials of stage {} exploded", ended.len(), stage.name),
        evidence: vec![evidence],
        advice: vec![advice],
    })
}

/// One end of a range: how many trials there came to nothing, of how many, and of the others.
struct Part {
    bound: f64,
    above: bool,
    inside: [usize; 2],
    outside: [usize; 2],
    gain: f64,
}

impl Part {
    fn here(&self) -> f64 {
        self.inside[0] as f64 / self.inside[1].max(1) as f64
    }

    fn elsewhere(&self) -> f64 {
        self.outside[0] as f64 / self.outside[1].max(1) as f64
    }
}

/// The end of a range that differs most from the rest.
fn worst_part(parameter: &Parameter, ended: &[&Record]) -> Option<Part> {
    parameter.distribution.bounds()?;
    let having = ended.iter().filter_map(|trial| Some((trial.value(&parameter.name)?, is_useless(trial))));
    let mut values: Vec<(f64, bool)> = having.collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = |part: &[(f64, bool)]| [part.iter().filter(|(_, useless)| *useless).count(), part.len()];
    let cuts = (1..values.len()).filter(|&cut| values[cut - 1].0 < values[cut].0);
    let parts = cuts.map(|cut| {
        let [below, above] = [count(&values[..cut]), count(&values[cut..])];
        let is_above = above[0] * below[1] > below[0] * above[1];
        let (inside, outside) = if is_above { (above, below) } else { (below, above) };
        let mut part = Part { bound: values[cut].0, above: is_above, inside, outside, gain: 0.0 };
        part.gain = (part.here() - part.elsewhere()).powi(2) * inside[1] as f64 * outside[1] as f64;
        part
    });
    parts.max_by(|a, b| a.gain.total_cmp(&b.gain))
}

fn at_edges(stage: &StageFound) -> Vec<Finding> {
    let ranking = stage.study.ranking();
    let good = good(&ranking, stage.keep);
    let findings = stage.ranges.parameters().iter().filter_map(|parameter| {
        let edges = standing(parameter, good)?.at_edge;
        let side = edges.iter().position(|&edge| edge)?;
        let [low, high] = parameter.distribution.bounds()?;
        let bound = [low, high][side];
        let at_limit = parameter.limits[side] == bound;
        let (name, range) = (&parameter.name, &parameter.distribution);
        let best = good.iter().find_map(|trial| trial.value(name))?;
        let side = ["lower", "upper"][side];
        Some(Finding {
            severity: if at_limit { Severity::Note } else { Severity::Warning },
            title: format!("The best values of {name} lie at the {side} edge of its range"),
            evidence: vec![format!(
                "The best is {}, in {range}, and half of the good trials are near it",
                range.show(best)
            )],
            advice: vec![match at_limit {
                true => format!("This is the limit of what {name} may be: fix it there, if that makes sense"),
                false => format!("Add a stage, which widens the range, or move the {side} bound"),
            }],
        })
    });
    findings.collect()
}

fn judged(stage: &StageFound, test: &[f64]) -> Option<Finding> {
    let best = stage.study.best()?;
    let (score, first) = (best.score?, *test.first()?);
    if test.len() > 1 && test.iter().any(|score| *score != first) {
        return Some(Finding {
            severity: Severity::Warning,
            title: format!("The test data were looked at {} times", test.len()),
            evidence: vec![format!(
                "Scores: {}",
                test.iter().map(|&s| Number(s).to_string()).collect::<Vec<_>>().join(", ")
            )],
            advice: vec!["Only the first is a fair estimate; for another, take new test data".to_owned()],
        });
    }
    let worse = if stage.study.maximize { score - first } else { first - score };
    let spread = deviation(best)?;
    (worse > 2.0 * spread && spread > 0.0).then(|| Finding {
        severity: Severity::Warning,
        title: "The final model is worse on test data than in cross-validation".to_owned(),
        evidence: vec![format!("{} against {} ± {}", Number(first), Number(score), Number(spread))],
        advice: vec![
            "Check that test data are of the same kind, and prepared in the same way".to_owned(),
            "The best of many is lucky: use more folds, or fewer trials in the last stage".to_owned(),
        ],
    })
}

/// The uncertainty of a score: its standard error over the folds.
fn standard_error(trial: &Record) -> Option<f64> {
    let folds = trial.notes.get("folds")?.as_array()?.len();
    Some(deviation(trial)? / (folds as f64).sqrt())
}

/// The trials that are as good as the best, as far as the folds can tell.
fn alike(stage: &StageFound) -> Option<Finding> {
    let best = stage.study.best()?;
    let (score, error) = (best.score?, standard_error(best)?);
    let near =
        |trial: &&&Record| trial.state == State::Complete && trial.score.is_some_and(|s| (s - score).abs() <= error);
    let ranking = stage.study.ranking();
    let alike: Vec<String> = ranking.iter().filter(near).map(|trial| trial.number.to_string()).collect();
    (alike.len() > 1).then(|| Finding {
        severity: Severity::Note,
        title: format!("{} trials are as good as the best, as far as the folds can tell", alike.len()),
        evidence: vec![format!(
            "Their scores are within one standard error, {}, of {}: trials {}",
            Number(error),
            Number(score),
            alike.join(", ")
        )],
        advice: vec!["Choose the simplest or fastest of them, or use more folds to tell them apart".to_owned()],
    })
}

/// Whether more trials would help: what the second half of the trials has brought.
fn more_trials(stage: &StageFound) -> Option<Finding> {
    let (study, best) = (&stage.study, stage.study.best()?);
    let half = study.trials.len() / 2;
    let early = Study { trials: study.trials[..half].to_vec(), ..study.clone() };
    let before = early.best()?.score?;
    let gain = (best.score? - before).abs();
    let scores: Vec<f64> = study.trials.iter().filter(|t| t.state == State::Complete).filter_map(|t| t.score).collect();
    if scores.len() < 4 {
        return None;
    }
    let mut sorted = scores;
    sorted.sort_by(f64::total_cmp);
    let middle = sorted[3 * sorted.len() / 4] - sorted[sorted.len() / 4];
    let (enough, measure) = match standard_error(best) {
        Some(error) => (error, format!("the standard error of the best is {}", Number(error))),
        None => (middle / 10.0, format!("the middle half of all scores spans {}", Number(middle))),
    };
    let evidence = vec![format!("The second half of the trials made the best better by {}; {measure}", Number(gain))];
    Some(if gain > enough {
        Finding {
            severity: Severity::Note,
            title: "More trials would probably help".to_owned(),
            evidence,
            advice: vec![format!("Give stage {} more trials, and run again: it goes on from the journal", stage.name)],
        }
    } else {
        let title = "More trials of the same kind would hardly help".to_owned();
        Finding { severity: Severity::Good, title, evidence, advice: Vec::new() }
    })
}

fn matters(stage: &StageFound) -> Option<Finding> {
    let Some(Importances { parameters, explained, trials, .. }) = importances(&stage.study, &stage.ranges) else {
        return Some(too_few(stage, "There are fewer than ten that can be compared, or their scores are all the same"));
    };
    if explained < EXPLAINED {
        let share = Number((100.0 * explained.max(0.0)).round());
        return Some(too_few(
            stage,
            &format!("All parameters together foretell {share} % of the differences between {trials}"),
        ));
    }
    let (matter, not): (Vec<_>, Vec<_>) = parameters.into_iter().partition(|parameter| parameter.matters);
    let percent = |share: f64| format!("{} %", (100.0 * share).round());
    let names = |of: &[crate::Importance]| of.iter().map(|p| p.parameter.clone()).collect::<Vec<_>>().join(", ");
    let told = matter.iter().take(3).map(|p| {
        let (low, high) = p.interval;
        format!(
            "{} explains {} of the differences ({} to {})",
            p.parameter,
            percent(p.share),
            percent(low),
            percent(high)
        )
    });
    Some(Finding {
        severity: Severity::Note,
        title: match (matter.is_empty(), not.is_empty()) {
            (true, _) => format!("No parameter by itself mattered more than noise in stage {}", stage.name),
            (false, true) => format!("Every parameter mattered in stage {}", stage.name),
            (false, false) => {
                let were = if not.len() == 1 { "parameter was" } else { "parameters were" };
                format!("{} {were} not seen to matter in stage {}", not.len(), stage.name)
            }
        },
        evidence: told.chain((!not.is_empty()).then(|| format!("No more than noise: {}", names(&not)))).collect(),
        advice: if not.is_empty() {
            Vec::new()
        } else {
            vec!["Fix these at what is simplest, or search them again where the others are good".to_owned()]
        },
    })
}

fn too_few(stage: &StageFound, why: &str) -> Finding {
    Finding {
        severity: Severity::Note,
        title: "Too few trials to say which parameters matter".to_owned(),
        evidence: vec![why.to_owned()],
        advice: vec![format!("Give stage {} more trials", stage.name)],
    }
}
