//! The same elements in another shape or order.

use wengert::prelude::*;

use super::one;
use crate::call::{Call, Output, Outputs};
use crate::eval;
use crate::expr::{self, Expr};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    one(match op {
        "reshape" | "view" => c.x(0)?.reshape(&a.ints("shape", 0)?[..]),
        "flatten" => {
            let x = c.x(0)?;
            let shape = x.shape();
            let [start, end] = [a.int_or("start_dim", 0, 0)?, a.int_or("end_dim", 1, -1)?];
            match [shape.axis(start), shape.axis(end)] {
                [Ok(start), Ok(end)] if start <= end => {
                    let size = shape[start..=end].iter().product();
                    x.reshape([&shape[..start], &[size], &shape[end + 1..]].concat())
                }
                _ if shape.is_empty() => x.flatten(),
                _ => return None,
            }
        }
        "expand" | "broadcast_to" => {
            let (x, mut shape) = (c.x(0)?, a.ints("shape", 0)?);
            // −1 keeps a size.
            let new = shape.len().checked_sub(x.rank());
            for (axis, size) in shape.iter_mut().enumerate().filter(|(_, size)| **size == -1) {
                *size = x.shape()[axis.checked_sub(new?)?] as isize;
            }
            x.expand(sizes(shape)?)
        }
        "permute" => {
            let x = c.x(0)?;
            let order = match a.get("dims", 0) {
                Some(_) => a.ints("dims", 0)?,
                None if x.rank() == 0 => Vec::new(),
                None => return None,
            };
            x.permute(&order[..])
        }
        "transpose" | "swapaxes" => c.x(0)?.transpose(a.int("dim0", 0)?, a.int("dim1", 1)?),
        "t" | "T" | "mT" | "matrix_transpose" => c.x(0)?.t(),
        "squeeze" => squeeze(c)?,
        "unsqueeze" => c.x(0)?.unsqueeze(a.int("dim", 0)?),
        "flip" => c.x(0)?.flip(&a.ints("dims", 0)?[..]),
        "roll" => roll(c)?,
        "tile" => c.x(0)?.tile(&sizes(a.ints("reps", 0)?)?),
        "repeat" => c.x(0)?.tile(&sizes(a.ints("repeats", 0)?)?),
        "repeat_interleave" if a.get("dim", 1).is_none() => {
            c.x(0)?.flatten().repeat(0, a.int("repeats", 0)?.try_into().ok()?)
        }
        "repeat_interleave" => c.x(0)?.repeat(a.int("dim", 1)?, a.int("repeats", 0)?.try_into().ok()?),
        "cat" | "concat" | "concatenate" => Var::concat(&listed(c)?, a.int_or("dim", 0, 0)?),
        "stack" => Var::stack(&listed(c)?, a.int_or("dim", 0, 0)?),
        "pad" | "pad_constant" | "pad_reflect" | "pad_replicate" => pad(op, c)?,
        "slice" | "select" => indexed(c)?,
        "narrow" => {
            let (axis, start, length) = (a.int("dim", 0)?, a.int("start", 1)?, a.int("length", 2)?);
            let y = c.x(0)?.slice(axis, start..start + length);
            // A slice is cut off where the axis ends.
            if y.shape()[y.shape().axis(axis).ok()?] != length as usize {
                return None;
            }
            y
        }
        "tril" => c.x(0)?.tril(a.int_or("k", 0, 0)?),
        "triu" => c.x(0)?.triu(a.int_or("k", 0, 0)?),
        "diag_embed" => c.x(0)?.diag_at(a.int_or("k", 0, 0)?),
        "diag" if c.x(0)?.rank() == 1 => c.x(0)?.diag_at(a.int_or("k", 0, 0)?),
        "diag" | "diagonal" => {
            c.x(0)?.diagonal_at(a.int_or("k", 0, 0)?, a.int_or("dim1", 1, 0)?, a.int_or("dim2", 2, 1)?)
        }
        "unfold" => {
            let x = c.x(0)?;
            // `unfold(x, size=3)`, or `unfold(x, 1, 3, 1)` with the axis.
            let first = usize::from(a.get("dim", 2).is_some() || a.get("size", 0).is_none());
            let axis = a.int_or("dim", 0, -1).filter(|_| first == 1).unwrap_or(-1);
            let size = a.int("size", first)?.try_into().ok()?;
            x.windows(axis, size, a.int_or("step", first + 1, 1)?.try_into().ok()?)
        }
        "split" => {
            let parts = c.x(0)?.split(a.int_or("dim", 1, 0)?, a.int("size", 0)?.try_into().ok()?);
            return Some(parts.into_iter().map(Output::Var).collect());
        }
        "chunk" => {
            let parts = c.x(0)?.chunk(a.int_or("dim", 1, 0)?, a.int("chunks", 0)?.try_into().ok()?);
            return Some(parts.into_iter().map(Output::Var).collect());
        }
        "unbind" => return Some(c.x(0)?.unbind(a.int_or("dim", 0, 0)?).into_iter().map(Output::Var).collect()),
        "movedim" | "moveaxis" => c.x(0)?.move_axis(a.int("source", 0)?, a.int("destination", 1)?),
        "trace" => c.x(0)?.trace(),
        "pixel_shuffle" => c.x(0)?.pixel_shuffle(factor(c)?),
        "pixel_unshuffle" => c.x(0)?.pixel_unshuffle(factor(c)?),
        _ => return None,
    })
}

