//! Who asks for a change: a user, a process and its program.
//!
//! Whoever plans within the program is the program itself. A control socket knows its client from the kernel, and
//! says so in the plans that it makes for it.

use std::{env, fmt, path::Path, process};

use serde::{Deserialize, Serialize};

use super::{serial::cut, sys};

/// How many bytes of a program's name are kept.
const LONGEST_NAME: usize = 256;

/// Who asked for a change. [`PlanBuilder::asked_by`](crate::PlanBuilder::asked_by) notes it.
///
/// `Display` writes `kv-server (pid 71, uid 1000)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Actor {
    /// The effective user id.
    pub uid: u32,
    /// The process id.
    pub pid: u32,
    /// The name of the program; at most 256 bytes.
    pub program: String,
}

impl Actor {
    /// The process `pid` of user `uid`, which runs `program`. A longer name than 256 bytes is cut.
    pub fn new(uid: u32, pid: u32, program: impl Into<String>) -> Actor {
        let mut program = program.into();
        cut(&mut program, LONGEST_NAME);
        Actor { uid, pid, program }
    }

    /// This process.
    pub fn this_process() -> Actor {
        let executable = env::current_exe().ok();
        let name = executable.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        // So the kernel names a file that was replaced or removed since.
        let name = name.strip_suffix(" (deleted)").unwrap_or(&name);
        Actor::new(sys::user(), process::id(), name)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = if self.program.is_empty() { "a program without a name" } else { &self.program };
        write!(f, "{program} (pid {}, uid {})", self.pid, self.uid)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_between_characters_and_this_process_has_one() {
        let actor = Actor::new(1, 2, "\u{e4}".repeat(200));
        assert_eq!(actor.program.len(), 256);
        assert!(Actor::new(1, 2, format!("a{}", "\u{e4}".repeat(200))).program.len() == 255);
        let own = Actor::this_process();
        assert!(own.pid == process::id() && !own.program.is_empty());
        assert_eq!(Actor::new(1000, 71, "kv").to_string(), "kv (pid 71, uid 1000)");
    }
}
