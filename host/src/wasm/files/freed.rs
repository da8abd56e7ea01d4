//! Memory of files that are gone, on its way back to the system.

/// Gives what was freed back to the system. The blocks of a disk are many and small: glibc keeps them for whoever wants small
/// ones next, which nobody may. Other allocators give memory back by themselves.
pub(super) fn give_back() {
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
