//! Tape-based reverse-mode differentiation.
//!
//! An expression of [`Var`]s appends to a [`Tape`]: the operation, its inputs, the shape.
//! Values are computed when somebody looks: the planner then decides which entries become
//! which kernel. Derivatives are ordinary entries on the same tape.
#![forbid(unsafe_code)]

mod anomaly;
mod arena;
mod arrivals;
mod backward;
pub mod check;
mod commit;
mod gradients;
mod listing;
mod nodes;
mod note;
mod op;
mod ops;
mod plan;
mod repeat;
mod replay;
mod state;
mod tape;
pub mod transform;
mod var;

pub use anomaly::{Anomaly, AnomalyInput};
pub use gradients::{GradientError, Gradients};
pub use listing::{Entry, Listing};
pub use note::{Identity, Note, Noter};
pub use op::{Cotangents, Elementwise, KernelFn, Lowering, Op, ViewFn};
pub use ops::{Conv, Interpolation, PerAxis, Pool};
pub use plan::{Explanation, LaunchKind, LaunchReport, set_fusion};
pub use state::{Buffer, Param, StateId};
pub use tape::Tape;
pub use var::{Operand, Var};
