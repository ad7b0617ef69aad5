//! Moves of elements, against the index that each comes from.

use wengert::prelude::*;

use crate::trial::{Trial, at, by_index};

/// Values of three axes and their sizes.
fn drawn(t: &mut Trial) -> (Tensor<f64>, [usize; 3]) {
    let sizes = t.sizes();
    (t.tensor(&sizes), sizes)
}

super::cases! {
    reshape |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.reshape([a * b, c]), [&x], Tensor::from_vec(x.to_vec(), [a * b, c]));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).reshape([4]));
    };
    flatten |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.flatten(), [&x], Tensor::from_vec(x.to_vec(), [a * b * c]));
    };
    expand |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a, 1]);
        t.op(|[x]| x.expand([2, a, b]), [&x], by_index(&[2, a, b], |i| at(&x, &[i[1], 0])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).expand([2, 4]));
    };
    permute |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.permute([2, 0, 1]), [&x], by_index(&[c, a, b], |i| at(&x, &[i[1], i[2], i[0]])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).permute([0, 0]));
    };
    transpose |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.transpose(0, -1), [&x], by_index(&[c, b, a], |i| at(&x, &[i[2], i[1], i[0]])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).transpose(0, 2));
    };
    move_axis |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.move_axis(0, -1), [&x], by_index(&[b, c, a], |i| at(&x, &[i[2], i[0], i[1]])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).move_axis(0, 2));
    };
    t |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.t(), [&x], by_index(&[a, c, b], |i| at(&x, &[i[0], i[2], i[1]])));
    };
    squeeze |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a, 1, b]);
        t.op(|[x]| x.squeeze(1), [&x], Tensor::from_vec(x.to_vec(), [a, b]));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).squeeze(2));
    };
    unsqueeze |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.unsqueeze(-2), [&x], Tensor::from_vec(x.to_vec(), [a, b, 1, c]));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).unsqueeze(4));
    };
    sum_to_shape |t| {
        let (x, [a, b, c]) = drawn(t);
        let expected = by_index(&[b, 1], |i| {
            (0..a).flat_map(|k| (0..c).map(move |l| (k, l))).map(|(k, l)| at(&x, &[k, i[0], l])).sum()
        });
        t.op(|[x]| x.sum_to_shape([b, 1]), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).sum_to_shape([4]));
    };
    slice |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.slice(1, Slice::from(..).step(-2)), [&x], by_index(&[a, b.div_ceil(2), c], |i| {
            at(&x, &[i[0], b - 1 - 2 * i[1], i[2]])
        }));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).slice(2, ..1));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).slice(0, Slice::from(..).step(0)));
    };
    select |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.select(1, -1), [&x], by_index(&[a, c], |i| at(&x, &[i[0], b - 1, i[1]])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).select(1, 3));
    };
    flip |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.flip([0, 2]), [&x], by_index(&[a, b, c], |i| at(&x, &[a - 1 - i[0], i[1], c - 1 - i[2]])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).flip(2));
    };
    roll |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.roll(1, 2), [&x], by_index(&[a, b, c], |i| at(&x, &[i[0], (i[1] + 2 * b - 2) % b, i[2]])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).roll(2, 1));
    };
    split |t| {
        let (x, [a, b, c]) = drawn(t);
        let last = (b - 1) / 2 * 2;
        let expected = by_index(&[a, b - last, c], |i| at(&x, &[i[0], last + i[1], i[2]]));
        t.op(|[x]| *x.split(1, 2).last().expect("there are parts"), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).split(0, 0)[0]);
    };
    chunk |t| {
        let (x, [a, b, c]) = drawn(t);
        let first = b.div_ceil(2);
        t.op(|[x]| x.chunk(1, 2)[0], [&x], by_index(&[a, first, c], |i| at(&x, i)));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).chunk(0, 0)[0]);
    };
    split_sizes |t| {
        let (x, [a, b, c]) = drawn(t);
        let sizes = |v: &Var<'_, f64>| [1, v.shape().last().map_or(0, |size| size.saturating_sub(1))];
        let expected = by_index(&[a, b, c - 1], |i| at(&x, &[i[0], i[1], i[2] + 1]));
        t.op(|[x]| x.split_sizes(-1, &sizes(&x))[1], [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).split_sizes(1, &[1, 1])[0]);
    };
    unbind |t| {
        let (x, [a, _, c]) = drawn(t);
        t.op(|[x]| x.unbind(1)[0], [&x], by_index(&[a, c], |i| at(&x, &[i[0], 0, i[1]])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).unbind(2)[0]);
    };
    concat |t| {
        let [a, b, c] = t.sizes();
        let (x, y) = (t.tensor(&[a, b]), t.tensor(&[a, c]));
        let expected = by_index(&[a, b + c], |i| if i[1] < b { at(&x, i) } else { at(&y, &[i[0], i[1] - b]) });
        t.op(|[x, y]| Var::concat(&[x, y], 1), [&x, &y], expected);
        t.refuses(|tape| Var::concat(&[tape.var(Tensor::zeros([2, 3])), tape.var(Tensor::zeros([4]))], 0));
    };
    stack |t| {
        let [a, b] = t.sizes();
        let (x, y) = (t.tensor(&[a, b]), t.tensor(&[a, b]));
        let expected = by_index(&[a, 2, b], |i| at(if i[1] == 0 { &x } else { &y }, &[i[0], i[2]]));
        t.op(|[x, y]| Var::stack(&[x, y], 1), [&x, &y], expected);
        t.refuses(|tape| Var::stack(&[tape.var(Tensor::zeros([2])), tape.var(Tensor::zeros([3]))], 0));
    };
    tile |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.tile(&[2, 1, 3]), [&x], by_index(&[2 * a, b, 3 * c], |i| at(&x, &[i[0] % a, i[1], i[2] % c])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).tile(&[usize::MAX, 2]));
    };
    repeat |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.repeat(1, 2), [&x], by_index(&[a, 2 * b, c], |i| at(&x, &[i[0], i[1] / 2, i[2]])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).repeat(2, 2));
    };
    diagonal |t| {
        let (x, [a, b, c]) = drawn(t);
        t.op(|[x]| x.diagonal(0, 2), [&x], by_index(&[b, a.min(c)], |i| at(&x, &[i[1], i[0], i[1]])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).diagonal(0, 0));
    };
    trace |t| {
        let (x, [a, b, c]) = drawn(t);
        let expected = by_index(&[a], |i| (0..b.min(c)).map(|k| at(&x, &[i[0], k, k])).sum());
        t.op(|[x]| x.trace(), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([3])).trace());
    };
    diag |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a, b]);
        t.op(|[x]| x.diag(), [&x], by_index(&[a, b, b], |i| if i[1] == i[2] { at(&x, &i[..2]) } else { 0.0 }));
    };
    diagonal_at |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a, b + 1]);
        t.op(|[x]| x.diagonal_at(1, 0, 1), [&x], by_index(&[a.min(b)], |i| at(&x, &[i[0], i[0] + 1])));
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).diagonal_at(1, 0, 0));
    };
    diag_at |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a, b]);
        let expected = by_index(&[a, b + 1, b + 1], |i| if i[1] == i[2] + 1 { at(&x, &[i[0], i[2]]) } else { 0.0 });
        t.op(|[x]| x.diag_at(-1), [&x], expected);
        t.refuses(|tape| tape.scalar(1.0).diag_at(1));
    };
    pixel_shuffle |t| {
        let [a, b, c] = t.sizes();
        let x = t.tensor(&[4 * a, b, c]);
        let expected = by_index(&[a, 2 * b, 2 * c], |i| {
            at(&x, &[4 * i[0] + 2 * (i[1] % 2) + i[2] % 2, i[1] / 2, i[2] / 2])
        });
        t.op(|[x]| x.pixel_shuffle(2), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([3, 1, 1])).pixel_shuffle(2));
    };
    pixel_unshuffle |t| {
        let [a, b, c] = t.sizes();
        let x = t.tensor(&[a, 2 * b, 2 * c]);
        let expected = by_index(&[4 * a, b, c], |i| {
            at(&x, &[i[0] / 4, 2 * i[1] + i[0] / 2 % 2, 2 * i[2] + i[0] % 2])
        });
        t.op(|[x]| x.pixel_unshuffle(2), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([1, 3, 2])).pixel_unshuffle(2));
    };
    tril |t| {
        let (x, sizes) = drawn(t);
        t.op(|[x]| x.tril(0), [&x], by_index(&sizes, |i| if i[2] <= i[1] { at(&x, i) } else { 0.0 }));
        t.refuses(|tape| tape.var(Tensor::zeros([3])).tril(0));
    };
    triu |t| {
        let (x, sizes) = drawn(t);
        t.op(|[x]| x.triu(1), [&x], by_index(&sizes, |i| if i[2] > i[1] { at(&x, i) } else { 0.0 }));
        t.refuses(|tape| tape.var(Tensor::zeros([3])).triu(0));
    };
    pad |t| {
        let (x, [a, b, c]) = drawn(t);
        let expected = by_index(&[a, b + 1, c + 2], |i| {
            if i[1] < 1 || !(2..c + 2).contains(&i[2]) { 0.5 } else { at(&x, &[i[0], i[1] - 1, i[2] - 2]) }
        });
        t.op(|[x]| x.pad(&[(1, 0), (2, 0)], 0.5), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2])).pad(&[(-2, -1)], 0.0));
    };
    pad_reflect |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a, b + 1]);
        let expected = by_index(&[a, b + 2], |i| at(&x, &[i[0], if i[1] == 0 { 1 } else { i[1] - 1 }]));
        t.op(|[x]| x.pad_reflect(&[(1, 0)]), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2])).pad_reflect(&[(2, 0)]));
    };
    pad_replicate |t| {
        let [a, b] = t.sizes();
        let x = t.tensor(&[a, b]);
        let expected = by_index(&[a, b + 3], |i| at(&x, &[i[0], i[1].saturating_sub(1).min(b - 1)]));
        t.op(|[x]| x.pad_replicate(&[(1, 2)]), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2])).pad_replicate(&[(1, 0), (0, 1)]));
    };
}
