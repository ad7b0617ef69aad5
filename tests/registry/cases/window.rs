//! Windows, convolutions and pooling, against loops over what each output sees.

use wengert::prelude::*;
use wengert::{Conv, Interpolation, Pool};

use crate::trial::{at, by_index};

/// The element at a place that may be outside: 0 there.
fn padded(x: &Tensor<f64>, index: &[isize]) -> f64 {
    let inside = index.iter().zip(x.shape().iter()).all(|(&i, &size)| (0..size as isize).contains(&i));
    if inside { at(x, &index.iter().map(|&i| i as usize).collect::<Vec<_>>()) } else { 0.0 }
}

/// Where bin `i` of `bins` begins and ends on an axis.
fn bin(i: usize, bins: usize, size: usize) -> std::ops::Range<usize> {
    i * size / bins..((i + 1) * size).div_ceil(bins)
}

fn mean(v: impl Iterator<Item = f64>) -> f64 {
    let v: Vec<f64> = v.collect();
    v.iter().sum::<f64>() / v.len() as f64
}

/// The elements of the rows and columns of a matrix.
fn part(x: &Tensor<f64>, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> impl Iterator<Item = f64> {
    rows.flat_map(move |i| columns.clone().map(move |j| at(x, &[i, j])))
}

/// Where element `i` of `to` lies among `from`: the one before, the one after, and how far between.
fn between(i: usize, from: usize, to: usize) -> (usize, usize, f64) {
    let place = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64);
    let before = place.floor() as usize;
    (before, (before + 1).min(from - 1), place.fract())
}

const LINEAR: Interpolation = Interpolation::Linear { align_corners: false };

