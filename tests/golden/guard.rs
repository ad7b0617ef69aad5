//! Runs code that may panic, quietly, and keeps what the panic said and where.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

/// A panic: its message and the source file it is blamed on.
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) file: String,
}

thread_local! {
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

pub(crate) fn install() {
    set_hook(Box::new(|info| {
        let payload = info.payload();
        let literal = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = literal.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        let file = info.location().map_or(String::new(), |at| at.file().to_owned());
        LAST.set(Some(Panic { message, file }));
    }));
}

pub(crate) fn guarded<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|_| LAST.take().expect("the hook has run"))
}
