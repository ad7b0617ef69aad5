//! Orders by numbers, all by one function: each sort of another type or key takes long to compile.

/// The indices of `keys`, that of the largest first; of equals, the first.
pub(crate) fn descending(keys: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|&a, &b| keys[b].total_cmp(&keys[a]));
    order
}
