//! A line search for the strong Wolfe conditions.

/// A point on the line: how far along, the loss there, its slope along the line, and whatever
/// else belongs to it.
#[derive(Clone)]
pub(super) struct Point<G> {
    pub(super) t: f64,
    pub(super) loss: f64,
    pub(super) slope: f64,
    pub(super) gradient: G,
}

/// A point with a sufficiently smaller loss and a sufficiently flatter slope than `start`, at
/// t = 0: Nocedal & Wright, "Numerical optimization" (2006), algorithms 3.5 and 3.6, with c₁ =
/// 1e-4 and c₂ = 0.9, in the form of Schmidt's minFunc, which PyTorch follows too.
///
/// `at` evaluates a point, at most `evaluations` times (but once); `length` is the largest
/// element of the line's direction, and brackets shorter than `tolerance` are not divided.
pub(super) fn strong_wolfe<G: Clone, E>(
    start: &Point<G>,
    first: f64,
    length: f64,
    tolerance: f64,
    evaluations: usize,
    mut at: impl FnMut(f64) -> Result<Point<G>, E>,
) -> Result<(Point<G>, usize), E> {
    let too_high = |point: &Point<G>| point.loss > start.loss + 1e-4 * point.t * start.slope;
    let flat = |point: &Point<G>| point.slope.abs() <= -0.9 * start.slope;
    let (mut point, mut before, mut tries) = (at(first)?, start.clone(), 0);

    // Go on until the minimum must lie between the last two points.
    let [mut low, mut high] = loop {
        if tries >= evaluations {
            break [start.clone(), point];
        }
        if too_high(&point) || (tries > 1 && point.loss >= before.loss) {
            break [before, point];
        }
        if flat(&point) {
            return Ok((point, tries + 1));
        }
        if point.slope >= 0.0 {
            break [before, point];
        }
        let bounds = [point.t + 0.01 * (point.t - before.t), point.t * 10.0];
        let next = at(cubic_minimum(&before, &point, bounds))?;
        before = std::mem::replace(&mut point, next);
        tries += 1;
    };
    sort(&mut low, &mut high);

    // Shrink the bracket around it.
    let mut stuck = false;
    while tries < evaluations && (high.t - low.t).abs() * length >= tolerance {
        let ends = [low.t.min(high.t), low.t.max(high.t)];
        let mut t = cubic_minimum(&low, &high, ends);
        // A second step close to an end, or one onto it, is moved inwards.
        let margin = 0.1 * (ends[1] - ends[0]);
        let close = (ends[1] - t).min(t - ends[0]) < margin;
        if close && (stuck || t >= ends[1] || t <= ends[0]) {
            t = if (t - ends[1]).abs() < (t - ends[0]).abs() { ends[1] - margin } else { ends[0] + margin };
            stuck = false;
        } else {
            stuck = close;
        }
        let point = at(t)?;
        tries += 1;
        if too_high(&point) || point.loss >= low.loss {
            high = point;
            sort(&mut low, &mut high);
        } else if flat(&point) {
            return Ok((point, tries + 1));
        } else {
            if point.slope * (high.t - low.t) >= 0.0 {
                high = low;
            }
            low = point;
        }
    }
    Ok((low, tries + 1))
}

fn sort<G>(low: &mut Point<G>, high: &mut Point<G>) {
    if low.loss > high.loss {
        std::mem::swap(low, high);
    }
}

/// Where the cubic through two points with these slopes is smallest, within bounds: Nocedal &
/// Wright, equation 3.59.
fn cubic_minimum<G>(a: &Point<G>, b: &Point<G>, bounds: [f64; 2]) -> f64 {
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    if square >= 0.0 {
        let d2 = square.sqrt();
        let t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
        t.max(bounds[0]).min(bounds[1])
    } else {
        (bounds[0] + bounds[1]) / 2.0
    }
}
