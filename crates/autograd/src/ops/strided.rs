//! Loops over strided elements, for kernels.

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
    let loops = Loops::new(to_layout, from_layout);
    for (a, b) in loops.to.offsets().zip(loops.from.offsets()) {
        if (loops.to_step, loops.from_step) == (1, 1) {
            let rows = to[a..a + loops.count].iter_mut().zip(&from[b..b + loops.count]);
            rows.for_each(|(to, &from)| f(to, from));
        } else {
            let (mut a, mut b) = (a as isize, b as isize);
            for _ in 0..loops.count {
                f(&mut to[a as usize], from[b as usize]);
                a += loops.to_step;
                b += loops.from_step;
            }
        }
    }
}

/// The order in which two layouts are gone through.
struct Loops {
    /// The first elements of the inner loops.
    to: Layout,
    from: Layout,
    /// The inner loop: its length and steps.
    count: usize,
    to_step: isize,
    from_step: isize,
}

impl Loops {
    /// For layouts of one shape that has elements.
    fn new(to: &Layout, from: &Layout) -> Self {
        // The axis with the smallest steps last, so that the inner loop runs along memory.
        let step = |axis: usize| to.strides()[axis].unsigned_abs();
        let mut order: Vec<usize> = Vec::new();
        for axis in 0..to.shape().len() {
            order.insert(order.partition_point(|&before| step(before) >= step(axis)), axis);
        }
        let to = to.permute(&order).expect("each axis once");
        let from = from.permute(&order).expect("each axis once");
        let Some(last) = order.len().checked_sub(1) else {
            return Loops { to, from, count: 1, to_step: 1, from_step: 1 };
        };
        let firsts = |layout: &Layout| layout.slice(last, 0, 1, 1).expect("there is an element");
        Loops {
            count: to.shape()[last],
            to_step: to.strides()[last],
            from_step: from.strides()[last],
            to: firsts(&to),
            from: firsts(&from),
        }
    }
}
