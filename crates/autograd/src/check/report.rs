//! What a check found, as data and as a table.

use std::fmt;

use wengert_tensor::Shape;

/// What [`gradcheck`](super::gradcheck), [`gradgradcheck`](super::gradgradcheck) and
/// [`model`](super::model) found. It prints as a table, a line an input.
///
/// ```
/// use wengert_autograd::check::{Finding, gradcheck};
/// use wengert_tensor::tensor;
///
/// let report = gradcheck(|[x]| x.abs().sum(..), [tensor![-1.0, 0.0, 2.0]]);
/// assert!(report.is_ok());
/// let input = &report.inputs[0];
/// assert_eq!(input.finding, Finding::Kink);
/// assert_eq!(input.kinks[0].0, [1]);
/// assert!((input.kinks[0].1.left - -1.0).abs() < 1e-9);
/// println!("{report}");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a report does nothing unless it is looked at: `.assert_ok()`"]
pub struct Report {
    /// The check that was made.
    pub check: &'static str,
    /// The largest relative error that agrees.
    pub tolerance: f64,
    /// What made the comparison meaningless, if anything did.
    pub problem: Option<Problem>,
    /// What was found, by input or parameter.
    pub inputs: Vec<InputReport>,
}

/// Why there is nothing to compare.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// Two evaluations at the same inputs differ, by this much at most.
    NotDeterministic(f64),
    /// An element of this output is NaN or infinite.
    NotFinite {
        /// Which output.
        output: usize,
        /// The index of the element.
        index: Vec<usize>,
        /// NaN, ∞ or −∞.
        value: f64,
    },
}

/// What was found for one input or parameter.
#[derive(Clone, Debug)]
pub struct InputReport {
    /// Its name, or its position.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// Every comparison that was made.
    pub compared: Vec<Comparison>,
    /// Where it lies on a kink, with the slopes on both sides.
    pub kinks: Vec<(Vec<usize>, Kink)>,
    /// The finding that matters most.
    pub finding: Finding,
    /// What the pattern of the errors suggests.
    pub hint: Option<String>,
}

/// An analytic derivative beside a numeric one.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Along what the derivative was taken.
    pub along: Along,
    /// By the vjp rules.
    pub analytic: f64,
    /// By finite differences.
    pub numeric: f64,
    /// How far `numeric` may be off.
    pub numeric_error: f64,
    /// The relative error, as the [module](super) defines it.
    pub error: f64,
    /// What this says.
    pub finding: Finding,
}

/// A direction in an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Along {
    /// The element at this index.
    Element(Vec<usize>),
    /// A random direction, by number.
    Direction(usize),
}

/// The one-sided derivatives at a kink, or beside a jump.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kink {
    /// Towards smaller values.
    pub left: f64,
    /// Towards larger values.
    pub right: f64,
    /// By how much the function jumps there; 0 at a kink.
    pub jump: f64,
}

/// What a comparison says, from the least to the most serious.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The gradient agrees with finite differences.
    Agrees,
    /// It agrees, and is zero everywhere, to rounding.
    Zero,
    /// The function has no derivative here, on a kink or a jump, and the gradient lies between its
    /// one-sided ones.
    Kink,
    /// Finite differences are not accurate enough to decide.
    Unsettled,
    /// The gradient, or the function beside the point, is NaN or infinite.
    NotFinite,
    /// The loss does not use this parameter.
    Unused,
    /// No gradient arrives, where finite differences find one.
    Unreached,
    /// The gradient is wrong.
    Wrong,
}

impl Finding {
    /// Whether a gradient of this finding may be relied on.
    pub fn is_ok(self) -> bool {
        self <= Finding::Kink
    }
}

impl Report {
    /// Whether every gradient may be relied on.
    pub fn is_ok(&self) -> bool {
        self.problem.is_none() && self.inputs.iter().all(|input| input.finding.is_ok())
    }

    /// Panics with the table unless [`is_ok`](Self::is_ok).
    ///
    /// # Panics
    /// If a gradient is wrong, or could not be checked.
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.is_ok(), "{self}");
    }

    /// The largest relative error; NaN if one is.
    pub fn worst_error(&self) -> f64 {
        self.inputs.iter().filter_map(InputReport::worst).map(|c| c.error).fold(0.0, |a, b| if a >= b { a } else { b })
    }
}

impl InputReport {
    /// The comparison with the largest error, among those that fail if there are such; `None`
    /// for an input without elements.
    pub fn worst(&self) -> Option<&Comparison> {
        let fails = |c: &Comparison| !c.finding.is_ok();
        self.compared.iter().max_by(|a, b| fails(a).cmp(&fails(b)).then(a.error.total_cmp(&b.error)))
    }

    /// Only elements, with what was found there.
    fn elements(&self) -> impl Iterator<Item = (&[usize], &Comparison)> {
        self.compared.iter().filter_map(|c| match &c.along {
            Along::Element(index) => Some((&index[..], c)),
            Along::Direction(_) => None,
        })
    }
}

/// Fills in what the pattern of each input's errors suggests.
pub(super) fn suggest(inputs: &mut [InputReport]) {
    let hints: Vec<Option<String>> = inputs.iter().map(|input| hint(input, inputs)).collect();
    for (input, hint) in inputs.iter_mut().zip(hints) {
        input.hint = hint;
    }
}

