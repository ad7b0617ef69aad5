//! Products.

use wengert::prelude::*;

use super::one;
use crate::call::{Call, Outputs};

pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    match op {
        "matmul" | "mm" | "bmm" => one(c.pair().map(|(a, b)| a.matmul(b))?),
        _ => None,
    }
}
