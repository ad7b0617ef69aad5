//! How a tile walks through its operands, term by term. Every tile is compiled for each kind of walk, so
//! there is one for most tiles of a large product and one for everything else.

use super::tile::Right;

/// Steps through the terms of some rows of the left operand, and of the right one.
pub(super) trait Cursor<T> {
    /// On to the next term; before this, there is none.
    unsafe fn advance(&mut self);
    /// Row `r` of the present term.
    unsafe fn row(&self, r: usize) -> *const T;
    /// The right operand's row of the present term.
    unsafe fn right(&self) -> *const T;
    /// From the right operand's row to that to ask for.
    fn ahead(&self) -> isize;
    /// The row of `C` that row `r` belongs to, if it is not there a second time.
    fn out(&self, r: usize) -> Option<isize>;
}

/// As many rows as the largest tile has, in equal steps.
pub(super) struct Strided<T> {
    /// Rows 0 and 4: the others are 1, 2, or 3 strides from there, which an address can say.
    quads: [*const T; 2],
    row: isize,
    step: isize,
    right: Right<T>,
}

impl<T> Strided<T> {
    #[inline(always)]
    pub(super) fn new(first: *const T, row: isize, step: isize, right: Right<T>) -> Self {
        let first = first.wrapping_offset(-step);
        let right = Right { first: right.first.wrapping_offset(-right.step), ..right };
        Strided { quads: [first, first.wrapping_offset(4 * row)], row, step, right }
    }
}

impl<T> Cursor<T> for Strided<T> {
    #[inline(always)]
    unsafe fn advance(&mut self) {
        for quad in &mut self.quads {
            *quad = quad.wrapping_offset(self.step);
        }
        self.right.first = self.right.first.wrapping_offset(self.right.step);
    }
    #[inline(always)]
    unsafe fn row(&self, r: usize) -> *const T {
        self.quads[r / 4].wrapping_offset((r % 4) as isize * self.row)
    }
    #[inline(always)]
    unsafe fn right(&self) -> *const T {
        self.right.first
    }
    #[inline(always)]
    fn ahead(&self) -> isize {
        self.right.ahead
    }
    #[inline(always)]
    fn out(&self, r: usize) -> Option<isize> {
        Some(r as isize)
    }
}

/// Any rows, some of which may be there twice, and any terms.
pub(super) struct Listed<T, const R: usize> {
    pub(super) first: *const T,
    /// Where the rows are, and the rows of `C` that they belong to.
    pub(super) rows: [[isize; 2]; R],
    pub(super) count: usize,
    /// The present term: where it is, and which row of the right operand it meets.
    pub(super) steps: *const [isize; 2],
    pub(super) right: Right<T>,
}

impl<T, const R: usize> Cursor<T> for Listed<T, R> {
    #[inline(always)]
    unsafe fn advance(&mut self) {
        self.steps = self.steps.wrapping_add(1);
    }
    #[inline(always)]
    unsafe fn row(&self, r: usize) -> *const T {
        // SAFETY: the caller's promise: there is such a term.
        self.first.wrapping_offset(unsafe { (*self.steps)[0] }).wrapping_offset(self.rows[r][0])
    }
    #[inline(always)]
    unsafe fn right(&self) -> *const T {
        // SAFETY: as above.
        self.right.first.wrapping_offset(unsafe { (*self.steps)[1] } * self.right.step)
    }
    #[inline(always)]
    fn ahead(&self) -> isize {
        self.right.ahead
    }
    #[inline(always)]
    fn out(&self, r: usize) -> Option<isize> {
        (r < self.count).then_some(self.rows[r][1])
    }
}
