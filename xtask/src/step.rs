//! One line for each step of a command: how long it took, and what it did.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use anyhow::Result;

/// Runs a step that prints nothing itself. On a terminal, its line is there while the work goes on.
pub(crate) fn quiet<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if std::io::stdout().is_terminal() {
        print!("[  ...  ] {what}\r");
    }
    shown(what, work)
}

/// Runs a step whose processes print for themselves. Its line follows their output.
pub(crate) fn shown<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // A closed standard output is noticed by the next `println!`.
    let _ = std::io::stdout().flush();
    let started = Instant::now();
    let done = work();
    let outcome = if done.is_ok() { "" } else { ": failed" };
    println!("[{:5.1} s] {what}{outcome}", started.elapsed().as_secs_f64());
    done
}

/// Says what was found, where nothing had to be done.
pub(crate) fn note(what: &str) {
    println!("[   -   ] {what}");
}
