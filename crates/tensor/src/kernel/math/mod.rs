//! Elementary functions of one element, the same bits on every machine.
//!
//! [`f32`] and [`f64`] hold functions of the same names. The hot ones of [`f32`] are branch-free
//! polynomials in which every fused multiplication is written out, so that a loop over them is
//! vectorised inside a function compiled for AVX2 or AVX-512, and gives there what it gives
//! without. The rest, and all of [`f64`], go through the `libm` crate.

pub mod f32;
pub mod f64;
mod plain;

