//! The loss of an untrained model, with and without regularisation, and its gradients.

use wengert_autograd::Var;
use wengert_autograd::check::Check as Gradcheck;
use wengert_autograd::check::{Along, Finding, InputReport};
use wengert_nn::Module;
use wengert_tensor::Float;

use super::{About, Check};

/// Whether the mean cross entropy of an untrained classifier is about ln C: it knows nothing, so
/// each of the `classes` should be as likely as the others.
///
/// ```
/// use wengert_train::before::{Verdict, initial_loss};
/// assert_eq!(initial_loss(2.4, 10).verdict, Verdict::Good); // ln 10 = 2.303
/// assert_eq!(initial_loss(70.0, 10).verdict, Verdict::Bad);
/// ```
pub fn initial_loss(loss: f64, classes: usize) -> Check {
    let chance = (classes as f64).ln();
    let found = format!("the untrained model has a loss of {loss:.3}, where ln {classes} = {chance:.3}");
    // Scores of deviation 1, which a usual start gives, add about ½; of deviation 3 about 5.
    if !loss.is_finite() || loss > 3.0 * chance + 2.0 {
        let advice = "start the last layer with smaller weights, scale the inputs, and see that outputs are scores";
        Check::bad(About::InitialLoss, found, advice)
    } else if loss > 1.5 * chance + 1.0 {
        let advice = "start the last layer with smaller weights, so that the first steps need not undo them";
        Check::doubtful(About::InitialLoss, found, advice)
    } else if loss < 0.6 * chance {
        let advice =
            "see that the model is untrained, that the labels are not among its inputs, and how the loss is averaged";
        Check::doubtful(About::InitialLoss, found, advice)
    } else {
        Check::good(About::InitialLoss, found)
    }
}

/// Whether adding regularisation raises the loss of an untrained model.
///
/// ```
/// use wengert_train::before::{Verdict, regularisation};
/// assert_eq!(regularisation(2.31, 2.52).verdict, Verdict::Good);
/// assert_eq!(regularisation(2.31, 2.31).verdict, Verdict::Bad);
/// ```
pub fn regularisation(without: f64, with: f64) -> Check {
    if with > without {
        let found = format!("it raises the loss of the untrained model from {without:.3} to {with:.3}");
        return Check::good(About::Regularisation, found);
    }
    let found = format!("the loss of the untrained model is {without:.3} without it and {with:.3} with it");
    Check::bad(
        About::Regularisation,
        found,
        "see that the penalty is added to the loss, of these parameters and positive",
    )
}

/// Whether the gradients of a recorded loss agree with finite differences, on a few elements of
/// every parameter and in a few random directions; see [`wengert_autograd::check`].
///
/// A handful of examples is enough, and quick. Call it before the step is committed.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Layer, Linear, Loss};
/// use wengert_tensor::Rng;
/// use wengert_train::before::{Verdict, gradients};
/// use wengert_train::digits;
///
/// let net = Linear::<f32>::new(64, 10, &mut Rng::seed(0));
/// let (x, labels) = digits().batches(8, 0).next().unwrap();
/// let tape = Tape::train(0);
/// let check = gradients(net.forward(tape.var(x)).cross_entropy(&labels), &net);
/// assert_eq!(check.verdict, Verdict::Good);
/// ```
/// # Panics
/// If the loss is not a scalar.
#[track_caller]
pub fn gradients<T: Float>(loss: Var<'_, T>, model: &(impl Module<T> + ?Sized)) -> Check {
    let report = Gradcheck::new().at_most(3).model(loss, &model.params());
    let about = About::Gradients;
    if let Some(problem) = &report.problem {
        let found = format!("they cannot be compared with finite differences: {problem:?}");
        return Check::doubtful(about, found, "see that the loss is finite, and the same for the same tape seed");
    }
    let worst = report.inputs.iter().max_by_key(|input| finding(input));
    let Some(worst) = worst.filter(|input| !finding(input).is_ok()) else {
        let found = format!("they agree with finite differences to {:.0e}", report.worst_error());
        return Check::good(about, found);
    };
    let name = &worst.name;
    let compared = worst.compared.iter().max_by(|a, b| a.error.total_cmp(&b.error));
    let numbers = compared.map(|c| format!(": {:.4e}, where finite differences say {:.4e}", c.analytic, c.numeric));
    let found = |what: &str| format!("that of `{name}` {what}{}", numbers.clone().unwrap_or_default());
    match finding(worst) {
        Finding::Wrong => {
            Check::bad(about, found("is wrong"), "check the vjp rules of your own operations with `check::op`")
        }
        Finding::Unreached => {
            let advice = "look for a detach, or an operation without a vjp, between this parameter and the loss";
            Check::bad(about, found("does not arrive"), advice)
        }
        Finding::NotFinite => {
            Check::bad(about, found("is not finite"), "find the operation with `Tape::detect_anomaly`")
        }
        Finding::Unused => {
            let advice = "use it in the model's forward, or freeze it";
            Check::doubtful(about, format!("`{name}` is not used by the loss"), advice)
        }
        // On a kink, or too rough to tell.
        _ => Check::good(
            about,
            format!("nothing contradicts them; that of `{name}` cannot be told by finite differences"),
        ),
    }
}

/// What a comparison says. Where several elements lie on kinks, the gradient need not be between the
/// slopes on both sides of a direction, so there only single elements count. A small error is that of the
/// differences, of a function as bent as a deep network: a wrong rule is wrong by more.
fn finding(input: &InputReport) -> Finding {
    const SMALL: f64 = 1e-4;
    if input.finding != Finding::Wrong {
        return input.finding;
    }
    let counts = |along: &Along| input.kinks.is_empty() || matches!(along, Along::Element(_));
    let compared = input.compared.iter().filter(|compared| counts(&compared.along));
    let findings = compared.map(|compared| match compared.finding {
        Finding::Wrong if compared.error < SMALL => Finding::Unsettled,
        finding => finding,
    });
    findings.max().unwrap_or(Finding::Kink)
}
