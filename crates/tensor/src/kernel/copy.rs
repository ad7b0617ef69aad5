//! Strided copies.

use crate::{Element, Layout};

/// Writes the elements of `layout` over `buffer` to `out`, in row-major order.
pub fn copy<T: Element>(buffer: &[T], layout: &Layout, out: &mut [T]) {
    assert_eq!(out.len(), layout.shape().count(), "copy: the output has another number of elements");
    for (to, offset) in out.iter_mut().zip(layout.offsets()) {
        *to = buffer[offset];
    }
}
