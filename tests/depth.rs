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
        let start = [1.0, -2.0];
        let tape = Tape::<f64>::new();
        let x = tape.var(start);
        let y = (0..LENGTH).fold(x, |y, _| y.tanh());
        assert!(tape.len() > LENGTH);
        let [dx] = y.sum(..).grad([x]);

        let naive = start.map(|x| (0..LENGTH).fold((x, 1.0), |(y, d), _| (y.tanh(), d * (1.0 - y.tanh() * y.tanh()))));
        y.value().assert_close(&naive.map(|(y, _)| y).into(), 1e-9, 0.0);
        dx.value().assert_close(&naive.map(|(_, d)| d).into(), 1e-9, 0.0);
    });
}

#[test]
fn a_million_operations_that_nobody_looks_at() {
    on_a_small_stack(|| {
        let tape = Tape::<f32>::new();
        let x = tape.var(tensor![1.0]);
        (0..LENGTH).fold(x, |y, _| y.tanh() * 0.5);
        drop(tape);
    });
}
