//! What is refused: with the operation, the shapes and the user's line.

use wengert::prelude::*;
use wengert::{Conv, Pool};

use crate::guard::guarded;

/// The message of the panic, which must be blamed on this file, after the operation's name.
#[track_caller]
fn refused<R>(name: &str, f: impl FnOnce() -> R) -> String {
    match guarded(f) {
        Ok(_) => panic!("{name} was accepted"),
        Err(panic) => {
            assert_eq!(panic.file, file!(), "{name}: {}", panic.message);
            assert!(panic.message.contains(name), "`{name}` is not named: {}", panic.message);
            panic.message
        }
    }
}

#[test]
fn what_does_not_fit() {
    let tape = Tape::<f64>::new();
    let x = |shape: &[usize]| tape.var(Tensor::zeros(shape));
    let (a, b) = (x(&[2, 3]), x(&[2]));
    let image = x(&[1, 4, 3, 3]);
    let messages = [
        refused("add", || a + b),
        refused("add", || x(&[0]) + b),
        refused("where", || a.where_(a, b)),
        refused("matmul", || a.matmul(a)),
        refused("matmul", || tape.scalar(1.0).matmul(b)),
        refused("einsum", || Var::einsum("ij,jk", &[a, a])),
        refused("solve", || x(&[2, 2]).solve(x(&[3]))),
        refused("reshape", || a.reshape([4])),
        refused("reshape", || a.reshape([4, -1])),
        refused("reshape", || a.reshape([-1, -1])),
        refused("reshape", || a.reshape([usize::MAX, 2])),
        refused("expand", || a.expand([2, 4])),
        refused("concat", || Var::concat(&[a, x(&[2, 4])], 0)),
        refused("conv2d", || image.conv2d(x(&[1, 3, 1, 1]), Conv::new())),
        refused("conv2d", || image.conv2d(x(&[1, 4, 5, 5]), Conv::new())),
        refused("conv2d", || image.conv2d(x(&[3, 1, 1, 1]), Conv::new().groups(3))),
        refused("max_pool2d", || image.max_pool2d(Pool::new(4))),
        refused("windows", || a.windows(1, 4, 1)),
        refused("pad_reflect", || a.pad_reflect(&[(3, 0)])),
        refused("mse", || x(&[3]).mse(&Tensor::zeros([3, 1]))),
        refused("cross_entropy", || a.cross_entropy(&tensor![0, 1, 2])),
    ];
    for message in messages {
        assert!(message.contains('['), "no shape in: {message}");
    }
}

#[test]
fn axes_and_indices() {
    let tape = Tape::<f64>::new();
    let x = tape.var(Tensor::zeros([2, 3]));
    refused("sum", || x.sum(2));
    refused("sum", || x.sum([0, -2]));
    refused("permute", || x.permute([0, 0]));
    refused("transpose", || x.transpose(0, -3));
    refused("softmax", || x.softmax(2));
    refused("select", || x.select(1, 3));
    refused("select", || x.select(1, -4));
    refused("index_select", || x.index_select(0, &tensor![2]));
    refused("gather", || x.gather(1, &tensor![[-4]]));
    refused("scatter_add", || x.scatter_add(0, &tensor![[2]], 1.0));
    refused("one_hot", || tape.one_hot(&tensor![3], 3));
    refused("cross_entropy", || x.cross_entropy(&tensor![0, 3]));
    refused("topk", || x.topk(1, 4));
    // Negative ones count from the end where NumPy's do.
    assert_eq!((x.sum(-1).shape(), x.index_select(-1, &tensor![-3]).shape()), ([2].into(), [2, 1].into()));
}

#[test]
fn zeros_where_there_is_nothing_to_count_by() {
    let tape = Tape::<f64>::new();
    let signal = tape.var(Tensor::zeros([1, 1, 4]));
    let kernel = Tensor::zeros([1, 1, 2]);
    refused("conv1d", || signal.conv1d(&kernel, Conv::new().stride(0)));
    refused("conv1d", || signal.conv1d(&kernel, Conv::new().dilation(0)));
    refused("avg_pool1d", || signal.avg_pool1d(Pool::new(2).stride(0)));
    refused("windows", || signal.windows(-1, 2, 0));
    refused("slice", || signal.slice(-1, Slice::from(..).step(0)));
    refused("split", || signal.split(-1, 0));
    refused("max", || tape.var(Tensor::zeros([2, 0])).max(1));
    refused("argmax", || tape.var(Tensor::zeros([0])).argmax(0));
}

#[test]
fn allocations_that_cannot_be() {
    refused("zeros", || Tensor::<f64>::zeros([1 << 45]));
    refused("zeros", || Tensor::<f64>::zeros([1 << 40, 1 << 40]));
    refused("ones", || Tensor::<f64>::ones([1 << 45]));
    let tape = Tape::<f64>::new();
    let x = tape.scalar(1.0);
    refused("expand", || x.expand([1 << 40, 1 << 40]));
    refused("tile", || tape.var(tensor![1.0, 2.0]).tile(&[usize::MAX]));
    // A view of so many elements is not one of them in memory, but their sum of squares would be.
    let wide = x.expand([1 << 45]);
    assert_eq!(wide.shape(), [1 << 45]);
}

#[test]
fn gradients_that_cannot_be() {
    let tape = Tape::<f64>::new();
    let x = tape.var(tensor![1.0, 2.0]);
    refused("backward", || (x * 2.0).backward());
    refused("vjp", || (x * 2.0).vjp(&tensor![1.0], [x]));
    let other = Tape::new();
    refused("grad", || x.sum(..).grad([other.scalar(1.0)]));
}
