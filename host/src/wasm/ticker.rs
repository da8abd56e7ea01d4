//! The clock that lets guests be interrupted: it advances the engine's epoch while guests run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How often a running guest yields to its neighbours and has its deadline checked.
const TICK: Duration = Duration::from_millis(2);
/// After so many ticks without any guest running, the ticker sleeps until one does.
const IDLE_TICKS_MAX: u32 = 500;

/// A thread that advances an engine's epoch every 2 ms while guests run, and sleeps otherwise.
/// It ends when the ticker is dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
    stop: AtomicBool,
}

/// While it lives, a guest runs and the epoch advances.
#[derive(Debug)]
pub(super) struct Running<'a>(&'a Ticker);

impl Ticker {
    pub(super) fn start(engine: wasmtime::Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new().name("samovar-epoch".to_owned()).spawn({
            let shared = shared.clone();
            move || tick(&engine, &shared)
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Keeps the epoch advancing for as long as what it returns lives.
    pub(super) fn running(&self) -> Running<'_> {
        // The order of this increment and the look at `asleep` against the ticker's own order of the two
        // (both sequentially consistent) means that one of them sees the other.
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.wake();
        }
        Running(self)
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.shared.running.fetch_sub(1, Ordering::Release);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // The thread does nothing that panics, and there would be nothing to do about it.
            let _ = thread.join();
        }
    }
}

fn tick(engine: &wasmtime::Engine, shared: &Shared) {
    let mut idle_ticks = 0;
    while !shared.stop.load(Ordering::SeqCst) {
        thread::sleep(TICK);
        engine.increment_epoch();
        let idle = shared.running.load(Ordering::Relaxed) == 0;
        idle_ticks = if idle { idle_ticks + 1 } else { 0 };
        if idle_ticks >= IDLE_TICKS_MAX {
            sleep_until_needed(shared);
            idle_ticks = 0;
        }
    }
}

fn sleep_until_needed(shared: &Shared) {
    shared.asleep.store(true, Ordering::SeqCst);
    while shared.running.load(Ordering::SeqCst) == 0 && !shared.stop.load(Ordering::SeqCst) {
        thread::park();
    }
    shared.asleep.store(false, Ordering::SeqCst);
}
