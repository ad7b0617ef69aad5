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

fn agrees_with_three_loops<T: Float + Into<f64>>(cast: fn(f64) -> T, unit: f64) {
    let mut rng = Random(7);
    let sizes = [0, 1, 1, 2, 3, 5, 8, 16, 17, 33, 70];
    for case in 0..4000 {
        let batch = [1, 1, 1, 2, 5, 0][rng.below(6)];
        let [m, k, n] = [(); 3].map(|_| sizes[rng.below(sizes.len())]);
        let (la, lb) = (Layout::random(&mut rng, batch, m, k), Layout::random(&mut rng, batch, k, n));
        let (a, b) = (rng.values(la.len, cast), rng.values(lb.len, cast));
        let beta = [0.0, 1.0, 0.5][case % 3];
        let before = if beta == 0.0 { vec![cast(f64::NAN); batch * m * n] } else { rng.values(batch * m * n, cast) };
        // Equal terms, rounded the same way every time, are the worst case of a sum in order.
        let units = if la.col_stride == 0 || lb.row_stride == 0 { k.max(8) } else { 8 } as f64;
        let mut c = before.clone();
        matmul(batch, m, k, n, la.of(&a), lb.of(&b), &mut c, cast(beta));
        for (at, (c, before)) in c.iter().zip(before).enumerate() {
            let (s, i, j) = (at / (m * n), at / n % m, at % n);
            let start = if beta == 0.0 { 0.0 } else { beta * before.into() };
            let (mut sum, mut size) = (start, start.abs());
            for p in 0..k {
                let term = a[la.at(s, i, p)].into() * b[lb.at(s, p, j)].into();
                (sum, size) = (sum + term, size + term.abs());
            }
            let error = ((*c).into() - sum).abs();
            assert!(
                error <= units * unit * size,
                "case {case}: {batch} × [{m}, {k}] [{k}, {n}] at {s}, {i}, {j}: {error}"
            );
        }
    }
}

#[test]
fn f32_agrees_with_three_loops() {
    agrees_with_three_loops(|x| x as f32, 2f64.powi(-24));
}

#[test]
fn f64_agrees_with_three_loops() {
    agrees_with_three_loops(|x| x, 2f64.powi(-53));
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let mut rng = Random(3);
    #[rustfmt::skip]
    let shapes = [
        (1, 257, 70, 130), (1, 130, 784, 65), (1, 65, 300, 641), (1, 16, 50_001, 25), (3, 7, 9000, 3),
        (1, 300, 5000, 200), (1, 1, 3000, 2100), (1, 2100, 3000, 1), (48, 64, 32, 64), (5, 200, 300, 190),
        (2000, 3, 3, 3),
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
                    let mut c = vec![0.25; batch * m * n];
                    matmul(batch, m, k, n, mat(&a, m, k, ta), mat(&b, k, n, tb), &mut c, 1.0);
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

#[test]
fn a_long_sum_stays_accurate() {
    let k = 200_000;
    for (m, n) in [(1, 1), (1, 40), (40, 1), (20, 30), (700, 2)] {
        let (a, b) = (vec![0.1f32; m * k], vec![0.7f32; k * n]);
        let mut c = vec![0.0; m * n];
        matmul(1, m, k, n, Mat::row_major(&a, k), Mat::row_major(&b, n), &mut c, 0.0);
        let exact = k as f64 * 0.1f32 as f64 * 0.7f32 as f64;
        for c in c {
            assert!((c as f64 - exact).abs() <= 3e-6 * exact, "[{m}, {n}]: {c} for {exact}");
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
        matmul(1, m, k, n, Mat::row_major(&a, k), Mat::row_major(&b, n), &mut c, 0.0);
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
    matmul(6, 40, 30, 20, each, Mat::row_major(&b, 20), &mut c, 0.0);
    matmul(1, 240, 30, 20, rows, Mat::row_major(&b, 20), &mut tall, 0.0);
    assert_eq!(c, tall);
}

#[test]
#[should_panic(expected = "1 × B [3, 2] reaches from element 0 to 5 of 5")]
fn a_matrix_that_leaves_its_buffer_is_refused() {
    matmul(1, 1, 3, 2, Mat::row_major(&[0.0; 3], 3), Mat::row_major(&[0.0; 5], 2), &mut [0.0; 2], 0.0);
}

#[test]
#[should_panic(expected = "reaches from element -2")]
fn a_negative_stride_past_the_start_is_refused() {
    let a = Mat { col_stride: -1, ..Mat::row_major(&[0.0; 3], 3) };
    matmul(1, 1, 3, 1, a, Mat::row_major(&[0.0; 3], 1), &mut [0.0], 0.0);
}

#[test]
#[should_panic(expected = "the output is not [2, 3, 4]")]
fn an_output_of_another_size_is_refused() {
    matmul(2, 3, 1, 4, Mat::row_major(&[0.0; 3], 1), Mat::row_major(&[0.0; 4], 4), &mut [0.0; 12], 0.0);
}
