//! Elements named by indices, against loops over them.

use wengert::prelude::*;

use crate::trial::{at, by_index};

super::cases! {
    index_select |t| {
        let [a, b, n] = t.sizes();
        let (x, indices) = (t.tensor(&[a, b]), t.indices(&[n], b));
        let expected = by_index(&[a, n], |i| at(&x, &[i[0], indices.at([i[1]]) as usize]));
        t.op(|[x]| x.index_select(1, &indices), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).index_select(1, &tensor![3]));
    };
    index_add |t| {
        let [a, b, n] = t.sizes();
        let (x, y, indices) = (t.tensor(&[a, b]), t.tensor(&[n, b]), t.indices(&[n], a));
        let expected = by_index(&[a, b], |i| {
            let added = (0..n).filter(|&k| indices.at([k]) as usize == i[0]).map(|k| at(&y, &[k, i[1]]));
            at(&x, i) + added.sum::<f64>()
        });
        t.op(|[x, y]| x.index_add(0, &indices, y), [&x, &y], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).index_add(0, &tensor![0], &tensor![1.0, 2.0]));
    };
    gather |t| {
        let [a, b, n] = t.sizes();
        let (x, indices) = (t.tensor(&[a, b]), t.indices(&[a, n], b));
        let expected = by_index(&[a, n], |i| at(&x, &[i[0], indices.at([i[0], i[1]]) as usize]));
        t.op(|[x]| x.gather(1, &indices), [&x], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).gather(1, &tensor![[3], [0]]));
    };
    scatter |t| {
        let [a, b, n] = t.sizes();
        let (x, y, indices) = (t.tensor(&[a, b]), t.tensor(&[a, n]), t.indices(&[a, n], b));
        let expected = by_index(&[a, b], |i| {
            let last = (0..n).rev().find(|&k| indices.at([i[0], k]) as usize == i[1]);
            last.map_or_else(|| at(&x, i), |k| at(&y, &[i[0], k]))
        });
        t.op(|[x, y]| x.scatter(1, &indices, y), [&x, &y], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).scatter(1, &tensor![[3], [0]], 1.0));
    };
    scatter_add |t| {
        let [a, b, n] = t.sizes();
        let (x, y, indices) = (t.tensor(&[a, b]), t.tensor(&[a, n]), t.indices(&[a, n], b));
        let expected = by_index(&[a, b], |i| {
            let added = (0..n).filter(|&k| indices.at([i[0], k]) as usize == i[1]).map(|k| at(&y, &[i[0], k]));
            at(&x, i) + added.sum::<f64>()
        });
        t.op(|[x, y]| x.scatter_add(1, &indices, y), [&x, &y], expected);
        t.refuses(|tape| tape.var(Tensor::zeros([2, 3])).scatter_add(2, &tensor![[0], [0]], 1.0));
    };
    masked_select |t| {
        let [a, b] = t.sizes();
        let (x, chosen) = (t.tensor(&[a, b]), t.indices(&[a, b], 2).map(|i| i == 1));
        let expected: Vec<f64> = x.iter().zip(chosen.iter()).filter(|(_, chosen)| *chosen).map(|(x, _)| x).collect();
        t.op(|[x]| x.masked_select(&chosen), [&x], expected.into());
        t.refuses(|tape| tape.var(Tensor::zeros([2])).masked_select(&tensor![true, false, true]));
    };
    one_hot |t| {
        let [n, classes] = t.sizes();
        let labels = t.indices(&[n], classes);
        let expected = by_index(&[n, classes], |i| f64::from(labels.at([i[0]]) as usize == i[1]));
        t.equal(Tape::<f64>::new().one_hot(&labels, classes).value(), expected);
        t.refuses(|tape| tape.one_hot(&tensor![2], 2));
    };
}
