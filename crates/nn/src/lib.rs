//! Neural networks: modules and their parameters, layers, activations, losses, initialisation
//! and optimizers.
//!
//! A model is an ordinary struct with an ordinary method. It is recorded on a tape in train
//! mode, the loss is differentiated, and the optimizer's step runs all of it at once:
//!
//! ```
//! # extern crate wengert_nn as wengert;
//! use wengert::{Activation, Adam, BatchNorm, Layer, Linear, Loss, Maxout, Module, Optimizer};
//! use wengert_autograd::{Tape, Var};
//! use wengert_tensor::{Rng, Tensor};
//!
//! #[derive(Module)]
//! struct Net {
//!     fc: Linear,
//!     norm: BatchNorm,
//!     pieces: Maxout,
//!     out: Linear,
//! }
//!
//! impl Net {
//!     fn new(rng: &mut Rng) -> Self {
//!         Self {
//!             fc: Linear::new(2, 16, rng).no_bias(),
//!             norm: BatchNorm::new(16),
//!             pieces: Maxout::new(16, 8, 2, rng),
//!             out: Linear::new(8, 2, rng),
//!         }
//!     }
//!
//!     fn forward<'t>(&self, x: Var<'t>) -> Var<'t> {
//!         let h = self.norm.forward(self.fc.forward(x)).leaky_relu(0.01);
//!         self.out.forward(self.pieces.forward(h))
//!     }
//! }
//!
//! // Is a point in the unit circle?
//! let mut rng = Rng::seed(1);
//! let points: Tensor = Tensor::uniform([256, 2], -1.5..1.5, &mut rng);
//! let inside: Tensor<i64> = points.to_vec().chunks(2).map(|p| i64::from(p[0] * p[0] + p[1] * p[1] < 1.0)).collect();
//!
//! let net = Net::new(&mut rng);
//! let mut optimizer = Adam::new(&net, 0.02);
//! for step in 0..60 {
//!     let tape = Tape::train(step);
//!     let loss = net.forward(tape.var(&points)).cross_entropy(&inside);
//!     optimizer.step(&loss.backward())?;
//! }
//!
//! let tape = Tape::new(); // in evaluate mode: batch norm uses its running statistics
//! let loss = net.forward(tape.var(&points)).cross_entropy(&inside).item();
//! assert!(loss < 0.2, "{loss}");
//! # Ok::<(), wengert_nn::StepError>(())
//! ```
//!
//! Parameters and buffers have the names and layouts that PyTorch gives them, and everything
//! computes its numbers; what differs is listed in the documentation of the crate `wengert`.
#![forbid(unsafe_code)]

// `#[derive(Module)]` names the trait as the users of the facade know it.
extern crate self as wengert;

mod activation;
mod exchange;
mod init;
mod layers;
mod loss;
mod module;
mod optim;
mod schedule;
mod select;
mod summary;
#[cfg(test)]
mod testing;

pub use activation::Activation;
pub use exchange::{AnyTensor, FileError, FormatError, LoadError, StateDict, Stateful, replace_file};
pub use init::{Fan, Init, gain};
pub use layers::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d, AvgPool2d, BatchNorm,
    Bilinear, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dropout, Embedding, Flatten, GroupNorm, Gru, GruCell,
    InstanceNorm, Layer, LayerNorm, Linear, Lstm, LstmCell, MaxPool1d, MaxPool2d, Maxout, MultiHeadAttention,
    PaddingMode, Prelu, Recurrent, RecurrentCell, Residual, RmsNorm, Rnn, RnnCell, Sequential, TransformerBlock,
};
pub use loss::{
    Bce, BceWithLogits, CosineEmbedding, CrossEntropy, Ctc, Hinge, HingeEmbedding, Huber, KlDiv, L1, Loss,
    MarginRanking, Mse, MultiMargin, Nll, Reduction, SmoothL1, TripletMargin, elastic_penalty, l1_penalty, l2_penalty,
    max_norm,
};
pub use module::{Module, Visitor};
pub use optim::{
    Accumulator, Adadelta, AdadeltaRule, Adagrad, AdagradRule, Adam, AdamRule, AdamW, Clip, Descent, Lbfgs, Lion,
    LionRule, Memory, Muon, MuonRule, NAdam, NAdamRule, Optimizer, RAdam, RAdamRule, RmsProp, RmsPropRule, Rule, Sgd,
    SgdRule, StepError, WeightAverage,
};
pub use schedule::{
    CosineLr, CosineRestartsLr, ExponentialLr, InverseTimeLr, LambdaLr, LinearLr, MultiStepLr, OneCycleLr, PlateauLr,
    PolynomialLr, Schedule, StepLr, Then, Times, Warmup,
};
pub use select::{Pattern, Selection};
pub use summary::{Summary, SummaryRow};
pub use wengert_derive::Module;
