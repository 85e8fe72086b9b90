//! Why an instance that is overdue may not be to blame: facts from `/proc`.

use super::{sys::read_proc, text::Text};
use crate::state::Excuse;
use std::{ffi::CStr, time::Duration};

/// What a start, or a check of its own deadline, is measured by where there is no interval.
const UNTIMED: Duration = Duration::from_secs(1);

/// How long an instance has waited for a processor, as of its last look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waited(Duration);

impl Waited {
    /// What was so far, to compare with later.
    pub(super) fn so_far(pid: i32) -> Waited {
        let mut buffer = [0; 128];
        let path = Text::<40>::of(format_args!("/proc/{pid}/schedstat\0"));
        Waited(read_path(&path, &mut buffer, run_delay).unwrap_or_default())
    }

    /// Whether the instance is held by a debugger, or was ready to run, and did not, for
    /// more than half of the time in which it should have given a sign: the interval, or
    /// [`UNTIMED`] if there is none.
    pub(super) fn excuse(self, pid: i32, interval: Duration) -> Option<Excuse> {
        let time = if interval.is_zero() { UNTIMED } else { interval };
        let mut buffer = [0; 2048];
        let path = Text::<40>::of(format_args!("/proc/{pid}/status\0"));
        if read_path(&path, &mut buffer, is_traced).unwrap_or(false) {
            return Some(Excuse::Traced);
        }
        let waited = Waited::so_far(pid).0.saturating_sub(self.0);
        (waited > time / 2).then_some(Excuse::Starved)
    }
}

fn read_path<T>(path: &Text<40>, buffer: &mut [u8], read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    read(read_proc(CStr::from_bytes_with_nul(path.as_bytes()).ok()?, buffer))
}

/// The second number of `schedstat`: nanoseconds in which the first thread was ready and
/// waited (Linux, `Documentation/scheduler/sched-stats.rst`).
fn run_delay(schedstat: &[u8]) -> Option<Duration> {
    str::from_utf8(schedstat).ok()?.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

fn is_traced(status: &[u8]) -> Option<bool> {
    // The process's name, a line of its own, may be any bytes.
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"TracerPid:"))?;
    Some(line.trim_ascii() != b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        assert_eq!(run_delay(b"2563 1000 7\n"), Some(Duration::from_micros(1)));
        assert_eq!(run_delay(b""), None);
        assert_eq!(is_traced(b"Name:\t\xff\nTracerPid:\t0\n"), Some(false));
        assert_eq!(is_traced(b"Name:\t\xff\nTracerPid:\t77\n"), Some(true));
        assert_eq!(is_traced(b"Name:\t\xff\n"), None);
    }

    #[test]
    fn without_an_interval_the_least_wait_is_no_excuse() {
        let pid = std::process::id().cast_signed();
        while Waited::so_far(pid).0.is_zero() {
            std::hint::spin_loop();
        }
        assert_eq!(Waited::default().excuse(pid, Duration::ZERO), None);
    }

    #[test]
    fn a_process_that_sleeps_has_no_excuse() {
        let pid = std::process::id().cast_signed();
        assert_eq!(Waited::so_far(pid).excuse(pid, Duration::from_secs(3600)), None);
    }
}
