//! Charts as SVG, and self-contained HTML pages of them; knows nothing of tensors.
#![forbid(unsafe_code)]
