//! What may be chosen: parameters with their ranges, some of which exist only if another has a
//! certain value.

mod distribution;
mod domain;
mod draw;
mod error;
mod ranges;

pub use distribution::Distribution;
pub(crate) use distribution::{Line, short};
pub use domain::{Domain, Number};
pub use draw::{Draw, Space, Variant};
pub use error::{SpaceError, SpaceErrorKind};
pub use ranges::{Parameter, Ranges, Values};
