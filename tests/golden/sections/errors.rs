//! What must be refused: with a message, blamed on the line that asked for it.

use serde_json::Value;
use wengert::prelude::*;

use crate::args::Args;
use crate::call::Call;
use crate::data::Data;
use crate::expr::{self, Expr};
use crate::guard::{Panic, guarded};
use crate::{Verdict, eval, ops};

use super::optim;

pub(super) fn run(entry: &Value) -> Verdict {
    let list = entry["inputs"].as_array().map_or(&[][..], |list| list);
    let Some(inputs) = list.iter().map(Data::parse).collect::<Option<Vec<_>>>() else { return Verdict::Unsupported };
    let tape = super::tape(entry);
    let call = Call::new(&tape, inputs, Args::of(entry, list.len()), entry["expr"].as_str().unwrap_or(""));
    let asked = guarded(|| ask(entry["op"].as_str()?, &call).filter(|()| call.all_read()));
    match asked {
        // An argument that nobody read may be what it is about.
        Err(_) if !call.args.all_read() => Verdict::Unsupported,
        Ok(None) => Verdict::Unsupported,
        Ok(Some(())) => Verdict::Failed("was accepted".to_owned()),
        Err(panic) if panic.message.is_empty() => Verdict::Failed("was refused without a message".to_owned()),
        Err(Panic { message, file, line }) if !file.contains("tests/golden/") => {
            Verdict::Failed(format!("was refused at {file}:{line}, not at the user's line: {message}"))
        }
        Err(_) => Verdict::Passed,
    }
}

/// Does what must be refused; `None` if there is no way to ask for it.
fn ask(op: &str, c: &Call<'_, f64>) -> Option<()> {
    match op {
        "backward" => {
            let x = c.x(0)?;
            if let Some(formula) = c.expr.split(".backward()").next().filter(|f| f.len() < c.expr.len()) {
                let formula = formula.strip_prefix('(').and_then(|f| f.strip_suffix(')')).unwrap_or(formula);
                eval::formula(formula, &[x], false)?.backward();
            } else if c.expr == "upstream gradient of wrong shape" {
                (x * 2.0).vjp(&Tensor::ones([x.count() + 1]), [x]);
            } else {
                return None;
            }
        }
        "item" => _ = c.x(0)?.item(),
        "zeros" | "ones" | "full" | "empty" => {
            let shape: Option<Vec<usize>> = c.args.ints("shape", 0)?.into_iter().map(|n| n.try_into().ok()).collect();
            _ = if op == "ones" { Tensor::<f64>::ones(shape?) } else { Tensor::zeros(shape?) };
        }
        "optim" => {
            let (name, settings) = c.expr.split_once(' ')?;
            let args = Args::settings(settings)?;
            optim::optimizer(name, &args, &Param::new("p", c.value(0)?), 0.1).filter(|_| args.all_read())?;
        }
        "select" => {
            let Expr::Index(_, items) = expr::parse(&c.expr)? else { return None };
            _ = eval::index(c.x(0)?, &items)?.value();
        }
        _ => ops::run(op, c)?.iter().for_each(|output| _ = output.data()),
    }
    Some(())
}
