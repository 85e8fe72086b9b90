//! A version that ends the process in its trial.
//!
//! Nothing in the process can catch it. The supervisor starts the next instance, and the history of that one says that
//! a trial was under way: what was confirmed last serves, and the version is in quarantine. This is a part of
//! [`serve`](crate::serve); [`survive`](crate::survive) reads from another process what the instances say here.

use std::time::Duration;

use lcr::{ErrorKind, Quarantined, Runtime, Trial};

use crate::{
    artifacts::TRIAL_ENGINE_ABORTS,
    replace::{Attempt, Changer},
};

/// How long the trial lasts if nothing happens.
const TIME: Duration = Duration::from_secs(30);

/// How often the trial is asked for, if callers do not leave the engine in time.
const TRIES: usize = 10;

const BEFORE: &str = "trying an engine that ends the process instead of ";
const QUARANTINED: &str = "in quarantine: ";
const REFUSED: &str = "no trial: ";

/// The components that serve.
pub(crate) fn serving(runtime: &Runtime) -> String {
    let mut present: Vec<String> =
        runtime.status().components.iter().map(|component| component.id.to_string()).collect();
    present.sort();
    present.join(", ")
}

/// What an instance says of a version that no plan brings back.
pub(crate) fn in_quarantine(Quarantined { component, hash, why, .. }: &Quarantined) -> String {
    format!("{QUARANTINED}{component}, {:.16}: {why}", hash.to_string())
}

impl Changer<'_> {
    /// Puts the version on trial. It is the end of the process soon after that, unless the version is in quarantine.
    pub(crate) fn try_fatal(&self) {
        println!("{BEFORE}{}", serving(self.runtime()));
        let files = [self.file(TRIAL_ENGINE_ABORTS).to_owned()];
        for _ in 0..TRIES {
            let attempt = Attempt { trial: Some(Trial::for_time(TIME)), ..Attempt::default() };
            match self.attempt("an engine that ends the process", &files, &attempt).result {
                Ok(_) => drop(self.runtime().wait_trial(None)),
                Err(late) if late.kind == ErrorKind::Deadline => continue,
                Err(refused) => println!("{REFUSED}{}: {}", refused.kind, refused.text),
            }
            return;
        }
    }
}

/// What the instances of a server said of the version.
pub(crate) struct Told {
    /// What served before the trial.
    pub(crate) before: String,
    /// What the next instance said of the quarantine.
    pub(crate) quarantined: String,
    /// Why the version was refused when it was offered once more.
    pub(crate) refused: String,
}

impl Told {
    /// Whether a line says that the version was refused.
    pub(crate) fn is_refusal(line: &str) -> bool {
        line.starts_with(REFUSED)
    }

    /// Reads the lines of all instances; `None` if one of these lines is missing.
    pub(crate) fn of(lines: &[String]) -> Option<Told> {
        let after = |start: &str| lines.iter().find_map(|line| line.strip_prefix(start)).map(str::to_owned);
        let refused = after(REFUSED).filter(|refused| refused.starts_with(ErrorKind::Quarantined.name()))?;
        Some(Told { before: after(BEFORE)?, quarantined: after(QUARANTINED)?, refused })
    }
}
