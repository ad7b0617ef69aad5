//! A block of a product on one thread: operands packed where they are read often enough, one panel
//! of the right one at a time in the first-level cache.

use super::pack::{View, pack_left, pack_panels};
use super::tile::{CHAIN, Left, Micro, Out, Right, TERMS};
use crate::Float;
use crate::kernel::isa::Isa;
use crate::kernel::parallel::{SharedMut, for_each};
use crate::kernel::scratch::Scratch;
use crate::kernel::transpose::{SIDE, transpose};

/// How many sums of [`TERMS`] are added one after another; groups of them are added up apart.
const IN_ORDER: usize = 4;
/// Rows of the left operand that stay in the second-level cache. With no more of them, the right operand is not
/// packed as a whole.
pub(super) const ROWS: usize = 192;
/// Bytes of a right operand that is read where it is, if there are few rows: others are not in the caches.
const CACHED: usize = 16 << 20;
/// Rows that it is asked for ahead there, whose steps the processor may not foresee.
const AHEAD: isize = 16;
/// Panels that are packed at once, from rows that are longer than one's.
const GROUP: usize = 4;
/// Columns of `C` from which on the left operand is packed.
const PACK_LEFT: usize = 640;

/// The sizes of a block and what computes it.
pub(super) struct Block<T> {
    pub(super) isa: Isa,
    pub(super) micro: Micro<T>,
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
}

/// The right operand in panels of columns.
pub(in crate::kernel) struct Rights<T> {
    /// The columns of a panel.
    pub(in crate::kernel) cols: usize,
    memory: Memory<T>,
}

/// Where the panels are: in the matrix itself, there but to be packed a few at a time, or one after the other.
enum Memory<T> {
    Direct(View<T>),
    Far(View<T>),
    Packed { memory: Scratch, k: usize, n: usize },
}

impl<T: Float> Rights<T> {
    /// `B [k, n]` in panels of `cols`, for the product with `m` rows; packed by all threads if it is
    /// `shared`.
    ///
    /// # Safety
    /// All of it must be readable, and as long as this is used if there are fewer rows than pay for
    /// packing it.
    pub(in crate::kernel) unsafe fn new(
        isa: Isa,
        cols: usize,
        view: View<T>,
        k: usize,
        n: usize,
        m: usize,
        shared: bool,
    ) -> Self {
        if view.col == 1 && m <= ROWS {
            let memory = if k * n * size_of::<T>() <= CACHED { Memory::Direct(view) } else { Memory::Far(view) };
            return Rights { cols, memory };
        }
        // SAFETY: the caller's promise.
        unsafe { Self::packed(isa, cols, view, k, n, shared) }
    }

    /// The same, packed in any case.
    ///
    /// # Safety
    /// All of it must be readable.
    unsafe fn packed(isa: Isa, cols: usize, view: View<T>, k: usize, n: usize, shared: bool) -> Self {
        let mut memory = Scratch::take(k * n * size_of::<T>());
        // SAFETY: there is room for so many elements, of which every bit pattern is one.
        let packed = SharedMut::new(unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), k * n) });
        let group = GROUP * cols;
        let task = |i: usize| {
            let j = i * group;
            // SAFETY: panels of its own; the caller's promise for what they are made of.
            unsafe { pack_panels(isa, cols, view.from(0, j), k, group.min(n - j), packed.as_mut_ptr().add(j * k)) };
        };
        let groups = n.div_ceil(group);
        if shared {
            // About a third of a nanosecond an element.
            for_each(groups, k * group / 3, task);
        } else {
            (0..groups).for_each(task);
        }
        Rights { cols, memory: Memory::Packed { memory, k, n } }
    }

    /// The panel that begins with column `j`, from term `p` on.
    #[inline(always)]
    pub(in crate::kernel) fn panel(&self, j: usize, p: usize) -> Right<T> {
        match &self.memory {
            Memory::Direct(view) | Memory::Far(view) => {
                Right { first: view.from(p, j).first, step: view.row, ahead: AHEAD * view.row }
            }
            Memory::Packed { memory, k, n } => {
                let width = self.cols.min(n - j);
                let first = memory.as_ptr().cast::<T>().wrapping_add(j * k + p * width);
                Right { first, step: width as isize, ahead: 0 }
            }
        }
    }
}

