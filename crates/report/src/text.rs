//! How wide text is, without a font.

/// The size of the text in charts.
pub(crate) const SIZE: f64 = 11.0;

/// About the width of a line of text in the page's font, rather too wide than too narrow.
pub(crate) fn width(text: &str) -> f64 {
    SIZE * text.chars().map(em).sum::<f64>()
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.30,
        'f' | 't' | 'r' | ' ' | '(' | ')' | '[' | ']' | '-' | '/' => 0.40,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '→' | '↑' | '—' | '…' => 1.0,
        'A'..='Z' | '&' | '<' | '>' | '=' | '+' => 0.70,
        '\u{2e80}'.. => 1.1,
        _ => 0.64,
    }
}

/// The text, with its middle left out if it is wider than `room`: the ends of a name tell most.
pub(crate) fn fitted(text: &str, room: f64) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let chars: Vec<f64> = text.chars().map(|c| SIZE * em(c)).collect();
    let mut left = room - SIZE * em('…');
    let (mut head, mut tail) = (0, 0);
    while head + tail < chars.len() {
        let at_head = head <= tail;
        left -= if at_head { chars[head] } else { chars[chars.len() - 1 - tail] };
        if left < 0.0 {
            break;
        }
        *(if at_head { &mut head } else { &mut tail }) += 1;
    }
    let mut short: String = text.chars().take(head).collect();
    short.push('…');
    short.extend(text.chars().skip(chars.len() - tail));
    short
}

/// The middle of a text near `x` that does not pass the edges of a drawing `room` wide.
pub(crate) fn inside(x: f64, text: &str, room: f64) -> f64 {
    let half = 0.5 * width(text);
    x.min(room - half).max(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_loses_its_middle() {
        assert_eq!(fitted("weight", 100.0), "weight");
        let short = fitted("encoder.layers.11.attention.out.weight", 100.0);
        assert!(short.starts_with("enc") && short.ends_with("ght") && short.contains('…'), "{short}");
        assert!(width(&short) <= 100.0);
        assert_eq!(fitted("weight", 0.0), "…");
        assert_eq!(fitted("", 0.0), "");
    }
}
