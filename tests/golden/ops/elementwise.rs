//! Functions of each element, or of elements that broadcast.

use wengert::prelude::*;

use super::one;
use crate::call::{Call, Outputs};
use crate::eval;

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    if let Some(f) = unary(op) {
        return one(f(c.x(0)?));
    }
    if let Some(f) = question(op) {
        return one(f(c.x(0)?).value().cast::<bool>());
    }
    if let Some(f) = comparison(op) {
        let (a, b) = c.pair()?;
        return one(f(a, b).value().cast::<bool>());
    }
    let a = &c.args;
    one(match op {
        "add" => c.pair().map(|(a, b)| a + b)?,
        "sub" | "subtract" => c.pair().map(|(a, b)| a - b)?,
        "mul" | "multiply" => c.pair().map(|(a, b)| a * b)?,
        "div" | "divide" | "true_divide" => c.pair().map(|(a, b)| a / b)?,
        "pow" => c.pair().map(|(a, b)| a.pow(b))?,
        "hypot" => c.pair().map(|(a, b)| a.hypot(b))?,
        "fmod" => c.pair().map(|(a, b)| a.fmod(b))?,
        "remainder" => c.pair().map(|(a, b)| a.remainder(b))?,
        "atan2" => c.pair().map(|(y, x)| y.atan2(x))?,
        "logaddexp" => c.pair().map(|(a, b)| a.logaddexp(b))?,
        "xlogy" => c.pair().map(|(a, b)| a.xlogy(b))?,
        "maximum" => c.pair().map(|(a, b)| a.maximum(b))?,
        "minimum" => c.pair().map(|(a, b)| a.minimum(b))?,
        "pow_scalar" => c.x(0)?.powf(a.f64("exponent", 0)?),
        "rpow" => c.tape.scalar(a.f64("base", 0)?).pow(c.x(0)?),
        "clamp_min" => c.x(0)?.clamp_min(a.f64("min", 0)?),
        "clamp_max" => c.x(0)?.clamp_max(a.f64("max", 0)?),
        "clamp" | "clip" => match (a.f64("min", 0), a.f64("max", 1)) {
            (Some(min), Some(max)) => c.x(0)?.clamp(min, max),
            (Some(min), None) => c.x(0)?.clamp_min(min),
            (None, Some(max)) => c.x(0)?.clamp_max(max),
            (None, None) => return None,
        },
        "elu" => c.x(0)?.elu(a.f64_or("alpha", 0, 1.0)?),
        "celu" => c.x(0)?.celu(a.f64_or("alpha", 0, 1.0)?),
        "gelu" => match a.text("approximate").as_deref() {
            None | Some("none") => c.x(0)?.gelu(),
            Some("tanh") => c.x(0)?.gelu_tanh(),
            _ => return None,
        },
        "glu" => c.x(0)?.glu(a.int_or("dim", 0, -1)?),
        "hardshrink" => c.x(0)?.hardshrink(a.f64_or("lambd", 0, 0.5)?),
        "softshrink" => c.x(0)?.softshrink(a.f64_or("lambd", 0, 0.5)?),
        "threshold" => c.x(0)?.threshold(a.f64("threshold", 0)?, a.f64("value", 1)?),
        "hardtanh" => c.x(0)?.clamp(a.f64_or("min_val", 0, -1.0)?, a.f64_or("max_val", 1, 1.0)?),
        "leaky_relu" => c.x(0)?.leaky_relu(a.f64_or("negative_slope", 0, 0.01)?),
        "softplus" => {
            // PyTorch's threshold only saves time: beyond 20 nothing is left to add.
            let (beta, threshold) = (a.f64_or("beta", 0, 1.0)?, a.f64_or("threshold", 1, 20.0)?);
            let y = if beta == 1.0 { c.x(0)?.softplus() } else { (c.x(0)? * beta).softplus() / beta };
            if threshold < 20.0 {
                return None;
            }
            y
        }
        "nan_to_num" => c.x(0)?.nan_to_num(),
        "polygamma" => c.x(0)?.polygamma(a.int("n", 0)?.try_into().ok()?),
        "where" if c.count() == 1 => eval::formula(&c.expr, &[c.x(0)?], false)?,
        "where" => c.tape.mask(&c.bools(0)?).where_(c.x(1)?, c.x(2)?),
        _ => return None,
    })
}

/// Functions of one variable without arguments.
fn unary<'t, T: Float>(op: &str) -> Option<fn(Var<'t, T>) -> Var<'t, T>> {
    Some(match op {
        "abs" | "absolute" => Var::abs,
        "acos" | "arccos" => Var::acos,
        "acosh" | "arccosh" => Var::acosh,
        "asin" | "arcsin" => Var::asin,
        "asinh" | "arcsinh" => Var::asinh,
        "atan" | "arctan" => Var::atan,
        "atanh" | "arctanh" => Var::atanh,
        "ceil" => Var::ceil,
        "cos" => Var::cos,
        "cosh" => Var::cosh,
        "digamma" | "psi" => Var::digamma,
        "erf" => Var::erf,
        "erfc" => Var::erfc,
        "exp" => Var::exp,
        "exp2" => Var::exp2,
        "expm1" => Var::expm1,
        "floor" => Var::floor,
        "lgamma" | "gammaln" => Var::lgamma,
        "log" => Var::ln,
        "log10" => Var::log10,
        "log1p" => Var::ln1p,
        "log2" => Var::log2,
        "neg" | "negative" => |x| -x,
        "reciprocal" => Var::recip,
        "hardsigmoid" => |x| x.hardsigmoid(),
        "hardswish" => |x| x.hardswish(),
        "logsigmoid" | "log_sigmoid" => |x| x.logsigmoid(),
        "mish" => |x| x.mish(),
        "relu" => |x| x.relu(),
        "relu6" => |x| x.relu6(),
        "logit" => Var::logit,
        "tanhshrink" => |x| x.tanhshrink(),
        "selu" => |x| x.selu(),
        "silu" | "swish" => |x| x.silu(),
        "softsign" => |x| x.softsign(),
        "round" => Var::round,
        "rsqrt" => Var::rsqrt,
        "sigmoid" => Var::sigmoid,
        "sign" | "sgn" => Var::sign,
        "sin" => Var::sin,
        "sinh" => Var::sinh,
        "sqrt" => Var::sqrt,
        "square" => Var::square,
        "tan" => Var::tan,
        "tanh" => Var::tanh,
        "trunc" | "fix" => Var::trunc,
        _ => return None,
    })
}

fn question<'t, T: Float>(op: &str) -> Option<fn(Var<'t, T>) -> Var<'t, T>> {
    Some(match op {
        "isnan" => Var::is_nan,
        "isinf" => Var::is_infinite,
        "isfinite" => Var::is_finite,
        _ => return None,
    })
}

type Binary<'t, T> = fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T>;

fn comparison<'t, T: Float>(op: &str) -> Option<Binary<'t, T>> {
    Some(match op {
        "eq" => |a, b| a.eq(b),
        "ge" => |a, b| a.ge(b),
        "gt" => |a, b| a.gt(b),
        "le" => |a, b| a.le(b),
        "lt" => |a, b| a.lt(b),
        "ne" => |a, b| a.ne(b),
        _ => return None,
    })
}
