//! Code in memory: machine code and files of packages, within a budget for the whole host.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::wasm::{Assets, Program};

/// What code counts at least, in bytes, so that a budget bounds the memory maps of code as well.
pub(crate) const LOADED_BYTES_MIN: u64 = 512 << 10;

/// What instances are made of, in memory.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) program: Program,
    pub(crate) assets: Arc<Assets>,
    pub(super) bytes: u64,
}

/// Where the code of one package is when it is in memory. What is let go stays until its last instance goes.
#[derive(Debug, Default)]
pub(super) struct Slot {
    loaded: Mutex<Option<Arc<Loaded>>>,
    /// On the clock of the budget: its uses.
    last_used: AtomicU64,
}

/// The budget: the code used longest ago is let go when all of it has more bytes than it may.
#[derive(Debug)]
pub(super) struct Budget {
    bytes_max: u64,
    uses: AtomicU64,
    slots: Mutex<Vec<Weak<Slot>>>,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, Option<Arc<Loaded>>> {
        // It is whole after every statement, so a panic elsewhere leaves it usable.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> u64 {
        self.state().as_ref().map_or(0, |loaded| loaded.bytes)
    }
}

impl Budget {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, uses: AtomicU64::new(1), slots: Mutex::default() }
    }

    /// What is in a slot, which is a use of it.
    pub(super) fn find(&self, slot: &Slot) -> Option<Arc<Loaded>> {
        let found = slot.state().clone()?;
        slot.last_used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(found)
    }

    /// Puts code into its slot; others go if that makes too much. What is too large for the budget alone stays all the same.
    pub(super) fn fill(&self, slot: &Arc<Slot>, loaded: Arc<Loaded>) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|present| present.upgrade().is_some_and(|present| present.bytes() > 0));
        *slot.state() = Some(loaded);
        slot.last_used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let mut present: Vec<Arc<Slot>> = slots.iter().filter_map(Weak::upgrade).collect();
        slots.push(Arc::downgrade(slot));
        present.sort_by_key(|slot| slot.last_used.load(Ordering::Relaxed));
        let mut total: u64 = slot.bytes() + present.iter().map(|slot| slot.bytes()).sum::<u64>();
        for oldest in present.iter().filter(|present| !Arc::ptr_eq(present, slot)) {
            if total <= self.bytes_max {
                break;
            }
            total -= oldest.bytes();
            // Dropped after its lock: it may be the last to hold a good deal of memory.
            let gone = oldest.state().take();
            drop(gone);
        }
    }
}
