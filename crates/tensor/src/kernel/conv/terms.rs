//! Products over padded images without the terms that lie in the padding: rows of the product go
//! together that need the same terms, and what they need is a list.

use std::ops::Range;

use super::padded::Frame;

/// Rows that are summed over the same terms: a multiple of the rows of any tile, so that the sums do
/// not depend on the instruction set.
const GROUP: usize = 8;
/// Lists of terms have about so many elements at most in all.
const MOST: usize = 1 << 17;

/// From where to where, along both axes.
pub(super) type Part = [[usize; 2]; 2];

/// What becomes of terms that lie outside of the images.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Outside {
    /// They are products with zero.
    Zeros,
    /// They are left out.
    Nothing,
    /// Whatever is faster, since their products are zeros.
    Any,
}

/// The terms of a product: points of a grid in the images of some channels.
pub(super) struct Terms {
    frame: Frame,
    channels: usize,
    /// Where the points are along both axes, from where a row begins.
    points: [Vec<usize>; 2],
    outside: Outside,
    /// Offsets in padded images, and the numbers of the terms.
    list: Vec<[isize; 2]>,
    /// Which parts of the grid are where in the list.
    parts: Vec<(Part, Range<usize>)>,
}

/// Rows of a product in groups.
#[derive(Default)]
pub(super) struct Rows {
    /// Where they begin in padded images, and their numbers.
    rows: Vec<[isize; 2]>,
    /// Which rows are summed over which elements of the list.
    runs: Vec<(Range<usize>, Range<usize>)>,
    /// The part that the group at the end needs, of which `open` rows are there.
    part: Part,
    open: usize,
}

impl Terms {
    pub(super) fn new(frame: Frame, channels: usize, points: [Vec<usize>; 2], outside: Outside) -> Self {
        let mut terms = Terms { frame, channels, points, outside, list: Vec::new(), parts: Vec::new() };
        terms.find(terms.whole());
        terms
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.channels * self.points[0].len() * self.points[1].len()
    }

    fn whole(&self) -> Part {
        [0, 1].map(|axis| [0, self.points[axis].len()])
    }

    /// The points along an axis that are in the image, for a row that begins here; or all that count.
    pub(super) fn inside(&self, axis: usize, start: usize) -> [usize; 2] {
        if self.outside == Outside::Zeros {
            return self.whole()[axis];
        }
        let first = self.frame.corner[axis];
        let image = first..first + self.frame.from[axis];
        let is_inside = |point: &usize| image.contains(&(start + point));
        let points = &self.points[axis];
        let from = points.iter().position(is_inside);
        from.map_or([0, 0], |from| [from, from + points[from..].iter().take_while(|&point| is_inside(point)).count()])
    }

    /// Where the terms of a part are in the list, perhaps with others.
    fn find(&mut self, part: Part) -> Range<usize> {
        if let Some((_, found)) = self.parts.iter().find(|(other, _)| *other == part) {
            return found.clone();
        }
        let [rows, cols] = part.map(|[from, to]| from..to);
        let start = self.list.len();
        if self.outside == Outside::Any && start > 0 && start + self.channels * rows.len() * cols.len() > MOST {
            return self.parts[0].1.clone();
        }
        let [down, across] = &self.points;
        for c in 0..self.channels {
            for i in rows.clone() {
                let (row, number) =
                    (c * self.frame.len() + down[i] * self.frame.step(), (c * down.len() + i) * across.len());
                self.list.extend(cols.clone().map(|j| [(row + across[j]) as isize, (number + j) as isize]));
            }
        }
        self.parts.push((part, start..self.list.len()));
        start..self.list.len()
    }
}

/// The smallest part that holds both.
fn hull(a: Part, b: Part) -> Part {
    [0, 1].map(|axis| match (a[axis], b[axis]) {
        (none, other) | (other, none) if none[0] == none[1] => other,
        ([a, b], [c, d]) => [a.min(c), b.max(d)],
    })
}

impl Rows {
    pub(super) fn with_capacity(count: usize) -> Self {
        Rows { rows: Vec::with_capacity(count), ..Rows::default() }
    }

    /// One more, which begins in padded images and has a number as given, and needs a part of the terms.
    #[inline]
    pub(super) fn push(&mut self, terms: &mut Terms, row: [isize; 2], part: Part) {
        if terms.outside == Outside::Nothing && self.part != part {
            self.close(terms);
        }
        self.part = if self.open == 0 || self.part == part { part } else { hull(self.part, part) };
        self.open += 1;
        self.rows.push(row);
        if self.open == GROUP {
            self.close(terms);
        }
    }

    /// Ends a group that may be smaller than others; must be called after the last row.
    pub(super) fn close(&mut self, terms: &mut Terms) {
        if self.open == 0 {
            return;
        }
        let (end, list) = (self.rows.len(), terms.find(self.part));
        match self.runs.last_mut() {
            Some(run) if run.1 == list => run.0.end = end,
            _ => self.runs.push((end - self.open..end, list)),
        }
        self.open = 0;
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.rows.len()
    }

    /// Calls `f` with rows and terms, of which there may be none.
    pub(super) fn each<'a>(&'a self, terms: &'a Terms, mut f: impl FnMut(&'a [[isize; 2]], &'a [[isize; 2]])) {
        for (rows, part) in &self.runs {
            f(&self.rows[rows.clone()], &terms.list[part.clone()]);
        }
    }
}

/// Numbers from 0 on, as ranges over which something stays the same.
pub(super) fn runs<K: PartialEq>(count: usize, key: impl Fn(usize) -> K) -> Vec<(Range<usize>, K)> {
    let mut runs: Vec<(Range<usize>, K)> = Vec::new();
    for i in 0..count {
        let key = key(i);
        match runs.last_mut() {
            Some(run) if run.1 == key => run.0.end = i + 1,
            _ => runs.push((i..i + 1, key)),
        }
    }
    runs
}
