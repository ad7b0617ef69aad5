//! The file's operations in terms of the library's methods, a family a file. An operation is
//! there if a method computes it, perhaps under another name or with its arguments arranged
//! otherwise; nothing is rebuilt here from smaller parts.

mod elementwise;
mod index;
mod layers;
mod losses;
mod product;
mod reduce;
mod shape;
mod window;

use wengert::prelude::*;

use crate::call::{Call, Output, Outputs};

pub(crate) use shape::slice;

/// The outputs of `op`; `None` if it, its inputs or its arguments are not supported.
pub(crate) fn run<'t, T: Float>(op: &str, c: &Call<'t, T>) -> Outputs<'t, T> {
    let families =
        [elementwise::run, reduce::run, shape::run, index::run, product::run, window::run, layers::run, losses::run];
    families.iter().find_map(|family| family(op, c))
}

fn one<'t, T: Float>(y: impl Into<Output<'t, T>>) -> Outputs<'t, T> {
    Some(vec![y.into()])
}

fn two<'t, T: Float>(a: impl Into<Output<'t, T>>, b: impl Into<Output<'t, T>>) -> Outputs<'t, T> {
    Some(vec![a.into(), b.into()])
}
