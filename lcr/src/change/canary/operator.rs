//! What programs and operators ask of canaries: [`Runtime::canary`], [`Runtime::promote_canary`],
//! [`Runtime::withdraw_canary`] and [`Runtime::wait_canary`].
//!
//! None of it waits for calls: the candidate keeps no state, so nothing has to be emptied of callers. So a thread that
//! is inside a component may ask, too.

use std::time::{Duration, Instant};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{actor::Actor, deadline::Deadline, runtime::Runtime, serial},
};

use super::{
    end::{CanaryEnd, CanaryOutcome, CanaryStatus},
    standing::Asked,
};

/// How many bytes of an operator's reason are kept.
const LONGEST_REASON: usize = 4_096;

impl Runtime {
    /// How the canary stands that is under way; `None` if none is. Takes no lock that is held for longer than a copy.
    pub fn canary(&self) -> Option<CanaryStatus> {
        self.inner().trials().canaries().status()
    }

    /// Ends the canary that is under way: its plan is committed now, however few calls were compared. Blocks until that
    /// is done, or refused.
    ///
    /// # Errors
    /// `NotFound` if no canary is under way; `Unhealthy` if the candidate was withdrawn, or the commit refused: the
    /// text says why; `Closed` if the runtime is gone.
    pub fn promote_canary(&self) -> Result<CanaryEnd> {
        self.promote_canary_by(&Actor::this_process())
    }

    /// As [`promote_canary`](Runtime::promote_canary), where `actor` asks.
    ///
    /// # Errors
    /// As for [`promote_canary`](Runtime::promote_canary).
    pub fn promote_canary_by(&self, actor: &Actor) -> Result<CanaryEnd> {
        let end = self.ask_canary(Asked::Promote(format!("promoted by {actor}")))?;
        match end.outcome {
            CanaryOutcome::Promoted => Ok(end),
            _ => Err(Error::new(ErrorKind::Unhealthy, format!("it was not promoted: {end}"))),
        }
    }

    /// Ends the canary that is under way: the old version serves all calls. Blocks until no further call reaches the
    /// candidate, but those of [requests](crate::canary::Canary::of_requests) that it serves already. Its file does
    /// not get into quarantine, since it did not fail.
    ///
    /// # Errors
    /// `NotFound` if no canary is under way; `Invalid` if it was promoted at the same time; `Closed` if the runtime is
    /// gone.
    pub fn withdraw_canary(&self, reason: &str) -> Result<CanaryEnd> {
        self.withdraw_canary_by(&Actor::this_process(), reason)
    }

    /// As [`withdraw_canary`](Runtime::withdraw_canary), where `actor` asks.
    ///
    /// # Errors
    /// As for [`withdraw_canary`](Runtime::withdraw_canary).
    pub fn withdraw_canary_by(&self, actor: &Actor, reason: &str) -> Result<CanaryEnd> {
        let mut reason = reason.to_owned();
        serial::cut(&mut reason, LONGEST_REASON);
        let end = self.ask_canary(Asked::Withdraw(format!("withdrawn by {actor}: {reason}")))?;
        match end.outcome {
            CanaryOutcome::Promoted => Err(Error::new(ErrorKind::Invalid, format!("it was promoted already: {end}"))),
            _ => Ok(end),
        }
    }

    /// Blocks until the canary that is under way has ended, at most for `timeout` (`None`: without limit), and returns
    /// what came of it. If none is under way, returns at once what came of the last one; `None` if there was none.
    /// `None` also if the time is over.
    pub fn wait_canary(&self, timeout: impl Into<Option<Duration>>) -> Option<CanaryEnd> {
        let trials = self.inner().trials();
        let canaries = trials.canaries();
        match canaries.status() {
            Some(status) => canaries.wait(status.number, Deadline::after(Instant::now(), timeout)),
            None => canaries.last(),
        }
    }

    fn ask_canary(&self, asked: Asked) -> Result<CanaryEnd> {
        let trials = self.inner().trials();
        let canaries = trials.canaries();
        let status = canaries.status().filter(|status| canaries.ask(status.number, asked));
        let Some(status) = status else {
            let text = match canaries.last() {
                None => "no canary is under way".to_owned(),
                Some(last) => format!("no canary is under way; {last}"),
            };
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        canaries
            .wait(status.number, Deadline::after(Instant::now(), None))
            .ok_or_else(|| Error::new(ErrorKind::Closed, "the runtime is gone"))
    }
}
