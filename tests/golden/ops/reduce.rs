//! Reductions and scans over axes, and softmax.

use wengert::prelude::*;

use super::{one, two};
use crate::call::{Call, Outputs};

/// `x.name(axes)` or `x.name_keep(axes)`.
macro_rules! reduce {
    ($c:ident, $axes:expr, $name:ident $keep:ident $(, $argument:expr)*) => {{
        let (x, axes) = ($c.x(0)?, $axes);
        one(if $c.args.flag("keepdim")? { x.$keep(axes $(, $argument)*) } else { x.$name(axes $(, $argument)*) })
    }};
}

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    match op {
        "sum" => reduce!(c, axes(c, 0)?, sum sum_keep),
        "mean" => reduce!(c, axes(c, 0)?, mean mean_keep),
        "prod" => reduce!(c, axes(c, 0)?, prod prod_keep),
        "amax" => reduce!(c, axes(c, 0)?, max max_keep),
        "amin" => reduce!(c, axes(c, 0)?, min min_keep),
        "logsumexp" => reduce!(c, axes(c, 0)?, logsumexp logsumexp_keep),
        "var" => reduce!(c, axes(c, 0)?, var var_keep, correction(c)?),
        "std" => reduce!(c, axes(c, 0)?, std std_keep, correction(c)?),
        "norm" | "vector_norm" => reduce!(c, axes(c, 1)?, norm norm_keep, a.f64_or("p", 0, 2.0)?),
        "median" if a.get("dim", 0).is_none() => one(c.x(0)?.median(..)),
        "all_any" => two(c.bools(0)?.all(axes(c, 0)?), c.bools(0)?.any(axes(c, 0)?)),
        "all" if c.bools(0).is_none() => one(c.x(0)?.all(axes(c, 0)?).value().cast::<bool>()),
        "any" if c.bools(0).is_none() => one(c.x(0)?.any(axes(c, 0)?).value().cast::<bool>()),
        "all" => one(c.bools(0)?.all(axes(c, 0)?)),
        "any" => one(c.bools(0)?.any(axes(c, 0)?)),
        "argmax" | "argmin" => {
            let (x, axis) = (along(c)?, axis_or(c, 0)?);
            let indices = if op == "argmax" { x.argmax(axis) } else { x.argmin(axis) };
            one(if a.flag("keepdim")? { indices.unsqueeze(axis) } else { indices })
        }
        "max" if a.get("dim", 0).is_none() => one(c.x(0)?.max(..)),
        "min" if a.get("dim", 0).is_none() => one(c.x(0)?.min(..)),
        "max" | "max_dim" | "min" | "min_dim" | "median" => {
            let (x, axis) = (c.x(0)?, a.int("dim", 0)?);
            let (values, indices) = match op {
                "median" => x.median_with_indices(axis),
                "max" | "max_dim" => x.max_with_indices(axis),
                _ => x.min_with_indices(axis),
            };
            let keep = a.flag("keepdim")?;
            if keep { two(values.unsqueeze(axis), indices.unsqueeze(axis)) } else { two(values, indices) }
        }
        "cumsum" => one(c.x(0)?.cumsum(a.int("dim", 0)?)),
        "cumprod" => one(c.x(0)?.cumprod(a.int("dim", 0)?)),
        "normalize" => {
            one(c.x(0)?.normalize(a.int_or("dim", 1, 1)?, a.f64_or("p", 0, 2.0)?, a.f64_or("eps", 2, 1e-12)?))
        }
        "softmin" => one(c.x(0)?.softmin(a.int_or("dim", 0, -1)?)),
        "softmax" => one(c.x(0)?.softmax(a.int_or("dim", 0, -1)?)),
        "log_softmax" => one(c.x(0)?.log_softmax(a.int_or("dim", 0, -1)?)),
        _ => None,
    }
}

/// The axes that `dim` names, or all.
fn axes<T: Float>(c: &Call<'_, T>, position: usize) -> Option<Axes> {
    match c.args.get("dim", position) {
        Some(_) => Some(Axes::from(&c.args.ints("dim", position)?[..])),
        None => Some(Axes::from(..)),
    }
}

fn correction<T: Float>(c: &Call<'_, T>) -> Option<usize> {
    c.args.int_or("correction", 1, 1)?.try_into().ok()
}

/// What an index is looked for in: all elements where there is no `dim`.
fn along<'t, T: Float>(c: &Call<'t, T>) -> Option<Var<'t, T>> {
    let x = c.x(0)?;
    Some(if c.args.get("dim", 0).is_some() { x } else { x.flatten() })
}

fn axis_or<T: Float>(c: &Call<'_, T>, default: isize) -> Option<isize> {
    c.args.int_or("dim", 0, default)
}
