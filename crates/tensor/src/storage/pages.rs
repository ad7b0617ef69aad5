//! Large blocks straight from the system, where it is Linux: in pages of 2 MB where it has some, which
//! several smaller blocks share. A program's first step then does not spend its time on page faults,
//! nor later ones theirs on translating addresses.

use std::ptr::NonNull;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod system {
    use std::ffi::{c_int, c_void};
    use std::ops::Range;
    use std::ptr::{NonNull, null_mut, with_exposed_provenance_mut};
    use std::sync::{Mutex, PoisonError};
    use std::time::{Duration, Instant};

    use crate::kernel::parallel::for_each;

    /// A large page.
    const LARGE: usize = 2 << 20;
    /// Addresses that are asked for at once for smaller blocks; memory comes as it is touched.
    const SHARED: usize = 16 * LARGE;
    const PROT_READ_WRITE: c_int = 3;
    const MAP_PRIVATE_ANONYMOUS: c_int = 0x22;
    const MADV_HUGEPAGE: c_int = 14;
    const MADV_NOHUGEPAGE: c_int = 15;
    /// As long as small pages would take. Where a large one takes longer, a virtual machine's host has to
    /// find its memory first, and the mapping goes on with small ones, which are more often there.
    const SLOW: Duration = Duration::from_millis(1);

    unsafe extern "C" {
        fn mmap(at: *mut c_void, bytes: usize, access: c_int, flags: c_int, file: c_int, offset: i64) -> *mut c_void;
        fn munmap(at: *mut c_void, bytes: usize) -> c_int;
        fn madvise(at: *mut c_void, bytes: usize, advice: c_int) -> c_int;
    }

    /// What is left of the latest mapping from which smaller blocks are cut, by address.
    static REST: Mutex<Range<usize>> = Mutex::new(0..0);

    pub(super) fn map(bytes: usize, used: usize) -> Option<NonNull<u8>> {
        if bytes >= 2 * LARGE {
            let block = map_large(bytes)?;
            touch(block.expose_provenance().get(), used / LARGE);
            return Some(block);
        }
        // Nothing panics while it is locked.
        let mut rest = REST.lock().unwrap_or_else(PoisonError::into_inner);
        if rest.len() < bytes {
            let start = map_large(SHARED)?.expose_provenance().get();
            let old = std::mem::replace(&mut *rest, start..start + SHARED);
            if !old.is_empty() {
                // SAFETY: nobody was given this part of the old mapping.
                unsafe { munmap(with_exposed_provenance_mut(old.start), old.len()) };
            }
        }
        let block = rest.start;
        rest.start += bytes;
        // Those that begin within the block; the one before them was made for another block.
        for page in (block.next_multiple_of(LARGE)..rest.start).step_by(LARGE) {
            let begin = Instant::now();
            touch(page, 1);
            let after = page + LARGE;
            if begin.elapsed() > SLOW && after < rest.end {
                // SAFETY: this is of the mapping, and advice changes no contents.
                unsafe { madvise(with_exposed_provenance_mut(after), rest.end - after, MADV_NOHUGEPAGE) };
                break;
            }
        }
        NonNull::new(with_exposed_provenance_mut(block))
    }

    /// Has the system make so many large pages, each by one thread: of two that come upon the same
    /// page within a kernel, both make it and one throws it away.
    fn touch(first: usize, pages: usize) {
        for_each(pages, 200_000, |i| {
            let page: *mut u8 = with_exposed_provenance_mut(first + i * LARGE);
            // SAFETY: the page is mapped, and whoever is to own it has not got it yet.
            unsafe { page.write_volatile(0) };
        });
    }

    /// Memory that begins at a large page.
    fn map_large(bytes: usize) -> Option<NonNull<u8>> {
        let room = bytes.checked_add(LARGE)?;
        // SAFETY: a new private mapping touches nobody's memory.
        let start = unsafe { mmap(null_mut(), room, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0) };
        if start.addr() == usize::MAX {
            return None;
        }
        let before = start.addr().next_multiple_of(LARGE) - start.addr();
        let block = start.wrapping_byte_add(before);
        // SAFETY: what is given back are whole pages of the mapping outside of the block, and advice
        // changes no contents.
        unsafe {
            if before > 0 {
                munmap(start, before);
            }
            munmap(block.wrapping_byte_add(bytes), LARGE - before);
            madvise(block, bytes, MADV_HUGEPAGE);
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

    pub(super) fn map(bytes: usize, _used: usize) -> Option<NonNull<u8>> {
        // SAFETY: whole pages are more than no bytes.
        NonNull::new(unsafe { alloc_zeroed(layout(bytes)) })
    }

    pub(super) unsafe fn unmap(block: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { dealloc(block.as_ptr(), layout(bytes)) };
    }
}

/// Zeroed bytes at the start of a page, of which so many are about to be used; `bytes` is a multiple
/// of 4096 and not 0.
pub(super) fn map(bytes: usize, used: usize) -> Option<NonNull<u8>> {
    debug_assert!(bytes > 0 && bytes.is_multiple_of(4096) && used <= bytes);
    system::map(bytes, used)
}

/// Gives a block back.
///
/// # Safety
/// It must be from [`map`] with as many bytes, and not be used any more.
pub(super) unsafe fn unmap(block: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { system::unmap(block, bytes) }
}
