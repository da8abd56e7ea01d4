//! The two trees a guest sees, and what keeps a part of one open.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::assets::Assets;
use super::disk::Disk;
use super::tree::{NodeId, Tree};

/// A tree of its kind: the package's, which nobody changes, or the guest's own.
#[derive(Debug, Clone)]
pub(super) enum Volume {
    Assets(Arc<Assets>),
    Disk(SharedDisk),
}

/// A guest's disk. Its descriptors and streams share it; the lock is held within one call, never while anything waits.
#[derive(Debug, Clone)]
pub(super) struct SharedDisk(Arc<Mutex<Disk>>);

/// Holds a file or directory open: it stays while this lives, even if its last name goes.
#[derive(Debug)]
pub(super) struct Handle {
    volume: Volume,
    node: NodeId,
}

impl SharedDisk {
    pub(super) fn new(disk: Disk) -> Self {
        Self(Arc::new(Mutex::new(disk)))
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        // Nothing in a disk panics between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Volume {
    /// Looks at the tree.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Tree) -> R) -> R {
        match self {
            Self::Assets(assets) => look(&assets.tree),
            Self::Disk(disk) => look(disk.lock().tree()),
        }
    }

    /// Changes the tree, if it can be changed.
    pub(super) fn change<R>(
        &self,
        change: impl FnOnce(&mut Disk) -> Result<R, ErrorCode>,
    ) -> Result<R, ErrorCode> {
        match self {
            Self::Assets(_) => Err(ErrorCode::ReadOnly),
            Self::Disk(disk) => change(&mut disk.lock()),
        }
    }

    pub(super) fn can_change(&self) -> bool {
        matches!(self, Self::Disk(_))
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Assets(one), Self::Assets(other)) => Arc::ptr_eq(one, other),
            (Self::Disk(one), Self::Disk(other)) => Arc::ptr_eq(&one.0, &other.0),
            _ => false,
        }
    }
}

impl Handle {
    pub(super) fn open(volume: &Volume, node: NodeId) -> Self {
        if let Volume::Disk(disk) = volume {
            disk.lock().hold(node);
        }
        Self { volume: volume.clone(), node }
    }

    pub(super) fn volume(&self) -> &Volume {
        &self.volume
    }

    pub(super) fn node(&self) -> NodeId {
        self.node
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Self::open(&self.volume, self.node)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Volume::Disk(disk) = &self.volume {
            disk.lock().release(self.node);
        }
    }
}
