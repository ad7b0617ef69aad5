//! Elementary functions of one element, the same bits on every machine.
//!
//! `f32` and `f64` hold functions of the same names. The hot ones of `f32` are branch-free
//! polynomials in which every fused multiplication is written out, so that a loop over them is
//! vectorised inside a function compiled for AVX2 or AVX-512, and gives there what it gives
//! without; exponentials, `ln`, `tanh` and the functions of Γ of `f64` are too. The rest goes through the `libm` crate.
//!
//! The polynomials are minimax fits of our own, with the coefficients rounded one after the other
//! and the remaining ones fitted again. Errors in their documentation are in units in the last
//! place, the largest over all arguments.

pub mod f32;
pub mod f64;
mod plain;
mod poly;

#[cfg(test)]
mod check;
