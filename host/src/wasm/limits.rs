//! How much memory one instance may have.

use wasmtime::ResourceLimiter;

use super::account::{Account, SharedAccount};

/// What one element of a table is counted as, in bytes: a pointer.
const TABLE_ELEMENT_BYTES: usize = 8;
/// How many core instances one component may be made of.
pub(super) const CORE_INSTANCES_MAX: u32 = 64;
/// How many linear memories one component may have.
pub(super) const MEMORIES_MAX: u32 = 8;
/// The most elements one table may have.
pub(super) const TABLE_ELEMENTS_MAX: usize = 50_000;
/// How many tables one component may have.
pub(super) const TABLES_MAX: u32 = 32;

/// Where every 32-bit memory ends, whatever its module or the function's limit say, in bytes.
const MEMORY32_BYTES_MAX: usize = 4 << 30;

/// Bounds the sum of all linear memories, tables and files of one instance.
///
/// What was granted to memories and tables stays counted even if the engine then finds no room for it: a guest can
/// bring that about at will, so taking it back would be a way around the limit.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    holder: Holder,
    /// The last growth was refused: a trap that follows is for want of memory.
    refused: bool,
}

/// Most guests touch no files. Such a guest's account belongs to its memories alone, which costs no allocation.
#[derive(Debug)]
enum Holder {
    Memories(Account),
    Shared(SharedAccount),
}

impl MemoryLimit {
    /// A limit for all together, and one within it for files.
    pub(super) fn new(limit_bytes: u64, files_limit_bytes: u64) -> Self {
        Self { holder: Holder::Memories(Account::new(limit_bytes, files_limit_bytes)), refused: false }
    }

    /// The bytes the instance has now.
    pub(super) fn used_bytes(&self) -> u64 {
        match &self.holder {
            Holder::Memories(account) => account.used_bytes(),
            Holder::Shared(account) => account.lock().used_bytes(),
        }
    }

    /// The most bytes the instance ever had.
    pub(super) fn peak_bytes(&self) -> u64 {
        match &self.holder {
            Holder::Memories(account) => account.peak_bytes(),
            Holder::Shared(account) => account.lock().peak_bytes(),
        }
    }

    /// Whether the last growth was refused, asked once.
    pub(super) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// The account, for files to draw on as well.
    pub(super) fn share(&mut self) -> SharedAccount {
        if let Holder::Memories(account) = &mut self.holder {
            let account = std::mem::replace(account, Account::new(0, 0));
            self.holder = Holder::Shared(SharedAccount::new(account));
        }
        match &self.holder {
            Holder::Shared(account) => account.clone(),
            Holder::Memories(_) => unreachable!("it was shared just now"),
        }
    }

    fn grow(&mut self, by_bytes: usize) -> bool {
        let granted = match &mut self.holder {
            Holder::Memories(account) => account.take_for_memories(by_bytes as u64),
            Holder::Shared(account) => account.lock().take_for_memories(by_bytes as u64),
        };
        self.refused = !granted;
        granted
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if let Some(maximum) = maximum.filter(|&maximum| desired > maximum) {
            // A module's own limit is not ours; the end of a 32-bit memory is want of memory like any other.
            self.refused = maximum >= MEMORY32_BYTES_MAX;
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if let Some(maximum) = maximum.filter(|&maximum| desired > maximum) {
            self.refused = maximum >= TABLE_ELEMENTS_MAX;
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES)))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growth_that_failed_gives_nothing_back() {
        let mut limit = MemoryLimit::new(1000, 0);
        assert!(limit.memory_growing(0, 600, None).expect("an answer"));
        limit.table_grow_failed(wasmtime::Error::msg("no room")).expect("no error");
        assert_eq!((limit.used_bytes(), limit.take_refused()), (600, true));
    }

    /// Growth is reckoned with, not carried out: no machine needs 10 GB for this.
    #[test]
    fn two_memories_of_a_large_function_may_have_more_than_one_alone() {
        let limit_bytes = crate::function::MemorySize::from_mb(10_240).expect("Lambda's largest").bytes();
        let mut limit = MemoryLimit::new(limit_bytes, 0);
        let end = Some(MEMORY32_BYTES_MAX);
        assert!(
            limit.memory_growing(0, MEMORY32_BYTES_MAX, end).expect("an answer"),
            "the first, to its end"
        );
        assert!(limit.memory_growing(0, MEMORY32_BYTES_MAX, end).expect("an answer"), "the second");
        assert_eq!(limit.used_bytes(), 8 << 30);
        assert!(
            !limit.memory_growing(MEMORY32_BYTES_MAX, MEMORY32_BYTES_MAX + 65_536, end).expect("an answer")
        );
        assert!(limit.take_refused(), "one memory ends at 4 GiB, whatever the function has");
        assert!(!limit.memory_growing(0, (2 << 30) + 65_536, end).expect("an answer"), "a third finds 2 GiB");
        assert!(limit.memory_growing(0, 2 << 30, end).expect("an answer"));
        assert_eq!(limit.used_bytes(), limit_bytes);
    }

    #[test]
    fn a_refusal_is_forgotten_at_the_next_growth_that_is_granted() {
        let mut limit = MemoryLimit::new(1000, 0);
        assert!(!limit.memory_growing(0, 2000, None).expect("an answer"));
        assert!(limit.memory_growing(0, 10, None).expect("an answer"));
        assert!(!limit.take_refused());
    }

    #[test]
    fn memories_and_tables_share_one_limit() {
        let mut limit = MemoryLimit::new(1000, 0);
        assert!(limit.memory_growing(0, 600, None).expect("an answer"));
        assert!(limit.table_growing(0, 50, None).expect("an answer"));
        assert!(!limit.memory_growing(600, 601, None).expect("an answer"));
        assert_eq!(limit.used_bytes(), 1000);
        assert!(limit.take_refused());
        assert!(!limit.take_refused());
    }

    #[test]
    fn memories_and_files_share_one_limit() {
        let mut limit = MemoryLimit::new(1000, 1000);
        assert!(limit.memory_growing(0, 600, None).expect("an answer"));
        let files = limit.share();
        assert!(files.lock().take_for_files(300));
        assert!(!limit.memory_growing(600, 701, None).expect("an answer"));
        assert!(limit.share().lock().take_for_files(100), "it is the same account");
        assert!(!files.lock().take_for_files(1));
        files.lock().give_back_from_files(400);
        assert_eq!((limit.used_bytes(), limit.peak_bytes()), (600, 1000));
    }

    #[test]
    fn a_modules_own_maximum_is_not_our_refusal() {
        let mut limit = MemoryLimit::new(1000, 0);
        assert!(!limit.memory_growing(0, 200, Some(100)).expect("an answer"));
        assert!(!limit.take_refused());
    }
}
