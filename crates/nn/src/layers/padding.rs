//! What convolutions pad their inputs with.

use wengert_autograd::{Conv, Var};
use wengert_tensor::Float;

/// What a convolution finds beyond the edges of its input: PyTorch's `padding_mode`.
///
/// ```
/// use wengert_autograd::Tape;
/// use wengert_nn::{Conv1d, Layer, PaddingMode};
/// use wengert_tensor::{Rng, tensor};
///
/// let layer = Conv1d::new(1, 1, 3, &mut Rng::seed(0)).no_bias().padding(1);
/// layer.weight.set(tensor![[[1.0, 0.0, 0.0]]]);
/// let layer = layer.padding_mode(PaddingMode::Circular);
/// let tape = Tape::<f32>::new();
/// assert_eq!(layer.forward(tape.var(tensor![[[1.0, 2.0, 3.0]]])).value(), tensor![[[3.0, 1.0, 2.0]]]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaddingMode {
    /// Zeros.
    #[default]
    Zeros,
    /// The input mirrored at its first and last elements, which are not repeated.
    Reflect,
    /// Its first and last elements.
    Replicate,
    /// Its other end.
    Circular,
}

/// The input padded by what the convolution itself does not pad with, and what is left for that
/// to do. With `same`, the padding is what keeps the size of the input at a stride of 1; where
/// that is odd, the larger part comes after the input.
#[track_caller]
pub(super) fn padded<'t, T: Float, const D: usize>(
    op: &str,
    x: Var<'t, T>,
    kernel: [usize; D],
    options: Conv<D>,
    same: bool,
    mode: PaddingMode,
) -> (Var<'t, T>, Conv<D>) {
    let pads: [(usize, usize); D] = std::array::from_fn(|i| {
        // What is too large for a computer is too large for what follows.
        let total = options.dilation[i].saturating_mul(kernel[i].saturating_sub(1)).min(isize::MAX as usize);
        if same { (total / 2, total - total / 2) } else { (options.padding[i], options.padding[i]) }
    });
    assert!(!same || options.stride == [1; D], "{op}: same padding needs steps of 1, not {:?}", options.stride);
    let even = pads.iter().all(|(before, after)| before == after);
    // An input of another rank is for the convolution to refuse.
    if (even && mode == PaddingMode::Zeros) || x.rank() != D + 2 {
        return (x, options.padding(pads.map(|(before, _)| before)));
    }
    let all = [&[(0, 0); 2], &pads[..]].concat();
    let x = match mode {
        PaddingMode::Zeros => {
            x.pad(&all.iter().map(|&(before, after)| (before as isize, after as isize)).collect::<Vec<_>>(), 0.0)
        }
        PaddingMode::Reflect => x.pad_reflect(&all),
        PaddingMode::Replicate => x.pad_replicate(&all),
        PaddingMode::Circular => {
            let mut x = x;
            for (axis, &(before, after)) in all.iter().enumerate() {
                x = wrapped(op, x, axis, before, after);
            }
            x
        }
    };
    (x, options.padding([0; D]))
}

/// With the end of an axis before its start and the start after its end.
#[track_caller]
fn wrapped<'t, T: Float>(op: &str, x: Var<'t, T>, axis: usize, before: usize, after: usize) -> Var<'t, T> {
    let (shape, axis) = (x.shape(), axis as isize);
    let length = shape[axis as usize];
    let fits = before.max(after) <= length;
    assert!(fits, "{op}: circular padding of {before} and {after} is more than axis {axis} of shape {shape} has");
    let start = x.slice(axis, ..after as isize);
    let end = x.slice(axis, (length - before) as isize..);
    Var::concat(&[end, x, start], axis)
}
