//! Which axis of a loop's domain each axis of a value is.

use smallvec::SmallVec;
use wengert_tensor::{Layout, Shape};

/// For each axis of a value, the axis of the domain that it runs along; `None` where it repeats
/// or has size 1.
pub(super) type AxisMap = SmallVec<[Option<u8>; 4]>;
pub(super) type Axes = SmallVec<[usize; 4]>;

/// The most elements of one block that stay in the second-level cache while several phases go
/// over them.
const MAX_BLOCK: usize = 1 << 18;
/// Columns that a block has at least when the last axis is kept.
const MIN_COLUMNS: usize = 64;
/// A loop of several phases is cut into at least so many blocks, or is so small that one
/// thread does.
const MIN_BLOCKS: usize = 4;
pub(super) const SMALL: usize = 1 << 14;

/// Each axis as itself, size-1 axes as none.
pub(super) fn identity(shape: &Shape) -> AxisMap {
    shape.iter().enumerate().map(|(axis, &size)| (size != 1).then_some(axis as u8)).collect()
}

/// The domain axes of some axes of a value, in ascending order.
pub(super) fn mapped(axes: &AxisMap, which: &[usize]) -> Axes {
    let mut result: Axes = which.iter().filter_map(|&axis| axes[axis].map(usize::from)).collect();
    result.sort_unstable();
    result
}

/// Whether several phases can go over blocks that stay in the cache, enough of them to share
/// among threads.
pub(super) fn blocks_fit(domain: &Shape, reduced: &[usize]) -> bool {
    let count = domain.count();
    if count <= SMALL {
        return true;
    }
    let length: usize = reduced.iter().map(|&axis| domain[axis]).product();
    let kept = count / length.max(1);
    let last = (0..domain.len()).rev().find(|&axis| domain[axis] != 1);
    let columns = match last {
        Some(axis) if !reduced.contains(&axis) => domain[axis].min(MIN_COLUMNS),
        _ => 1,
    };
    length * columns <= MAX_BLOCK && kept / columns >= MIN_BLOCKS
}

/// The input axis that each axis of a view is, if it only renames, drops or adds axes of size 1
/// and repeats; found by its effect on a row-major layout.
pub(super) fn renamed_axes(input: &Shape, view: impl Fn(&Layout) -> Option<Layout>) -> Option<AxisMap> {
    if input.contains(&0) {
        return None;
    }
    let before = Layout::contiguous(input.clone());
    let after = view(&before)?;
    let mut used: SmallVec<[bool; 8]> = SmallVec::from_elem(false, input.len());
    let mut axes = AxisMap::new();
    for (&size, &stride) in after.shape().iter().zip(after.strides()) {
        if size == 1 || stride == 0 {
            axes.push(None);
            continue;
        }
        let found = (0..input.len()).find(|&a| input[a] == size && before.strides()[a] == stride && !used[a])?;
        used[found] = true;
        axes.push(Some(found as u8));
    }
    let all = (0..input.len()).all(|a| input[a] == 1 || used[a]);
    (all && after.offset() == 0).then_some(axes)
}
