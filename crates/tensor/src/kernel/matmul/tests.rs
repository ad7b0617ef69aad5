use super::*;
use crate::kernel::parallel::with_threads;

/// Numbers that differ and need all their bits.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n
    }
    fn unit(&mut self) -> f64 {
        self.below(1 << 24) as f64 / (1 << 24) as f64
    }
    fn values<T: Float>(&mut self, n: usize, cast: fn(f64) -> T) -> Vec<T> {
        (0..n).map(|_| cast(2.0 * self.unit() - 1.0)).collect()
    }
}

/// A layout for `batch` matrices `[rows, cols]` and the length of the buffer it needs.
struct Layout {
    offset: usize,
    row_stride: isize,
    col_stride: isize,
    starts: Vec<usize>,
    stride: Option<isize>,
    len: usize,
}

impl Layout {
    fn random(rng: &mut Random, batch: usize, rows: usize, cols: usize) -> Layout {
        let (mut rs, mut cs) = (cols as isize, 1);
        if rng.below(2) == 0 {
            (rs, cs) = (1, rows as isize);
        }
        match rng.below(6) {
            0 => (rs, cs) = (2 * rs, 2 * cs),
            1 => rs = 0,
            2 => cs = 0,
            _ => {}
        }
        let size = 2 * rows * cols + 1;
        let mut offset = rng.below(5);
        for (n, stride) in [(rows, &mut rs), (cols, &mut cs)] {
            if rng.below(4) == 0 {
                offset += n.saturating_sub(1) * *stride as usize;
                *stride = -*stride;
            }
        }
        let stride = [Some(size as isize), Some(0), None][rng.below(3)];
        let starts =
            (0..batch).map(|s| stride.map_or_else(|| rng.below(batch) * size, |stride| s * stride as usize)).collect();
        Layout { offset, row_stride: rs, col_stride: cs, starts, stride, len: 8 + (batch + 1) * size }
    }

    fn of<'a, T>(&'a self, data: &'a [T]) -> Mat<'a, T> {
        let batch = self.stride.map_or(BatchOffsets::Each(&self.starts), BatchOffsets::Stride);
        Mat { data, offset: self.offset, row_stride: self.row_stride, col_stride: self.col_stride, batch }
    }

    fn at(&self, s: usize, i: usize, j: usize) -> usize {
        let at = i as isize * self.row_stride + j as isize * self.col_stride;
        (self.offset + self.starts[s]).checked_add_signed(at).unwrap()
    }
}

/// `batch` products of matrices that lie like this, each element against a sum in `f64`.
fn agrees_with_three_loops<T: Float + Into<f64>>(
    rng: &mut Random,
    cast: fn(f64) -> T,
    [batch, m, k, n]: [usize; 4],
    [la, lb]: [&Layout; 2],
) {
    // Eight units of the last place.
    let tolerance = 8.0 * T::EPSILON.into() / 2.0;
    let (a, b) = (rng.values(la.len, cast), rng.values(lb.len, cast));
    let mut c = vec![T::NAN; batch * m * n];
    matmul(batch, m, k, n, la.of(&a), lb.of(&b), &mut c);
    for (at, c) in c.iter().enumerate() {
        let (s, i, j) = (at / (m * n), at / n % m, at % n);
        let (mut sum, mut size) = (0.0, 0.0);
        for p in 0..k {
            let term: f64 = a[la.at(s, i, p)].into() * b[lb.at(s, p, j)].into();
            (sum, size) = (sum + term, size + term.abs());
        }
        let error = ((*c).into() - sum).abs();
        assert!(error <= tolerance * size, "{batch} × [{m}, {k}] [{k}, {n}] at {s}, {i}, {j}: {error} of {size}");
    }
}

fn many_layouts_agree<T: Float + Into<f64>>(cast: fn(f64) -> T) {
    let mut rng = Random(7);
    let sizes = [0, 1, 1, 2, 3, 5, 8, 16, 17, 33, 70];
    for _ in 0..2000 {
        let batch = [1, 1, 1, 2, 5, 0][rng.below(6)];
        let [m, k, n] = [(); 3].map(|_| sizes[rng.below(sizes.len())]);
        let layouts = [Layout::random(&mut rng, batch, m, k), Layout::random(&mut rng, batch, k, n)];
        agrees_with_three_loops(&mut rng, cast, [batch, m, k, n], layouts.each_ref());
    }
}

#[test]
fn f32_agrees_with_three_loops() {
    many_layouts_agree(|x| x as f32);
}

#[test]
fn f64_agrees_with_three_loops() {
    many_layouts_agree(|x| x);
}

