"""Writes reference.json: what PyTorch's modules make of given parameters and inputs.

    python tests/torch/reference.py > tests/torch/reference.json

The loss of a case is the sum of all outputs times the numbers WEIGHTS over and over.
"""

import json
import torch
from torch import nn

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
WEIGHTS = torch.tensor([1.0, -0.5, 0.75, 2.0, -1.25, 0.5, 1.5])


def numbers(tensor):
    tensor = tensor.detach()
    return {"shape": list(tensor.shape), "data": tensor.flatten().tolist()}


def short(*shape):
    return (torch.randn(shape) * 1000).round() / 1000


def case(name, module, *inputs, call=None, train=True, twice=False):
    module.train(train)
    with torch.no_grad():
        for key, value in list(module.named_parameters()) + list(module.named_buffers()):
            if value.dtype.is_floating_point:
                value.copy_(short(*value.shape).abs() + 0.5 if key.endswith("running_var") else short(*value.shape))
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            module.weight[module.padding_idx] = 0
    state = {key: numbers(value) for key, value in module.state_dict().items()}
    inputs = [x.clone().requires_grad_(x.dtype.is_floating_point) for x in inputs]
    for _ in range(1 + twice):
        outputs = (call or module)(*inputs)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    loss = sum((y.flatten() * WEIGHTS.repeat(y.numel() // 7 + 1)[: y.numel()]).sum() for y in outputs)
    params = dict(module.named_parameters())
    differentiated = [x for x in inputs if x.requires_grad] + list(params.values())
    grads = torch.autograd.grad(loss, differentiated)
    count = len(differentiated) - len(params)
    return {
        "name": name,
        "train": train,
        "state": state,
        "inputs": [numbers(x) for x in inputs],
        "outputs": [numbers(y) for y in outputs],
        "input_grads": [numbers(g) for g in grads[:count]],
        "param_grads": {key: numbers(g) for key, g in zip(params, grads[count:])},
        "buffers_after": {key: numbers(value) for key, value in module.named_buffers()},
    }


class Block(nn.Module):
    """Layers under names of their own, as in a model."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(2)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8, 3), nn.GELU(), nn.Linear(3, 2))

    def forward(self, x):
        return self.head(nn.functional.max_pool2d(self.bn(self.conv(x)).relu(), 2))


def lstm_call(module):
    def call(x, h, c):
        y, (h, c) = module(x, (h, c))
        return y, h, c

    return call


def attention_call(module, **kwargs):
    return lambda q, k, v: module(q, k, v, need_weights=False, **kwargs)[0]


causal = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
padded = torch.tensor([[False, False, False, True], [False, True, True, True]])
lstm = nn.LSTM(3, 2, num_layers=2, bidirectional=True)
attention = nn.MultiheadAttention(4, 2)
first = nn.MultiheadAttention(4, 2, batch_first=True)
block = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, norm_first=True)
gelu_block = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, norm_first=True, batch_first=True, activation="gelu")
image = short(2, 2, 5, 4)

cases = [
    case("linear", nn.Linear(3, 2), short(4, 3)),
    case("linear_3d", nn.Linear(3, 2, bias=False), short(2, 2, 3)),
    case("bilinear", nn.Bilinear(3, 2, 2), short(4, 3), short(4, 2)),
    case("conv1d", nn.Conv1d(2, 3, 3, stride=2, padding=1), short(2, 2, 6)),
    case("conv2d", nn.Conv2d(2, 4, (2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 1), groups=2), image),
    case("conv2d_dilated", nn.Conv2d(2, 2, 2, dilation=2, bias=False), image),
    case("conv_transpose1d", nn.ConvTranspose1d(2, 3, 3, stride=2, padding=1, output_padding=1), short(2, 2, 4)),
    case("conv_transpose2d", nn.ConvTranspose2d(2, 4, 2, stride=(2, 1), groups=2), short(2, 2, 2, 3)),
    case("max_pool1d", nn.MaxPool1d(3, stride=2, padding=1), short(1, 2, 7)),
    case("max_pool2d", nn.MaxPool2d((2, 3), stride=1), image),
    case("avg_pool1d", nn.AvgPool1d(2), short(1, 2, 7)),
    case("avg_pool2d", nn.AvgPool2d(2, padding=1), image),
    case("avg_pool2d_inside", nn.AvgPool2d(2, padding=1, count_include_pad=False), image),
    case("adaptive_avg_pool1d", nn.AdaptiveAvgPool1d(3), short(1, 2, 7)),
    case("adaptive_avg_pool2d", nn.AdaptiveAvgPool2d((2, 3)), image),
    case("adaptive_max_pool1d", nn.AdaptiveMaxPool1d(3), short(1, 2, 7)),
    case("adaptive_max_pool2d", nn.AdaptiveMaxPool2d(2), image),
    case("batch_norm_2", nn.BatchNorm1d(3), short(4, 3)),
    case("batch_norm_3", nn.BatchNorm1d(2, momentum=0.3, eps=1e-3), short(2, 2, 3)),
    case("batch_norm_4", nn.BatchNorm2d(2), image),
    case("batch_norm_plain", nn.BatchNorm2d(2, affine=False), image),
    case("batch_norm_cumulative", nn.BatchNorm2d(2, momentum=None), image, twice=True),
    case("batch_norm_evaluated", nn.BatchNorm2d(2), image, train=False),
    case("layer_norm", nn.LayerNorm([3, 2]), short(2, 3, 2)),
    case("layer_norm_no_bias", nn.LayerNorm(3, bias=False, eps=1e-3), short(2, 3)),
    case("group_norm", nn.GroupNorm(2, 4), short(2, 4, 3)),
    case("instance_norm", nn.InstanceNorm2d(2), image),
    case("instance_norm_affine", nn.InstanceNorm1d(2, affine=True), short(2, 2, 3)),
    case("rms_norm", nn.RMSNorm(3, eps=1e-6), short(2, 3)),
    case("rms_norm_default", nn.RMSNorm([2, 3], elementwise_affine=False), short(2, 2, 3)),
    case("prelu", nn.PReLU(), short(2, 3)),
    case("prelu_channels", nn.PReLU(3), short(2, 3, 2)),
    case("embedding", nn.Embedding(5, 3, padding_idx=1), torch.tensor([[0, 1, 4], [4, 4, 2]])),
    case("rnn", nn.RNN(3, 2), short(4, 2, 3)),
    case("rnn_relu", nn.RNN(3, 2, nonlinearity="relu", bias=False, bidirectional=True), short(4, 2, 3)),
    case("lstm", lstm, short(3, 2, 3), short(4, 2, 2), short(4, 2, 2), call=lstm_call(lstm)),
    case("gru", nn.GRU(3, 2, num_layers=2, batch_first=True), short(2, 4, 3)),
    case("attention", attention, *[short(4, 2, 4)] * 3, call=attention_call(attention, attn_mask=causal)),
    case(
        "attention_padded",
        first,
        short(2, 3, 4),
        short(2, 4, 4),
        short(2, 4, 4),
        call=attention_call(first, key_padding_mask=padded),
    ),
    case("transformer", block, short(4, 2, 4), call=lambda x: block(x, src_mask=causal, is_causal=True)),
    case("transformer_gelu", gelu_block, short(2, 4, 4)),
    case("model", Block(), short(3, 1, 4, 4)),
]

# Later ones, so that the numbers of those above stay.
running = nn.InstanceNorm1d(2, momentum=0.3, track_running_stats=True)
sizes = nn.MultiheadAttention(4, 2, kdim=3, vdim=2)
cases += [
    case("conv1d_same", nn.Conv1d(2, 3, 4, padding="same", dilation=2), short(2, 2, 8)),
    case("conv1d_replicate", nn.Conv1d(2, 3, 3, padding=2, stride=2, padding_mode="replicate"), short(2, 2, 6)),
    case("conv2d_reflect", nn.Conv2d(2, 2, 3, padding=(2, 1), groups=2, padding_mode="reflect"), image),
    case("conv2d_circular", nn.Conv2d(2, 3, (3, 2), padding=(1, 2), padding_mode="circular"), image),
    case("conv_transpose2d_all", nn.ConvTranspose2d(4, 2, 3, 2, 1, (1, 0), 2, dilation=(2, 1)), short(1, 4, 3, 2)),
    case("batch_norm_of_batch", nn.BatchNorm1d(3, track_running_stats=False), short(4, 3), train=False),
    case("instance_norm_running", running, short(3, 2, 4)),
    case("instance_norm_evaluated", nn.InstanceNorm2d(2, affine=True, track_running_stats=True), image, train=False),
    case("max_pool2d_ceil", nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), image),
    case("avg_pool1d_ceil", nn.AvgPool1d(3, stride=2, padding=1, ceil_mode=True), short(1, 2, 6)),
    case("attention_sizes", sizes, short(3, 2, 4), short(5, 2, 3), short(5, 2, 2), call=attention_call(sizes)),
]

post = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True)
first_rnn = nn.RNN(3, 2, num_layers=2, bidirectional=True, batch_first=True)
gru = nn.GRU(2, 3, bias=False, bidirectional=True)
bare = nn.MultiheadAttention(6, 3, bias=False, batch_first=True)
same = nn.Conv2d(2, 4, (2, 3), padding="same", dilation=(1, 2), groups=2, padding_mode="replicate")
cases += [
    case("transformer_post", post, short(2, 4, 4), call=lambda x: post(x, src_key_padding_mask=padded)),
    case("rnn_from_state", first_rnn, short(2, 3, 3), short(4, 2, 2)),
    case("gru_bare", gru, short(3, 2, 2), short(2, 2, 3)),
    case("attention_bare", bare, short(2, 3, 6), short(2, 4, 6), short(2, 4, 6), call=attention_call(bare)),
    case("conv2d_same_replicate", same, image),
    case("group_norm_bare", nn.GroupNorm(2, 6, affine=False, eps=1e-2), short(3, 6)),
    case("batch_norm_last", nn.BatchNorm1d(2, momentum=1.0), short(3, 2, 2)),
]
print(json.dumps(cases, separators=(",", ":")).replace('{"name"', '\n{"name"'))
