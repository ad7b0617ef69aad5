//! The tensor: an immutable value over shared storage.

use std::sync::Arc;

use crate::error::checked;
use crate::storage::Storage;
use crate::{Element, Layout, Shape, ShapeError};

/// An n-dimensional array of `T`, immutable and cheap to clone.
///
/// Clones and views share one buffer; the methods that write copy it first when it is shared.
/// A mistake in shapes panics at the caller's line.
///
/// ```
/// use wengert_tensor::{Tensor, tensor};
/// let a = tensor![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
/// let column = a.slice(1, 2..).reshape([2]);
/// assert_eq!(column, tensor![3.0, 6.0]);
/// assert_eq!((&a.t() * 2.0).shape(), &[3, 2]);
/// # let _: Tensor = a;
/// ```
#[derive(Clone)]
pub struct Tensor<T: Element = f32> {
    storage: Arc<Storage<T>>,
    layout: Layout,
}

impl<T: Element> Tensor<T> {
    /// A tensor of this shape whose elements `fill` writes, in row-major order.
    ///
    /// `fill` gets a slice of unspecified old values. The error is a size that cannot be
    /// allocated.
    pub fn try_build(shape: impl Into<Shape>, fill: impl FnOnce(&mut [T])) -> Result<Self, ShapeError> {
        let mut fill = Some(fill);
        Self::filled(shape.into(), &mut |out| fill.take().expect("filled once")(out))
    }

    /// [`Tensor::try_build`], compiled once for all closures.
    #[inline(never)]
    fn filled(shape: Shape, fill: &mut dyn FnMut(&mut [T])) -> Result<Self, ShapeError> {
        let mut storage = Storage::recycled(shape.checked_count()?)?;
        fill(&mut storage);
        Ok(Self { storage: Arc::new(storage), layout: Layout::contiguous(shape) })
    }

    /// A tensor of this shape whose elements `fill` writes, in row-major order: how kernels
    /// make their results.
    ///
    /// `fill` gets a slice of unspecified old values and must write all of it.
    ///
    /// ```
    /// use wengert_tensor::Tensor;
    /// let squares = Tensor::build([4], |out| {
    ///     for (i, v) in out.iter_mut().enumerate() {
    ///         *v = (i * i) as f32;
    ///     }
    /// });
    /// assert_eq!(squares.to_vec(), [0.0, 1.0, 4.0, 9.0]);
    /// ```
    /// # Panics
    /// If the shape cannot be allocated.
    #[track_caller]
    pub fn build(shape: impl Into<Shape>, fill: impl FnOnce(&mut [T])) -> Self {
        checked!("build", Self::try_build(shape, fill))
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &Shape {
        self.layout.shape()
    }

    /// Shape, strides and offset.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The number of elements.
    pub fn count(&self) -> usize {
        self.shape().count()
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape().len()
    }

    /// The whole buffer that the layout points into; for kernels.
    pub fn buffer(&self) -> &[T] {
        &self.storage
    }

    /// The elements in row-major order if they lie so in memory.
    pub fn as_slice(&self) -> Option<&[T]> {
        let start = self.layout.offset();
        self.layout.is_contiguous().then(|| &self.storage[start..start + self.count()])
    }

    /// The elements in row-major order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + '_ {
        self.layout.offsets().map(|i| self.storage[i])
    }

    /// The elements in row-major order, copied.
    ///
    /// # Panics
    /// If they cannot be allocated, as those of an expanded view may not be.
    #[track_caller]
    #[inline(never)]
    pub fn to_vec(&self) -> Vec<T> {
        if let Some(slice) = self.as_slice() {
            return slice.to_vec();
        }
        let mut values = Vec::new();
        let fits = values.try_reserve_exact(self.count()).is_ok();
        assert!(fits, "to_vec: cannot allocate {} elements of {}", self.count(), T::NAME);
        values.extend(self.iter());
        values
    }