/// Sizes around those at which something else is done: cut, packed, turned, summed in parts.
#[test]
fn middle_sizes_agree_with_three_loops() {
    let mut rng = Random(11);
    #[rustfmt::skip]
    let shapes = [
        [1, 180, 64, 64], [1, 100, 300, 50], [1, 97, 521, 101], [1, 64, 64, 300], [1, 7, 300, 500],
        [1, 300, 40, 7], [1, 33, 1030, 49], [1, 2, 9000, 3], [1, 200, 100, 1], [1, 1, 3000, 130],
        [1, 193, 130, 259], [12, 60, 32, 60], [3, 97, 98, 99],
    ];
    for shape @ [batch, m, k, n] in shapes {
        for _ in 0..4 {
            let layouts = [Layout::random(&mut rng, batch, m, k), Layout::random(&mut rng, batch, k, n)];
            agrees_with_three_loops(&mut rng, |x| x as f32, shape, layouts.each_ref());
        }
        let layouts = [Layout::random(&mut rng, batch, m, k), Layout::random(&mut rng, batch, k, n)];
        agrees_with_three_loops(&mut rng, |x| x, shape, layouts.each_ref());
    }
}

/// The products of one panel, by each instruction set of this machine, are the same bits wherever
/// multiplication and addition are fused.
#[test]
fn every_instruction_set() {
    fn product<T: Float>(isa: Isa, a: &[T], b: &[T], [m, k, n]: [usize; 3]) -> Vec<T> {
        let micro = T::micro(isa);
        let mut c = vec![T::ZERO; m * n];
        let block = Block { isa, micro, m, k, n };
        let (a, b) = (Mat::row_major(a, k).matrix(0), Mat::row_major(b, n).matrix(0));
        // SAFETY: everything has the size that is said.
        unsafe { block.product(a, &Rights::new(isa, micro.width(n), b, k, n, m, false), 0, c.as_mut_ptr(), n) };
        c
    }
    let mut rng = Random(5);
    for [m, k, n] in [[1, 1, 1], [15, 16, 15], [23, 17, 47], [70, 600, 100], [13, 1100, 300]] {
        let (a, b) = (rng.values(m * k, |x| x as f32), rng.values(k * n, |x| x as f32));
        let exact: Vec<f32> = (0..m * n)
            .map(|at| (0..k).map(|p| f64::from(a[at / n * k + p]) * f64::from(b[p * n + at % n])).sum::<f64>() as f32)
            .collect();
        let all: Vec<_> = Isa::all().map(|isa| product(isa, &a, &b, [m, k, n])).collect();
        for c in &all {
            assert!(c.iter().zip(&exact).all(|(c, exact)| (c - exact).abs() < 1e-5 * k as f32));
        }
        assert!(all[1..].iter().all(|c| c == &all[1]));
        let (a, b): (Vec<f64>, Vec<f64>) =
            (a.iter().map(|&x| x.into()).collect(), b.iter().map(|&x| x.into()).collect());
        for isa in Isa::all() {
            let c = product(isa, &a, &b, [m, k, n]);
            assert!(c.iter().zip(&exact).all(|(&c, &exact)| (c as f32 - exact).abs() < 1e-6));
        }
    }
}

/// The same of rows times a vector.
#[test]
fn every_instruction_set_times_a_vector() {
    fn check<T: Float + Into<f64>>(rng: &mut Random, cast: fn(f64) -> T) {
        for [m, k] in [[1, 1], [3, 31], [9, 47], [6, 700]] {
            let (a, x) = (rng.values(m * k, cast), rng.values(k, cast));
            let all: Vec<Vec<T>> = Isa::all()
                .map(|isa| {
                    let mut y = vec![T::NAN; m];
                    // SAFETY: everything has the size that is said.
                    unsafe { (T::micro(isa).dots)(a.as_ptr(), k as isize, &x, &mut y) };
                    y
                })
                .collect();
            for (i, row) in a.chunks(k).enumerate() {
                let exact: f64 = row.iter().zip(&x).map(|(&a, &x)| a.into() * x.into()).sum();
                assert!(all.iter().all(|y| (y[i].into() - exact).abs() <= T::EPSILON.into() * k as f64));
            }
            assert!(all[1..].iter().all(|y| y == &all[1]));
        }
    }
    let mut rng = Random(9);
    check(&mut rng, |x| x as f32);
    check(&mut rng, |x| x);
}

