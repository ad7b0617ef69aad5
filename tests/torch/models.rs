//! The layers of the reference, by name.

use wengert::prelude::*;
use wengert::*;

/// A module that is called with a list.
pub(crate) trait Model<T: Float>: Module<T> {
    fn call<'t>(&self, x: &[Var<'t, T>]) -> Vec<Var<'t, T>>;
}

/// A module and how it is called.
struct Called<M, F>(M, F);

impl<T: Float, M: Module<T>, F: Send + Sync> Module<T> for Called<M, F> {
    fn visit(&self, visitor: &mut Visitor<T>) {
        self.0.visit(visitor);
    }
}

impl<T, M, F> Model<T> for Called<M, F>
where
    T: Float,
    M: Module<T>,
    F: for<'t> Fn(&M, &[Var<'t, T>]) -> Vec<Var<'t, T>> + Send + Sync,
{
    fn call<'t>(&self, x: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
        (self.1)(&self.0, x)
    }
}

fn called<T: Float, M: Module<T> + 'static>(
    module: M,
    call: impl for<'t> Fn(&M, &[Var<'t, T>]) -> Vec<Var<'t, T>> + Send + Sync + 'static,
) -> Box<dyn Model<T>> {
    Box::new(Called(module, call))
}

fn layer<T: Float>(layer: impl Layer<T> + 'static) -> Box<dyn Model<T>> {
    called(layer, |layer, x| vec![layer.forward(x[0])])
}

/// The outputs and the last state, from a given state if there is a second input.
fn recurrent<T: Float, C: RecurrentCell<1> + 'static>(layer: Recurrent<C, 1, T>) -> Box<dyn Model<T>> {
    called(layer, |layer, x| {
        let (y, [h]) = layer.unroll(x[0], x.get(1).map(|&state| [state]));
        vec![y, h]
    })
}

/// What fills up sequences of 3 and 1 to the length 4, for every head and query.
fn padded() -> Tensor<bool> {
    tensor![[[[false, false, false, true]]], [[[false, true, true, true]]]]
}

#[derive(Module)]
struct Block<T: Float> {
    conv: Conv2d<T>,
    bn: BatchNorm<T>,
    head: Sequential<T>,
}

