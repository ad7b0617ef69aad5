//! The notation of the file's expressions: arithmetic, comparisons, calls, NumPy's indexing.

use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    List(Vec<Expr>),
    Name(String),
    /// `f(a, b)`.
    Call(String, Vec<Expr>),
    /// `name=value` in a call.
    Keyword(String, Box<Expr>),
    /// `x[…]`.
    Index(Box<Expr>, Vec<Item>),
    Neg(Box<Expr>),
    /// One of `+ - * / ^ @ < > ≤ ≥ = ≠`; `^` is a power, `=` an equality.
    Binary(char, Box<Expr>, Box<Expr>),
}

/// One axis of an index.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    At(isize),
    Range(Option<isize>, Option<isize>, Option<isize>),
    /// `...`: all axes that no other item is for.
    Rest,
    /// `None`: a new axis.
    New,
}

impl Expr {
    /// As JSON, if it is a number, a truth value, or a list of these.
    pub(crate) fn literal(&self) -> Option<Value> {
        match self {
            Expr::List(list) => list.iter().map(Expr::literal).collect::<Option<Vec<_>>>().map(Value::Array),
            Expr::Name(name) => match &name[..] {
                "True" | "true" => Some(Value::Bool(true)),
                "False" | "false" => Some(Value::Bool(false)),
                "inf" | "nan" => Some(Value::from(&name[..])),
                _ => None,
            },
            _ => self.number().map(Value::from),
        }
    }

    /// Whether it only names something, perhaps with its shape: `x`, `x[2,3]`.
    pub(crate) fn is_name(&self) -> bool {
        match self {
            Expr::Name(_) => true,
            Expr::Index(of, _) => of.is_name(),
            _ => false,
        }
    }

    /// Adds the names that it mentions, each once, in their order.
    pub(crate) fn names(&self, found: &mut Vec<String>) {
        match self {
            Expr::Name(name) if !found.contains(name) => found.push(name.clone()),
            Expr::Name(_) | Expr::Number(_) => {}
            Expr::List(of) | Expr::Call(_, of) => of.iter().for_each(|x| x.names(found)),
            Expr::Keyword(_, x) | Expr::Index(x, _) | Expr::Neg(x) => x.names(found),
            Expr::Binary(_, a, b) => {
                a.names(found);
                b.names(found);
            }
        }
    }

    /// Its value, if it is made of numbers.
    pub(crate) fn number(&self) -> Option<f64> {
        self.number_with(&|_| None)
    }

