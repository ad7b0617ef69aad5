//! Expressions of variables, for entries that are given as a formula.

use wengert::prelude::*;

use crate::args::Args;
use crate::call::{Call, Output};
use crate::expr::{self, Expr, Item};
use crate::ops;

/// The value of a formula in the variables `x`: statements such as `y=x*x; y*y + y`, and the
/// phrases `f applied n times`, `sum of x n times` and `nx doubling y=y+y`. `None` for what is
/// not understood.
///
/// One variable is called x; several have the names that the formula mentions, in the order in
/// which it does. Functions without an axis work on the last one, `sum` over all when `over_all`.
pub(crate) fn formula<'t, T: Float>(text: &str, x: &[Var<'t, T>], over_all: bool) -> Option<Var<'t, T>> {
    // A remark in parentheses follows a space.
    let text = text.split(" (").next()?.trim();
    let &first = x.first()?;
    let mut scope = Scope { tape: first.tape(), names: Vec::new(), over_all };
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        [f, "applied", n, "times"] => {
            let times: usize = n.parse().ok()?;
            return (0..times).try_fold(first, |y, _| scope.call(f, &[y], Vec::new()));
        }
        ["sum", "of", "x", n, "times"] => {
            let times: usize = n.parse().ok()?;
            return (1..times).try_fold(first, |y, _| Some(y + first));
        }
        [n, "doubling", statement] => {
            let times: usize = n.strip_suffix('x')?.parse().ok()?;
            scope.names.push(("y".to_owned(), first));
            return (0..times).try_fold(first, |_, _| scope.statement(statement));
        }
        _ => {}
    }
    if x.len() == 1 {
        scope.names.push(("x".to_owned(), first));
    } else {
        let mut mentioned: Vec<String> = Vec::new();
        for statement in text.split(';') {
            expr::parse(assignment(statement).1)?.names(&mut mentioned);
        }
        mentioned.retain(|name| !text.split(';').any(|statement| assignment(statement).0 == Some(name)));
        if mentioned.len() != x.len() {
            return None;
        }
        scope.names.extend(mentioned.into_iter().zip(x.iter().copied()));
    }
    text.split(';').map(|statement| scope.statement(statement)).last()?
}

/// The parts of `name = value`, or a value alone.
fn assignment(statement: &str) -> (Option<&str>, &str) {
    match statement.split_once('=') {
        Some((name, value)) if name.trim().chars().all(|c| c.is_alphanumeric() || c == '_') => {
            (Some(name.trim()), value)
        }
        _ => (None, statement),
    }
}

struct Scope<'t, T: Float> {
    tape: &'t Tape<T>,
    names: Vec<(String, Var<'t, T>)>,
    over_all: bool,
}

impl<'t, T: Float> Scope<'t, T> {
    fn statement(&mut self, text: &str) -> Option<Var<'t, T>> {
        let (name, value) = assignment(text);
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
            Expr::Binary('^', x, n) => match n.number() {
                Some(n) => self.eval(x)?.powf(n),
                None => self.eval(x)?.pow(self.eval(n)?),
            },
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
                    '≤' => a.le(b),
                    '≥' => a.ge(b),
                    '≠' => a.ne(b),
                    _ => a.eq(b),
                }
            }
            Expr::Index(x, items) => index(self.eval(x)?, items)?,
            Expr::Call(f, given) => {
                let literals: Vec<_> = given.iter().skip(1).filter_map(Expr::literal).collect();
                if literals.len() + 1 == given.len()
                    && let Some(y) = self.call(f, &[self.eval(&given[0])?], literals)
                {
                    return Some(y);
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
            ("detach" | "stop_gradient", &[x]) => return Some(x.detach()),
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
    let named = items.iter().filter(|item| matches!(item, Item::At(_) | Item::Range(..))).count();
    let rest = x.rank().saturating_sub(named) as isize;
    items.iter().try_fold(x, |x, item| {
        let y = match *item {
            Item::At(i) => return Some(x.select(axis, i)),
            Item::Rest => {
                axis += rest;
                return Some(x);
            }
            Item::New => x.unsqueeze(axis),
            Item::Range(None, None, None) => x,
            Item::Range(start, stop, step) => ops::slice(x, axis, start, stop, step.unwrap_or(1))?,
        };
        axis += 1;
        Some(y)
    })
}
