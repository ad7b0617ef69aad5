//! JSON as Python's `json` writes it, which knows more numbers than the standard.

use std::borrow::Cow;

use serde_json::Value;

pub(super) fn null() -> String {
    "null".to_owned()
}

pub(super) fn text(text: &str) -> String {
    Value::from(text).to_string()
}

pub(super) fn object<'a>(fields: impl Iterator<Item = (&'a str, String)>) -> String {
    let fields: Vec<String> = fields.map(|(key, value)| format!("{}:{value}", text(key))).collect();
    format!("{{{}}}", fields.join(","))
}

/// As Python's `json` writes it, which knows more numbers than JSON.
pub(super) fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        value => format!("{value:?}"),
    }
}

pub(super) fn numbers(values: &[f64]) -> String {
    format!("[{}]", values.iter().map(|&value| number(value)).collect::<Vec<_>>().join(","))
}

/// A number, or one of the words that [`strict`] has put into quotes.
pub(super) fn real(json: &Value) -> Option<f64> {
    match json.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => json.as_f64(),
    }
}

/// Numbers, or none at all.
pub(super) fn reals(json: &Value) -> Option<Option<Vec<f64>>> {
    match json {
        Value::Null => Some(None),
        Value::Array(values) => values.iter().map(real).collect::<Option<Vec<_>>>().map(Some),
        _ => None,
    }
}

/// The line with Python's `NaN`, `Infinity` and `-Infinity` in quotes.
pub(super) fn strict(line: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];
    if !line.contains("NaN") && !line.contains("Infinity") {
        return line.into();
    }
    let (mut out, mut rest, mut quoted) = (String::new(), line, false);
    while let Some(first) = rest.chars().next() {
        let word = WORDS.iter().find(|word| !quoted && rest.starts_with(**word));
        let taken = match word {
            Some(word) => word.len(),
            None if quoted && first == '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            None => first.len_utf8(),
        };
        quoted ^= first == '"';
        let (piece, after) = rest.split_at(taken);
        out.push_str(&word.map_or_else(|| piece.to_owned(), |word| format!("\"{word}\"")));
        rest = after;
    }
    out.into()
}
