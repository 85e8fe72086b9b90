//! The messages of `sd_notify(3)`: lines of `NAME=value`. This passes over lines that mean nothing to this
//! supervisor (RELOADING, FDSTORE, BARRIER and unknown names).

use std::time::Duration;

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notification<'a> {
    /// `READY=1`: the program serves.
    Ready,
    /// `STOPPING=1`: the program is about to end of its own accord.
    Stopping,
    /// `WATCHDOG=1`: the program is well.
    Alive,
    /// `WATCHDOG=trigger`: the program has failed.
    Failed,
    /// `EXTEND_TIMEOUT_USEC=`: the program's start, or its end, takes this long from now.
    Extend(Duration),
    /// `WATCHDOG_USEC=`: how often the program says that it is well from now on. Zero: it does not.
    Watchdog(Duration),
    /// `MAINPID=`: this process is the main one from now on.
    Main(i32),
    /// `STATUS=`: how the program describes itself.
    Status(&'a [u8]),
}

/// The lines of a message that mean something to the supervisor.
pub(crate) fn notifications(message: &[u8]) -> impl Iterator<Item = Notification<'_>> {
    message.split(|&byte| byte == b'\n').filter_map(|line| {
        let equals = line.iter().position(|&byte| byte == b'=')?;
        match (&line[..equals], &line[equals + 1..]) {
            (b"READY", b"1") => Some(Notification::Ready),
            (b"STOPPING", b"1") => Some(Notification::Stopping),
            (b"WATCHDOG", b"1") => Some(Notification::Alive),
            (b"WATCHDOG", b"trigger") => Some(Notification::Failed),
            (b"EXTEND_TIMEOUT_USEC", micros) => {
                str::from_utf8(micros).ok()?.parse().ok().map(Duration::from_micros).map(Notification::Extend)
            }
            (b"WATCHDOG_USEC", micros) => {
                str::from_utf8(micros).ok()?.parse().ok().map(Duration::from_micros).map(Notification::Watchdog)
            }
            (b"MAINPID", pid) => str::from_utf8(pid).ok()?.parse().ok().filter(|pid| *pid > 0).map(Notification::Main),
            (b"STATUS", text) => Some(Notification::Status(text)),
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
            Notification::Ready,
            Notification::Main(7),
            Notification::Status(b"a=b\xff"),
            Notification::Alive,
            Notification::Failed,
            Notification::Extend(Duration::from_micros(1500)),
            Notification::Stopping,
            Notification::Watchdog(Duration::ZERO),
            Notification::Watchdog(Duration::from_millis(7)),
        ];
        assert!(notifications(message).eq(expected));
    }

    #[test]
    fn what_is_nearly_a_word_is_none() {
        let nearly = b"READY=\nREADY=10\nREADY\nready=1\n READY=1\nWATCHDOG=0\nEXTEND_TIMEOUT_USEC=-1\n\
            EXTEND_TIMEOUT_USEC=18446744073709551616\nMAINPID=0\nWATCHDOG_USEC=\nWATCHDOG_USEC=-1\nWATCHDOG_USEC=1s\nMAINPID=-3\nMAINPID=x\n\
            EXTEND_TIMEOUT_USEC=\nREADY=1\0\n=1\n=";
        assert_eq!(notifications(nearly).next(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_say_something_or_nothing(bytes: Vec<u8>) {
            let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() + 1;
            prop_assert!(notifications(&bytes).count() <= lines);
        }
    }
}