pub(crate) fn named<T: Float>(name: &str) -> Box<dyn Model<T>> {
    let rng = &mut Rng::seed(0);
    match name {
        "linear" => layer(Linear::<T>::new(3, 2, rng)),
        "linear_3d" => layer(Linear::<T>::new(3, 2, rng).no_bias()),
        "bilinear" => called(Bilinear::<T>::new(3, 2, 2, rng), |layer, x| vec![layer.forward(x[0], x[1])]),
        "conv1d" => layer(Conv1d::<T>::new(2, 3, 3, rng).stride(2).padding(1)),
        "conv2d" => layer(Conv2d::<T>::new(2, 4, [2, 3], rng).stride([2, 1]).padding([1, 0]).groups(2)),
        "conv2d_dilated" => layer(Conv2d::<T>::new(2, 2, 2, rng).dilation(2).no_bias()),
        "conv_transpose1d" => layer(ConvTranspose1d::<T>::new(2, 3, 3, rng).stride(2).padding(1).output_padding(1)),
        "conv_transpose2d" => layer(ConvTranspose2d::<T>::new(2, 4, 2, rng).stride([2, 1]).groups(2)),
        "conv1d_same" => layer(Conv1d::<T>::new(2, 3, 4, rng).dilation(2).same_padding()),
        "conv2d_same_replicate" => {
            let conv = Conv2d::<T>::new(2, 4, [2, 3], rng).dilation([1, 2]).groups(2);
            layer(conv.same_padding().padding_mode(PaddingMode::Replicate))
        }
        "conv1d_replicate" => {
            layer(Conv1d::<T>::new(2, 3, 3, rng).padding(2).stride(2).padding_mode(PaddingMode::Replicate))
        }
        "conv2d_reflect" => {
            layer(Conv2d::<T>::new(2, 2, 3, rng).padding([2, 1]).groups(2).padding_mode(PaddingMode::Reflect))
        }
        "conv2d_circular" => {
            layer(Conv2d::<T>::new(2, 3, [3, 2], rng).padding([1, 2]).padding_mode(PaddingMode::Circular))
        }
        "conv_transpose2d_all" => {
            let conv = ConvTranspose2d::<T>::new(4, 2, 3, rng).stride(2).padding(1).output_padding([1, 0]);
            layer(conv.groups(2).dilation([2, 1]))
        }
        "max_pool1d" => layer(MaxPool1d::new(3).stride(2).padding(1)),
        "max_pool2d" => layer(MaxPool2d::new([2, 3]).stride(1)),
        "avg_pool1d" => layer(AvgPool1d::new(2)),
        "avg_pool2d" => layer(AvgPool2d::new(2).padding(1)),
        "max_pool2d_ceil" => layer(MaxPool2d::new(3).stride(2).padding(1).ceil_mode()),
        "avg_pool1d_ceil" => layer(AvgPool1d::new(3).stride(2).padding(1).ceil_mode()),
        "avg_pool2d_inside" => layer(AvgPool2d::new(2).padding(1).exclude_padding()),
        "adaptive_avg_pool1d" => layer(AdaptiveAvgPool1d::new(3)),
        "adaptive_avg_pool2d" => layer(AdaptiveAvgPool2d::new([2, 3])),
        "adaptive_max_pool1d" => layer(AdaptiveMaxPool1d::new(3)),
        "adaptive_max_pool2d" => layer(AdaptiveMaxPool2d::new(2)),
        "batch_norm_2" => layer(BatchNorm::<T>::new(3)),
        "batch_norm_3" => layer(BatchNorm::<T>::new(2).momentum(0.3).eps(1e-3)),
        "batch_norm_4" | "batch_norm_evaluated" => layer(BatchNorm::<T>::new(2)),
        "batch_norm_last" => layer(BatchNorm::<T>::new(2).momentum(1.0)),
        "batch_norm_plain" => layer(BatchNorm::<T>::new(2).no_affine()),
        "batch_norm_cumulative" => called(BatchNorm::<T>::new(2).cumulative_average(), |layer, x| {
            layer.forward(x[0]);
            vec![layer.forward(x[0])]
        }),
        "batch_norm_of_batch" => layer(BatchNorm::<T>::new(3).no_running_statistics()),
        "layer_norm" => layer(LayerNorm::<T>::new([3, 2])),
        "layer_norm_no_bias" => layer(LayerNorm::<T>::new(3).no_bias().eps(1e-3)),
        "group_norm" => layer(GroupNorm::<T>::new(2, 4)),
        "group_norm_bare" => layer(GroupNorm::<T>::new(2, 6).no_affine().eps(1e-2)),
        "instance_norm" => layer(InstanceNorm::<T>::new(2)),
        "instance_norm_affine" => layer(InstanceNorm::<T>::new(2).affine()),
        "instance_norm_running" => layer(InstanceNorm::<T>::new(2).running_statistics(0.3)),
        "instance_norm_evaluated" => layer(InstanceNorm::<T>::new(2).affine().running_statistics(0.1)),
        "rms_norm" => layer(RmsNorm::<T>::new(3).eps(1e-6)),
        "rms_norm_default" => layer(RmsNorm::<T>::new([2, 3]).no_affine()),
        "prelu" => layer(Prelu::<T>::new()),
        "prelu_channels" => layer(Prelu::<T>::new().channels(3)),
        "embedding" => called(Embedding::<T>::new(5, 3, rng).padding(1), |layer, x| {
            vec![layer.forward(x[0].tape(), &x[0].value().cast())]
        }),
        "rnn" => recurrent(Rnn::<T>::new(3, 2, rng)),
        "rnn_relu" => recurrent(Rnn::<T>::new(3, 2, rng).relu().no_bias().bidirectional()),
        "lstm" => called(Lstm::<T>::new(3, 2, rng).layers(2).bidirectional(), |layer, x| {
            let (y, [h, c]) = layer.unroll(x[0], Some([x[1], x[2]]));
            vec![y, h, c]
        }),
        "rnn_from_state" => recurrent(Rnn::<T>::new(3, 2, rng).layers(2).bidirectional().batch_first()),
        "gru_bare" => recurrent(Gru::<T>::new(2, 3, rng).bidirectional().no_bias()),
        "gru" => recurrent(Gru::<T>::new(3, 2, rng).layers(2).batch_first()),
        "attention" => called(MultiHeadAttention::<T>::new(4, 2, rng).causal(), |layer, x| {
            vec![layer.attend(x[0], x[1], x[2], None)]
        }),
        "attention_bare" => called(MultiHeadAttention::<T>::new(6, 3, rng).no_bias().batch_first(), |layer, x| {
            vec![layer.attend(x[0], x[1], x[2], None)]
        }),
        "attention_sizes" => called(MultiHeadAttention::<T>::new(4, 2, rng).memory_sizes(3, 2), |layer, x| {
            vec![layer.attend(x[0], x[1], x[2], None)]
        }),
        "attention_padded" => called(MultiHeadAttention::<T>::new(4, 2, rng).batch_first(), |layer, x| {
            vec![layer.attend(x[0], x[1], x[2], Some(&padded()))]
        }),
        "transformer" => layer(TransformerBlock::<T>::new(4, 2, 6, rng).causal()),
        "transformer_post" => called(TransformerBlock::<T>::new(4, 2, 6, rng).batch_first().post_norm(), |block, x| {
            vec![block.forward_masked(x[0], &padded())]
        }),
        "transformer_gelu" => layer(TransformerBlock::<T>::new(4, 2, 6, rng).batch_first().gelu()),
        "model" => {
            let head = Sequential::new().then(Flatten::new()).then(Linear::new(8, 3, rng));
            let block = Block {
                conv: Conv2d::<T>::new(1, 2, 3, rng).padding(1).no_bias(),
                bn: BatchNorm::new(2),
                head: head.then_fn(|x| x.gelu()).then(Linear::new(3, 2, rng)),
            };
            called(block, |block, x| {
                let h = block.bn.forward(block.conv.forward(x[0])).relu();
                vec![block.head.forward(h.max_pool2d(Pool::new(2)))]
            })
        }
        other => panic!("no layer for the case `{other}`"),
    }
}
