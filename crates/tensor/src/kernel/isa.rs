//! Functions compiled for several instruction sets, and the choice between them at run time.
//!
//! Every version is the same source, with explicit fused multiply-adds and a fixed order of
//! additions, so that the bits of a result do not depend on the machine. Only products and convolutions of
//! the portable version on x86-64, where a fused multiply-add is a call, round twice instead.

use std::sync::atomic::{AtomicU8, Ordering};

/// The instruction sets that kernels are compiled for; a value of one that this machine lacks
/// must not be made but by [`Isa::get`] and [`Isa::all`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[doc(hidden)]
pub enum Isa {
    /// What the target has in any case.
    Portable = 1,
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2 = 2,
    /// AVX-512 as of Skylake servers.
    #[cfg(target_arch = "x86_64")]
    Avx512 = 3,
}

impl Isa {
    /// The best one that this machine has.
    #[inline]
    pub(super) fn get() -> Isa {
        static FOUND: AtomicU8 = AtomicU8::new(0);
        match FOUND.load(Ordering::Relaxed) {
            #[cfg(target_arch = "x86_64")]
            3 => Isa::Avx512,
            #[cfg(target_arch = "x86_64")]
            2 => Isa::Avx2,
            1 => Isa::Portable,
            _ => {
                let best = Isa::all().last().expect("there is a portable version");
                FOUND.store(best as u8, Ordering::Relaxed);
                best
            }
        }
    }

    /// Those that this machine has, the best one last.
    #[cold]
    pub(super) fn all() -> impl Iterator<Item = Isa> {
        #[cfg(target_arch = "x86_64")]
        let found = {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq");
            [Some(Isa::Portable), avx2.then_some(Isa::Avx2), avx512.then_some(Isa::Avx512)]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let found = [Some(Isa::Portable)];
        found.into_iter().flatten()
    }
}

/// Defines `unsafe fn $name(isa, arguments…)`, which runs the body as compiled for `isa`.
///
/// The body is inlined into each version, and whatever it calls should be inlined into it. A second
/// body, of the same bits but less code, is the portable version where that is the last resort.
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident[$($generics:tt)*]($($arg:ident: $type:ty),* $(,)?) $body:block) => {
        $crate::kernel::isa::multiversion! {
            $(#[$meta])* $vis unsafe fn $name[$($generics)*]($($arg: $type),*) $body portable $body
        }
    };
    (
        $(#[$meta:meta])* $vis:vis unsafe fn $name:ident[$($generics:tt)*]($($arg:ident: $type:ty),* $(,)?)
        $body:block portable $portable:block
    ) => {
        $(#[$meta])*
        /// It must be compiled for what this machine has: `isa` comes from [`Isa`].
        #[inline]
        $vis unsafe fn $name<$($generics)*>(isa: $crate::kernel::isa::Isa, $($arg: $type),*) {
            #[inline(always)]
            unsafe fn body<$($generics)*>($($arg: $type),*) $body
            #[inline(never)]
            unsafe fn portable<$($generics)*>($($arg: $type),*) {
                if cfg!(target_arch = "x86_64") {
                    $portable
                } else {
                    // SAFETY: the caller's promise.
                    unsafe { body($($arg),*) }
                }
            }
            #[cfg(target_arch = "x86_64")]
            #[inline(never)]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2<$($generics)*>($($arg: $type),*) {
                // SAFETY: the caller's promise.
                unsafe { body($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[inline(never)]
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
            unsafe fn avx512<$($generics)*>($($arg: $type),*) {
                // SAFETY: the caller's promise.
                unsafe { body($($arg),*) }
            }
            // SAFETY: the caller's promise, and `isa` is one that this machine has.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernel::isa::Isa::Avx512 => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernel::isa::Isa::Avx2 => avx2($($arg),*),
                    $crate::kernel::isa::Isa::Portable => portable($($arg),*),
                }
            }
        }
    };
}
pub(super) use multiversion;
