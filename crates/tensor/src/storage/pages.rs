//! Large blocks straight from the system, where it is Linux: zeroed when they are first touched and
//! not before, and in pages of 2 MB where there is room for some. A program's first step then does
//! not spend its time on page faults, nor later ones theirs on translating addresses.

use std::ptr::NonNull;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod system {
    use std::ffi::{c_int, c_void};
    use std::ptr::{NonNull, null_mut};

    /// A large page.
    const LARGE: usize = 2 << 20;
    const PROT_READ_WRITE: c_int = 3;
    const MAP_PRIVATE_ANONYMOUS: c_int = 0x22;
    const MADV_HUGEPAGE: c_int = 14;

    unsafe extern "C" {
        fn mmap(at: *mut c_void, bytes: usize, access: c_int, flags: c_int, file: c_int, offset: i64) -> *mut c_void;
        fn munmap(at: *mut c_void, bytes: usize) -> c_int;
        fn madvise(at: *mut c_void, bytes: usize, advice: c_int) -> c_int;
    }

    pub(super) fn map(bytes: usize) -> Option<NonNull<u8>> {
        let large = bytes >= 2 * LARGE;
        // Room to begin at a large page.
        let room = if large { bytes.checked_add(LARGE)? } else { bytes };
        // SAFETY: a new private mapping touches nobody's memory.
        let start = unsafe { mmap(null_mut(), room, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0) };
        if start.addr() == usize::MAX {
            return None;
        }
        let before = if large { start.addr().next_multiple_of(LARGE) - start.addr() } else { 0 };
        let block = start.wrapping_byte_add(before);
        if large {
            // SAFETY: what is given back are whole pages of the mapping outside of the block, and advice
            // changes no contents.
            unsafe {
                if before > 0 {
                    munmap(start, before);
                }
                munmap(block.wrapping_byte_add(bytes), LARGE - before);
                madvise(block, bytes, MADV_HUGEPAGE);
            }
        }
        NonNull::new(block.cast())
    }

    pub(super) unsafe fn unmap(block: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { munmap(block.as_ptr().cast(), bytes) };
    }
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod system {
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    use std::ptr::NonNull;

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, 4096).expect("size classes fit a layout")
    }

    pub(super) fn map(bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: whole pages are more than no bytes.
        NonNull::new(unsafe { alloc_zeroed(layout(bytes)) })
    }

    pub(super) unsafe fn unmap(block: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { dealloc(block.as_ptr(), layout(bytes)) };
    }
}

/// Zeroed bytes at the start of a page; `bytes` is a multiple of 4096 and not 0.
pub(super) fn map(bytes: usize) -> Option<NonNull<u8>> {
    debug_assert!(bytes > 0 && bytes.is_multiple_of(4096));
    system::map(bytes)
}

/// Gives a block back.
///
/// # Safety
/// It must be from [`map`] with as many bytes, and not be used any more.
pub(super) unsafe fn unmap(block: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { system::unmap(block, bytes) }
}