fn hint(input: &InputReport, all: &[InputReport]) -> Option<String> {
    let about = |a: f64, b: f64| (a - b).abs() <= 1e-7 * a.abs().max(b.abs());
    let at_kinks = || {
        let (index, Kink { left, right, jump }) = input.kinks.first()?;
        let jump = if *jump == 0.0 { String::new() } else { format!("a jump of {} ", short(*jump)) };
        let more = if input.kinks.len() > 1 { format!(", and {} more", input.kinks.len() - 1) } else { String::new() };
        Some(format!("{jump}at {index:?}, slopes {} and {}{more}", short(*left), short(*right)))
    };
    match input.finding {
        Finding::Kink => at_kinks(),
        Finding::Wrong => {
            let compared: Vec<&Comparison> = input.compared.iter().filter(|c| c.finding != Finding::Kink).collect();
            let largest = compared.iter().max_by(|a, b| a.numeric.abs().total_cmp(&b.numeric.abs()))?;
            let factor = largest.analytic / largest.numeric;
            let everywhere = compared.iter().all(|c| about(c.analytic, factor * c.numeric));
            let why = [
                (-1.0, " (a sign?)"),
                (0.5, " (a factor, or a cotangent that the rule forgets?)"),
                (2.0, " (a factor?)"),
            ];
            let why = why.into_iter().find(|&(usual, _)| about(factor, usual)).map(|(_, why)| why);
            // One element has some factor in any case.
            let everywhere = everywhere && (compared.len() > 1 || why.is_some());
            if everywhere && factor.is_finite() && !about(factor, 1.0) {
                let why = why.unwrap_or_default();
                // Near 1, what matters is in the later digits.
                let times = if (factor - 1.0).abs() < 1e-2 { format!("{factor:.9}") } else { short(factor) };
                return Some(format!("{times} times the right gradient everywhere{why}"));
            }
            let same = |other: &&InputReport| {
                !std::ptr::eq(*other, input)
                    && other.compared.len() == input.compared.len()
                    && input
                        .compared
                        .iter()
                        .zip(&other.compared)
                        .all(|(a, b)| a.along == b.along && about(a.analytic, b.numeric))
            };
            if let Some(other) = all.iter().find(same) {
                return Some(format!("it is the gradient of {}: are the cotangents swapped?", other.name));
            }
            let wrong = input.elements().filter(|(_, c)| c.finding == Finding::Wrong).count();
            (wrong > 0).then(|| format!("at {wrong} of {}", input.elements().count()))
        }
        Finding::Unused => Some("the loss does not depend on it".to_owned()),
        Finding::Unreached => Some("is there a detach, or a rule without a derivative?".to_owned()),
        Finding::Unsettled => Some("finite differences disagree with each other: a jump, or noise?".to_owned()),
        Finding::NotFinite => Some("the gradient, or the function beside it, is NaN or infinite".to_owned()),
        Finding::Agrees | Finding::Zero => None,
    }
}

/// A number to four digits.
fn short(v: f64) -> String {
    if v == 0.0 || (1e-3..1e4).contains(&v.abs()) { format!("{}", (v * 1e4).round() / 1e4) } else { format!("{v:.3e}") }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Finding::Agrees => "ok",
            Finding::Zero => "ok: zero everywhere",
            Finding::Kink => "ok: on a kink",
            Finding::Unsettled => "UNSETTLED",
            Finding::NotFinite => "NOT FINITE",
            Finding::Unused => "UNUSED",
            Finding::Unreached => "NO GRADIENT",
            Finding::Wrong => "WRONG",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NotDeterministic(by) => {
                write!(f, "not deterministic: two evaluations at the same inputs differ by up to {by:.1e}")
            }
            Problem::NotFinite { output, index, value } => {
                write!(f, "output {output} is {value} at {index:?}: there is nothing to differentiate")
            }
        }
    }
}

impl fmt::Display for Along {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Along::Element(index) => write!(f, "{index:?}"),
            Along::Direction(number) => write!(f, "direction {number}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_ok() { "ok" } else { "FAILED" };
        writeln!(f, "{}: {verdict} (tolerance {:e})", self.check, self.tolerance)?;
        if let Some(problem) = &self.problem {
            writeln!(f, "  {problem}")?;
        }
        if self.inputs.is_empty() {
            return Ok(());
        }
        let input = if self.check == "model" { "parameter" } else { "input" };
        let header = [input, "shape", "checked", "largest error", "at", "analytic", "numeric", "±", "finding"];
        let mut rows = vec![header.map(String::from).to_vec()];
        rows.extend(self.inputs.iter().map(row));
        table(f, &rows)
    }
}

fn row(input: &InputReport) -> Vec<String> {
    let (elements, count) = (input.elements().count(), input.shape.count());
    let directions = input.compared.len() - elements;
    let mut checked = if elements == count { count.to_string() } else { format!("{elements} of {count}") };
    if directions > 0 {
        checked = format!("{checked} + {directions} directions");
    }
    let mut cells = vec![input.name.clone(), input.shape.to_string(), checked];
    match input.worst() {
        Some(Comparison { along, analytic, numeric, numeric_error, error, .. }) => cells.extend([
            format!("{error:.1e}"),
            along.to_string(),
            format!("{analytic:.9e}"),
            format!("{numeric:.9e}"),
            format!("{numeric_error:.0e}"),
        ]),
        None => cells.extend(["-"; 5].map(String::from)),
    }
    cells.push(match &input.hint {
        Some(hint) => format!("{}: {hint}", input.finding),
        None => input.finding.to_string(),
    });
    cells
}

/// Rows of equal length in aligned columns: text to the left, numbers to the right.
pub(super) fn table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows[0].len();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let is_number = |cell: &str| cell == "-" || cell.parse::<f64>().is_ok();
    let right: Vec<bool> =
        (0..columns).map(|c| rows.len() > 1 && rows[1..].iter().all(|row| is_number(&row[c]))).collect();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = width(column);
            line += "  ";
            line += &if right[column] { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}
