//! Whether an overdue instance is excused, because a debugger holds it or it got no processor. The facts
//! come from `/proc`.

use crate::{
    state::Excuse,
    supervisor::{kernel::sys::read_proc, text::Text},
    time::Time,
};
use std::{ffi::CStr, time::Duration};

/// The scheduler counts in ticks, so its numbers for a shorter time say nothing.
const BRIEFEST: Duration = Duration::from_millis(20);

/// The processor time that an instance's first thread has had in its life so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CpuTime {
    at: Time,
    ran: Duration,
    /// How long the thread was ready and waited. The scheduler adds a wait when the thread runs again.
    waited: Duration,
}

/// The share of a processor that an instance has had since its last sign of life. That sign came between the
/// last two changes of when the next one is due, so one of the two notes fits whatever is overdue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuShare {
    older: CpuTime,
    newer: CpuTime,
    due: Time,
}

impl CpuShare {
    pub(crate) fn new(now: Time) -> CpuShare {
        let none = CpuTime { at: now, ran: Duration::ZERO, waited: Duration::ZERO };
        CpuShare { older: none, newer: none, due: Time::NEVER }
    }

    /// Notes when the next sign of life is due. If that has changed, the instance has given a sign.
    pub(crate) fn note(&mut self, pid: i32, due: Time, now: Time) {
        if due == self.due || due == Time::NEVER || due <= now {
            return;
        }
        self.due = due;
        if let Some(turns) = turns(pid, now) {
            (self.older, self.newer) = (self.newer, turns);
        }
    }

    /// The instance's excuse, if it has one: a debugger holds it; or for more than half of the time in which it
    /// should have given a sign, it was ready to run and did not run.
    pub(crate) fn excuse(&self, pid: i32, now: Time) -> Option<Excuse> {
        let mut buffer = [0; 2048];
        let path = Text::<40>::of(format_args!("/proc/{pid}/status\0"));
        let (traced, ready) = read_path(&path, &mut buffer, |status| Some((is_traced(status)?, is_ready(status)?)))?;
        if traced {
            return Some(Excuse::Traced);
        }
        self.starved(ready, turns(pid, now)?).then_some(Excuse::Starved)
    }

    /// Whether the instance was starved. `ready`: its first thread runs or waits to run.
    fn starved(&self, ready: bool, turns: CpuTime) -> bool {
        let is_brief = turns.at.since(self.newer.at) < BRIEFEST;
        let from = if is_brief { self.older } else { self.newer };
        let time = turns.at.since(from.at);
        let ran = turns.ran.saturating_sub(from.ran);
        let waited = turns.waited.saturating_sub(from.waited);
        // No number has a wait that still goes on: then the thread is ready, and has hardly run.
        time >= BRIEFEST && (waited > time / 2 || ready && ran < time / 4)
    }
}

fn read_path<T>(path: &Text<40>, buffer: &mut [u8], read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    read(read_proc(CStr::from_bytes_with_nul(path.as_bytes()).ok()?, buffer))
}

fn turns(pid: i32, now: Time) -> Option<CpuTime> {
    let mut buffer = [0; 128];
    let path = Text::<40>::of(format_args!("/proc/{pid}/schedstat\0"));
    let (ran, waited) = read_path(&path, &mut buffer, ran_and_waited)?;
    Some(CpuTime { at: now, ran, waited })
}

/// The first numbers of `schedstat`: for how many nanoseconds the first thread has run, and for how many it
/// was ready and waited (Linux, `Documentation/scheduler/sched-stats.rst`). A kernel that does not count
/// says that the thread never ran.
fn ran_and_waited(schedstat: &[u8]) -> Option<(Duration, Duration)> {
    let mut numbers = str::from_utf8(schedstat).ok()?.split_ascii_whitespace().map(str::parse);
    let (ran, waited) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (ran > 0).then_some((Duration::from_nanos(ran), Duration::from_nanos(waited)))
}

/// A line of `status`, by its name. The process's name, which has a line of its own, may be any bytes.
fn line<'a>(status: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    Some(status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))?.trim_ascii())
}

fn is_traced(status: &[u8]) -> Option<bool> {
    Some(line(status, b"TracerPid:")? != b"0")
}

fn is_ready(status: &[u8]) -> Option<bool> {
    Some(line(status, b"State:")?.starts_with(b"R"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_kernels_words_are_read() {
        assert_eq!(ran_and_waited(b"2563 1000 7\n"), Some((Duration::from_nanos(2563), Duration::from_micros(1))));
        assert_eq!(ran_and_waited(b"0 0 0\n"), None, "a kernel that does not count");
        assert_eq!(ran_and_waited(b""), None);
        assert_eq!(is_traced(b"Name:\t\xff\nTracerPid:\t0\n"), Some(false));
        assert_eq!(is_traced(b"Name:\t\xff\nTracerPid:\t77\n"), Some(true));
        assert_eq!(is_traced(b"Name:\t\xff\n"), None);
        assert_eq!(is_ready(b"Name:\tState:\nState:\tR (running)\n"), Some(true));
        assert_eq!(is_ready(b"Name:\t\xff\nState:\tD (disk sleep)\n"), Some(false));
    }

    /// Of the milliseconds of its life.
    fn got(at: u32, ran: u32, waited: u32) -> CpuTime {
        CpuTime { at: Time(0).after(at * MS), ran: ran * MS, waited: waited * MS }
    }

    #[test]
    fn who_got_no_turn_at_all_was_starved_however_little_the_scheduler_has_counted() {
        let share = CpuShare { older: got(0, 0, 0), newer: got(300, 100, 0), due: Time::NEVER };
        assert!(share.starved(true, got(600, 101, 0)));
        assert!(!share.starved(false, got(600, 101, 0)), "it sleeps");
        assert!(!share.starved(true, got(600, 398, 0)), "it spins");
        assert!(share.starved(false, got(600, 101, 299)), "it waited, and then slept");
    }

    #[test]
    fn an_instance_that_gave_its_sign_long_before_the_last_look_is_judged_from_an_earlier_one() {
        let share = CpuShare { older: got(0, 0, 0), newer: got(300, 5, 270), due: Time::NEVER };
        assert!(share.starved(false, got(310, 5, 280)));
        let share = CpuShare { older: got(0, 0, 0), newer: got(300, 288, 0), due: Time::NEVER };
        assert!(!share.starved(true, got(310, 288, 0)), "it spins, and the scheduler's tick is yet to come");
    }

    #[test]
    fn one_that_was_starved_once_and_then_hangs_is_excused_once() {
        let share = CpuShare { older: got(0, 0, 0), newer: got(300, 100, 0), due: Time::NEVER };
        assert!(share.starved(false, got(600, 101, 290)));
        assert!(!share.starved(false, got(900, 101, 290)));
    }

    #[test]
    fn a_process_that_sleeps_has_no_excuse() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id().cast_signed();
        let share = CpuShare::new(Time(0));
        let excuse = loop {
            // Until it has come to its sleep.
            match share.excuse(pid, Time(0).after(3_600_000 * MS)) {
                Some(Excuse::Starved) => std::hint::spin_loop(),
                excuse => break excuse,
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(excuse, None);
    }
}
