//! Products and linear algebra.

use wengert::prelude::*;

use super::{one, two};
use crate::call::{Call, Outputs};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    one(match op {
        "matmul" | "mm" | "bmm" => c.pair().map(|(a, b)| a.matmul(b))?,
        "dot" => c.pair().map(|(a, b)| a.dot(b))?,
        "outer" => c.pair().map(|(a, b)| a.outer(b))?,
        "einsum" => Var::einsum(&equation(c)?, &c.all()?),
        "solve" => c.x(0)?.solve(c.x(1)?),
        "inverse" => c.x(0)?.inverse(),
        "det" => c.x(0)?.det(),
        "logdet" => c.x(0)?.logdet(),
        "cholesky" => c.x(0)?.cholesky(),
        "eigh" => {
            let (values, vectors) = c.x(0)?.eigh();
            return two(values, vectors);
        }
        _ => return None,
    })
}

/// `eq`, or the first words of the expression: `ij,jk with j mismatch`.
fn equation<T: Float>(c: &Call<'_, T>) -> Option<String> {
    let shown = || c.expr.split_whitespace().next().map(str::to_owned);
    c.args.text("eq").or_else(shown).filter(|eq| eq.chars().all(|ch| ch.is_ascii_lowercase() || ",->".contains(ch)))
}
