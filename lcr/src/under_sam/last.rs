//! [`LastInstance`]: what the instance before this one died of.

use std::fmt;

use sam::report::{Exit, WarningCause};

/// How the instance before this one ended, as far as sam and the runtime's marks tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastInstance {
    /// How its process ended.
    pub exit: Option<Exit>,
    /// Why sam had warned it, if sam puts the end down to that: a check that was silent, or that it had marked itself
    /// failed.
    pub warned: Option<WarningCause>,
    /// The components whose states were being restored, or were refused, when it ended. They begin without, and
    /// [`Runtime::kept_states`](crate::Runtime::kept_states) has what was set aside.
    pub restoring: Vec<String>,
    /// The components that were on trial when it ended, with their versions.
    pub on_trial: Vec<String>,
    /// Why the states that it had saved cannot be used, if so.
    pub problem: Option<String>,
}

impl fmt::Display for LastInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the instance before ")?;
        match &self.exit {
            Some(exit) => write!(f, "{exit}")?,
            None => f.write_str("ended")?,
        }
        self.warned.iter().try_for_each(|cause| write!(f, ", as {cause}"))?;
        for (what, names) in [("restored the state of", &self.restoring), ("had on trial", &self.on_trial)] {
            if !names.is_empty() {
                write!(f, ", while it {what} {}", names.join(", "))?;
            }
        }
        self.problem.iter().try_for_each(|problem| write!(f, "; {problem}"))
    }
}
