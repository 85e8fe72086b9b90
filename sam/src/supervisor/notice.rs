//! The words of `sd_notify(3)`: lines of `NAME=value`. Those that say nothing to this
//! supervisor (RELOADING, FDSTORE, BARRIER and whatever comes) are passed over.

use std::time::Duration;

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice<'a> {
    /// `READY=1`: it serves.
    Ready,
    /// `STOPPING=1`: it is on its way to an end of its own.
    Stopping,
    /// `WATCHDOG=1`: it is well.
    Alive,
    /// `WATCHDOG=trigger`: it is not.
    Failed,
    /// `EXTEND_TIMEOUT_USEC=`: what it is at, its start or its end, takes this long from now.
    Extend(Duration),
    /// `WATCHDOG_USEC=`: how often it says that it is well from here on; zero: it does not.
    Watchdog(Duration),
    /// `MAINPID=`: another process is the service from here on.
    Main(i32),
    /// `STATUS=`: itself, in its own words.
    Status(&'a [u8]),
}

/// What a message says, line by line.
pub(super) fn notices(message: &[u8]) -> impl Iterator<Item = Notice<'_>> {
    message.split(|&byte| byte == b'\n').filter_map(|line| {
        let equals = line.iter().position(|&byte| byte == b'=')?;
        match (&line[..equals], &line[equals + 1..]) {
            (b"READY", b"1") => Some(Notice::Ready),
            (b"STOPPING", b"1") => Some(Notice::Stopping),
            (b"WATCHDOG", b"1") => Some(Notice::Alive),
            (b"WATCHDOG", b"trigger") => Some(Notice::Failed),
            (b"EXTEND_TIMEOUT_USEC", micros) => {
                str::from_utf8(micros).ok()?.parse().ok().map(Duration::from_micros).map(Notice::Extend)
            }
            (b"WATCHDOG_USEC", micros) => {
                str::from_utf8(micros).ok()?.parse().ok().map(Duration::from_micros).map(Notice::Watchdog)
            }
            (b"MAINPID", pid) => str::from_utf8(pid).ok()?.parse().ok().filter(|pid| *pid > 0).map(Notice::Main),
            (b"STATUS", text) => Some(Notice::Status(text)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_word_is_understood_among_others() {
        let message = b"READY=1\nMAINPID=7\nSTATUS=a=b\xff\nWATCHDOG=1\n\nWATCHDOG=trigger\nEXTEND_TIMEOUT_USEC=1500\nSTOPPING=1\nWATCHDOG_USEC=0\nWATCHDOG_USEC=7000\n";
        let expected = [
            Notice::Ready,
            Notice::Main(7),
            Notice::Status(b"a=b\xff"),
            Notice::Alive,
            Notice::Failed,
            Notice::Extend(Duration::from_micros(1500)),
            Notice::Stopping,
            Notice::Watchdog(Duration::ZERO),
            Notice::Watchdog(Duration::from_millis(7)),
        ];
        assert!(notices(message).eq(expected));
    }

    #[test]
    fn what_is_nearly_a_word_is_none() {
        let nearly = b"READY=\nREADY=10\nREADY\nready=1\n READY=1\nWATCHDOG=0\nEXTEND_TIMEOUT_USEC=-1\n\
            EXTEND_TIMEOUT_USEC=18446744073709551616\nMAINPID=0\nWATCHDOG_USEC=\nWATCHDOG_USEC=-1\nWATCHDOG_USEC=1s\nMAINPID=-3\nMAINPID=x\n\
            EXTEND_TIMEOUT_USEC=\nREADY=1\0\n=1\n=";
        assert_eq!(notices(nearly).next(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_say_something_or_nothing(bytes: Vec<u8>) {
            let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() + 1;
            prop_assert!(notices(&bytes).count() <= lines);
        }
    }
}
