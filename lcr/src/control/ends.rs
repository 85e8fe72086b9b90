//! How a request waits for the end of a trial or canary.

use std::time::Duration;

use crate::{Error, ErrorKind, Result};

/// How long one request waits for the end of a trial or canary. A thread of few waits, so a client asks again.
const WAIT: Duration = Duration::from_secs(60);

/// Waits for the end of a trial or canary that is meant, for one request: `wait` does, for a time, and finds the last
/// end. `None` if it has not come yet.
///
/// # Errors
/// `NotFound` if what is meant is not under way, and was not the last one.
pub(super) fn wait<T>(
    what: &str,
    limit: Duration,
    wait: impl Fn(Duration) -> Option<T>,
    is_under_way: impl Fn() -> bool,
) -> Result<Option<T>> {
    let ended = wait(limit.min(WAIT));
    if ended.is_some() || is_under_way() {
        return Ok(ended);
    }
    // It may have ended between the two looks.
    let last = wait(Duration::ZERO).ok_or_else(|| {
        let text = format!("no such {what} is under way, and it was not the last one; the events say how it ended");
        Error::new(ErrorKind::NotFound, text)
    })?;
    Ok(Some(last))
}
