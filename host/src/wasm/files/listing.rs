//! The entries of a directory, one after the other.

use wasmtime_wasi::p2::bindings::filesystem::types::DirectoryEntry;

use super::volume::Handle;

/// Where a guest is in its reading of a directory. It holds one name, however many there are, and goes on after that name
/// even if it is gone by then.
#[derive(Debug)]
pub(super) struct Listing {
    directory: Handle,
    last: Option<String>,
}

impl Listing {
    pub(super) fn new(directory: Handle) -> Self {
        Self { directory, last: None }
    }

    pub(super) fn next(&mut self) -> Option<DirectoryEntry> {
        let Self { directory, last } = self;
        let entry = directory.volume().look(|tree| tree.entry_after(directory.node(), last.as_deref()))?;
        *last = Some(entry.name.clone());
        Some(entry)
    }
}
