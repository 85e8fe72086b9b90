//! What `/proc` and `waitpid` say of processes.

use std::{fs, io, thread, time::Duration};

/// The children of a process's first thread, dead or alive.
pub fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// How many descriptors a process has open.
///
/// # Panics
/// If there is no such process.
pub fn descriptors(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("the process is there").count()
}

/// How many mappings a process has.
///
/// # Panics
/// If there is no such process.
pub fn mappings(pid: i32) -> usize {
    fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process is there").lines().count()
}

/// A number of a file of `/proc/PID` whose lines are `name: number`.
///
/// # Panics
/// If there is no such process, or no number of that name.
pub fn field(pid: i32, file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).expect("the process is there");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_else(|| panic!("there is no number {name} in {file} of {pid}: {text}"))
}

/// Makes this process a subreaper: descendants that lose their parent become its children.
///
/// # Panics
/// If the kernel refuses.
pub fn adopt_orphans() {
    // SAFETY: takes no pointers.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }, 0, "{}", io::Error::last_os_error());
}

/// Reaps all children of this process, and returns how each ended (an exit code, or the signal as a negative
/// number).
///
/// # Errors
/// The children that are still there after two minutes.
pub fn reap_all() -> Result<Vec<i32>, Vec<i32>> {
    let mut ends = Vec::new();
    for _ in 0..120_000 {
        let mut status = 0;
        // SAFETY: `status` is writable.
        match unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } {
            -1 => return Ok(ends),
            0 => thread::sleep(Duration::from_millis(1)),
            _ if libc::WIFEXITED(status) => ends.push(libc::WEXITSTATUS(status)),
            _ => ends.push(-libc::WTERMSIG(status)),
        }
    }
    Err(children(std::process::id().cast_signed()))
}