impl<T: Float> Block<T> {
    /// `c ← A B` for the columns of `B` from `from` on, rows of `c` being `step` apart.
    ///
    /// # Safety
    /// All of `a` must be readable, and of `c` writable.
    pub(super) unsafe fn product(&self, a: View<T>, rights: &Rights<T>, from: usize, c: *mut T, step: usize) {
        let Block { isa, micro, m, k, n } = *self;
        let most = k.div_ceil(k.div_ceil(TERMS)).next_multiple_of(CHAIN);
        let packs = n >= PACK_LEFT;
        let rows = ROWS.min(m);
        let mut memory =
            Scratch::take(if packs { rows.next_multiple_of(micro.rows) * most * size_of::<T>() } else { 0 });
        let mut sums = Scratch::take(if k > IN_ORDER * most { rows * n * size_of::<T>() } else { 0 });
        for i in (0..m).step_by(ROWS) {
            let rows = ROWS.min(m - i);
            // SAFETY: row `i` of C, and of A below.
            let c = unsafe { c.add(i * step) };
            for p in (0..k).step_by(most) {
                let terms = most.min(k - p);
                let view = a.from(i, p);
                let left = if packs {
                    let to = memory.start().cast::<T>();
                    // SAFETY: there is room; the caller's promise for what is packed.
                    unsafe { pack_left(isa, micro.rows, view, rows, terms, to) };
                    Left::Strided { first: to, row: 1, step: micro.rows as isize, below: (micro.rows * terms) as isize }
                } else {
                    Left::Strided {
                        first: view.first,
                        row: view.row,
                        step: view.col,
                        below: micro.rows as isize * view.row,
                    }
                };
                let part = p / most % IN_ORDER;
                let (to, step_to) = if p < IN_ORDER * most { (c, step) } else { (sums.start().cast(), n) };
                let group = if let Memory::Far(_) = rights.memory { GROUP * rights.cols } else { n };
                for first in (0..n).step_by(group) {
                    let width = group.min(n - first);
                    let near;
                    let (rights, from, p) = if let Memory::Far(view) = rights.memory {
                        let view = view.from(p, from + first);
                        // SAFETY: the caller's promise.
                        near = unsafe { Rights::packed(isa, rights.cols, view, terms, width, false) };
                        (&near, 0, 0)
                    } else {
                        (rights, from + first, p)
                    };
                    for j in (0..width).step_by(rights.cols) {
                        let cols = rights.cols.min(width - j);
                        // SAFETY: the caller's promise.
                        unsafe {
                            let out = Out { first: to.add(first + j), step: step_to, add: part > 0 };
                            micro.panel(rows, terms, cols, left, rights.panel(from + j, p), out);
                        }
                    }
                }
                if to != c && (part == IN_ORDER - 1 || p + terms == k) {
                    for r in 0..rows {
                        // SAFETY: a row of C and one of the sums, which are not the same memory.
                        let (c, sums) = unsafe {
                            (
                                std::slice::from_raw_parts_mut(c.add(r * step), n),
                                std::slice::from_raw_parts(to.add(r * n), n),
                            )
                        };
                        c.iter_mut().zip(sums).for_each(|(c, &sum)| *c += sum);
                    }
                }
            }
        }
    }

    /// `cᵀ ← A B` for the columns of `B` from `from` on, columns of `cᵀ` being `step` apart.
    ///
    /// # Safety
    /// All of `a` must be readable, and of `c` writable.
    pub(super) unsafe fn product_turned(&self, a: View<T>, rights: &Rights<T>, from: usize, c: *mut T, step: usize) {
        let Block { isa, m, n, .. } = *self;
        let height = ROWS.min(m);
        let mut memory = Scratch::take(height * n * size_of::<T>());
        let block = memory.start().cast::<T>();
        for i in (0..m).step_by(height) {
            let rows = height.min(m - i);
            // SAFETY: the caller's promise, and there is room for the block.
            unsafe { Block { m: rows, ..*self }.product(a.from(i, 0), rights, from, block, n) };
            for r in (0..rows).step_by(SIDE) {
                for j in (0..n).step_by(SIDE) {
                    let (rows, cols) = (SIDE.min(rows - r), SIDE.min(n - j));
                    // SAFETY: as above.
                    unsafe {
                        let to = c.add(j * step + i + r);
                        transpose(isa, block.add(r * n + j), n as isize, to, step as isize, cols, rows);
                    }
                }
            }
        }
    }
}
