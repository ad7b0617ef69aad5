//! Fewer points for the same picture.

/// Leaves of the points of each half pixel the first, the lowest, the highest and the last, which
/// draw the same line. Breaks stay.
pub(crate) fn thin(points: Vec<Option<(f64, f64)>>) -> Vec<Option<(f64, f64)>> {
    let mut kept: Vec<Option<(f64, f64)>> = Vec::new();
    let mut rest = &points[..];
    while let Some(first) = rest.first() {
        let column = |point: &Option<(f64, f64)>| point.map(|(x, _)| (2.0 * x).floor() as i64);
        let size = rest.iter().take_while(|point| column(point) == column(first)).count();
        let (run, after) = rest.split_at(size);
        rest = after;
        if first.is_none() {
            kept.push(None);
            continue;
        }
        let y = |&i: &usize| run[i].map_or(0.0, |(_, y)| y);
        let lowest = (0..size).min_by(|a, b| y(a).total_cmp(&y(b))).unwrap_or(0);
        let highest = (0..size).max_by(|a, b| y(a).total_cmp(&y(b))).unwrap_or(0);
        let mut indices = [0, lowest, highest, size - 1];
        indices.sort_unstable();
        for (k, &i) in indices.iter().enumerate() {
            if k == 0 || indices[k - 1] != i {
                kept.push(run[i]);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_ends_and_breaks_stay() {
        let mut points: Vec<_> = (0..100_000).map(|i| Some((f64::from(i) / 1000.0, f64::from(i % 10)))).collect();
        points[50_123] = Some((50.123, 1e3));
        points[70_000] = None;
        let thinned = thin(points.clone());
        assert!(thinned.len() < 1000, "{}", thinned.len());
        assert!(thinned.contains(&points[50_123]) && thinned.contains(&None));
        assert_eq!((thinned[0], thinned.last()), (points[0], points.last()));
        assert!(thinned.iter().flatten().is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn few_points_stay_as_they_are() {
        let points: Vec<_> = (0..50).map(|i| Some((f64::from(i), f64::from(i * i % 7)))).collect();
        assert_eq!(thin(points.clone()), points);
        assert_eq!(thin(Vec::new()), []);
    }
}
