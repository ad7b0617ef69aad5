//! Values as the file holds them.

use serde_json::Value;
use wengert::prelude::*;

/// A tensor of any dtype; booleans are 1 and 0.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Dtype {
    Float,
    Int,
    Bool,
}

impl Data {
    /// `None` for a dtype or form that is not known.
    pub(crate) fn parse(value: &Value) -> Option<Self> {
        let dtype = match value["dtype"].as_str()? {
            "f64" | "f32" => Dtype::Float,
            "i64" | "i32" => Dtype::Int,
            "bool" => Dtype::Bool,
            _ => return None,
        };
        let shape = value["shape"].as_array()?.iter().map(|n| n.as_u64().map(|n| n as usize));
        Some(Self { dtype, shape: shape.collect::<Option<_>>()?, values: numbers(&value["data"])? })
    }

    pub(crate) fn tensor<T: Element>(&self) -> Tensor<T> {
        self.values.iter().map(|&v| T::from_f64(v)).collect::<Tensor<T>>().reshape(Shape::from(&self.shape[..]))
    }
}

/// What an operation gave.
pub(crate) fn of<E: Element>(tensor: &Tensor<E>) -> Data {
    let dtype = match E::NAME {
        "bool" => Dtype::Bool,
        "int64" => Dtype::Int,
        _ => Dtype::Float,
    };
    Data { dtype, shape: tensor.shape().to_vec(), values: tensor.iter().map(Element::to_f64).collect() }
}

/// A number; `inf`, `-inf` and `nan` are strings.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(b) => Some(f64::from(*b)),
        Value::String(s) => match s.as_str() {
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            "nan" => Some(f64::NAN),
            _ => None,
        },
        _ => value.as_f64(),
    }
}

pub(crate) fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(number).collect()
}
