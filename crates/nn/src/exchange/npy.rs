//! NumPy's files of one array: a magic number, a header in Python, and the elements.

use super::{AnyTensor, FormatError};

const MAGIC: &[u8] = b"\x93NUMPY";

impl AnyTensor {
    /// The array of an npy file, of version 1, 2 or 3, in either order of bytes and of axes.
    /// `float16` becomes `f32`, which holds it exactly.
    ///
    /// # Errors
    /// If the bytes are not such a file, or its elements are no numbers or flags.
    pub fn from_npy(bytes: &[u8]) -> Result<Self, FormatError> {
        let rest = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<2>());
        let Some(([version, _], rest)) = rest else {
            return Err(FormatError::new("an npy file begins with \\x93NUMPY and its version"));
        };
        let length = match version {
            1 => rest.split_first_chunk().map(|(n, rest)| (u32::from(u16::from_le_bytes(*n)), rest)),
            2 | 3 => rest.split_first_chunk().map(|(n, rest)| (u32::from_le_bytes(*n), rest)),
            _ => return Err(FormatError::new(format!("npy files of version {version} are not known"))),
        };
        let header = length.and_then(|(length, rest)| rest.split_at_checked(length as usize));
        let Some((header, data)) = header else {
            return Err(FormatError::new("the header is longer than the file"));
        };
        let Header { order, element, fortran, shape } = read_header(header)?;
        let turned: Vec<usize> = if fortran { shape.iter().rev().copied().collect() } else { shape.clone() };
        let dtype = Self::type_of_npy(&element);
        let tensor = dtype.and_then(|dtype| Self::decode(dtype, data, order == '>', turned.into()));
        let Some(tensor) = tensor else {
            let (bytes, axes) = (data.len(), shape.len());
            let shape = if axes > 32 { format!("with {axes} axes") } else { format!("of shape {shape:?}") };
            return Err(FormatError::new(format!("{bytes} bytes are not elements {element} {shape}")));
        };
        Ok(if fortran { tensor.turned() } else { tensor })
    }

    /// An npy file of version 1.
    ///
    /// ```
    /// use wengert_nn::AnyTensor;
    /// use wengert_tensor::tensor;
    ///
    /// let array = AnyTensor::from(tensor![[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(AnyTensor::from_npy(&array.to_npy())?, array);
    /// # Ok::<(), wengert_nn::FormatError>(())
    /// ```
    pub fn to_npy(&self) -> Vec<u8> {
        let element = self.npy_type();
        let sizes: Vec<String> = self.shape().iter().map(usize::to_string).collect();
        let shape = if sizes.len() == 1 { format!("{},", sizes[0]) } else { sizes.join(", ") };
        let order = if element.ends_with('1') { '|' } else { '<' };
        let mut header = format!("{{'descr': '{order}{element}', 'fortran_order': False, 'shape': ({shape}), }}");
        // The elements begin at a multiple of 64; a header of more than 2¹⁶ bytes would need more
        // axes than there can be.
        let start = (MAGIC.len() + 4 + header.len() + 1).next_multiple_of(64);
        while MAGIC.len() + 4 + header.len() + 1 < start {
            header.push(' ');
        }
        header.push('\n');
        let mut file = [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
        self.encode(&mut file);
        file
    }
}

struct Header {
    order: char,
    element: String,
    fortran: bool,
    shape: Vec<usize>,
}

fn read_header(header: &[u8]) -> Result<Header, FormatError> {
    let mut text = Python { text: header, at: 0 };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    text.list([b'{', b'}'], |text| {
        let key = text.string()?;
        text.expect(b':')?;
        match key.as_str() {
            "descr" => descr = Some(text.string()?),
            "fortran_order" if text.word("True") => fortran = Some(true),
            "fortran_order" if text.word("False") => fortran = Some(false),
            "shape" => {
                let mut sizes = Vec::new();
                text.list([b'(', b')'], |text| {
                    sizes.push(text.number()?);
                    Ok(())
                })?;
                shape = Some(sizes);
            }
            _ => return text.error(&format!("the unknown key `{key}`")),
        }
        Ok(())
    })?;
    text.space();
    if text.at < header.len() {
        return text.error("something after the end");
    }
    let (Some(descr), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
        return text.error("no type, order or shape");
    };
    let mut characters = descr.chars();
    let order = characters.next().filter(|order| "<>|=".contains(*order));
    let Some(order) = order else {
        return text.error(&format!("the unknown type `{descr}`"));
    };
    Ok(Header { order, element: characters.as_str().to_owned(), fortran, shape })
}

/// A place in a header, which is a dictionary as Python writes it.
struct Python<'a> {
    text: &'a [u8],
    at: usize,
}

impl Python<'_> {
    /// What is wrong, and where.
    fn error<R>(&self, what: &str) -> Result<R, FormatError> {
        Err(FormatError::new(format!("{what} at byte {} of the header", self.at)))
    }

    fn space(&mut self) {
        self.at += self.text[self.at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    /// Passes a word by if it comes next.
    fn word(&mut self, word: &str) -> bool {
        self.space();
        let found = self.text[self.at..].starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.word((byte as char).encode_utf8(&mut [0; 4]))
    }

    fn expect(&mut self, byte: u8) -> Result<(), FormatError> {
        if self.eat(byte) { Ok(()) } else { self.error(&format!("no `{}`", byte as char)) }
    }

    /// A whole number from 0 up.
    fn number(&mut self) -> Result<usize, FormatError> {
        self.space();
        let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = str::from_utf8(&self.text[self.at..self.at + digits]).expect("digits");
        let Ok(value) = text.parse() else {
            return self.error("no number that is a size");
        };
        self.at += digits;
        Ok(value)
    }

    /// A string in either kind of quotes. None that belongs here has anything to escape.
    fn string(&mut self) -> Result<String, FormatError> {
        let quote = if self.eat(b'"') { b'"' } else { self.expect(b'\'').map(|()| b'\'')? };
        let length = self.text[self.at..].iter().position(|byte| *byte == quote);
        let Some(length) = length else {
            return self.error("a string without end");
        };
        let text = String::from_utf8_lossy(&self.text[self.at..self.at + length]).into_owned();
        self.at += length + 1;
        Ok(text)
    }

    /// Items between two brackets, separated by commas, of which there may be one at the end.
    fn list(
        &mut self,
        [open, close]: [u8; 2],
        mut item: impl FnMut(&mut Self) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        self.expect(open)?;
        while !self.eat(close) {
            item(self)?;
            if !self.eat(b',') {
                return self.expect(close);
            }
        }
        Ok(())
    }
}
