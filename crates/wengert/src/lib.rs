//! A tensor framework with define-by-run reverse-mode differentiation, named after R. E.
//! Wengert, whose 1964 paper gave us the list of operations that everyone calls the tape.
//!
//! # Expressions
//!
//! A [`Tape`] records what is done to its variables. A [`Var`] is a small `Copy` handle, so
//! expressions read as mathematics; values are computed when somebody looks, and then whole
//! expressions run as fused kernels.
//!
//! ```
//! use wengert::prelude::*;
//!
//! let tape = Tape::new();
//! let x = tape.var(tensor![[1.0, 2.0], [3.0, 4.0]]);
//! let y = (x * x + 1.0).ln().sum(..);
//! let [dx] = y.grad([x]);            // a Var: differentiate it again if you like
//! println!("{}", dx.value());
//! # assert_eq!(dx.value(), tensor![[1.0f32, 0.8], [0.6, 8.0 / 17.0]]);
//! ```
//!
//! Gradients are ordinary variables on the same tape, so there are derivatives of every order;
//! [`transform`] has [`grad`](transform::grad), [`hessian`](transform::hessian) and others for
//! plain functions.
//!
//! A mistake in an expression (shapes, axes, variables of two tapes) panics at the line that
//! made it. What depends on the outside world returns a `Result`.
//!
//! # Models
//!
//! A model is a struct of layers with an ordinary method. [`Module`], which can be derived,
//! names its parameters; an optimizer takes them from there. Whether a step trains or evaluates
//! is for its tape to say.
//!
//! ```
//! use wengert::prelude::*;
//! use wengert::train::{Standardize, Transform, accuracy, digits};
//!
//! #[derive(Module)]
//! struct Net {
//!     hidden: Linear,
//!     norm: BatchNorm,
//!     out: Linear,
//! }
//!
//! impl Net {
//!     fn forward<'t>(&self, x: Var<'t>) -> Var<'t> {
//!         let h = self.norm.forward(self.hidden.forward(x)).relu();
//!         self.out.forward(h)
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let [training, test] = digits().split([0.8, 0.2], 1);
//!     let scale = Standardize::fit(training.features())?;
//!
//!     let mut rng = Rng::seed(1);
//!     let net = Net {
//!         hidden: Linear::new(64, 32, &mut rng),
//!         norm: BatchNorm::new(32),
//!         out: Linear::new(32, 10, &mut rng),
//!     };
//!     let mut optimizer = Adam::new(&net, 0.01);
//!     for (step, (x, labels)) in training.batches(64, 1).enumerate() {
//!         let tape = Tape::train(step as u64);
//!         let loss = net.forward(tape.var(scale.apply(&x))).cross_entropy(&labels);
//!         optimizer.step(&loss.backward())?;
//!     }
//!
//!     let tape = Tape::new();
//!     let scores = net.forward(tape.var(scale.apply(test.features()))).value();
//!     assert!(accuracy(&scores.argmax(1), test.labels()) > 0.8); // after one epoch
//!     Ok(())
//! }
//! ```
//!
//! # From PyTorch
//!
//! Parameters and buffers have the same names and layouts, so weights go both ways through
//! safetensors files, and layers, losses, optimizers and schedules compute the same numbers:
//!
//! ```
//! use wengert::prelude::*;
//! use wengert::{Conv2d, StateDict};
//!
//! // class Net(nn.Module):
//! //     self.conv = nn.Conv2d(1, 8, 3, padding=1, bias=False); self.bn = nn.BatchNorm2d(8)
//! #[derive(Module)]
//! struct Net {
//!     conv: Conv2d,
//!     bn: BatchNorm,
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let net = Net {
//!     conv: Conv2d::new(1, 8, 3, &mut Rng::seed(0)).padding(1).no_bias(),
//!     bn: BatchNorm::new(8),
//! };
//! # let file = std::env::temp_dir().join(format!("from-pytorch-{}.safetensors", std::process::id()));
//! # net.state_dict().write(&file)?;
//! // safetensors.torch.save_file(net.state_dict(), file)
//! net.load_state_dict(&StateDict::read(&file)?)?;
//! # std::fs::remove_file(&file)?;
//! let names: Vec<String> = net.params().into_keys().collect();
//! assert_eq!(names, ["conv.weight", "bn.weight", "bn.bias"]);
//! # Ok(())
//! # }
//! ```
//!
//! The search of these pages knows PyTorch's names. What differs:
//!
//! | in PyTorch | here |
//! |---|---|
//! | `model.train()`, `model.eval()` | the mode is the tape's: `Tape::train(seed)`, `Tape::new()` |
//! | `zero_grad`, gradients that add up | every tape has its own gradients; [`Accumulator`] adds them up |
//! | `torch.no_grad()` | not needed: no gradient is computed before one is asked for |
//! | `autograd.grad` of what is not used is an error | zeros; `None` from [`Var::cotangents_of`] |
//! | options as named arguments | methods: `Conv2d::new(3, 16, 3, rng).stride(2).no_bias()` |
//! | `BatchNorm1d`, `BatchNorm2d` and the like | [`BatchNorm`], [`InstanceNorm`] and [`Dropout`] take inputs of any rank |
//! | `nn.Parameter`, `register_buffer` | fields of the types [`Param`] and [`Buffer`] |
//! | `ModuleList`, `ModuleDict` | `Vec`, `BTreeMap` |
//! | `nn.ReLU()` in a `Sequential` | `.then_fn(\|x\| x.relu())`, which counts as a link too |
//! | `head.weight = embedding.weight` | the same; a shared parameter has the first of its names, and is loaded under any |
//! | `requires_grad_(False)` | `freeze()`, of a parameter or a module |
//! | `load_state_dict(…, strict=False)` | parts: `net.body.load_state_dict(&state.part("body"))` |
//! | files of `torch.save` | not read: they are programs; save the state by `safetensors` |
//! | `Linear` and convolutions start uniform between ±1/√fan | [`Init::he_normal`], biases of 0; others by `weight` and `bias` |
//! | a `TransformerEncoderLayer` normalises last | first, unless told by [`post_norm`](TransformerBlock::post_norm) |
//! | the classes of a loss are axis 1 | the last axis, or that of `class_axis` |
//! | rows of the class −100 are ignored | of the class that `ignore_index` names |
//! | a loss broadcasts its target | refused |
//! | groups of parameters | by name: `Adam::new(&net, 1e-3).group("*.bias", \|g\| g.weight_decay(0.0))` |
//! | a parameter without gradient is passed by | an error that names it, unless it is frozen |
//! | a scheduler steps and changes its optimizer | a [`Schedule`] is a function: `optimizer.set_lr(schedule.lr(step))` |
//!
//! # Operations of your own
//!
//! Compose them of others, implement [`Elementwise`] for a function of scalars, which then fuses
//! with its neighbours, or [`Op`] for anything else. The built-in operations are made in the
//! same way. [`check`] compares the gradients of an operation, an expression or a whole model
//! with finite differences.
//!
//! # Features
//!
//! - `csv`: tables of comma-separated values.
//! - `image`: folders of images.
//! - `npz`: NumPy's files of several arrays.
//! - `progress`: progress bars in the terminal.
//! - `search`: hyperparameter search.
//!
//! # Speed of debug builds
//!
//! Numerical code without optimisation is many times slower. Two lines in your own
//! `Cargo.toml` spare you that:
//!
//! ```toml
//! [profile.dev]
//! opt-level = 2
//! ```
#![forbid(unsafe_code)]

#[doc(inline)]
pub use wengert_autograd::*;
#[doc(inline)]
pub use wengert_nn::*;
#[doc(inline)]
pub use wengert_report as report;
#[cfg(feature = "search")]
#[doc(inline)]
pub use wengert_search as search;
#[doc(inline)]
pub use wengert_tensor::kernel::parallel::{set_threads, threads};
#[doc(inline)]
pub use wengert_tensor::*;
#[doc(inline)]
pub use wengert_train as train;

/// What programs need most: `use wengert::prelude::*;`.
pub mod prelude {
    // Values.
    pub use crate::{Axes, Element, Float, Rng, Shape, ShapeError, Slice, Tensor, broadcast, tensor};
    // Variables and operations.
    pub use crate::{Buffer, Cotangents, Elementwise, Gradients, Lowering, Op, Operand, Param, Tape, Var};
    // Derivatives of functions, and checks of them.
    pub use crate::check;
    pub use crate::transform::{grad, hessian, hvp, jacobian, jvp, value_and_grad};
    // Models.
    pub use crate::{Activation, BatchNorm, Dropout, Init, Layer, Linear, Maxout, Module, Sequential, Visitor};
    // Training.
    pub use crate::{Adam, CrossEntropy, Loss, Optimizer, Reduction, Sgd, StepError};
}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
