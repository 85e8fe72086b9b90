//! Children that nobody of the instance's group waits for: as a subreaper, or as process 1,
//! the supervisor becomes their parent.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use super::sys;

/// The children of this process, as its supervisor tells strays from others.
pub(super) struct Children {
    /// The kernel's list, opened once: a path in `/proc` costs more than the rest of a
    /// restart. `None` without `CONFIG_PROC_CHILDREN`: then there are no strays to be seen.
    list: Option<File>,
    /// Those that this process had before its first instance (a wrapper's, that executed
    /// this program): they are no strays. A number is here until its process is reaped.
    elders: Vec<i32>,
}

impl Children {
    pub(super) fn now() -> io::Result<Children> {
        let own = std::process::id();
        let list = match File::open(format!("/proc/{own}/task/{own}/children")) {
            Ok(list) => Some(list),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut children = Children { list, elders: Vec::new() };
        let mut elders = Vec::new();
        children.for_each(|pid| elders.push(pid));
        children.elders = elders;
        Ok(children)
    }

    pub(super) fn reaped(&mut self, pid: i32) {
        self.elders.retain(|elder| *elder != pid);
    }

    /// Sends SIGKILL to every child but the elders and those of `keep`; were there any,
    /// dead or alive? Each that dies may leave more children, which its end (SIGCHLD) gives
    /// occasion to kill.
    pub(super) fn kill_strays(&self, keep: [Option<i32>; 2]) -> bool {
        let mut found = false;
        self.for_each(|pid| {
            if !keep.contains(&Some(pid)) && !self.elders.contains(&pid) {
                found = true;
                let _ = sys::send(pid, libc::SIGKILL);
            }
        });
        found
    }

    /// As many children as the kernel tells of at once; needs no list of one's own.
    fn for_each(&self, mut each: impl FnMut(i32)) {
        let mut buffer = [0; 4096];
        let mut len = 0;
        while let Some(list) = &self.list
            && let Ok(read @ 1..) = list.read_at(&mut buffer[len..], len as u64)
        {
            len += read;
        }
        // The last number may be cut off in its middle if the buffer is full.
        let text = &buffer[..len];
        let whole = if len < buffer.len() { text } else { &text[..text.iter().rposition(|&b| b == b' ').unwrap_or(0)] };
        for word in whole.split(|&byte| byte == b' ') {
            if let Some(pid) = str::from_utf8(word).ok().and_then(|word| word.trim().parse().ok()) {
                each(pid);
            }
        }
    }
}
