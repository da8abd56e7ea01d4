//! What one instance has taken of the memory it may have: for its linear memories and tables, and for its files.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was taken of one instance's memory. Files count toward it because they lie in the host's memory too.
#[derive(Debug)]
pub(super) struct Account {
    /// What all may have together.
    limit_bytes: u64,
    /// What files may have of it.
    files_limit_bytes: u64,
    /// What memories and tables have. It never shrinks.
    memories_bytes: u64,
    files_bytes: u64,
    files_peak_bytes: u64,
    peak_bytes: u64,
}

/// An account that memories and files both draw on.
#[derive(Debug, Clone)]
pub(super) struct SharedAccount(Arc<Mutex<Account>>);

impl Account {
    pub(super) fn new(limit_bytes: u64, files_limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            files_limit_bytes,
            memories_bytes: 0,
            files_bytes: 0,
            files_peak_bytes: 0,
            peak_bytes: 0,
        }
    }

    /// Takes bytes for memories and tables, if so many are left.
    pub(super) fn take_for_memories(&mut self, bytes: u64) -> bool {
        let granted = self.used_bytes().saturating_add(bytes) <= self.limit_bytes;
        if granted {
            self.memories_bytes += bytes;
            self.peak_bytes = self.peak_bytes.max(self.used_bytes());
        }
        granted
    }

    /// Takes bytes for files, if so many are left for them.
    pub(super) fn take_for_files(&mut self, bytes: u64) -> bool {
        let granted = self.used_bytes().saturating_add(bytes) <= self.limit_bytes
            && self.files_bytes.saturating_add(bytes) <= self.files_limit_bytes;
        if granted {
            self.files_bytes += bytes;
            self.files_peak_bytes = self.files_peak_bytes.max(self.files_bytes);
            self.peak_bytes = self.peak_bytes.max(self.used_bytes());
        }
        granted
    }

    /// Gives back what files no longer hold.
    pub(super) fn give_back_from_files(&mut self, bytes: u64) {
        debug_assert!(bytes <= self.files_bytes, "more is given back than was taken");
        self.files_bytes = self.files_bytes.saturating_sub(bytes);
    }

    /// What memories, tables and files have now.
    pub(super) fn used_bytes(&self) -> u64 {
        self.memories_bytes + self.files_bytes
    }

    /// The most that files ever had.
    pub(super) fn files_peak_bytes(&self) -> u64 {
        self.files_peak_bytes
    }

    /// The most they ever had.
    pub(super) fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }
}

impl SharedAccount {
    pub(super) fn new(account: Account) -> Self {
        Self(Arc::new(Mutex::new(account)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Account> {
        // Each change is one sum that is either made or not.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_a_limit_of_their_own_within_that_of_all() {
        let mut account = Account::new(1000, 400);
        assert!(account.take_for_files(400) && !account.take_for_files(1));
        assert!(account.take_for_memories(600) && !account.take_for_memories(1));
        account.give_back_from_files(100);
        assert!(account.take_for_memories(100) && !account.take_for_files(1));
    }

    #[test]
    fn the_peak_stays_when_files_go() {
        let mut account = Account::new(1000, 400);
        assert!(account.take_for_memories(100) && account.take_for_files(300));
        account.give_back_from_files(300);
        assert_eq!((account.used_bytes(), account.peak_bytes()), (100, 400));
    }

    #[test]
    fn no_sum_overflows() {
        let mut account = Account::new(u64::MAX - 1, u64::MAX - 1);
        assert!(account.take_for_memories(10));
        assert!(!account.take_for_files(u64::MAX) && !account.take_for_memories(u64::MAX));
        assert_eq!(account.used_bytes(), 10);
    }
}
