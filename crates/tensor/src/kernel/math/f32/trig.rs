//! Sine and cosine, right for every finite number.

/// Adding it rounds to an integer, whose parity is then the lowest bit.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5·2⁵²

/// (y, high, low) with x/π = y·(high + low) up to an even number of half turns.
///
/// From 2⁵⁰ on x is a whole multiple of 2²⁷ᵏ, so 2²⁷ᵏ/π may be taken modulo 2 beforehand, and what
/// is left of x is again small enough for its product to keep 24 bits below the unit.
#[inline(always)]
fn half_turns(x: f32) -> (f64, f64, f64) {
    const A: f32 = (1u64 << 50) as f32;
    const B: f32 = A * (1 << 27) as f32;
    const C: f32 = B * (1 << 27) as f32;
    let a = x.abs();
    let s = if a < A { 1.0 } else { 7.450_580_6e-9 };
    let s = if a < B { s } else { 5.551_115e-17 };
    let s = if a < C { s } else { 4.135_903e-25 };
    // The first pair has a positive low part, to keep the sign of zero.
    let high = if a < A { f64::from_bits(0x3fd4_5f30_6dc9_c882) } else { -0.276_473_025_638_606_6 };
    let high = if a < B { high } else { 0.645_500_476_234_014_7 };
    let high = if a < C { high } else { -0.656_952_547_639_090_6 };
    let low = if a < A { 3.583_247_455_607_534e-17 } else { 1.904_295_900_750_416e-17 };
    let low = if a < B { low } else { -1.931_402_257_940_538e-17 };
    let low = if a < C { low } else { 4.697_763_279_926_451e-17 };
    ((x * s) as f64, high, low)
}

/// (−1)ⁿ·sin πf for |f| ≤ ½, where the sum holds n: to 35 bits (own minimax fit).
#[inline(always)]
fn signed_sine(f: f64, sum: f64) -> f32 {
    let z = f * f;
    let p = z.mul_add(-0.007_022_024_419_724_793, 0.082_046_398_679_065_12);
    let p = p.mul_add(z, -0.599_251_314_053_652_9);
    let p = p.mul_add(z, 2.550_163_239_015_509_6);
    let p = p.mul_add(z, -5.167_712_762_079_101);
    let p = p.mul_add(z, 3.141_592_653_523_177_5);
    let y = f * p;
    f64::from_bits(y.to_bits() ^ (sum.to_bits() << 63)) as f32
}

/// sin x.
#[inline(always)]
pub fn sin(x: f32) -> f32 {
    let (y, high, low) = half_turns(x);
    let sum = y.mul_add(high, ROUND);
    let f = y.mul_add(low, y.mul_add(high, -(sum - ROUND)));
    signed_sine(f, sum)
}

/// cos x = sin(x + ½π).
#[inline(always)]
pub fn cos(x: f32) -> f32 {
    let (y, high, low) = half_turns(x);
    let sum = y.mul_add(high, 0.5) + ROUND;
    let f = y.mul_add(low, y.mul_add(high, 0.5 - (sum - ROUND)));
    signed_sine(f, sum)
}
