//! Loops over strided elements, for kernels.

use smallvec::SmallVec;
use wengert_tensor::Layout;

/// Calls `f` with each element of `to` and the one of `from` at the same index. The shapes are the
/// same; no element of `to` is reached twice.
pub(super) fn zip_with<T: Copy>(
    to: &mut [T],
    to_layout: &Layout,
    from: &[T],
    from_layout: &Layout,
    f: impl Fn(&mut T, T),
) {
    debug_assert_eq!(to_layout.shape(), from_layout.shape());
    if to_layout.shape().count() == 0 {
        return;
    }
    // The axis with the smallest steps last, so that the inner loop runs along memory.
    let mut order: SmallVec<[usize; 8]> = (0..to_layout.shape().len()).collect();
    order.sort_by_key(|&axis| std::cmp::Reverse(to_layout.strides()[axis].unsigned_abs()));
    let to_layout = to_layout.permute(&order).expect("each axis once");
    let from_layout = from_layout.permute(&order).expect("each axis once");
    let Some(last) = order.len().checked_sub(1) else {
        return f(&mut to[to_layout.offset()], from[from_layout.offset()]);
    };
    let count = to_layout.shape()[last];
    let (to_step, from_step) = (to_layout.strides()[last], from_layout.strides()[last]);
    let rows = |layout: &Layout| layout.slice(last, 0, 1, 1).expect("there is an element");
    for (a, b) in rows(&to_layout).offsets().zip(rows(&from_layout).offsets()) {
        if (to_step, from_step) == (1, 1) {
            to[a..a + count].iter_mut().zip(&from[b..b + count]).for_each(|(to, &from)| f(to, from));
        } else {
            let (mut a, mut b) = (a as isize, b as isize);
            for _ in 0..count {
                f(&mut to[a as usize], from[b as usize]);
                a += to_step;
                b += from_step;
            }
        }
    }
}
