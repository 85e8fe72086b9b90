//! `SystemTime`, as the time since the Unix epoch.
//!
//! `Instant` is not a value: std promises neither what it holds nor a way to read that, so its sender could
//! only say how long ago it was, and the receiver would add the time of the crossing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::form::{Form, cross_by_form, refuse};

const NANOSECONDS_OF_A_SECOND: u32 = 1_000_000_000;

impl Form for SystemTime {
    /// Whole seconds since the epoch, rounded down, and nanoseconds below 1,000,000,000 behind them.
    type Form = (i64, u32);
    const NAME: &'static str = "std::SystemTime";

    fn into_form(self) -> (i64, u32) {
        // std keeps the seconds in an `i64` itself, so no number here leaves it.
        match self.duration_since(UNIX_EPOCH) {
            Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
            Err(error) => {
                let before = error.duration();
                let seconds = (before.as_secs() as i64).wrapping_neg();
                match before.subsec_nanos() {
                    0 => (seconds, 0),
                    nanoseconds => (seconds - 1, NANOSECONDS_OF_A_SECOND - nanoseconds),
                }
            }
        }
    }

    fn from_form((seconds, nanoseconds): (i64, u32)) -> SystemTime {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let second = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        let time = match nanoseconds {
            NANOSECONDS_OF_A_SECOND.. => None,
            _ => second.and_then(|second| second.checked_add(Duration::from_nanos(nanoseconds.into()))),
        };
        time.unwrap_or_else(|| {
            refuse(Self::NAME, format_args!("{seconds} seconds and {nanoseconds} nanoseconds since the epoch"))
        })
    }
}

cross_by_form! { {} SystemTime; }
