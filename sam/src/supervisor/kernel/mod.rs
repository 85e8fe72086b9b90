//! What the kernel offers, and how the supervisor uses it. This room imports nothing of the protocols and
//! the loop.
//!
//! | file | |
//! |---|---|
//! | `sys`, `signals` | system calls that `nix` has no safe or no complete form of |
//! | `main_process` | which process is an instance's main one |
//! | `cgroup` | kills everything that descends from an instance |
//! | `subreaper` | the children that the supervisor inherits |
//! | `terminal` | which process group has the foreground |
//! | `starvation` | whether an overdue instance got a processor at all |
//! | `tsc` | what a beat by the processor's counter is worth |
//! | `file_pages`, `huge_pages`, `mappings` | the supervisor's own memory, before the first fork |
//! | `threads`, `program`, `surroundings`, `dispositions` | what the supervisor checks or sets before an instance begins |

pub(crate) mod cgroup;
pub(crate) mod dispositions;
pub(crate) mod file_pages;
pub(crate) mod huge_pages;
pub(crate) mod main_process;
pub(crate) mod mappings;
pub(crate) mod program;
pub(crate) mod signals;
pub(crate) mod starvation;
pub(crate) mod subreaper;
pub(crate) mod surroundings;
pub(crate) mod sys;
pub(crate) mod terminal;
pub(crate) mod threads;
pub(crate) mod tsc;
