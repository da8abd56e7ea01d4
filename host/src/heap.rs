//! Memory that was freed, on its way back to the system.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something large went since that was last asked.
static FREED: AtomicBool = AtomicBool::new(false);

/// Goes with something large, behind it, and remembers that its memory is the allocator's now.
#[derive(Debug)]
pub(crate) struct Large;

impl Drop for Large {
    fn drop(&mut self) {
        FREED.store(true, Ordering::Relaxed);
    }
}

/// Whether something large went since this was last asked.
pub(crate) fn take_freed() -> bool {
    FREED.swap(false, Ordering::Relaxed)
}

/// Gives what was freed back to the system. Blocks that are many and small glibc keeps for whoever wants small ones next, which
/// nobody may. Other allocators give memory back by themselves. It takes milliseconds.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "it is a function of the C library, for which nobody has a safe one")]
        // SAFETY: the declaration is that of glibc. The function may be called by any thread at any time, and gives back no
        // memory but what was freed; where another allocator is in use there is just nothing to give back.
        unsafe {
            unsafe extern "C" {
                fn malloc_trim(pad: usize) -> std::ffi::c_int;
            }
            // It says whether there was any.
            let _ = malloc_trim(0);
        }
    }
}