    /// The only element.
    ///
    /// # Panics
    /// If there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> T {
        assert!(self.count() == 1, "item: {} has {} elements, not one", self.shape(), self.count());
        self.storage[self.layout.offset()]
    }

    /// The element at `index`.
    ///
    /// # Panics
    /// If an index is out of range, or their number is not the number of axes.
    #[track_caller]
    pub fn at<const N: usize>(&self, index: [usize; N]) -> T {
        let fits = N == self.rank() && index.iter().zip(self.shape().iter()).all(|(i, size)| i < size);
        assert!(fits, "at: index {index:?} is out of range for {}", self.shape());
        let step: isize = index.iter().zip(self.layout.strides()).map(|(&i, &s)| i as isize * s).sum();
        self.storage[(self.layout.offset() as isize + step) as usize]
    }

    /// The elements in row-major order for writing, copied first when they are shared or
    /// strided.
    #[track_caller]
    #[inline(never)]
    pub fn make_mut(&mut self) -> &mut [T] {
        if !self.layout.is_contiguous() || Arc::get_mut(&mut self.storage).is_none() {
            *self = checked!("make_mut", self.copied());
        }
        let (start, count) = (self.layout.offset(), self.count());
        let storage = Arc::get_mut(&mut self.storage).expect("a fresh copy is not shared");
        &mut storage[start..start + count]
    }

    /// This value with its elements in row-major order in memory; itself when they are.
    #[track_caller]
    pub fn contiguous(&self) -> Self {
        checked!("contiguous", self.try_contiguous())
    }

    /// As [`contiguous`](Self::contiguous); the error is a size that cannot be allocated.
    pub(crate) fn try_contiguous(&self) -> Result<Self, ShapeError> {
        if self.layout.is_contiguous() { Ok(self.clone()) } else { self.copied() }
    }

    /// The same values in a buffer of their own.
    #[inline(never)]
    fn copied(&self) -> Result<Self, ShapeError> {
        Self::try_build(self.shape().clone(), |out| crate::kernel::copy(&self.storage, &self.layout, out))
    }

    /// The same buffer under another layout; for kernels and view operations.
    ///
    /// # Panics
    /// If the layout reaches outside the buffer.
    #[track_caller]
    #[inline(never)]
    pub fn with_layout(&self, layout: Layout) -> Self {
        let layout = match layout.last_offset() {
            Some(last) => {
                assert!(last < self.storage.len(), "with_layout: {layout:?} reaches outside of its buffer");
                layout
            }
            // Of no elements, where they lie means nothing; the offset could be anywhere.
            None => Layout::contiguous(layout.shape().clone()),
        };
        Self { storage: self.storage.clone(), layout }
    }

    /// Whether nobody else shares the buffer, and it has just these elements, in whatever order.
    pub fn is_sole(&mut self) -> bool {
        self.storage.len() == self.count() && Arc::get_mut(&mut self.storage).is_some()
    }

    /// The whole buffer in its own order, of this shape.
    ///
    /// # Panics
    /// If that is not the number of its elements.
    pub(crate) fn whole_buffer(self, shape: &Shape) -> Self {
        assert_eq!(self.storage.len(), shape.count(), "a buffer for {shape}");
        Self { storage: self.storage, layout: Layout::contiguous(shape.clone()) }
    }

    /// Whether both share one buffer.
    pub fn shares_buffer(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.storage, &other.storage)
    }

    /// The values as another element type (as Rust's `as` converts; `bool` is "not zero").
    ///
    /// ```
    /// use wengert_tensor::{Tensor, tensor};
    /// let mask: Tensor<bool> = tensor![0.0, 2.5].cast();
    /// assert_eq!(mask.to_vec(), [false, true]);
    /// ```
    #[doc(alias = "astype")]
    #[track_caller]
    #[inline(never)]
    pub fn cast<U: Element>(&self) -> Tensor<U> {
        let convert = |v: T| if T::WHOLE && U::WHOLE { U::from_i128(v.to_i128()) } else { U::from_f64(v.to_f64()) };
        let fill = |out: &mut [U]| {
            for (to, from) in out.iter_mut().zip(self.iter()) {
                *to = convert(from);
            }
        };
        checked!("cast", Tensor::try_build(self.shape().clone(), fill))
    }
}
