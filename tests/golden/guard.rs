//! Runs code that may panic, quietly, and keeps what the panic said and where.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// A panic: its message, and the line it is blamed on.
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) file: String,
    #[allow(dead_code, reason = "not every test that guards looks at the line")]
    pub(crate) line: u32,
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

pub(crate) fn guarded<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                return loud(info);
            }
            let payload = info.payload();
            let literal = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let message = literal.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
            let (file, line) =
                info.location().map_or((String::new(), 0), |at| (at.file().replace('\\', "/"), at.line()));
            LAST.set(Some(Panic { message, file, line }));
        }));
    });
    let before = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    GUARDED.set(before);
    result.map_err(|_| LAST.take().expect("the hook has run"))
}