super::cases! {
    interpolate1d |t| {
        let [a, n, m] = t.sizes();
        let x = t.tensor(&[a, n]);
        let expected = by_index(&[a, m], |i| {
            let (before, after, part) = between(i[1], n, m);
            at(&x, &[i[0], before]) * (1.0 - part) + at(&x, &[i[0], after]) * part
        });
        t.op(|[x]| x.interpolate1d(m, LINEAR), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 0])).interpolate1d(3, LINEAR));
    };
    interpolate2d |t| {
        let [a, b, m] = t.sizes();
        let x = t.tensor(&[a, b]);
        let expected = by_index(&[m, 4], |i| {
            let ((top, bottom, down), (left, right, across)) = (between(i[0], a, m), between(i[1], b, 4));
            let row = |row| at(&x, &[row, left]) * (1.0 - across) + at(&x, &[row, right]) * across;
            row(top) * (1.0 - down) + row(bottom) * down
        });
        t.op(|[x]| x.interpolate2d([m, 4], LINEAR), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([3])).interpolate2d([2, 2], LINEAR));
    };
    windows |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a, b + 2]);
        let expected = by_index(&[a, b.div_ceil(2), 3], |i| at(&x, &[i[0], 2 * i[1] + i[2]]));
        t.op(|[x]| x.windows(1, 3, 2), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).windows(1, 4, 1));
    };
    conv1d |t| {
        let [n, c, o] = t.sizes();
        let (x, w) = (t.tensor(&[n, c, 5]), t.tensor(&[o, c, 2]));
        // Step 2, one zero on each side, kernel elements 2 apart.
        let expected = by_index(&[n, o, 3], |i| {
            let term = |(k, j): (usize, usize)| {
                at(&w, &[i[1], k, j]) * padded(&x, &[i[0] as isize, k as isize, (2 * i[2] + 2 * j) as isize - 1])
            };
            (0..c).flat_map(|k| (0..2).map(move |j| (k, j))).map(term).sum()
        });
        t.op(|[x, w]| x.conv1d(w, Conv::new().stride(2).padding(1).dilation(2)), [&x, &w], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([1, 2, 3])).conv1d(&Tensor::zeros([1, 3, 2]), Conv::new()));
    };
    conv2d |t| {
        let [n, c, o] = t.sizes();
        let (x, w) = (t.tensor(&[n, 2 * c, 3, 3]), t.tensor(&[2 * o, c, 2, 2]));
        // Two groups of channels.
        let expected = by_index(&[n, 2 * o, 2, 2], |i| {
            let term = |k: usize| {
                let (channel, row, column) = (k / 4, k / 2 % 2, k % 2);
                let from = i[1] / o * c + channel;
                at(&w, &[i[1], channel, row, column]) * at(&x, &[i[0], from, i[2] + row, i[3] + column])
            };
            (0..4 * c).map(term).sum()
        });
        t.op(|[x, w]| x.conv2d(w, Conv::new().groups(2)), [&x, &w], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([1, 1, 2, 2])).conv2d(&Tensor::zeros([1, 1, 3, 3]), Conv::new()));
    };
    conv_transpose1d |t| {
        let [n, c, o] = t.sizes();
        let (x, w) = (t.tensor(&[n, c, 3]), t.tensor(&[c, o, 2]));
        // Every element is spread over two places, two apart from those of the next.
        let expected = by_index(&[n, o, 6], |i| {
            (0..c).map(|k| at(&x, &[i[0], k, i[2] / 2]) * at(&w, &[k, i[1], i[2] % 2])).sum()
        });
        t.op(|[x, w]| x.conv_transpose1d(w, Conv::new().stride(2)), [&x, &w], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([1, 2, 3])).conv_transpose1d(&Tensor::zeros([3, 1, 2]), Conv::new()));
    };
    conv_transpose2d |t| {
        let [n, c, o] = t.sizes();
        let (x, w) = (t.tensor(&[n, c, 2, 2]), t.tensor(&[c, o, 2, 2]));
        let expected = by_index(&[n, o, 4, 4], |i| {
            (0..c).map(|k| at(&x, &[i[0], k, i[2] / 2, i[3] / 2]) * at(&w, &[k, i[1], i[2] % 2, i[3] % 2])).sum()
        });
        t.op(|[x, w]| x.conv_transpose2d(w, Conv::new().stride(2)), [&x, &w], expected);
        let misfit = Tensor::zeros([3, 1, 2, 2]);
        t.refuses(|tape| tape.var(Tensor::zeros([1, 2, 3, 3])).conv_transpose2d(&misfit, Conv::new()));
    };
    max_pool1d |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a, b + 2]);
        let expected = by_index(&[a, b], |i| part(&x, i[0]..i[0] + 1, i[1]..i[1] + 3).fold(f64::NEG_INFINITY, f64::max));
        t.op(|[x]| x.max_pool1d(Pool::new(3).stride(1)), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).max_pool1d(Pool::new(4)));
    };
    max_pool2d |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[2 * a, 2 * b]);
        let expected = by_index(&[a, b], |i| {
            part(&x, 2 * i[0]..2 * i[0] + 2, 2 * i[1]..2 * i[1] + 2).fold(f64::NEG_INFINITY, f64::max)
        });
        t.op(|[x]| x.max_pool2d(Pool::new(2)), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([3])).max_pool2d(Pool::new(2)));
    };
    avg_pool1d |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a, b]);
        let expected = by_index(&[a, b], |i| {
            (0..3).map(|k| padded(&x, &[i[0] as isize, (i[1] + k) as isize - 1])).sum::<f64>() / 3.0
        });
        t.op(|[x]| x.avg_pool1d(Pool::new(3).stride(1).padding(1)), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).avg_pool1d(Pool::new(2).padding(2)));
    };
    avg_pool2d |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[2 * a, b + 1]);
        let expected = by_index(&[a, b], |i| mean(part(&x, 2 * i[0]..2 * i[0] + 2, i[1]..i[1] + 2)));
        t.op(|[x]| x.avg_pool2d(Pool::new(2).stride([2, 1])), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 1])).avg_pool2d(Pool::new(2)));
    };
    adaptive_max_pool1d |t| {
        let [n] = t.sizes();
        let x = t.tensor(&[1, n + 2]);
        let expected = by_index(&[1, 2], |i| part(&x, 0..1, bin(i[1], 2, n + 2)).fold(f64::NEG_INFINITY, f64::max));
        t.op(|[x]| x.adaptive_max_pool1d(2), [&x], expected);
        t.refuses(|tape| tape.scalar(1.0).adaptive_max_pool1d(1));
    };
    adaptive_max_pool2d |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a + 1, b + 2]);
        let expected = by_index(&[2, 3], |i| {
            part(&x, bin(i[0], 2, a + 1), bin(i[1], 3, b + 2)).fold(f64::NEG_INFINITY, f64::max)
        });
        t.op(|[x]| x.adaptive_max_pool2d([2, 3]), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([3])).adaptive_max_pool2d([1, 1]));
    };
    adaptive_avg_pool1d |t| {
        let [n] = t.sizes();
        let x = t.tensor(&[1, n + 2]);
        t.op(|[x]| x.adaptive_avg_pool1d(2), [&x], by_index(&[1, 2], |i| mean(part(&x, 0..1, bin(i[1], 2, n + 2)))));
        t.refuses(|tape| tape.scalar(1.0).adaptive_avg_pool1d(1));
    };
    adaptive_avg_pool2d |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a + 1, b + 2]);
        let expected = by_index(&[2, 3], |i| mean(part(&x, bin(i[0], 2, a + 1), bin(i[1], 3, b + 2))));
        t.op(|[x]| x.adaptive_avg_pool2d([2, 3]), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([3])).adaptive_avg_pool2d([1, 1]));
    };
}
