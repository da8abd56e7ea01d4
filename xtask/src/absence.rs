//! What could not be had, and why. It is no reason to stop: everything else works without it, and the tests that need it say
//! that it is absent.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::step;

/// What npm, pip and apt say when it is the network that fails. Only what is pinned and known to exist is asked for, so a
/// registry without versions is one that cannot be reached.
const NETWORK_WORDS: [&str; 14] = [
    "Could not connect",
    "Could not resolve",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ENETUNREACH",
    "ENOTFOUND",
    "ETIMEDOUT",
    "from versions: none",
    "Failed to establish a new connection",
    "Name or service not known",
    "Temporary failure",
    "network connectivity",
    "timed out",
];

/// A file that could not be made, because what makes it could not be fetched.
#[derive(Debug)]
pub(crate) struct Absence {
    /// Whether the network is at fault, so that nothing but a network helps.
    pub(crate) offline: bool,
}

impl Absence {
    /// Records that `file` cannot be had: a file beside it tells the tests why. One that an earlier run made goes, as it is not
    /// what the sources say now.
    pub(crate) fn record(file: &Path, error: &anyhow::Error) -> Result<Self> {
        let reason = format!("{error:#}");
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // All that npm or pip says would be a page for each file; it is in the record.
        step::note(&format!("{name} cannot be had, and all goes on without it: {error}"));
        if file.exists() {
            std::fs::remove_file(file)?;
        }
        std::fs::write(record_of(file), &reason)?;
        Ok(Self { offline: is_the_networks(&reason) })
    }

    /// Forgets that a file could not be had, as it is there now.
    pub(crate) fn forget(file: &Path) {
        // Nearly always there was nothing to forget.
        let _ = std::fs::remove_file(record_of(file));
    }
}

fn record_of(file: &Path) -> PathBuf {
    file.with_extension("absent")
}

fn is_the_networks(reason: &str) -> bool {
    NETWORK_WORDS.iter().any(|word| reason.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_is_told_from_other_faults() {
        for reason in [
            "npm error code EAI_AGAIN\nnpm error syscall getaddrinfo",
            "ERROR: Could not find a version that satisfies the requirement ziglang==0.13.0 (from versions: none)",
        ] {
            assert!(is_the_networks(reason), "{reason}");
        }
        assert!(!is_the_networks("there is no Node.js here: install nodejs npm"));
    }
}
