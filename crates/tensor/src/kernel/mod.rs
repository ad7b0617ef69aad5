//! The kernels: the tile machine that runs fused elementwise programs and reductions, matrix
//! products, strided copies, and the threads they run on.
//!
//! A [`Program`] is compiled once from a [`Spec`] and run many times; what it computes on every
//! element are [`ElementFn`]s. This folder and `storage.rs` hold all of the crate's `unsafe` code.

mod code;
pub mod conv;
mod copy;
mod domain;
mod emit;
mod execute;
mod frame;
mod graph;
mod isa;
pub mod math;
pub mod matmul;
mod overwrite;
pub mod parallel;
mod past_caches;
mod plan;
pub mod pool;
mod program;
mod reduce;
mod registers;
mod schedule;
mod scratch;
mod sequence;
mod strided;
mod tile;
mod transpose;
mod vector;
mod walk;

pub use copy::copy;
pub use matmul::Gemm;
pub use program::{Machine, Operand, Overwrite, Program, Spec, Step};
pub use reduce::Reduction;
pub use sequence::{Arith, Sequences};
pub use tile::{ElementFn, TileMap, Tiled};
