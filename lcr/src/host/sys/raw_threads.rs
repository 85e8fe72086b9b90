//! Threads of this process that the C library did not start.
//!
//! A thread that `pthread_create` starts tells the kernel of its list of robust mutexes before its first function
//! runs (glibc). A thread that code started by `clone` itself has no such list, and the kernel says so of any
//! thread of the process. Threads of the kernel that work for `io_uring` have none either; they run no code of
//! the process, and are told apart by their flags.
//!
//! The kernel lists a process's threads in the order of their starts, so a listed thread that starts another one
//! and ends meanwhile does not hide it.
//!
//! With another C library nothing is found: musl never unmaps an image.

use std::{fs, io, ptr};

/// The flag of a thread that works for `io_uring`, in the ninth field of its `stat`.
const IO_WORKER: u64 = 0x10;

/// A thread that the C library did not start: its number, and when it began, since numbers are used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::host) struct RawThread {
    pub(in crate::host) id: u32,
    began: u64,
}

/// These threads, as they are now. A thread that the C library starts at this moment may be among them.
///
/// # Errors
/// The kernel does not tell: `/proc` is not there, or a filter of system calls refuses.
pub(in crate::host) fn raw_threads() -> io::Result<Vec<RawThread>> {
    let mut found = Vec::new();
    if cfg!(any(miri, not(target_env = "gnu"))) {
        return Ok(found);
    }
    for entry in fs::read_dir("/proc/self/task")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if has_robust_list(id)? {
            continue;
        }
        // A thread that has ended meanwhile is none.
        let Ok(stat) = fs::read_to_string(format!("/proc/self/task/{id}/stat")) else { continue };
        found.extend(read_stat(id, &stat));
    }
    Ok(found)
}

/// What a line of `stat` says; `None` for a thread of the kernel.
fn read_stat(id: u32, stat: &str) -> Option<RawThread> {
    // The name, in brackets, may have blanks and brackets of its own. The state, field 3, follows it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let flags: u64 = fields.nth(9 - 3)?.parse().ok()?;
    let began = fields.nth(22 - 10)?.parse().ok()?;
    (flags & IO_WORKER == 0).then_some(RawThread { id, began })
}

/// Whether a thread has a list of robust mutexes. Of a thread that has ended the answer is yes.
fn has_robust_list(id: u32) -> io::Result<bool> {
    let (mut head, mut len) = (ptr::null_mut::<()>(), 0_usize);
    // SAFETY: both pointers are valid for the length of the call, which writes a pointer and a size there.
    match unsafe { libc::syscall(libc::SYS_get_robust_list, id, &raw mut head, &raw mut len) } {
        0 => Ok(!head.is_null()),
        _ => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ESRCH) => Ok(true),
            error => Err(error),
        },
    }
}

#[cfg(all(test, not(any(loom, miri)), target_env = "gnu"))]
mod tests {
    use super::*;
    use std::{sync::mpsc, thread};

    #[test]
    fn a_line_of_stat_is_read_behind_a_name_with_blanks_and_brackets() {
        let line = |flags| format!("7 (a) b (c) S 1 7 7 0 -1 {flags} 9 0 0 0 1 2 3 4 20 0 5 0 4711 8 9");
        assert_eq!(read_stat(7, &line(0x40)), Some(RawThread { id: 7, began: 4711 }));
        assert_eq!(read_stat(7, &line(0x40 | IO_WORKER)), None);
        assert_eq!(read_stat(7, "7 (a) S 1"), None);
    }

    #[test]
    fn threads_of_the_c_library_are_not_raw() {
        let (end, ends) = mpsc::channel::<()>();
        let (begin, begins) = mpsc::channel();
        let other = thread::spawn(move || {
            begin.send(super::super::thread_id().to_kernel()).unwrap();
            let _ = ends.recv();
        });
        let id = begins.recv().unwrap();
        assert!(has_robust_list(id).unwrap() && has_robust_list(std::process::id()).unwrap());
        assert!(!raw_threads().unwrap().iter().any(|raw| [id, std::process::id()].contains(&raw.id)));
        drop(end);
        other.join().unwrap();
    }
}
