//! The same elements in another shape or order.

use wengert::prelude::*;

use super::one;
use crate::call::{Call, Output, Outputs};
use crate::eval;
use crate::expr::{self, Expr, Item};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    one(match op {
        "reshape" => c.x(0)?.reshape(&a.ints("shape", 0)?[..]),
        "flatten" => c.x(0)?.flatten(),
        "expand" => c.x(0)?.expand(&sizes(a.ints("shape", 0)?)?[..]),
        "permute" => {
            let x = c.x(0)?;
            let order = match a.get("dims", 0) {
                Some(_) => a.ints("dims", 0)?,
                None if x.rank() == 0 => Vec::new(),
                None => return None,
            };
            x.permute(&order[..])
        }
        "transpose" => c.x(0)?.transpose(a.int("dim0", 0)?, a.int("dim1", 1)?),
        "squeeze" => {
            let x = c.x(0)?;
            let mut axes = a.ints("dim", 0)?;
            // From behind, so that the numbers of the others stay.
            axes.sort_unstable_by_key(|&axis| -axis.rem_euclid(x.rank().max(1) as isize));
            axes.into_iter().fold(x, Var::squeeze)
        }
        "unsqueeze" => c.x(0)?.unsqueeze(a.int("dim", 0)?),
        "flip" => c.x(0)?.flip(&a.ints("dims", 0)?[..]),
        "roll" => c.x(0)?.roll(a.int("dims", 1)?, a.int("shifts", 0)?),
        "tile" => c.x(0)?.tile(&sizes(a.ints("reps", 0)?)?),
        "cat" | "concat" => Var::concat(&listed(c)?, a.int_or("dim", 0, 0)?),
        "stack" => Var::stack(&listed(c)?, a.int_or("dim", 0, 0)?),
        "pad" => pad(c)?,
        "slice" | "select" => indexed(c)?,
        "tril" => c.x(0)?.tril(a.int_or("k", 0, 0)?),
        "triu" => c.x(0)?.triu(a.int_or("k", 0, 0)?),
        "diag" if c.x(0)?.rank() == 1 => c.x(0)?.diag(),
        "diag" | "diagonal" => c.x(0)?.diagonal(a.int_or("dim1", 0, 0)?, a.int_or("dim2", 1, 1)?),
        "unfold" => {
            let (size, step) = (a.int("size", 0)?.try_into().ok()?, a.int_or("step", 1, 1)?.try_into().ok()?);
            c.x(0)?.windows(a.int_or("dim", 2, -1)?, size, step)
        }
        "split" => {
            let parts = c.x(0)?.split(a.int_or("dim", 1, 0)?, a.int("size", 0)?.try_into().ok()?);
            return Some(parts.into_iter().map(Output::Var).collect());
        }
        _ => return None,
    })
}

/// Python's `x[start:stop:step]` on one axis.
pub(crate) fn slice<'t, T: Float>(
    x: Var<'t, T>,
    axis: isize,
    start: Option<isize>,
    stop: Option<isize>,
    step: isize,
) -> Option<Var<'t, T>> {
    let range = match (start, stop) {
        (Some(start), Some(stop)) => Slice::from(start..stop),
        (Some(start), None) => Slice::from(start..),
        (None, Some(stop)) => Slice::from(..stop),
        (None, None) => Slice::from(..),
    };
    Some(x.slice(axis, range.step(step)))
}

fn sizes(sizes: Vec<isize>) -> Option<Vec<usize>> {
    sizes.into_iter().map(|n| n.try_into().ok()).collect()
}

/// The operands of `cat(x, x)`: every mention of an input, or each input once.
fn listed<'t, T: Float>(c: &Call<'t, T>) -> Option<Vec<Var<'t, T>>> {
    let inputs = c.all()?;
    let Some(Expr::Call(_, given)) = expr::parse(&c.expr) else { return Some(inputs) };
    let mut names: Vec<&str> = Vec::new();
    let mut operands = Vec::new();
    for argument in &given {
        let Expr::Name(name) = argument else { continue };
        let at = names.iter().position(|n| n == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        operands.push(*inputs.get(at)?);
    }
    Some(if operands.is_empty() { inputs } else { operands })
}

/// `dim0: [start, stop, step]` …, `dim` and `index`, or the index that the expression shows.
fn indexed<'t, T: Float>(c: &Call<'t, T>) -> Option<Var<'t, T>> {
    let (x, a) = (c.x(0)?, &c.args);
    if let Some(index) = a.int("index", 1) {
        return Some(x.select(a.int_or("dim", 0, 0)?, index));
    }
    let ranges: Vec<_> = (0..x.rank()).filter(|i| a.named(&format!("dim{i}")).is_some()).collect();
    if !ranges.is_empty() {
        return ranges.into_iter().try_fold(x, |x, axis| {
            let [start, stop, step] = a.ints(&format!("dim{axis}"), usize::MAX)?[..] else { return None };
            slice(x, axis as isize, Some(start), Some(stop), step)
        });
    }
    match expr::parse(&c.expr)? {
        Expr::Index(of, items) if matches!(*of, Expr::Name(_)) => {
            let at_most = items.iter().all(|item| matches!(item, Item::At(_) | Item::Range(..)));
            if at_most { eval::index(x, &items) } else { None }
        }
        _ => None,
    }
}

/// PyTorch lists the padding from the last axis: before, after, before, after.
fn pad<'t, T: Float>(c: &Call<'t, T>) -> Option<Var<'t, T>> {
    let (x, a) = (c.x(0)?, &c.args);
    let from_last = a.ints("pad_last_first", 0).or_else(|| a.ints("pad", 0))?;
    let mut padding = vec![(0, 0); x.rank()];
    for (axis, pair) in from_last.chunks(2).enumerate() {
        let &[before, after] = pair else { return None };
        *padding.iter_mut().rev().nth(axis)? = (before, after);
    }
    match a.text("mode").as_deref() {
        None | Some("constant") => Some(x.pad(&padding, a.f64_or("value", 1, 0.0)?)),
        _ => None,
    }
}
