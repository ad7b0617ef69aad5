//! Reading the headers of files: what JSON and Python's literals have in common.

use super::FormatError;

/// A place in a header.
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Python's quotes, and its comma after the last item.
    python: bool,
}

impl<'a> Text<'a> {
    pub(super) fn json(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, python: false }
    }

    pub(super) fn python(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, python: true }
    }

    /// What is wrong, and where.
    pub(super) fn error<R>(&self, what: &str) -> Result<R, FormatError> {
        Err(FormatError::new(format!("{what} at byte {} of the header", self.at)))
    }

    /// Passes white space by.
    fn space(&mut self) {
        while self.bytes.get(self.at).is_some_and(|b| b" \t\r\n".contains(b)) {
            self.at += 1;
        }
    }

    /// Passes a character by if it comes next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), FormatError> {
        if self.eat(byte) { Ok(()) } else { self.error(&format!("no `{}`", byte as char)) }
    }

    /// Passes a word by if it comes next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        self.space();
        let found = self.bytes[self.at..].starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// The end: white space only.
    pub(super) fn end(&mut self) -> Result<(), FormatError> {
        self.space();
        if self.at == self.bytes.len() { Ok(()) } else { self.error("something after the end") }
    }

    /// A whole number from 0 up.
    pub(super) fn number(&mut self) -> Result<usize, FormatError> {
        self.space();
        let digits = self.bytes[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let text = &self.bytes[self.at..self.at + digits];
        let value = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        let Some(value) = value else {
            return self.error("no number that is an index");
        };
        self.at += digits;
        Ok(value)
    }

    /// Items between two brackets, separated by commas.
    pub(super) fn list(
        &mut self,
        [open, close]: [u8; 2],
        mut item: impl FnMut(&mut Self) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        self.expect(open)?;
        if self.eat(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.eat(b',') {
                return self.expect(close);
            }
            if self.python && self.eat(close) {
                return Ok(());
            }
        }
    }

    /// A string, with JSON's escapes.
    pub(super) fn string(&mut self) -> Result<String, FormatError> {
        let quote = if self.python { b'\'' } else { b'"' };
        self.expect(quote)?;
        let mut text = Vec::new();
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                return self.error("a string without end");
            };
            self.at += 1;
            match byte {
                _ if byte == quote => break,
                b'\\' => {
                    let escaped = self.escape()?;
                    text.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..32 => return self.error("a control character in a string"),
                _ => text.push(byte),
            }
        }
        String::from_utf8(text).or_else(|_| self.error("a string that is not UTF-8"))
    }

    fn escape(&mut self) -> Result<char, FormatError> {
        let Some(&byte) = self.bytes.get(self.at) else {
            return self.error("a string without end");
        };
        self.at += 1;
        let character = match byte {
            b'"' | b'\'' | b'\\' | b'/' => Some(byte as char),
            b'b' => Some('\u{8}'),
            b'f' => Some('\u{c}'),
            b'n' => Some('\n'),
            b'r' => Some('\r'),
            b't' => Some('\t'),
            b'u' => {
                let first = self.hex()?;
                // Two halves of a character beyond 16 bits.
                if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
                    self.at += 2;
                    let second = self.hex()?;
                    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
                    low.and_then(|low| char::from_u32(0x10000 + ((first - 0xd800) << 10) + low))
                } else {
                    char::from_u32(first)
                }
            }
            _ => None,
        };
        character.map_or_else(|| self.error("no such escape"), Ok)
    }

    fn hex(&mut self) -> Result<u32, FormatError> {
        let digits = self.bytes.get(self.at..self.at + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let value = digits.and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let Some(value) = value else {
            return self.error("no four hexadecimal digits");
        };
        self.at += 4;
        Ok(value)
    }
}
