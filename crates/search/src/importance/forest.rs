//! Regression trees.

use wengert_tensor::Rng;

/// How few points a leaf holds, and how deep a tree is.
const LEAF: usize = 3;
const DEPTH: usize = 8;

/// A tree that halves the points where that explains their targets best.
pub(super) enum Tree {
    Leaf(f64),
    Split { axis: usize, at: f64, below: Box<Tree>, above: Box<Tree> },
}

impl Tree {
    /// Of the points with these numbers. Each split looks at two thirds of the axes.
    pub(super) fn grow(points: &[Vec<f64>], targets: &[f64], chosen: &mut [usize], rng: &mut Rng) -> Self {
        Self::grow_to(points, targets, chosen, DEPTH, rng)
    }

    fn grow_to(points: &[Vec<f64>], targets: &[f64], chosen: &mut [usize], depth: usize, rng: &mut Rng) -> Self {
        let sum: f64 = chosen.iter().map(|&i| targets[i]).sum();
        let leaf = Self::Leaf(sum / chosen.len() as f64);
        if depth == 0 || chosen.len() < 2 * LEAF {
            return leaf;
        }
        let axes = points[0].len();
        let mut order: Vec<usize> = (0..axes).collect();
        rng.shuffle(&mut order);
        let tried = &order[..(2 * axes).div_ceil(3)];
        let Some((axis, at)) = best_split(points, targets, chosen, tried) else { return leaf };
        // The order within each half follows from the order before, so the tree does, too.
        chosen.sort_by_key(|&i| points[i][axis] > at);
        let (below, above) = chosen.split_at_mut(chosen.partition_point(|&i| points[i][axis] <= at));
        let [below, above] = [below, above].map(|half| Box::new(Self::grow_to(points, targets, half, depth - 1, rng)));
        Self::Split { axis, at, below, above }
    }

    pub(super) fn predict(&self, point: &[f64]) -> f64 {
        match self {
            Self::Leaf(value) => *value,
            Self::Split { axis, at, below, above } => (if point[*axis] <= *at { below } else { above }).predict(point),
        }
    }
}

/// The axis and place that leave the smallest squares, if any place does better than none.
fn best_split(points: &[Vec<f64>], targets: &[f64], chosen: &[usize], axes: &[usize]) -> Option<(usize, f64)> {
    let n = chosen.len();
    let total: f64 = chosen.iter().map(|&i| targets[i]).sum();
    // Smallest squares are largest sums of (sum of a half)² / (its size).
    let mut best = (total * total / n as f64 + 1e-9, None);
    let mut sorted = chosen.to_vec();
    for &axis in axes {
        sorted.sort_by(|&a, &b| points[a][axis].total_cmp(&points[b][axis]));
        let mut below = 0.0;
        for k in 1..n {
            below += targets[sorted[k - 1]];
            let (left, right) = (points[sorted[k - 1]][axis], points[sorted[k]][axis]);
            if k < LEAF || n - k < LEAF || left == right {
                continue;
            }
            let above = total - below;
            let gain = below * below / k as f64 + above * above / (n - k) as f64;
            if gain > best.0 {
                best = (gain, Some((axis, (left + right) / 2.0)));
            }
        }
    }
    best.1
}
