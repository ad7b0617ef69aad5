use proptest::prelude::*;

use super::Convolution;
use crate::Float;
use crate::kernel::parallel::with_threads;

/// Numbers that differ, the same for the same seed.
fn values<T: Float>(n: usize, seed: u64) -> Vec<T> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        T::from_f64((state >> 40) as f64 / (1 << 23) as f64 - 1.0)
    };
    (0..n).map(|_| next()).collect()
}

/// Calls `f` with the indices of `x`, `w` and `y` of every product of the definition.
fn terms(conv: &Convolution, mut f: impl FnMut(usize, usize, usize)) {
    let [channels, outs] = [conv.inputs * conv.groups, conv.outputs * conv.groups];
    let all = [conv.batch, outs, conv.output[0], conv.output[1], conv.inputs, conv.kernel[0], conv.kernel[1]];
    for at in 0..all.iter().product() {
        let mut rest = at;
        let mut index = all;
        for (i, &size) in index.iter_mut().zip(&all).rev() {
            *i = rest % size;
            rest /= size;
        }
        let [n, o, i, j, c, a, b] = index;
        let row = (i * conv.stride[0] + a * conv.dilation[0]).wrapping_sub(conv.padding[0]);
        let col = (j * conv.stride[1] + b * conv.dilation[1]).wrapping_sub(conv.padding[1]);
        if row < conv.image[0] && col < conv.image[1] {
            let channel = o / conv.outputs * conv.inputs + c;
            let x = ((n * channels + channel) * conv.image[0] + row) * conv.image[1] + col;
            let w = ((o * conv.inputs + c) * conv.kernel[0] + a) * conv.kernel[1] + b;
            f(x, w, ((n * outs + o) * conv.output[0] + i) * conv.output[1] + j);
        }
    }
}

/// Value and both gradients.
fn all<T: Float>(conv: &Convolution, x: &[T], w: &[T], g: &[T]) -> [Vec<T>; 3] {
    let fresh = |n: usize| vec![T::NAN; n];
    let (mut y, mut gx, mut gw) = (fresh(g.len()), fresh(x.len()), fresh(w.len()));
    conv.forward(x, w, &mut y);
    conv.input(g, w, &mut gx);
    conv.weight(x, g, &mut gw);
    [y, gx, gw]
}

fn sizes(conv: &Convolution) -> [usize; 3] {
    [
        conv.batch * conv.groups * conv.inputs * conv.pixels(),
        conv.groups * conv.outputs * conv.inputs * conv.taps(),
        conv.batch * conv.groups * conv.outputs * conv.places(),
    ]
}

#[track_caller]
fn agrees_with_the_definition<T: Float + Into<f64>>(conv: &Convolution) {
    let [nx, nw, ny] = sizes(conv);
    let (x, w, g) = (values::<T>(nx, 1), values::<T>(nw, 2), values::<T>(ny, 3));
    let mut sums = [vec![0.0; ny], vec![0.0; nx], vec![0.0; nw]];
    let mut absolute = sums.clone();
    terms(conv, |i, j, k| {
        let [xi, wj, gk]: [f64; 3] = [x[i].into(), w[j].into(), g[k].into()];
        for (which, (at, term)) in [(k, xi * wj), (i, gk * wj), (j, gk * xi)].into_iter().enumerate() {
            sums[which][at] += term;
            absolute[which][at] += term.abs();
        }
    });
    for (which, found) in all(conv, &x, &w, &g).iter().enumerate() {
        for (at, &found) in found.iter().enumerate() {
            let error = (found.into() - sums[which][at]).abs();
            let allowed = 4.0 * T::EPSILON.into() * absolute[which][at];
            assert!(error <= allowed, "{which} of {conv:?} at {at}: {error} > {allowed}");
        }
    }
}

