//! Times that requests set, in milliseconds.

use std::time::Duration;

use crate::{Error, ErrorKind, Result};

/// The longest time that a request may set: 1 hour.
const TIME_LIMIT: Duration = Duration::from_secs(3600);

/// A time of a request.
pub(super) fn time(name: &str, milliseconds: u64) -> Result<Duration> {
    let time = Duration::from_millis(milliseconds);
    if time > TIME_LIMIT {
        let text = format!("{name} is {milliseconds}, and {} at most are taken", TIME_LIMIT.as_millis());
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    Ok(time)
}
