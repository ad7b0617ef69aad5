//! Safetensors files, by the crate of that name.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexSet;
use safetensors::{Dtype, SafeTensors, View, serialize};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::{AnyTensor, FormatError, StateDict};

/// The entry of a header that is no tensor.
const METADATA: &str = "__metadata__";

impl StateDict {
    /// The tensors of a safetensors file, in the order of its header. `F16` and `BF16` become
    /// `f32`, which holds them exactly.
    ///
    /// # Errors
    /// If the bytes are not such a file, or its elements are no numbers or flags: nothing is
    /// believed before it is checked against the number of bytes.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, FormatError> {
        let (length, header) = SafeTensors::read_metadata(bytes).map_err(refused)?;
        let (text, data) = bytes[size_of::<u64>()..].split_at(length);
        // The header once more: for its order, and because of a name that is there twice the crate
        // takes the last.
        let Names(names) = serde_json::from_slice(text).map_err(refused)?;
        let mut state = StateDict::new();
        for name in names.into_iter().filter(|name| name != METADATA) {
            let info = header.info(&name).expect("a name of the same header");
            let (start, end) = info.data_offsets;
            let tensor = AnyTensor::decode(info.dtype, &data[start..end], false, info.shape.clone().into());
            let Some(tensor) = tensor else {
                let flags = info.dtype == Dtype::BOOL;
                let what = if flags { "flags that are neither 0 nor 1" } else { "elements of an unknown type" };
                return Err(FormatError::new(format!("tensor `{name}` of {}: {what}", info.dtype)));
            };
            state.insert(name, tensor);
        }
        Ok(state)
    }

    /// A safetensors file. Its header has larger elements first, and then the order of the names.
    ///
    /// ```
    /// use wengert_nn::StateDict;
    /// use wengert_tensor::tensor;
    ///
    /// let mut state = StateDict::new();
    /// state.insert("weight", tensor![[1.0f32, 2.0]]);
    /// assert_eq!(StateDict::from_safetensors(&state.to_safetensors()?)?, state);
    /// # Ok::<(), wengert_nn::FormatError>(())
    /// ```
    /// # Errors
    /// If an entry is called `__metadata__`, or the names fill more than 100 megabytes.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, FormatError> {
        if self.get(METADATA).is_some() {
            return Err(FormatError::new(format!("`{METADATA}` is the one name that no tensor can have")));
        }
        // What PyTorch's programs look for.
        let metadata = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
        serialize(self.iter(), Some(metadata)).map_err(refused)
    }
}

fn refused(error: impl fmt::Display) -> FormatError {
    FormatError::new(format!("no safetensors file: {error}"))
}

impl View for &AnyTensor {
    fn dtype(&self) -> Dtype {
        AnyTensor::dtype(self)
    }

    fn shape(&self) -> &[usize] {
        AnyTensor::shape(self)
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes.into()
    }

    fn data_len(&self) -> usize {
        AnyTensor::shape(self).count() * self.dtype().bitsize() / 8
    }
}

/// The keys of an object in JSON, each of which is there once.
struct Names(IndexSet<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
        let mut names = IndexSet::new();
        while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
            if let (index, false) = names.insert_full(name) {
                return Err(A::Error::custom(format!("two tensors are called `{}`", names[index])));
            }
        }
        Ok(Names(names))
    }
}
