//! Turns beats by the processor's counter into times.
//!
//! Reading `CLOCK_MONOTONIC` is most of what a beat costs. So an instance writes where the counter below that
//! clock stands instead (x86-64: the time stamp counter). At its next look the supervisor works out when
//! that was, from pairs of counter and clock that it reads itself.
//!
//! **Why the supervisor can rely on it.** It uses the counter only
//! 1. as long as the kernel takes its own time from that counter. The kernel has then found that the
//!    counter runs at one rate, in idle, too, and in step on all processors, and it goes on watching that.
//!    The supervisor reads the kernel's choice again once a second, if there are beats;
//! 2. as long as counter and clock have advanced alike since the last look. While the machine is suspended
//!    the clock stands still, and the counter does not, or begins anew. A machine that was moved to other
//!    hardware may have another counter.
//!
//! Once either has failed, beats are times from then on, for good. The counts that are on the board at that
//! moment say nothing any more. The supervisor takes them for beats of now, so it never takes an instance
//! that lives for a hang, and it notices an instance that hangs one interval later at most.
//! Before the first [`SHORTEST`] is over, the rate of the counter is unknown, and counts are taken for beats
//! of now, too; the supervisor wakes at the end of that time to learn the rate. If counter and clock have
//! parted meanwhile, the rate is wrong, and the next look finds that out.

use std::time::Duration;

use crate::{
    shared::{Board, COUNTER, count, now},
    supervisor::kernel::sys::read_proc,
    time::Time,
};

/// The shortest stretch of time that tells the rate well enough to judge the next stretch by it.
const SHORTEST: Duration = Duration::from_millis(50);

/// How far counter and clock may be apart after a stretch of time, in addition to 1/512 of it. The kernel
/// corrects a clock by 1/2000 at most.
const SLACK: Duration = Duration::from_millis(1);

/// How often the supervisor reads the kernel's choice while there are beats.
const AGAIN: Duration = Duration::from_secs(1);

/// What the supervisor knows of the counter.
#[derive(Debug)]
pub(crate) struct Tsc {
    first: Pair,
    newest: Pair,
    /// When the kernel's choice was last read.
    read: Time,
    is_trusted: bool,
    /// Whether `first` and the pair before `newest` are far enough apart to tell the rate.
    is_known: bool,
}

/// Counter and clock at one moment.
#[derive(Clone, Copy, Debug)]
struct Pair {
    count: u64,
    time: Time,
}

impl Tsc {
    pub(crate) fn new() -> Tsc {
        let pair = Pair::read();
        Tsc { first: pair, newest: pair, read: pair.time, is_trusted: is_the_kernels(), is_known: false }
    }

    /// Whether instances may beat by the counter.
    pub(crate) fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// When the supervisor must look so that the rate is known; `NEVER` once it is.
    pub(crate) fn due(&self) -> Time {
        let is_wanted = self.is_trusted && self.newest.time.since(self.first.time) < SHORTEST;
        if is_wanted { self.first.time.after(SHORTEST) } else { Time::NEVER }
    }

    /// Puts the time that a count stands for in its place, for each beat on a board that is a count.
    pub(crate) fn settle(&mut self, board: &Board) {
        // At each look, with beats or without: the shorter a stretch, the shorter a suspension it can hide.
        let now = Pair::read();
        self.advance(now);
        board.settle(|count| {
            self.ask_the_kernel(now.time, is_the_kernels);
            self.time_of(count, now)
        });
        if !self.is_trusted {
            board.count_no_more();
        }
    }

    /// Takes in a new pair.
    fn advance(&mut self, now: Pair) {
        self.is_known = self.newest.time.since(self.first.time) >= SHORTEST;
        self.is_trusted &= is_in_step(self.first, self.newest, now);
        self.newest = now;
    }

    /// Reads the kernel's choice again, if it is time.
    fn ask_the_kernel(&mut self, now: Time, is_the_kernels: impl FnOnce() -> bool) {
        if self.is_trusted && now.since(self.read) >= AGAIN {
            self.read = now;
            self.is_trusted = is_the_kernels();
        }
    }

    /// The time at which the counter stood at `count`; `now` is the newest pair.
    fn time_of(&self, count: u64, now: Pair) -> Time {
        let counted = now.count.saturating_sub(self.first.count);
        let Some(pace) = pace(self.first, now).filter(|_| self.is_trusted && self.is_known) else { return now.time };
        // A count beyond `now` is a beat since then. No beat is older than supervision.
        let age = now.count.saturating_sub(count).min(counted) as f64 * pace;
        Time(now.time.0.saturating_sub(age as u64))
    }
}

impl Pair {
    /// Reads a pair: the one of three tries that was interrupted least.
    fn read() -> Pair {
        let tries = [(); 3].map(|()| {
            let (before, time, after) = (count(), now(), count());
            let width = after.saturating_sub(before);
            (width, Pair { count: before + width / 2, time })
        });
        let [first, rest @ ..] = tries;
        rest.into_iter().fold(first, |best, this| if this.0 < best.0 { this } else { best }).1
    }
}

/// How many nanoseconds a count takes; `None` if the counter stood still or went back. With 53 bits the error
/// is less than a microsecond in a hundred days.
fn pace(from: Pair, to: Pair) -> Option<f64> {
    let counted = to.count.checked_sub(from.count).filter(|&counted| counted > 0)?;
    Some(to.time.0.saturating_sub(from.time.0) as f64 / counted as f64)
}

