//! Threads that exist before the first fork.

use std::fs;

use crate::error::{Error, ErrorKind, Result};

/// Refuses to begin supervision beside other threads. A fork copies only the thread that calls it, so the
/// others would go on in the supervisor, and the locks that they hold would be held for ever in the
/// instances. To execute the program anew would not help: a constructor that makes a thread makes it each
/// time.
pub(crate) fn refuse_others() -> Result<()> {
    let failed = |error| Error::io("cannot list this process's threads", error);
    let own = std::process::id().to_string();
    if fs::read_link("/proc/self").map_err(failed)?.to_str() != Some(&own) {
        let text = "/proc is that of another PID namespace, so that this process's children cannot be told from \
                    others; mount it anew in this one (unshare --mount-proc)";
        return Err(Error::new(ErrorKind::NotSupported, text));
    }
    let mut names = Vec::new();
    for entry in fs::read_dir("/proc/self/task").map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() != *own {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            names.push(format!("{} ({})", entry.file_name().to_string_lossy(), name.trim_end()));
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    let text = format!(
        "this process has other threads already: {}; begin supervision before anything makes one \
         (with `#[sam::main]`, a constructor of a linked library did)",
        names.join(", ")
    );
    Err(Error::new(ErrorKind::Threads, text))
}
