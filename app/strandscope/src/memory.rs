//! How the system's allocator treats large blocks.

/// Freed memory that is kept for what is asked for next, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 128 << 20;

/// Blocks up to this size are cut from kept memory, in bytes: what larger ones leave free would be held besides.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGEST: libc::c_int = 64 << 20;

/// Keeps freed memory, as far as [`KEPT`] goes, in one place for all threads.
///
/// By default the GNU allocator takes every block of 32 MiB or more from the system and gives it back when it is freed,
/// so that each layer of a model touches its states for the first time, page by page: a sixth of a pass over 4,096
/// tokens. Other systems' allocators are left alone.
pub(crate) fn keep_what_is_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (setting, value) in [(libc::M_MMAP_THRESHOLD, LARGEST), (libc::M_TRIM_THRESHOLD, KEPT), (libc::M_ARENA_MAX, 1)]
    {
        #[expect(unsafe_code, reason = "the allocator is set by a call to C")]
        // SAFETY: this is the only thread yet, as the settings demand; values that it refuses change nothing.
        unsafe {
            libc::mallopt(setting, value);
        }
    }
}