/// Whether counter and clock went on from `newest` to `now` at the same rate as from `first` to `newest`.
fn is_in_step(first: Pair, newest: Pair, now: Pair) -> bool {
    if newest.time.since(first.time) < SHORTEST {
        return newest.count >= first.count && now.count >= newest.count;
    }
    let (Some(pace), Some(counted)) = (pace(first, newest), now.count.checked_sub(newest.count)) else { return false };
    let passed = now.time.0.saturating_sub(newest.time.0) as f64;
    (counted as f64 * pace - passed).abs() <= SLACK.as_nanos() as f64 + passed / 512.0
}

/// Whether the kernel takes its time from the counter that we read.
fn is_the_kernels() -> bool {
    let mut buffer = [0; 32];
    let chosen = read_proc(c"/sys/devices/system/clocksource/clocksource0/current_clocksource", &mut buffer);
    !COUNTER.is_empty() && chosen.trim_ascii() == COUNTER.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter of 2.5 GHz that began to be watched at a count of 1,000.
    fn after(millis: u64) -> Pair {
        Pair { count: 1_000 + 2_500_000 * millis, time: Time(1_000_000 * millis) }
    }

    fn tsc() -> Tsc {
        Tsc { first: after(0), newest: after(0), read: Time(0), is_trusted: true, is_known: false }
    }

    fn millis(time: Time) -> f64 {
        time.0 as f64 / 1e6
    }

    #[test]
    fn a_count_is_the_time_when_the_counter_stood_there() {
        let mut tsc = tsc();
        for look in [1, 60] {
            tsc.advance(after(look));
            assert_eq!(tsc.time_of(after(0).count, after(look)), after(look).time, "no rate is known yet");
        }
        for look in [61, 500, 86_400_000] {
            let now = after(look);
            tsc.advance(now);
            assert!(tsc.is_trusted());
            for beat in [0, look / 2, look - 1, look] {
                assert_eq!(millis(tsc.time_of(after(beat).count, now)), beat as f64);
            }
            assert_eq!(tsc.time_of(u64::MAX >> 1, now), now.time, "one that is still to come");
            assert_eq!(tsc.time_of(0, now), Time(0), "one of before supervision");
        }
    }

    #[test]
    fn a_machine_that_slept_before_the_rate_was_known_makes_no_beat_older() {
        // It was suspended for an hour between the beat and the first look.
        let mut tsc = tsc();
        let now = Pair { count: after(3_610_000).count, time: after(10_000).time };
        tsc.advance(now);
        let beat = after(9_900);
        assert!(tsc.time_of(beat.count, now) >= beat.time, "{:?}", tsc.time_of(beat.count, now));
        // The next look finds that the rate is no rate.
        tsc.advance(Pair { count: after(3_615_000).count, time: after(15_000).time });
        assert!(!tsc.is_trusted());
    }

    #[test]
    fn a_clock_that_is_corrected_is_in_step() {
        let mut tsc = tsc();
        tsc.advance(after(1_000));
        let slower = Pair { time: Time(after(11_000).time.0 - 5_000_000), ..after(11_000) };
        tsc.advance(slower);
        assert!(tsc.is_trusted());
    }

    #[test]
    fn what_parts_counter_and_clock_ends_it_for_good() {
        let suspended = Pair { count: after(9_000).count, time: after(1_500).time };
        let reset = Pair { count: 17, time: after(1_500).time };
        let stopped = Pair { count: after(1_000).count, time: after(1_500).time };
        for parted in [suspended, reset, stopped] {
            let mut tsc = tsc();
            tsc.advance(after(1_000));
            tsc.advance(parted);
            assert!(!tsc.is_trusted(), "{parted:?}");
            assert_eq!(tsc.time_of(after(1_100).count, parted), parted.time, "a beat that may be of now");
            tsc.advance(Pair { count: parted.count + 2_500_000, time: Time(parted.time.0 + 1_000_000) });
            assert!(!tsc.is_trusted());
        }
    }

    #[test]
    fn the_kernels_choice_is_read_once_a_second() {
        let mut tsc = tsc();
        tsc.ask_the_kernel(after(999).time, || panic!("it was read a moment ago"));
        tsc.ask_the_kernel(after(1_000).time, || true);
        tsc.ask_the_kernel(after(1_999).time, || panic!("it was read a moment ago"));
        tsc.ask_the_kernel(after(2_000).time, || false);
        assert!(!tsc.is_trusted());
    }

    #[test]
    fn real_beats_settle_to_when_they_were_made() {
        let mut tsc = Tsc::new();
        let board = Board::create(1, Duration::from_secs(1), tsc.is_trusted()).unwrap();
        assert!(!tsc.is_trusted() || tsc.due() != Time::NEVER);
        while tsc.due() != Time::NEVER {
            tsc.settle(&board);
        }
        for index in 0..4 {
            let until = now().after(Duration::from_millis(20));
            while now() < until {
                std::hint::spin_loop();
            }
            let before = now();
            board.unpark(index, Time(1));
            board.beat(index);
            let after = now();
            tsc.settle(&board);
            let later = now();
            let at = Time(later.0 - board.check(index, later).unwrap().silent.as_nanos() as u64);
            // How wrong a look may be that reads the two at an unlucky moment.
            let near = SLACK;
            assert!(at.after(near) >= before && after.after(near) >= at, "{at:?} is not in {before:?}..={after:?}");
        }
    }

    #[test]
    fn one_that_is_not_trusted_has_instances_beat_by_the_clock() {
        let mut tsc = Tsc { is_trusted: false, ..Tsc::new() };
        let board = Board::create(1, Duration::from_secs(1), true).unwrap();
        board.unpark(0, Time(1));
        board.beat(0);
        let before = now();
        tsc.settle(&board);
        board.settle(|_| panic!("all are settled"));
        assert!(board.check(0, before).unwrap().silent < Duration::from_nanos(before.0), "it was taken for one of now");
        board.beat(0);
        board.settle(|_| panic!("it is no count"));
    }
}
