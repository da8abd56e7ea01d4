//! What there is no room for: the host's pool of instances is full, or the system gives it no more.

use std::io;

use rustix::io::Errno;
use wasmtime::PoolConcurrencyLimitError;

use super::program_error::one_line;

/// What an instance found no room in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// The host's pool, which holds as many as it was made for.
    Pool(String),
    /// The system: it gives this process no more memory, memory maps or files.
    System(String),
}

impl NoRoom {
    /// What there was no room for, if that is what is wrong. A guest cannot bring these errors about by itself.
    pub(super) fn of(error: &wasmtime::Error) -> Option<Self> {
        if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
            return Some(Self::Pool(one_line(error)));
        }
        let lacking = match errno(error)? {
            // Of the maps a process may have, or of address space: mmap and mprotect do not say which.
            Errno::NOMEM | Errno::AGAIN => {
                "the system gives this process no more memory or memory maps (vm.max_map_count, ulimit -v)"
            }
            Errno::MFILE | Errno::NFILE => "the system gives this process no more files (ulimit -n)",
            _ => return None,
        };
        Some(Self::System(format!("{lacking}: {}", one_line(error))))
    }
}

/// The system's own error, in either of the forms that the engine passes on.
fn errno(error: &wasmtime::Error) -> Option<Errno> {
    let of_io = || error.downcast_ref::<io::Error>().and_then(Errno::from_io_error);
    error.downcast_ref::<Errno>().copied().or_else(of_io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_lacks_is_told_from_what_a_guest_does() {
        let of = |errno: Errno| NoRoom::of(&wasmtime::Error::from(errno).context("making a memory"));
        for (errno, remedy) in [(Errno::NOMEM, "vm.max_map_count"), (Errno::MFILE, "ulimit -n")] {
            let Some(NoRoom::System(text)) = of(errno) else { panic!("{errno}") };
            assert!(text.contains(remedy), "{text}");
            let of_io = NoRoom::of(&wasmtime::Error::from(io::Error::from(errno)));
            assert!(matches!(of_io, Some(NoRoom::System(_))), "{of_io:?}");
        }
        assert_eq!(of(Errno::INVAL), None);
        assert_eq!(NoRoom::of(&wasmtime::Error::msg("a trap")), None);
    }
}
