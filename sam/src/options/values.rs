//! From the text of the environment and the command line to values.

use std::{ffi::OsStr, str::FromStr, time::Duration};

/// Puts `value` into `into`. `None` if there is no value.
pub(super) fn put<T>(into: &mut T, value: Option<T>) -> Option<()> {
    *into = value?;
    Some(())
}

/// What `read` makes of a text without the blanks around it.
pub(super) fn read<T>(text: &OsStr, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    read(text.to_str()?.trim())
}

pub(super) fn time(text: &OsStr) -> Option<Duration> {
    read(text, read_duration)
}

pub(super) fn signal(text: &OsStr) -> Option<i32> {
    read(text, read_signal)
}

pub(super) fn word<T: FromStr>(text: &OsStr) -> Option<T> {
    read(text, |text| text.parse().ok())
}

pub(super) fn switch(text: &OsStr) -> Option<bool> {
    read(text, |text| match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    })
}

/// A command for a shell.
pub(super) fn command(text: &OsStr) -> Option<String> {
    text.to_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A number from 1 on.
pub(super) fn count(text: &OsStr) -> Option<u32> {
    read(text, |text| text.parse().ok().filter(|count| *count > 0))
}

/// `3,4`.
pub(super) fn codes(text: &OsStr) -> Option<Vec<u8>> {
    read(text, |text| text.split(',').map(|code| code.trim().parse().ok()).collect())
}

/// `2s`, `150ms`, `1m 30s`.
pub(super) fn read_duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// `10/60s`.
pub(super) fn read_budget(text: &str) -> Option<(u32, Duration)> {
    let (restarts, window) = text.split_once('/')?;
    Some((restarts.trim().parse().ok()?, read_duration(window.trim())?))
}

/// `100ms..30s`.
pub(super) fn read_backoff(text: &str) -> Option<(Duration, Duration)> {
    let (first, longest) = text.split_once("..")?;
    Some((read_duration(first.trim())?, read_duration(longest.trim())?))
}

/// `SIGTERM`, `TERM`, `15`, `RTMIN+1`.
pub fn read_signal(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (1..=libc::SIGRTMAX()).contains(&number).then_some(number);
    }
    let name = text.strip_prefix("SIG").unwrap_or(text);
    if let Some(above) = name.strip_prefix("RTMIN+") {
        return read_signal(&(libc::SIGRTMIN() + above.parse::<u8>().ok()? as i32).to_string());
    }
    format!("SIG{name}").parse::<nix::sys::signal::Signal>().ok().map(|signal| signal as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, signal) in [("SIGTERM", 15), ("TERM", 15), ("15", 15), ("RTMIN+1", libc::SIGRTMIN() + 1)] {
            assert_eq!(read_signal(text), Some(signal), "{text}");
        }
        for text in ["0", "65", "-1", "SIGNONE", "RTMIN+99", ""] {
            assert_eq!(read_signal(text), None, "{text}");
        }
    }
}
