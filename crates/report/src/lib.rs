//! Charts as SVG, and self-contained HTML pages of them; knows nothing of tensors.
//!
//! A [`Figure`] draws itself at any width. By itself it becomes an SVG file; a [`Page`] gathers
//! figures, tables and findings in one HTML file that loads nothing and needs no script. Both
//! follow the reader's choice of light or dark.
//!
//! ```
//! use wengert_report::{Axis, Figure, Page, Plot};
//!
//! let loss = Plot::new("Loss")
//!     .x(Axis::new("step"))
//!     .y(Axis::new("loss").log())
//!     .line("training", (1..100).map(|step| (f64::from(step), 2.3 / f64::from(step))));
//! let svg = loss.svg(640.0);
//! let html = Page::new("Training").section("Curves").wide(&loss).html();
//! # assert!(svg.contains("Loss") && html.contains("Curves"));
//! ```
//!
//! | figure | shows |
//! |---|---|
//! | [`Plot`] | lines, steps, bands and points over two axes |
//! | [`Rows`] | a value or an interval a row |
//! | [`Ridges`] | histograms over time |
//! | [`Matrix`] | confusion matrices and heat maps |
//! | [`Images`] | small pictures |
//! | [`Parallel`] | points of many axes |
#![forbid(unsafe_code)]

mod axis;
mod figure;
mod finding;
mod image;
mod images;
mod markup;
mod matrix;
mod number;
mod page;
mod parallel;
mod plot;
mod ridges;
mod rows;
mod scale;
mod table;
mod text;

pub use axis::Axis;
pub use figure::{Drawing, Figure};
pub use finding::{Finding, Severity};
pub use image::Image;
pub use images::Images;
pub use matrix::Matrix;
pub use number::Number;
pub use page::Page;
pub use parallel::Parallel;
pub use plot::Plot;
pub use ridges::Ridges;
pub use rows::Rows;
pub use table::{Cell, Table};
