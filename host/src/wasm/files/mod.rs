//! Files for guests, in memory: the package under `/var/task`, which nobody changes, and `/tmp`, which is the guest's own.
//!
//! All of `wasi:filesystem` is answered from these two trees. Nothing here knows a path of the host's disk, so there is
//! none a guest could reach. What `/tmp` holds is counted before it is there, and goes with the instance.

mod assets;
mod blocks;
mod clock;
mod descriptor;
mod disk;
mod entries;
mod host;
mod listing;
mod streams;
mod tree;
mod volume;
mod walk;

use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};

pub(crate) use self::assets::Assets;
pub use self::assets::AssetsError;
use self::disk::Disk;
pub(super) use self::host::FilesView;
use self::host::HasFiles;
use self::volume::{SharedDisk, Volume};
use super::limits::MemoryLimit;

/// Where the files of the package are.
pub(super) const TASK_ROOT: &str = "/var/task";
/// Where a guest may write.
const TEMPORARY: &str = "/tmp";

/// The files of one guest.
#[derive(Debug)]
pub(super) struct Files {
    assets: Arc<Assets>,
    /// Made when the guest first asks for its directories, which most guests never do.
    disk: Option<SharedDisk>,
}

impl Files {
    pub(super) fn new(assets: Arc<Assets>) -> Self {
        Self { assets, disk: None }
    }

    /// The directories a guest begins with. The package comes first, for those who take the first for their working
    /// directory, and again as the working directory itself, for those who look for that.
    fn volumes(&mut self, memory: &mut MemoryLimit) -> [(Volume, &'static str); 3] {
        let disk = self.disk.get_or_insert_with(|| SharedDisk::new(Disk::new(memory.share())));
        let assets = Volume::Assets(self.assets.clone());
        [(assets.clone(), TASK_ROOT), (Volume::Disk(disk.clone()), TEMPORARY), (assets, ".")]
    }
}

/// Links the files of guests in place of those of the host, which were linked with the rest of WASI.
pub(super) fn link<T: Send>(
    linker: &mut Linker<T>,
    files: fn(&mut T) -> FilesView<'_>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    types::add_to_linker::<_, HasFiles>(linker, files)?;
    preopens::add_to_linker::<_, HasFiles>(linker, files)?;
    linker.allow_shadowing(false);
    Ok(())
}
