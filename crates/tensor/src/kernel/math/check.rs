//! What the tests share: errors in units in the last place, swept over the bit patterns.

/// |got − want| in units in the last place of an `f32` near `want`.
fn ulps(got: f32, want: f64) -> f64 {
    if got.is_nan() || want.is_nan() {
        return if got.is_nan() && want.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let same_zero = want != 0.0 || (got == 0.0 && got.is_sign_negative() == want.is_sign_negative());
    let rounded = want as f32;
    if rounded.is_infinite() || !same_zero {
        return if got == rounded && same_zero { 0.0 } else { f64::INFINITY };
    }
    let exponent = ((want.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(-126);
    // An infinity counts as the power of two that would come next.
    let got = if got.is_infinite() { 2f64.powi(128).copysign(got as f64) } else { got as f64 };
    (got - want).abs() / 2f64.powi(exponent - 23)
}

/// Fails where f is further from the reference than `bound` units in the last place, at numbers
/// of all magnitudes and at the special ones; zeros must have the right sign.
#[track_caller]
pub(super) fn within(bound: f64, f: impl Fn(f32) -> f32, reference: impl Fn(f64) -> f64) {
    let special =
        [0.0, 1.0, 88.72, 88.73, 103.9, 104.1, 1e30, f32::MIN_POSITIVE, 1e-45, f32::MAX, f32::INFINITY, f32::NAN];
    let sweep = (0..u32::MAX / 19_997).map(|i| f32::from_bits(i * 19_997)).filter(|x| !x.is_nan());
    let mut worst = (0.0, 0.0);
    for x in sweep.chain(special).chain(special.map(|x| -x)) {
        let error = ulps(f(x), reference(x as f64));
        if error > worst.0 {
            worst = (error, x);
        }
    }
    let (error, x) = worst;
    assert!(error <= bound, "{error} units in the last place at {x:e}: {:e}, not {:e}", f(x), reference(x as f64));
}

/// The same for two arguments, at products of a few hundred numbers and the special ones.
#[track_caller]
pub(super) fn within2(bound: f64, f: impl Fn(f32, f32) -> f32, reference: impl Fn(f64, f64) -> f64) {
    let special = [0.0, 0.5, 1.0, 2.0, 3.0, 7.0, 1e9, 1e-45, f32::MAX, f32::INFINITY, f32::NAN];
    let spread = (0..200).map(|i| 2f32.powf(i as f32 * 0.1713 - 20.0));
    let values: Vec<f32> = spread.chain(special).flat_map(|x| [x, -x]).collect();
    for &x in &values {
        for &y in &values {
            let (got, want) = (f(x, y), reference(x as f64, y as f64));
            assert!(ulps(got, want) <= bound, "f({x:e}, {y:e}) = {got:e}, not {want:e}");
        }
    }
}

/// As [`within`] for `f64`, against a reference that may itself be off by one unit.
#[track_caller]
pub(super) fn within64(bound: f64, f: impl Fn(f64) -> f64, reference: impl Fn(f64) -> f64) {
    let special = [
        0.0,
        1e-320,
        f64::MIN_POSITIVE,
        1e-17,
        0.3,
        0.5,
        1.0,
        709.78,
        709.79,
        745.1,
        745.2,
        1e300,
        f64::MAX,
        f64::INFINITY,
        f64::NAN,
    ];
    let sweep = (0..200_000u64).map(|i| f64::from_bits(i * 92_233_720_368_547)).filter(|x| !x.is_nan());
    let usual = (0..200_000).map(|i| f64::from(i) * 1.037e-4 + 1e-9);
    for x in sweep.chain(usual).chain(special).flat_map(|x| [x, -x]) {
        let (got, want) = (f(x), reference(x));
        let unit = if want.is_finite() { want.abs().next_up() - want.abs() } else { 0.0 };
        let same = got == want && got.is_sign_negative() == want.is_sign_negative() || got.is_nan() && want.is_nan();
        assert!(same || (got - want).abs() <= (bound + 1.0) * unit, "{x:e}: {got:e}, not {want:e}");
    }
}

/// Fails where the two differ by more than 1e-14 of the second.
#[track_caller]
pub(super) fn close(got: f64, want: f64) {
    assert!((got - want).abs() <= 1e-14 * want.abs(), "{got:e}, not {want:e}");
}
