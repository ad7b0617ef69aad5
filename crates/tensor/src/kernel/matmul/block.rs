//! A block of a product on one thread: operands packed where they are read often enough, one panel
//! of the right one at a time in the first-level cache.

use super::pack::{View, pack, pack_left};
use super::tile::{Left, Micro, Out, Right, TERMS};
use crate::Float;
use crate::kernel::isa::Isa;
use crate::kernel::parallel::{SharedMut, for_each};
use crate::kernel::scratch::Scratch;
use crate::kernel::transpose::{SIDE, transpose};

/// Rows of the left operand that stay in the second-level cache.
const ROWS: usize = 192;
/// Rows of `C` from which on the right operand is packed.
const PACK_RIGHT: usize = 64;
/// Columns of `C` from which on the left operand is packed.
const PACK_LEFT: usize = 256;

/// The sizes of a block and what computes it.
pub(super) struct Block<T> {
    pub(super) isa: Isa,
    pub(super) micro: Micro<T>,
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
}

/// The right operand in panels as wide as a tile: dense in memory of its own, or where it is.
pub(super) struct Rights<T> {
    view: View<T>,
    /// How many panels are read where they are.
    direct: usize,
    memory: Scratch,
    micro: Micro<T>,
    k: usize,
    n: usize,
}

impl<T: Float> Rights<T> {
    /// `B [k, n]`, which `m` rows are multiplied with; packed by all threads if it is `shared`.
    ///
    /// # Safety
    /// All of it must be readable, now and as long as this is used.
    pub(super) unsafe fn new(
        isa: Isa,
        micro: Micro<T>,
        view: View<T>,
        k: usize,
        n: usize,
        m: usize,
        shared: bool,
    ) -> Self {
        let panels = n.div_ceil(micro.cols);
        // Whole vectors are read: the last panel is packed if they would reach over the edge.
        let readable = if micro.reads(n) == n { panels } else { panels - 1 };
        let direct = if view.col == 1 && m < PACK_RIGHT { readable } else { 0 };
        let mut memory = Scratch::take((panels - direct) * k * micro.cols * size_of::<T>());
        let room = (panels - direct) * k * micro.cols;
        // SAFETY: there is room for so many elements, of which every bit pattern is one.
        let packed = SharedMut::new(unsafe { std::slice::from_raw_parts_mut(memory.start().cast::<T>(), room) });
        let rights = Rights { view, direct, memory, micro, k, n };
        let pack_panel = |i: usize| {
            let j = (direct + i) * micro.cols;
            let cols = micro.cols.min(n - j);
            // SAFETY: a panel of its own; the caller's promise for what it is made of.
            unsafe {
                pack(isa, view.from(0, j), k, cols, micro.reads(cols), packed.as_mut_ptr().add(i * k * micro.cols))
            };
        };
        if shared {
            // About a third of a nanosecond an element.
            for_each(panels - direct, k * micro.cols / 3, pack_panel);
        } else {
            (0..panels - direct).for_each(pack_panel);
        }
        rights
    }

    /// The panel that begins with column `j`, from term `p` on.
    #[inline(always)]
    fn panel(&self, j: usize, p: usize) -> Right<T> {
        let (i, cols) = (j / self.micro.cols, self.micro.cols);
        if i < self.direct {
            return Right { first: self.view.from(p, j).first, step: self.view.row };
        }
        let width = self.micro.reads(cols.min(self.n - j));
        let at = (i - self.direct) * self.k * cols + p * width;
        Right { first: self.memory.as_ptr().cast::<T>().wrapping_add(at), step: width as isize }
    }
}

impl<T: Float> Block<T> {
    /// The sizes of the transposed block.
    pub(super) fn turned(self) -> Self {
        Block { m: self.n, n: self.m, ..self }
    }

    /// `c ← A B` for the columns of `B` from `from` on, rows of `c` being `step` apart.
    ///
    /// # Safety
    /// All of `a` must be readable, and of `c` writable.
    pub(super) unsafe fn product(&self, a: View<T>, rights: &Rights<T>, from: usize, c: *mut T, step: usize) {
        let Block { isa, micro, m, k, n } = self;
        let terms = k.div_ceil(k.div_ceil(TERMS)).next_multiple_of(16);
        let packs = *n >= PACK_LEFT;
        let mut memory = Scratch::take(if packs { ROWS.min(*m) * terms * size_of::<T>() } else { 0 });
        for i in (0..*m).step_by(ROWS) {
            let rows = ROWS.min(m - i);
            for p in (0..*k).step_by(terms) {
                let terms = terms.min(k - p);
                let view = a.from(i, p);
                let left = if packs {
                    let to = memory.start().cast::<T>();
                    // SAFETY: there is room; the caller's promise for what is packed.
                    unsafe { pack_left(*isa, micro, view, rows, terms, to) };
                    Left::Packed(to.cast_const())
                } else {
                    Left::Strided { first: view.first, row: view.row, step: view.col }
                };
                for j in (0..*n).step_by(micro.cols) {
                    let cols = micro.cols.min(n - j);
                    // SAFETY: the caller's promise.
                    unsafe {
                        let out = Out { first: c.add(i * step + j), step, add: p > 0 };
                        micro.panel(rows, terms, cols, left, rights.panel(from + j, p), out);
                    }
                }
            }
        }
    }

    /// `cᵀ ← A B`, columns of `cᵀ` being `step` apart.
    ///
    /// # Safety
    /// All of `a` and `b` must be readable, and of `c` writable.
    pub(super) unsafe fn product_turned(&self, a: View<T>, b: View<T>, c: *mut T, step: usize) {
        let Block { isa, micro, m, k, n } = *self;
        // SAFETY: the caller's promise, and there is room for the block.
        unsafe {
            let rights = Rights::new(isa, micro, b, k, n, m, false);
            let height = ROWS.min(m);
            let mut memory = Scratch::take(height * n * size_of::<T>());
            let block = memory.start().cast::<T>();
            for i in (0..m).step_by(height) {
                let rows = height.min(m - i);
                Block { m: rows, ..*self }.product(a.from(i, 0), &rights, 0, block, n);
                for r in (0..rows).step_by(SIDE) {
                    for j in (0..n).step_by(SIDE) {
                        let (rows, cols) = (SIDE.min(rows - r), SIDE.min(n - j));
                        let to = c.add(j * step + i + r);
                        transpose(isa, block.add(r * n + j), n as isize, to, step as isize, cols, rows);
                    }
                }
            }
        }
    }
}
