//! How much memory one instance may have.

use wasmtime::ResourceLimiter;

/// What one element of a table is counted as, in bytes: a pointer.
const TABLE_ELEMENT_BYTES: usize = 8;
/// How many core instances one component may be made of.
pub(super) const CORE_INSTANCES_MAX: u32 = 64;
/// How many linear memories one component may have.
pub(super) const MEMORIES_MAX: u32 = 8;
/// How many tables one component may have.
pub(super) const TABLES_MAX: u32 = 32;

/// Bounds the sum of all linear memories and tables of one instance.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    limit_bytes: u64,
    used_bytes: u64,
    /// What the last granted growth added, should the engine find that it has no room for it.
    granted_bytes: u64,
    /// The last growth was refused: a trap that follows is for want of memory.
    refused: bool,
}

impl MemoryLimit {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: 0, granted_bytes: 0, refused: false }
    }

    /// The bytes the instance has. Memories never shrink, so this is also the most it ever had.
    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    /// Whether a growth was refused since the last call of this function.
    pub(super) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    fn grow(&mut self, by_bytes: usize) -> bool {
        let wanted = self.used_bytes.saturating_add(by_bytes as u64);
        let granted = wanted <= self.limit_bytes;
        if granted {
            self.granted_bytes = wanted - self.used_bytes;
            self.used_bytes = wanted;
        } else {
            self.refused = true;
        }
        granted
    }

    fn take_back_grant(&mut self) {
        self.used_bytes -= std::mem::take(&mut self.granted_bytes);
        self.refused = true;
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The module's own limit, not ours.
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
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES)))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back_grant();
        Ok(())
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back_grant();
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
    fn a_growth_that_the_engine_has_no_room_for_is_not_counted() {
        let mut limit = MemoryLimit::new(1000);
        assert!(limit.memory_growing(0, 600, None).expect("an answer"));
        limit.memory_grow_failed(wasmtime::Error::msg("no room")).expect("no error");
        assert_eq!((limit.used_bytes(), limit.take_refused()), (0, true));
    }

    #[test]
    fn memories_and_tables_share_one_limit() {
        let mut limit = MemoryLimit::new(1000);
        assert!(limit.memory_growing(0, 600, None).expect("an answer"));
        assert!(limit.table_growing(0, 50, None).expect("an answer"));
        assert!(!limit.memory_growing(600, 601, None).expect("an answer"));
        assert_eq!(limit.used_bytes(), 1000);
        assert!(limit.take_refused());
        assert!(!limit.take_refused());
    }

    #[test]
    fn a_modules_own_maximum_is_not_our_refusal() {
        let mut limit = MemoryLimit::new(1000);
        assert!(!limit.memory_growing(0, 200, Some(100)).expect("an answer"));
        assert!(!limit.take_refused());
    }
}
