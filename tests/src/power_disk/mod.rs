//! A disk that loses what was not flushed when its power is cut, in the process of a test.
//!
//! It is a file system of FUSE that is all in memory. Of each file and each folder it keeps what was written and what was flushed;
//! a cut goes back to what was flushed, or leaves a random part of the rest, as real disks do. What a flush promises is what
//! file systems with a journal keep, such as ext4: of a file its content and that it is there, of a folder also the names in it.
//! A rename is safe when its folder was flushed, and is never seen half.
//!
//! It speaks the kernel's protocol itself. A library for that would have the whole workspace compiled with other features.

mod content;
mod names;
mod session;
mod state;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use self::state::Flushing;

use self::session::{Locked as _, Session};
use self::state::{Node, State};
use crate::TemporaryFolder;

/// A mounted disk, unmounted when dropped.
#[derive(Debug)]
pub struct PowerDisk {
    state: Arc<Mutex<State>>,
    /// There but while it changes.
    session: Option<Session>,
    place: PathBuf,
    /// Goes after the session.
    _folder: TemporaryFolder,
}

/// What a cut leaves of what was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unflushed {
    /// Nothing.
    Lost,
    /// Of blocks and names any part, chosen with this seed.
    KeptInPart(u64),
}

/// What of it was lost in a cut, and what kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// How many blocks have what was flushed, and not what was written.
    pub blocks: usize,
    /// How many have what was written.
    pub blocks_kept: usize,
    /// How many changes of names were lost.
    pub names: usize,
    /// How many were kept.
    pub names_kept: usize,
}

impl PowerDisk {
    /// An empty disk; none where this user may not mount one, and the reason is printed.
    pub fn mount() -> Option<Self> {
        let folder = TemporaryFolder::new();
        let place = folder.path().to_owned();
        std::fs::create_dir(&place).expect("a folder");
        let owner = std::fs::metadata(&place).expect("it is there");
        let owner = std::os::unix::fs::MetadataExt::uid(&owner);
        let state = Arc::new(Mutex::new(State::new(Node::new(true, 0o700, (owner, owner)))));
        match Session::mount(&place, &state) {
            Ok(session) => Some(Self { state, session: Some(session), place, _folder: folder }),
            Err(error) => {
                eprintln!("no FUSE can be mounted here, so what a power cut does is not tested: {error}");
                None
            }
        }
    }

    /// The folder that it is mounted on.
    pub fn path(&self) -> &Path {
        &self.place
    }

    /// Lets flushes do that from now on, until the next cut.
    pub fn set_flushing(&self, flushing: Flushing) {
        self.state.locked().set_flushing(flushing);
    }

    /// How many flushes were asked for since the last cut.
    pub fn flushes(&self) -> u64 {
        self.state.locked().flushes()
    }

    /// Cuts the power, at this moment. What is asked of the disk from now on fails, and so do flushes that are under way.
    pub fn power_off(&self) {
        self.state.locked().is_off = true;
    }

    /// Mounts what the cut left. It cuts the power first, unless that has been done.
    ///
    /// # Panics
    /// When it cannot be mounted again.
    pub fn power_on(&mut self, unflushed: Unflushed) -> Losses {
        self.power_off();
        self.session = None;
        let (left, losses) = {
            let state = self.state.locked();
            match unflushed {
                Unflushed::Lost => state.remains(&mut || false),
                Unflushed::KeptInPart(seed) => {
                    let mut random = fastrand::Rng::with_seed(seed);
                    state.remains(&mut || random.bool())
                }
            }
        };
        self.state = Arc::new(Mutex::new(left));
        self.session = Some(Session::mount(&self.place, &self.state).expect("it was mounted before"));
        losses
    }
}

impl std::ops::AddAssign for Losses {
    fn add_assign(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.blocks_kept += other.blocks_kept;
        self.names += other.names;
        self.names_kept += other.names_kept;
    }
}
