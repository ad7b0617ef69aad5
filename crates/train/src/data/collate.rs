//! From examples to a batch.

use wengert_tensor::{Element, Tensor};

use super::{Batch, DataError, Dataset};

/// An example that several of which make a batch.
///
/// Tensors of one shape are stacked along a new first axis, numbers become a tensor of one axis,
/// and tuples are joined part by part.
///
/// ```
/// use wengert_tensor::tensor;
/// use wengert_train::Collate;
///
/// let (x, labels) = Collate::collate(vec![(tensor![1.0, 2.0], 7i64), (tensor![3.0, 4.0], 8)]).unwrap();
/// assert_eq!(x, tensor![[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(labels, tensor![7, 8]);
/// ```
pub trait Collate: Sized {
    /// Several of them.
    type Batch: Send + 'static;

    /// Joins them, in their order.
    ///
    /// # Errors
    /// If one does not fit the first.
    ///
    /// # Panics
    /// If there are none.
    fn collate(items: Vec<Self>) -> Result<Self::Batch, Mismatch>;
}

/// Why examples do not make a batch: one does not fit the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The place among the examples of the one that does not fit.
    pub at: usize,
    /// What differs.
    pub what: String,
}

impl<T: Element> Collate for Tensor<T> {
    type Batch = Self;

    fn collate(items: Vec<Self>) -> Result<Self, Mismatch> {
        let shape = items[0].shape();
        if let Some(at) = items.iter().position(|item| item.shape() != shape) {
            let what = format!("its shape {} is not that of the others, {shape}", items[at].shape());
            return Err(Mismatch { at, what });
        }
        Ok(Self::stack(&items.iter().collect::<Vec<_>>(), 0))
    }
}

macro_rules! numbers {
    ($($t:ident)*) => {$(
        impl Collate for $t {
            type Batch = Tensor<$t>;

            fn collate(items: Vec<Self>) -> Result<Self::Batch, Mismatch> {
                Ok(items.into())
            }
        }
    )*};
}
numbers!(f32 f64 u8 i8 u16 i16 u32 i32 u64 i64 usize isize bool);

impl<A: Collate, B: Collate> Collate for (A, B) {
    type Batch = (A::Batch, B::Batch);

    fn collate(items: Vec<Self>) -> Result<Self::Batch, Mismatch> {
        let (a, b) = items.into_iter().unzip();
        Ok((A::collate(a)?, B::collate(b)?))
    }
}

impl<A: Collate, B: Collate, C: Collate> Collate for (A, B, C) {
    type Batch = (A::Batch, B::Batch, C::Batch);

    fn collate(items: Vec<Self>) -> Result<Self::Batch, Mismatch> {
        let (a, b, c): (Vec<_>, Vec<_>, Vec<_>) = items.into_iter().collect();
        Ok((A::collate(a)?, B::collate(b)?, C::collate(c)?))
    }
}

/// One example after the other, each changed by `change`, then joined.
pub(super) fn batch<D: Dataset + ?Sized>(
    data: &D,
    indices: &[usize],
    change: impl Fn(usize, D::Item) -> D::Item,
) -> Result<Batch<D>, DataError> {
    let item = |&index: &usize| {
        let made = || data.item(index).map(|item| change(index, item)).map_err(|cause| DataError::new(index, cause));
        DataError::guard(&[index], made).map_err(|error| error.of(data.origin(index)))
    };
    let items = indices.iter().map(item).collect::<Result<_, _>>()?;
    let failed = |Mismatch { at, what }| DataError::new(indices[at], what).of(data.origin(indices[at]));
    D::Item::collate(items).map_err(failed)
}