/// Without the axes that `dim` names, or all of size 1.
fn squeeze<'t, T: Float>(c: &Call<'t, T>) -> Option<Var<'t, T>> {
    let (mut x, a) = (c.x(0)?, &c.args);
    let mut axes = match a.get("dim", 0) {
        Some(_) => a.ints("dim", 0)?,
        None => (0..x.rank() as isize).collect(),
    };
    // From behind, so that the numbers of the others stay.
    axes.sort_unstable_by_key(|axis| -axis.rem_euclid(x.rank().max(1) as isize));
    for axis in axes {
        x = x.squeeze(axis);
    }
    Some(x)
}

/// By several axes one after the other; by none as if there were one.
fn roll<'t, T: Float>(c: &Call<'t, T>) -> Option<Var<'t, T>> {
    let (x, a) = (c.x(0)?, &c.args);
    let shifts = a.ints("shifts", 0)?;
    let Some(_) = a.get("dims", 1) else {
        return Some(x.flatten().roll(0, *shifts.first()?).reshape(x.shape()));
    };
    let axes = a.ints("dims", 1)?;
    let mut rolled = x;
    for (&axis, &shift) in axes.iter().zip(&shifts) {
        rolled = rolled.roll(axis, shift);
    }
    (axes.len() == shifts.len()).then_some(rolled)
}

/// `r=2` may also stand in the expression.
fn factor<T: Float>(c: &Call<'_, T>) -> Option<usize> {
    c.args.int("r", 0).and_then(|r| r.try_into().ok()).or_else(|| c.args.letter("r="))
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

/// `dim0: [start, stop, step]` …, `dim` with `index` or `start`, `end`, `step`, or the index that the expression shows.
fn indexed<'t, T: Float>(c: &Call<'t, T>) -> Option<Var<'t, T>> {
    let (x, a) = (c.x(0)?, &c.args);
    if let Some(index) = a.int("index", 1) {
        return Some(x.select(a.int_or("dim", 0, 0)?, index));
    }
    if let Some(axis) = a.int("dim", 0) {
        let ends = [a.int("start", 1), a.int("end", 2)];
        return slice(x, axis, ends[0], ends[1], a.int_or("step", 3, 1)?);
    }
    let ranges: Vec<_> = (0..x.rank()).filter(|i| a.named(&format!("dim{i}")).is_some()).collect();
    if !ranges.is_empty() {
        return ranges.into_iter().try_fold(x, |x, axis| {
            let [start, stop, step] = a.ints(&format!("dim{axis}"), usize::MAX)?[..] else { return None };
            slice(x, axis as isize, Some(start), Some(stop), step)
        });
    }
    match expr::parse(&c.expr)? {
        Expr::Index(of, items) if matches!(*of, Expr::Name(_)) => eval::index(x, &items),
        _ => None,
    }
}

/// PyTorch lists the padding from the last axis: before, after, before, after.
fn pad<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Option<Var<'t, T>> {
    let (x, a) = (c.x(0)?, &c.args);
    let from_last = a.ints("pad_last_first", 0).or_else(|| a.ints("pad", 0))?;
    let mut padding = vec![(0, 0); x.rank()];
    for (axis, pair) in from_last.chunks(2).enumerate() {
        let &[before, after] = pair else { return None };
        *padding.iter_mut().rev().nth(axis)? = (before, after);
    }
    let mode = a.text("mode").unwrap_or_else(|| op.trim_start_matches("pad").trim_start_matches('_').to_owned());
    if matches!(&mode[..], "" | "constant") {
        return Some(x.pad(&padding, a.f64_or("value", 1, 0.0)?));
    }
    let padding: Vec<(usize, usize)> = padding
        .into_iter()
        .map(|(before, after)| Some((before.try_into().ok()?, after.try_into().ok()?)))
        .collect::<Option<_>>()?;
    match &mode[..] {
        "reflect" => Some(x.pad_reflect(&padding)),
        "replicate" | "edge" => Some(x.pad_replicate(&padding)),
        _ => None,
    }
}
