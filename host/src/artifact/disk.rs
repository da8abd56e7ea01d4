//! Files, written whole or not at all, and work that keeps a thread busy.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// How the names of files begin that are not whole yet.
const TEMPORARY_PREFIX: &str = "partial-";

/// Does work that computes or reads files, off the request threads.
pub(super) async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that is shutting down cancels blocking work, and it cancels the waiter too.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

/// Whether the system gives this process no more files, memory or processes just now.
pub(super) fn is_out_of_resources(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN))
}

/// Writes a file so that it is there whole or not at all, also after a crash.
pub(super) fn write_whole(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let folder = path.parent().expect("files of this module lie in a folder");
    let mut file = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(folder)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Refuses a folder in which somebody else could put machine code in place of ours.
pub(crate) fn check_private(folder: &Path) -> io::Result<()> {
    let found = fs::metadata(folder)?;
    if found.mode() & 0o022 != 0 {
        let problem = "others may write to it; take that away with `chmod go-w`";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    let own = fs::metadata("/proc/self").map_or(found.uid(), |process| process.uid());
    if found.uid() != own {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
    }
    Ok(())
}

/// Whether a process ended before it had finished writing this file.
pub(super) fn is_temporary(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(TEMPORARY_PREFIX)
}
