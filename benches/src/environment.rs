//! Where things are: `cargo xtask bench` says it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// The root of the repository.
///
/// # Errors
/// When `SAMOVAR_ROOT` is not set.
pub fn root() -> Result<PathBuf> {
    variable("SAMOVAR_ROOT").map(PathBuf::from)
}

/// A path inside `target/`.
///
/// # Errors
/// As [`root`].
pub fn target(path: &str) -> Result<PathBuf> {
    Ok(root()?.join("target").join(path))
}

/// The bytes of an example guest.
///
/// # Errors
/// When it has not been built, or `SAMOVAR_GUESTS` is not set.
pub fn guest(name: &str) -> Result<Vec<u8>> {
    let path = PathBuf::from(variable("SAMOVAR_GUESTS")?).join(format!("{name}.wasm"));
    std::fs::read(&path).with_context(|| path.display().to_string())
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| {
        format!("{name} is not set: run the benchmarks with `cargo xtask bench`, which builds what they need")
    })
}
