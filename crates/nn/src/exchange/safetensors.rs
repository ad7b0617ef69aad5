//! Safetensors files: a length, a header in JSON, and the elements.
//!
//! Written here, because it is less than the crate of that name brings along: a dozen crates for
//! one kind of JSON. That crate checks this one in the tests.

use std::fmt::Write;

use wengert_tensor::Shape;

use super::text::Text;
use super::{AnyTensor, FormatError, StateDict};

const METADATA: &str = "__metadata__";

/// What the header says about one tensor.
struct Entry {
    name: String,
    element: String,
    shape: Vec<usize>,
    range: [usize; 2],
}

impl StateDict {
    /// The tensors of a safetensors file, in the order of its header. `F16` and `BF16` become
    /// `f32`, which holds them exactly.
    ///
    /// # Errors
    /// If the bytes are not such a file: nothing is believed before it is checked against their
    /// number.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, FormatError> {
        let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(FormatError::new("a safetensors file has at least 8 bytes"));
        };
        let length = u64::from_le_bytes(*length);
        let header = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
        let Some((header, data)) = header else {
            return Err(FormatError::new(format!("a header of {length} bytes in a file of {}", bytes.len())));
        };
        let entries = read_header(header)?;
        check_ranges(&entries, data.len())?;
        let mut state = StateDict::new();
        for Entry { name, element, shape, range: [start, end] } in entries {
            let tensor = AnyTensor::element_size(&element).and_then(|size| {
                let shape = Shape::from(shape.clone());
                let fits = shape.checked_count().ok()?.checked_mul(size)? == end - start;
                if fits { AnyTensor::decode(&element, &data[start..end], false, shape) } else { None }
            });
            let Some(tensor) = tensor else {
                let bytes = end - start;
                return Err(FormatError::new(format!(
                    "tensor `{name}`: {bytes} bytes are not elements {element} of shape {shape:?}"
                )));
            };
            if state.get(&name).is_some() {
                return Err(FormatError::new(format!("two tensors are called `{name}`")));
            }
            state.insert(name, tensor);
        }
        Ok(state)
    }

    /// A safetensors file, with the header in the order of the entries.
    ///
    /// ```
    /// use wengert_nn::StateDict;
    /// use wengert_tensor::tensor;
    ///
    /// let mut state = StateDict::new();
    /// state.insert("weight", tensor![[1.0f32, 2.0]]);
    /// assert_eq!(StateDict::from_safetensors(&state.to_safetensors())?, state);
    /// # Ok::<(), wengert_nn::FormatError>(())
    /// ```
    pub fn to_safetensors(&self) -> Vec<u8> {
        // Larger elements first, so that each begins at a multiple of its size.
        let mut entries: Vec<_> = self.iter().collect();
        let size = |tensor: &AnyTensor| AnyTensor::element_size(tensor.file_types()[0]).unwrap_or(0);
        entries.sort_by_key(|(_, tensor)| std::cmp::Reverse(size(tensor)));
        let mut data = Vec::new();
        let mut ranges = std::collections::HashMap::new();
        for (name, tensor) in entries {
            let start = data.len();
            tensor.encode(&mut data);
            ranges.insert(name, [start, data.len()]);
        }
        // The metadata is what PyTorch's programs look for.
        let mut header = format!("{{\"{METADATA}\":{{\"format\":\"pt\"}}");
        for (name, tensor) in self.iter() {
            let ([element, _], [start, end]) = (tensor.file_types(), ranges[name]);
            header.push_str(",\"");
            escape(name, &mut header);
            let shape = tensor.shape().iter().map(usize::to_string).collect::<Vec<_>>().join(",");
            let rest = format!("\":{{\"dtype\":\"{element}\",\"shape\":[{shape}],\"data_offsets\":[{start},{end}]}}");
            header.push_str(&rest);
        }
        header.push('}');
        let padded = header.len().next_multiple_of(8);
        let mut file = Vec::with_capacity(8 + padded + data.len());
        file.extend_from_slice(&(padded as u64).to_le_bytes());
        file.extend_from_slice(header.as_bytes());
        file.resize(8 + padded, b' ');
        file.extend_from_slice(&data);
        file
    }
}

/// Appends a name as it stands in a JSON string.
fn escape(name: &str, out: &mut String) {
    for character in name.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..' ' => _ = write!(out, "\\u{:04x}", character as u32),
            _ => out.push(character),
        }
    }
}

fn read_header(header: &[u8]) -> Result<Vec<Entry>, FormatError> {
    let mut text = Text::json(header);
    let mut entries = Vec::new();
    text.list([b'{', b'}'], |text| {
        let name = text.string()?;
        text.expect(b':')?;
        if name == METADATA {
            return text.list([b'{', b'}'], |text| {
                text.string()?;
                text.expect(b':')?;
                text.string().map(drop)
            });
        }
        entries.push(read_entry(text, name)?);
        Ok(())
    })?;
    text.end()?;
    Ok(entries)
}

fn read_entry(text: &mut Text<'_>, name: String) -> Result<Entry, FormatError> {
    let (mut element, mut shape, mut range) = (None, None, None);
    text.list([b'{', b'}'], |text| {
        let key = text.string()?;
        text.expect(b':')?;
        match key.as_str() {
            "dtype" => element = Some(text.string()?),
            "shape" => shape = Some(numbers(text)?),
            "data_offsets" => range = numbers(text)?.try_into().ok(),
            _ => return text.error(&format!("the unknown key `{key}`")),
        }
        Ok(())
    })?;
    let (Some(element), Some(shape), Some(range)) = (element, shape, range) else {
        return text.error(&format!("tensor `{name}` lacks its type, shape or offsets"));
    };
    Ok(Entry { name, element, shape, range })
}

fn numbers(text: &mut Text<'_>) -> Result<Vec<usize>, FormatError> {
    let mut numbers = Vec::new();
    text.list([b'[', b']'], |text| {
        numbers.push(text.number()?);
        Ok(())
    })?;
    Ok(numbers)
}

/// Every byte belongs to one tensor.
fn check_ranges(entries: &[Entry], length: usize) -> Result<(), FormatError> {
    let mut ranges: Vec<_> = entries.iter().map(|entry| (entry.range, &entry.name)).collect();
    ranges.sort();
    let mut reached = 0;
    for ([start, end], name) in ranges {
        if start != reached || end < start || end > length {
            return Err(FormatError::new(format!(
                "tensor `{name}`: bytes {start} to {end} do not follow byte {reached} of {length}"
            )));
        }
        reached = end;
    }
    if reached != length {
        return Err(FormatError::new(format!("{} bytes belong to no tensor", length - reached)));
    }
    Ok(())
}
