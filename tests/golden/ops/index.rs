//! Elements chosen by index, mask or order.

use wengert::prelude::*;

use super::{one, two};
use crate::call::{Call, Outputs};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    let a = &c.args;
    one(match op {
        "take" if a.get("dim", 0).is_none() => c.x(0)?.flatten().index_select(0, &c.ints(1)?),
        "index" if c.bools(1).is_some() => c.x(0)?.masked_select(&c.bools(1)?),
        "index_select" | "index" | "take" => c.x(0)?.index_select(a.int_or("dim", 0, 0)?, &c.ints(1)?),
        "index_add" => c.x(0)?.index_add(a.int("dim", 0)?, &c.ints(1)?, c.x(2)?),
        "gather" | "take_along_dim" => c.x(0)?.gather(a.int("dim", 0)?, &c.ints(1)?),
        "scatter" if c.count() == 2 => c.x(0)?.scatter(a.int("dim", 0)?, &c.ints(1)?, a.f64("value", 1)?),
        "scatter" => c.x(0)?.scatter(a.int("dim", 0)?, &c.ints(1)?, c.x(2)?),
        "scatter_add" => c.x(0)?.scatter_add(a.int("dim", 0)?, &c.ints(1)?, c.x(2)?),
        "masked_select" => c.x(0)?.masked_select(&c.bools(1)?),
        "masked_fill" => c.x(0)?.masked_fill(c.tape.mask(&c.bools(1)?), a.f64("value", 0)?),
        "one_hot" => {
            return one(c.tape.one_hot(&c.ints(0)?, a.int("num_classes", 0)?.try_into().ok()?).value().cast::<i64>());
        }
        "argsort" => {
            let (x, axis) = (c.x(0)?, a.int_or("dim", 0, -1)?);
            // Equal elements keep their order in any case.
            a.flag("stable")?;
            return one(if a.flag("descending")? { descending(x, axis)?.1 } else { x.argsort(axis) });
        }
        "sort" => {
            let (x, axis) = (c.x(0)?, a.int_or("dim", 0, -1)?);
            a.flag("stable")?;
            let (values, indices) = if a.flag("descending")? { descending(x, axis)? } else { x.sort(axis) };
            return two(values, indices);
        }
        "topk" => {
            let (x, axis, k) = (c.x(0)?, a.int_or("dim", 1, -1)?, a.int("k", 0)?.try_into().ok()?);
            a.named("sorted");
            let (values, indices) = match a.named("largest") {
                Some(largest) if largest == false => {
                    let (values, indices) = x.sort(axis);
                    (values.slice(axis, ..k), indices.slice(axis, ..k))
                }
                _ => x.topk(axis, k),
            };
            return two(values, indices);
        }
        _ => return None,
    })
}

/// All elements along an axis, the largest first.
fn descending<'t, T: Float>(x: Var<'t, T>, axis: isize) -> Option<(Var<'t, T>, Tensor<i64>)> {
    let shape = x.shape();
    let size = if shape.is_empty() { 1 } else { shape[shape.axis(axis).ok()?] };
    Some(x.topk(axis, size))
}