/// A convolution whose output fills what there is.
fn filled(conv: Convolution) -> Option<Convolution> {
    let mut output = [0; 2];
    for (i, output) in output.iter_mut().enumerate() {
        let reach = (conv.kernel[i] - 1) * conv.dilation[i] + 1;
        *output = (conv.image[i] + 2 * conv.padding[i]).checked_sub(reach)? / conv.stride[i] + 1;
    }
    Some(Convolution { output, ..conv })
}

const PLAIN: Convolution = Convolution {
    batch: 2,
    groups: 1,
    inputs: 3,
    outputs: 5,
    image: [9, 8],
    kernel: [3, 3],
    output: [7, 6],
    stride: [1, 1],
    padding: [0, 0],
    dilation: [1, 1],
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_convolution(
        batch in 0usize..4, groups in 1usize..3, inputs in 1usize..5, outputs in 1usize..6,
        image in prop::array::uniform2(1usize..9), kernel in prop::array::uniform2(1usize..4),
        stride in prop::array::uniform2(1usize..4), padding in prop::array::uniform2(0usize..4),
        dilation in prop::array::uniform2(1usize..3),
    ) {
        let conv = Convolution { batch, groups, inputs, outputs, image, kernel, output: [0, 0], stride, padding, dilation };
        if let Some(conv) = filled(conv) {
            agrees_with_the_definition::<f64>(&conv);
            agrees_with_the_definition::<f32>(&conv);
            // Of a longer image, as of transposed convolutions, the end is not used.
            let image = [0, 1].map(|i| image[i] + stride[i].min(2) - 1);
            agrees_with_the_definition::<f64>(&Convolution { image, ..conv });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn each_channel_by_itself(
        batch in 1usize..4, groups in 8usize..40, image in prop::array::uniform2(1usize..10),
        kernel in prop::array::uniform2(1usize..6), stride in prop::array::uniform2(1usize..4),
        padding in prop::array::uniform2(0usize..4), dilation in prop::array::uniform2(1usize..3),
    ) {
        let (inputs, outputs, output) = (1, 1, [0, 0]);
        let conv = Convolution { batch, groups, inputs, outputs, image, kernel, output, stride, padding, dilation };
        if let Some(conv) = filled(conv) {
            agrees_with_the_definition::<f32>(&conv);
            let image = [0, 1].map(|i| image[i] + stride[i].min(2) - 1);
            agrees_with_the_definition::<f64>(&Convolution { image, ..conv });
        }
    }
}

/// Sizes at which something is cut: places, terms, channels, images.
#[test]
fn larger_ones() {
    let same = |conv: Convolution| filled(Convolution { padding: [1, 1], ..conv }).unwrap();
    agrees_with_the_definition::<f32>(&same(Convolution { inputs: 50, outputs: 70, image: [13, 31], ..PLAIN }));
    agrees_with_the_definition::<f32>(&same(Convolution { inputs: 3, outputs: 9, image: [40, 45], batch: 1, ..PLAIN }));
    agrees_with_the_definition::<f32>(&same(Convolution { batch: 37, stride: [2, 2], groups: 2, ..PLAIN }));
    agrees_with_the_definition::<f32>(&same(Convolution { inputs: 6, outputs: 5, image: [5, 29], ..PLAIN }));
    agrees_with_the_definition::<f32>(&same(Convolution {
        inputs: 4,
        outputs: 8,
        image: [9, 27],
        stride: [1, 2],
        ..PLAIN
    }));
    agrees_with_the_definition::<f32>(&same(Convolution {
        groups: 20,
        inputs: 1,
        outputs: 1,
        image: [19, 35],
        ..PLAIN
    }));
    // Many channels of few, few of many, and a kernel over the whole image.
    agrees_with_the_definition::<f32>(&same(Convolution { inputs: 1, outputs: 24, image: [9, 21], ..PLAIN }));
    agrees_with_the_definition::<f32>(&same(Convolution { inputs: 3, outputs: 20, image: [12, 25], ..PLAIN }));
    let whole = filled(Convolution { batch: 33, inputs: 7, outputs: 11, kernel: PLAIN.image, ..PLAIN }).unwrap();
    agrees_with_the_definition::<f32>(&whole);
    agrees_with_the_definition::<f64>(&Convolution { batch: 1, ..whole });
    let thin = Convolution { batch: 1, inputs: 1, outputs: 1, groups: 3, ..PLAIN };
    agrees_with_the_definition::<f32>(&same(Convolution { image: [50, 60], kernel: [5, 5], ..thin }));
    agrees_with_the_definition::<f32>(&same(Convolution { image: [50, 90], stride: [2, 2], ..thin }));
    agrees_with_the_definition::<f32>(&same(Convolution { image: [3, 2500], stride: [1, 3], ..thin }));
    agrees_with_the_definition::<f32>(&Convolution {
        inputs: 40,
        outputs: 180,
        kernel: [1, 1],
        output: PLAIN.image,
        batch: 20,
        ..PLAIN
    });
    agrees_with_the_definition::<f64>(&filled(Convolution { kernel: [1, 1], stride: [2, 3], ..PLAIN }).unwrap());
    // The kernel reaches over as much as an image, but not over the image.
    let shifted = Convolution { image: [6, 5], kernel: [1, 2], stride: [1, 3], padding: [0, 1], ..PLAIN };
    agrees_with_the_definition::<f64>(&filled(shifted).unwrap());
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    for conv in [
        Convolution { batch: 1, inputs: 30, outputs: 40, ..PLAIN },
        Convolution { batch: 50, inputs: 8, outputs: 16, ..PLAIN },
        Convolution { batch: 7, groups: 40, inputs: 1, outputs: 1, ..PLAIN },
        Convolution { groups: 3, inputs: 1, outputs: 1, image: [42, 62], output: [40, 60], ..PLAIN },
        Convolution { batch: 1, inputs: 3, outputs: 24, image: [12, 42], output: [10, 40], ..PLAIN },
    ] {
        let [nx, nw, ny] = sizes(&conv);
        let (x, w, g) = (values::<f32>(nx, 1), values::<f32>(nw, 2), values::<f32>(ny, 3));
        let one = with_threads(1, || all(&conv, &x, &w, &g));
        for threads in [2, 3, 8] {
            assert!(one == with_threads(threads, || all(&conv, &x, &w, &g)), "{conv:?}, {threads} threads");
        }
    }
}

#[test]
fn nothing_and_infinity() {
    let none = Convolution { batch: 0, ..PLAIN };
    let w = values::<f64>(sizes(&none)[1], 1);
    assert!(all(&none, &[], &w, &[])[2].iter().all(|&w| w == 0.0));
    for [groups, inputs, outputs] in [[9, 1, 1], [2, 1, 2], [1, 3, 20], [1, 20, 3], [1, 9, 9]] {
        let empty = Convolution { groups, inputs, outputs, image: [0, 14], kernel: [2, 2], padding: [1, 1], ..PLAIN };
        agrees_with_the_definition::<f64>(&filled(empty).unwrap());
        // No channels to read, or to write.
        agrees_with_the_definition::<f64>(&filled(Convolution { groups, inputs: 0, outputs, ..PLAIN }).unwrap());
        agrees_with_the_definition::<f64>(&filled(Convolution { groups, inputs, outputs: 0, ..PLAIN }).unwrap());
    }
    let one = Convolution {
        batch: 1,
        groups: 1,
        inputs: 3,
        outputs: 3,
        image: [1, 1],
        kernel: [1, 1],
        output: [1, 1],
        ..PLAIN
    };
    let mut y = [0.0; 3];
    one.forward(&[0.0, 1.0, 1.0], &[f64::INFINITY, 1.0, 1.0, 1.0, f64::INFINITY, 1.0, 1.0, 1.0, 1.0], &mut y);
    assert!(y[0].is_nan() && y[1] == f64::INFINITY && y[2] == 2.0);
}

/// The gradient of an image does not know the weights that only meet the padding.
#[test]
fn weights_on_the_padding_are_not_seen() {
    let sizes =
        |n| Convolution { batch: 1, inputs: n, outputs: n, image: [1, 1], output: [1, 1], padding: [1, 1], ..PLAIN };
    let mut w = vec![1.0; 9];
    w[0] = f64::NAN;
    let mut x = [0.0];
    sizes(1).input(&[2.0], &w, &mut x);
    assert_eq!(x, [2.0]);
    // With two channels, one of which meets it.
    let [mut w, mut x] = [vec![1.0; 36], vec![0.0; 2]];
    (w[0], w[9 + 4]) = (f64::INFINITY, f64::INFINITY);
    sizes(2).input(&[2.0, 3.0], &w, &mut x);
    assert_eq!(x, [5.0, f64::INFINITY]);
}

/// Values are NaN or infinite where the definition says so, and finite elsewhere, whichever way they are
/// computed: zeros outside of an image are factors of its convolution, but in no gradient.
#[test]
fn infinity_and_padding() {
    let thin = Convolution { groups: 2, inputs: 1, outputs: 1, ..PLAIN };
    let slim = Convolution { batch: 8, groups: 1, inputs: 4, outputs: 4, image: [3, 13], output: [3, 13], ..PLAIN };
    let wide = Convolution { groups: 1, inputs: 9, outputs: 9, image: [4, 4], output: [4, 4], ..PLAIN };
    let steps =
        Convolution { groups: 1, inputs: 2, outputs: 11, image: [9, 9], output: [5, 5], stride: [2, 2], ..PLAIN };
    let each = Convolution { groups: 19, inputs: 1, outputs: 1, ..PLAIN };
    for conv in [thin, slim, wide, steps, each].map(|conv| Convolution { kernel: [3, 3], padding: [1, 1], ..conv }) {
        let [nx, nw, ny] = sizes(&conv);
        for [at_x, at_w, at_g] in [[0, nw / 2, 0], [nx - 1, 0, ny - 1], [nx / 2, nw - 1, ny / 3]] {
            let mut all_given = [values::<f64>(nx, 1), values(nw, 2), values(ny, 3)];
            for (given, at) in all_given.iter_mut().zip([at_x, at_w, at_g]) {
                given[at] = f64::INFINITY;
            }
            let [x, w, g] = all_given;
            let mut expected = [vec![0.0; ny], vec![0.0; nx], vec![0.0; nw]];
            let [height, width] = conv.image.map(|size| size + 2);
            let padded = Convolution { image: [height, width], padding: [0, 0], ..conv };
            terms(&padded, |i, j, k| {
                let (image, row, col) = (i / width / height, i / width % height, i % width);
                let inside = (1..=conv.image[0]).contains(&row) && (1..=conv.image[1]).contains(&col);
                let at = || (image * conv.image[0] + row - 1) * conv.image[1] + col - 1;
                expected[0][k] += if inside { x[at()] } else { 0.0 } * w[j];
            });
            terms(&conv, |i, j, k| {
                expected[1][i] += g[k] * w[j];
                expected[2][j] += x[i] * g[k];
            });
            for (found, expected) in all(&conv, &x, &w, &g).iter().zip(&expected) {
                let agree = |&a: &f64, &b: &f64| a == b || (a - b).abs() < 1e-12 || a.is_nan() && b.is_nan();
                assert!(found.iter().zip(expected).all(|(a, b)| agree(a, b)), "{conv:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "conv: elements of w for Convolution { batch: 2")]
fn a_wrong_size_is_refused() {
    PLAIN.forward(&[0.0; 432], &[0.0; 1], &mut [0.0; 420]);
}

#[test]
#[should_panic(expected = "no memory holds the padded image")]
fn a_kernel_that_reaches_beyond_all_memory_is_refused() {
    let ones = Convolution { batch: 1, inputs: 1, outputs: 1, image: [1, 1], output: [1, 1], ..PLAIN };
    let one = Convolution { kernel: [1, 2], dilation: [1, usize::MAX / 2], ..ones };
    one.forward(&[1.0f32], &[1.0, 2.0], &mut [0.0]);
}
