//! Products and linear algebra.

use wengert::prelude::*;

use super::{one, two};
use crate::call::{Call, Outputs};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    one(match op {
        "matmul" | "mm" | "bmm" | "mv" => c.pair().map(|(a, b)| a.matmul(b))?,
        "inner" if c.x(0)?.rank() != 1 => return None,
        "dot" | "vdot" | "inner" => c.pair().map(|(a, b)| a.dot(b))?,
        "outer" | "ger" => c.pair().map(|(a, b)| a.outer(b))?,
        "einsum" => {
            let (equation, mut operands) = (equation(c)?, c.all()?);
            // One input stands for all operands.
            if let [x] = operands[..] {
                operands = vec![x; equation.split(',').count()];
            }
            Var::einsum(&equation, &operands)
        }
        "solve" => c.x(0)?.solve(c.x(1)?),
        "solve_triangular" | "triangular_solve" => {
            let (a, b) = (c.x(0)?, c.x(1)?);
            if c.args.named("left").is_some_and(|left| left == false) || c.args.flag("unitriangular")? {
                return None;
            }
            if c.args.flag("upper")? { a.solve_upper(b) } else { a.solve_lower(b) }
        }
        "inverse" | "inv" => c.x(0)?.inverse(),
        "det" => c.x(0)?.det(),
        "logdet" => c.x(0)?.logdet(),
        "slogdet" => {
            let (sign, magnitude) = c.x(0)?.slogdet();
            return two(sign, magnitude);
        }
        "cholesky" if c.args.flag("upper")? => c.x(0)?.cholesky().t(),
        "cholesky" => c.x(0)?.cholesky(),
        "eigvalsh" | "eigh_values" => c.x(0)?.eigh().0,
        "eigh" => {
            let (values, vectors) = c.x(0)?.eigh();
            return two(values, vectors);
        }
        _ => return None,
    })
}

/// The equation, or the first word of the expression.
fn equation<T: Float>(c: &Call<'_, T>) -> Option<String> {
    c.args.text("eq").or_else(|| c.expr.split(" with ").next().map(str::to_owned))
}