    /// Its value, given those of names.
    pub(crate) fn number_with(&self, name: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        Some(match self {
            Expr::Number(v) => *v,
            Expr::Name(n) => name(n)?,
            Expr::Neg(x) => -x.number_with(name)?,
            Expr::Binary(op, a, b) => {
                let (a, b) = (a.number_with(name)?, b.number_with(name)?);
                match op {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    '/' => a / b,
                    '^' => a.powf(b),
                    _ => return None,
                }
            }
            Expr::Call(f, x) => match (f.as_str(), &x[..]) {
                ("exp", [x]) => x.number_with(name)?.exp(),
                ("sqrt", [x]) => x.number_with(name)?.sqrt(),
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// The expression that all of `text` is.
pub(crate) fn parse(text: &str) -> Option<Expr> {
    let mut parser = Parser { rest: text };
    let expr = parser.comparison()?;
    parser.rest.trim().is_empty().then_some(expr)
}

/// The expressions of a list without brackets.
pub(crate) fn parse_list(text: &str) -> Option<Vec<Expr>> {
    let mut parser = Parser { rest: text };
    let list = parser.list('\0')?;
    parser.rest.trim().is_empty().then_some(list)
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn accept(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.strip_prefix(token);
        self.rest = found.unwrap_or(rest);
        found.is_some()
    }

    fn one_of(&mut self, tokens: &[(&str, char)]) -> Option<char> {
        tokens.iter().find(|(token, _)| self.accept(token)).map(|(_, op)| *op)
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn comparison(&mut self) -> Option<Expr> {
        let left = self.sum()?;
        match self.one_of(&[("<=", '≤'), (">=", '≥'), ("<", '<'), (">", '>'), ("==", '='), ("!=", '≠')]) {
            Some(op) => Some(Expr::Binary(op, Box::new(left), Box::new(self.sum()?))),
            None => Some(left),
        }
    }

    fn sum(&mut self) -> Option<Expr> {
        let mut left = self.product()?;
        while let Some(op) = self.one_of(&[("+", '+'), ("-", '-')]) {
            left = Expr::Binary(op, Box::new(left), Box::new(self.product()?));
        }
        Some(left)
    }

    fn product(&mut self) -> Option<Expr> {
        let mut left = self.negation()?;
        while let Some(op) = self.one_of(&[("*", '*'), ("/", '/'), ("@", '@')]) {
            left = Expr::Binary(op, Box::new(left), Box::new(self.negation()?));
        }
        Some(left)
    }

    fn negation(&mut self) -> Option<Expr> {
        if self.accept("-") { Some(Expr::Neg(Box::new(self.negation()?))) } else { self.power() }
    }

    fn power(&mut self) -> Option<Expr> {
        let base = self.postfix()?;
        match self.one_of(&[("**", '^'), ("^", '^')]) {
            Some(op) => Some(Expr::Binary(op, Box::new(base), Box::new(self.negation()?))),
            None => Some(base),
        }
    }

    fn postfix(&mut self) -> Option<Expr> {
        let mut expr = self.atom()?;
        loop {
            if self.accept("[") {
                let mut items = Vec::new();
                while !self.accept("]") {
                    items.push(self.item()?);
                    self.accept(",");
                }
                expr = Expr::Index(Box::new(expr), items);
            } else if self.accept(".T") {
                expr = Expr::Call("t".to_owned(), vec![expr]);
            } else if self.accept(".") {
                let name = self.take(|c| c.is_alphanumeric() || c == '_').to_owned();
                let rest = if self.accept("(") { self.list(')')? } else { return None };
                expr = Expr::Call(name, [expr].into_iter().chain(rest).collect());
            } else {
                return Some(expr);
            }
        }
    }

    fn item(&mut self) -> Option<Item> {
        if let Some(item) = [("...", Item::Rest), ("None", Item::New)].into_iter().find(|(text, _)| self.accept(text)) {
            return Some(item.1);
        }
        let start = self.whole();
        if !self.accept(":") {
            return start.map(Item::At);
        }
        let stop = self.whole();
        let step = if self.accept(":") { self.whole() } else { None };
        Some(Item::Range(start, stop, step))
    }

    fn whole(&mut self) -> Option<isize> {
        let before = self.rest;
        let sign = if self.accept("-") { -1 } else { 1 };
        let value = self.take(|c| c.is_ascii_digit()).parse::<isize>().ok();
        if value.is_none() {
            self.rest = before;
        }
        value.map(|v| sign * v)
    }

    fn atom(&mut self) -> Option<Expr> {
        if self.accept("(") {
            let mut list = self.list(')')?;
            return if list.len() == 1 { list.pop() } else { Some(Expr::List(list)) };
        }
        if self.accept("[") {
            return self.list(']').map(Expr::List);
        }
        if self.rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return self.unsigned().map(Expr::Number);
        }
        let name = self.take(|c| c.is_alphanumeric() || c == '_');
        if name.is_empty() {
            None
        } else if self.accept("(") {
            Some(Expr::Call(name.to_owned(), self.list(')')?))
        } else {
            Some(Expr::Name(name.to_owned()))
        }
    }

    fn unsigned(&mut self) -> Option<f64> {
        let mantissa = self.take(|c| c.is_ascii_digit() || c == '.');
        let Some(rest) = self.rest.strip_prefix('e') else { return mantissa.parse().ok() };
        let digits = rest.trim_start_matches(['-', '+']).trim_start_matches(|c: char| c.is_ascii_digit());
        let (exponent, rest) = rest.split_at(rest.len() - digits.len());
        self.rest = rest;
        format!("{mantissa}e{exponent}").parse().ok()
    }

    /// Expressions up to `close`, with keywords.
    fn list(&mut self, close: char) -> Option<Vec<Expr>> {
        let mut list = Vec::new();
        loop {
            if self.accept(close.encode_utf8(&mut [0; 4])) || (close == '\0' && self.rest.is_empty()) {
                return Some(list);
            }
            let value = self.comparison()?;
            list.push(match value {
                Expr::Name(name) if self.accept("=") => Expr::Keyword(name, Box::new(self.comparison()?)),
                value => value,
            });
            self.accept(",");
        }
    }
}
