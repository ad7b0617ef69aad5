//! What layers of sequences share.

/// The options of a layer of sequences with the fields `batch_first` and `dropout`.
macro_rules! sequence_options {
    ($(#[$dropout_doc:meta])*) => {
        /// Takes and gives sequences as `[batch, length, …]` instead of `[length, batch, …]`.
        pub fn batch_first(self) -> Self {
            Self { batch_first: true, ..self }
        }

        $(#[$dropout_doc])*
        ///
        /// # Panics
        /// If it is not a probability.
        #[track_caller]
        pub fn dropout(self, p: f64) -> Self {
            Self { dropout: Some(Dropout::new(p)), ..self }
        }
    };
}
pub(super) use sequence_options;

/// The shape of a batch of sequences of vectors of this size, for messages.
pub(super) fn form(batch_first: bool, size: usize) -> String {
    format!("[{}, {size}]", if batch_first { "batch, length" } else { "length, batch" })
}
