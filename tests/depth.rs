//! Long chains: nothing recurses, so a small stack is enough for any length.

use wengert::prelude::*;

const LENGTH: usize = 1_000_000;

/// Runs in a thread with a stack of 256 KiB.
fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(f).expect("a thread starts");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_chain_of_a_million_operations() {
    on_a_small_stack(|| {
        let tape = Tape::<f64>::new();
        let (x, factor) = (tape.var(tensor![1.0, 2.0]), tape.scalar(1.0 + 1e-6));
        let y = (0..LENGTH).fold(x, |y, _| y * factor);
        assert!(tape.len() > LENGTH);
        let [dx, dfactor] = y.sum(..).grad([x, factor]);
        // (1 + 1e-6)^1e6 = exp(1e6 · ln(1 + 1e-6))
        let power = (1e6 * 1e-6f64.ln_1p()).exp();
        let tolerance = 1e-9;
        y.value().assert_close(&tensor![power, 2.0 * power], tolerance, 0.0);
        dx.value().assert_close(&tensor![power, power], tolerance, 0.0);
        let expected = 3.0 * 1e6 * power / (1.0 + 1e-6);
        assert!((dfactor.item() / expected - 1.0).abs() < tolerance, "{}", dfactor.item());
    });
}

#[test]
fn a_million_operations_that_nobody_looks_at() {
    on_a_small_stack(|| {
        let tape = Tape::<f32>::new();
        let x = tape.var(tensor![1.0]);
        (0..LENGTH).fold(x, |y, _| y.tanh());
        drop(tape);
    });
}
