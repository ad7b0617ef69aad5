//! A case for each operation.

mod algebra;
mod index;
mod maps;
mod movement;
mod reduce;
mod window;

use crate::Case;

/// `name |trial| { … }` for each operation.
macro_rules! cases {
    ($($name:ident $run:expr;)*) => {
        pub(super) const CASES: &[crate::Case] = &[$(crate::Case { name: stringify!($name), run: $run }),*];
    };
}
pub(crate) use cases;

/// All cases, a family a file.
pub(crate) const ALL: &[&[Case]] =
    &[maps::CASES, reduce::CASES, movement::CASES, index::CASES, window::CASES, algebra::CASES];