/// A right operand that the caches do not hold.
#[test]
fn few_rows_and_a_large_matrix() {
    let (m, k, n) = (3, 1030, 4099);
    let mut rng = Random(13);
    let (a, b) = (rng.values(m * k, |x| x as f32), rng.values(k * n, |x| x as f32));
    let mut sums = vec![0.0; m * n];
    for (p, b) in b.chunks(n).enumerate() {
        for (i, sums) in sums.chunks_mut(n).enumerate() {
            sums.iter_mut().zip(b).for_each(|(sum, &b)| *sum += f64::from(a[i * k + p]) * f64::from(b));
        }
    }
    let mut c = vec![f32::NAN; m * n];
    for threads in [1, 3] {
        with_threads(threads, || matmul(1, m, k, n, Mat::row_major(&a, k), Mat::row_major(&b, n), &mut c));
        assert!(c.iter().zip(&sums).all(|(&c, &sum)| (f64::from(c) - sum).abs() < 1e-4));
    }
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let mut rng = Random(3);
    #[rustfmt::skip]
    let shapes = [
        (1, 257, 70, 130), (1, 130, 784, 65), (1, 65, 300, 641), (1, 16, 50_001, 25), (3, 7, 9000, 3),
        (1, 300, 5000, 200), (1, 1, 3000, 2100), (1, 2100, 3000, 1), (48, 64, 32, 64), (5, 200, 300, 190),
        (2000, 3, 3, 3), (1, 1, 3000, 40), (1, 40, 3000, 1), (1, 40_000, 40, 1), (1, 40_000, 5, 1),
    ];
    for (batch, m, k, n) in shapes {
        let (a, b) = (rng.values(batch * m * k, |x| x as f32), rng.values(batch * k * n, |x| x as f32));
        for (ta, tb) in [(false, false), (true, false), (false, true)] {
            let mat = |data, rows: usize, cols: usize, transposed: bool| {
                let (r, c) = if transposed { (1, rows) } else { (cols, 1) };
                let batch = BatchOffsets::Stride((rows * cols) as isize);
                Mat { data, offset: 0, row_stride: r as isize, col_stride: c as isize, batch }
            };
            let run = |threads| {
                with_threads(threads, || {
                    let mut c = vec![f32::NAN; batch * m * n];
                    matmul(batch, m, k, n, mat(&a, m, k, ta), mat(&b, k, n, tb), &mut c);
                    c.into_iter().map(f32::to_bits).collect::<Vec<_>>()
                })
            };
            let one = run(1);
            for threads in [2, 3, 8] {
                assert!(one == run(threads), "{batch} × [{m}, {k}] [{k}, {n}], {threads} threads");
            }
        }
    }
}

/// Equal terms are rounded the same way every time: the worst case of a sum in order.
#[test]
fn long_sums_stay_accurate() {
    let shapes =
        [(1, 1, 1_000_000), (1, 40, 100_000), (40, 1, 100_000), (20, 30, 100_000), (700, 2, 10_000), (50, 100, 3000)];
    for (m, n, k) in shapes {
        for (x, y) in [(0.1f32, 0.7f32), (0.1, 0.1), (1.0, 1.0 / 3.0)] {
            let (a, b) = (vec![x; m * k], vec![y; k * n]);
            let exact = k as f64 * f64::from(x) * f64::from(y);
            for b in [Mat::row_major(&b, n), Mat::row_major(&b, k).transposed()] {
                let mut c = vec![0.0; m * n];
                matmul(1, m, k, n, Mat::row_major(&a, k), b, &mut c);
                let error = c.iter().map(|&c| (f64::from(c) - exact).abs() / exact).fold(0.0, f64::max);
                assert!(error <= 8.0 * 2f64.powi(-24), "[{m}, {k}] [{k}, {n}] of {x} and {y}: {error}");
            }
        }
    }
}

#[test]
fn zero_times_infinity_is_not_a_number() {
    for (m, k, n) in [(2, 3, 2), (1, 100, 3), (3, 100, 1), (20, 100, 20)] {
        let mut a = vec![0.0f64; m * k];
        let mut b = vec![1.0; k * n];
        (a[k - 1], b[0]) = (2.0, f64::INFINITY);
        let mut c = vec![0.0; m * n];
        matmul(1, m, k, n, Mat::row_major(&a, k), Mat::row_major(&b, n), &mut c);
        assert!(c[0].is_nan(), "[{m}, {k}] [{k}, {n}]");
        assert!(n == 1 || c[1] == 2.0);
    }
}

#[test]
fn a_batch_that_shares_b_is_one_product() {
    let mut rng = Random(1);
    let (a, b) = (rng.values(6 * 40 * 30, |x| x), rng.values(30 * 20, |x| x));
    let rows = Mat::row_major(&a, 30);
    let each = Mat { batch: BatchOffsets::Stride(40 * 30), ..rows };
    let (mut c, mut tall) = (vec![0.0; 6 * 40 * 20], vec![0.0; 6 * 40 * 20]);
    matmul(6, 40, 30, 20, each, Mat::row_major(&b, 20), &mut c);
    matmul(1, 240, 30, 20, rows, Mat::row_major(&b, 20), &mut tall);
    assert_eq!(c, tall);
}

#[test]
#[should_panic(expected = "1 × B [3, 2] reaches from element 0 to 5 of 5")]
fn a_matrix_that_leaves_its_buffer_is_refused() {
    matmul(1, 1, 3, 2, Mat::row_major(&[0.0; 3], 3), Mat::row_major(&[0.0; 5], 2), &mut [0.0; 2]);
}

#[test]
#[should_panic(expected = "reaches from element -2")]
fn a_negative_stride_past_the_start_is_refused() {
    let a = Mat { col_stride: -1, ..Mat::row_major(&[0.0; 3], 3) };
    matmul(1, 1, 3, 1, a, Mat::row_major(&[0.0; 3], 1), &mut [0.0]);
}

#[test]
#[should_panic(expected = "the output is not [2, 3, 4]")]
fn an_output_of_another_size_is_refused() {
    matmul(2, 3, 1, 4, Mat::row_major(&[0.0; 3], 1), Mat::row_major(&[0.0; 4], 4), &mut [0.0; 12]);
}
