//! Expressions of variables, for entries that are given as a formula.

use wengert::prelude::*;

use crate::args::Args;
use crate::call::{Call, Output};
use crate::expr::{self, Expr, Item};
use crate::ops;

/// The value of a formula in `x`: statements such as `y=x*x; y*y + y`, and the phrases `f
/// applied n times`, `sum of x n times` and `nx doubling y=y+y`. `None` for what is not
/// understood.
///
/// Functions without an axis work on the last one, `sum` over all when `over_all`.
pub(crate) fn formula<'t, T: Float>(text: &str, x: Var<'t, T>, over_all: bool) -> Option<Var<'t, T>> {
    let mut scope = Scope { tape: x.tape(), names: vec![("x".to_owned(), x)], over_all };
    // A remark in parentheses follows a space.
    let text = text.split(" (").next()?.trim();
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        [f, "applied", n, "times"] => {
            let times: usize = n.parse().ok()?;
            return (0..times).try_fold(x, |y, _| scope.call(f, &[y], Vec::new()));
        }
        ["sum", "of", "x", n, "times"] => {
            let times: usize = n.parse().ok()?;
            return (1..times).try_fold(x, |y, _| Some(y + x));
        }
        [n, "doubling", statement] => {
            let times: usize = n.strip_suffix('x')?.parse().ok()?;
            scope.names.push(("y".to_owned(), x));
            return (0..times).try_fold(x, |_, _| scope.statement(statement));
        }
        _ => {}
    }
    text.split(';').map(|statement| scope.statement(statement)).last()?
}

struct Scope<'t, T: Float> {
    tape: &'t Tape<T>,
    names: Vec<(String, Var<'t, T>)>,
    over_all: bool,
}

impl<'t, T: Float> Scope<'t, T> {
    fn statement(&mut self, text: &str) -> Option<Var<'t, T>> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (Some(name.trim()), value),
            None => (None, text),
        };
        let value = self.eval(&expr::parse(value)?)?;
        if let Some(name) = name {
            self.names.push((name.to_owned(), value));
        }
        Some(value)
    }

    fn eval(&self, expr: &Expr) -> Option<Var<'t, T>> {
        Some(match expr {
            Expr::Number(v) => self.tape.scalar(*v),
            Expr::Name(name) => self.names.iter().rfind(|(n, _)| n == name)?.1,
            Expr::Neg(x) => -self.eval(x)?,
            Expr::Binary('^', x, n) => self.eval(x)?.powf(n.number()?),
            Expr::Binary(op, a, b) => {
                let (a, b) = (self.eval(a)?, self.eval(b)?);
                match op {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    '/' => a / b,
                    '@' => a.matmul(b),
                    '<' => a.lt(b),
                    '>' => a.gt(b),
                    _ => a.eq(b),
                }
            }
            Expr::Index(x, items) => index(self.eval(x)?, items)?,
            Expr::Call(f, given) => {
                let literals: Vec<_> = given.iter().skip(1).filter_map(Expr::literal).collect();
                if f != "where" && literals.len() + 1 == given.len() {
                    return self.call(f, &[self.eval(&given[0])?], literals);
                }
                let given: Vec<_> = given.iter().map(|x| self.eval(x)).collect::<Option<_>>()?;
                self.call(f, &given, Vec::new())?
            }
            _ => return None,
        })
    }

    fn call(&self, f: &str, x: &[Var<'t, T>], literals: Vec<serde_json::Value>) -> Option<Var<'t, T>> {
        match (f, x) {
            ("where", &[mask, a, b]) => return Some(mask.where_(a, b)),
            ("sum", &[x]) if literals.is_empty() => return Some(if self.over_all { x.sum(..) } else { x.sum(-1) }),
            ("flip", &[x]) if literals.is_empty() => return Some(x.flip(-1)),
            _ => {}
        }
        let call = Call::on(self.tape, x, Args::literals(literals));
        match ops::run(f, &call)?.pop()? {
            Output::Var(y) if call.all_read() => Some(y),
            _ => None,
        }
    }
}

/// `x[1, ::2]`; out-of-range ends are cut as in Python.
pub(crate) fn index<'t, T: Float>(x: Var<'t, T>, items: &[Item]) -> Option<Var<'t, T>> {
    let mut axis = 0;
    items.iter().try_fold(x, |x, item| {
        let y = match *item {
            Item::At(i) => return Some(x.select(axis, i)),
            Item::Range(None, None, None) => x,
            Item::Range(start, stop, step) => ops::slice(x, axis, start, stop, step.unwrap_or(1))?,
        };
        axis += 1;
        Some(y)
    })
}
