//! Tensors in fitted transforms, as `serde` writes them: `{"shape": […], "values": […]}`.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wengert_tensor::{Float, Tensor};

/// In `f64`, which holds every `f32`.
#[derive(Serialize, Deserialize)]
struct Stored {
    shape: Vec<usize>,
    values: Vec<f64>,
}

pub(super) fn serialize<T: Float, S: Serializer>(tensor: &Tensor<T>, to: S) -> Result<S::Ok, S::Error> {
    Stored { shape: tensor.shape().to_vec(), values: tensor.iter().map(T::to_f64).collect() }.serialize(to)
}

pub(super) fn deserialize<'de, T: Float, D: Deserializer<'de>>(from: D) -> Result<Tensor<T>, D::Error> {
    let Stored { shape, values } = Stored::deserialize(from)?;
    Tensor::try_from_vec(values.into_iter().map(T::from_f64).collect(), shape).map_err(D::Error::custom)
}
