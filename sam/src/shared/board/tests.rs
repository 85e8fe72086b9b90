//! What the supervisor sees on boards of honest and of hostile instances.

use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::*;
use crate::shared::now;
use crate::state::Exit;
use crate::testing::{allocations, fork};

const INTERVAL: Duration = Duration::from_secs(2);

fn board() -> Board {
    Board::create(3, INTERVAL, false).unwrap()
}

fn label(name: &str) -> Label {
    Label::new(name).unwrap()
}

fn reading(board: &Board, now: u64) -> Reading {
    board.reading(Time(now), Some(INTERVAL), |_| None)
}

fn seconds(count: u64) -> u64 {
    count * 1_000_000_000
}

#[test]
fn a_new_board_is_parked_and_starting() {
    let reading = reading(&board(), seconds(100));
    let expected =
        Reading { phase: Phase::Starting, failed: false, due: Time::NEVER, check: 0, answered: 0, excuse: None };
    assert_eq!(reading, expected);
}

#[test]
fn a_beat_moves_what_is_due() {
    let board = board();
    board.unpark(MAIN, Time(seconds(10)));
    assert_eq!(reading(&board, seconds(11)).due, Time(seconds(12)));
    board.beat_at(MAIN, Time(seconds(11)));
    assert_eq!(reading(&board, seconds(11)).due, Time(seconds(13)));
    board.park(MAIN);
    assert_eq!(reading(&board, seconds(99)).due, Time::NEVER);
    board.unpark(MAIN, Time(seconds(200)));
    assert_eq!(reading(&board, seconds(200)).due, Time(seconds(202)));
}

#[test]
fn a_count_is_settled_once_and_one_that_is_not_is_of_now() {
    let board = Board::create(3, INTERVAL, true).unwrap();
    board.unpark(MAIN, Time(seconds(10)));
    board.beat(MAIN);
    assert_eq!(reading(&board, seconds(11)).due, Time(seconds(13)));
    assert_eq!(board.check(MAIN, Time(seconds(11))).unwrap().silent, Duration::ZERO);
    board.settle(|_| Time(seconds(11)));
    board.settle(|_| panic!("it is a time now"));
    assert_eq!(reading(&board, seconds(99)).due, Time(seconds(13)));
    // A beat meanwhile stays.
    board.beat(MAIN);
    board.settle(|_| {
        board.beat_at(MAIN, Time(seconds(20)));
        Time(seconds(15))
    });
    assert_eq!(reading(&board, seconds(99)).due, Time(seconds(22)));
    board.count_no_more();
    board.beat(MAIN);
    board.settle(|_| panic!("it is a time from the beginning"));
}

#[test]
fn the_first_check_that_is_due_is_named() {
    let board = board();
    board.unpark(MAIN, Time(seconds(10)));
    board.claim(5, &label("slow"), Duration::from_secs(60), Time(seconds(10)));
    board.claim(7, &label("fast"), Duration::from_secs(1), Time(seconds(10)));
    let seen = reading(&board, seconds(10));
    assert_eq!((seen.due, seen.check), (Time(seconds(11)), 7));
    assert_eq!(board.check(7, Time(seconds(10))).unwrap().label.as_str(), "fast");
    board.release(7);
    let seen = reading(&board, seconds(10));
    assert_eq!((seen.due, seen.check), (Time(seconds(12)), 0));
    assert_eq!(board.check(7, Time(seconds(10))), None);
    let without_main = board.reading(Time(seconds(10)), None, |_| None);
    assert_eq!((without_main.due, without_main.check), (Time(seconds(70)), 5));
}

#[test]
fn an_excuse_is_looked_for_only_when_something_is_due() {
    let board = board();
    board.unpark(MAIN, Time(seconds(10)));
    board.reading(Time(seconds(12) - 1), Some(INTERVAL), |_| panic!("nothing is due"));
    let seen = board.reading(Time(seconds(12)), Some(INTERVAL), |check| {
        assert_eq!(check, 0);
        Some(Excuse::Traced)
    });
    assert_eq!(seen.excuse, Some(Excuse::Traced));
}

#[test]
fn questions_and_answers_meet() {
    let board = board();
    assert_eq!(board.asked(), None);
    board.ask(7);
    assert_eq!(board.asked(), Some(7));
    board.answer(7, Time(seconds(1)));
    assert_eq!(board.asked(), None);
    assert_eq!(reading(&board, seconds(1)).answered, 7);
}

#[test]
fn only_a_signal_that_can_be_caught_warns() {
    let board = board();
    assert_eq!(board.warn_signal(), None);
    for (signal, seen) in [
        (libc::SIGUSR1, Some(libc::SIGUSR1)),
        (0, None),
        (libc::SIGKILL, Some(libc::SIGKILL)),
        (libc::SIGSTOP, None),
        (-1, None),
        (1000, None),
    ] {
        board.set_warn_signal(signal);
        assert_eq!(board.warn_signal(), seen, "{signal}");
    }
}

#[test]
fn an_instance_reads_its_last_warning() {
    let board = board();
    assert_eq!(board.warned(), None);
    board.set_warned(Cause::Failed);
    board.set_warned(Cause::Overdue { check: 9 });
    let warned = board.warned().unwrap();
    assert_eq!((warned.number, warned.cause), (2, Cause::Overdue { check: 9 }));
}

#[test]
fn the_next_board_tells_how_the_last_one_ended() {
    let (last, next) = (board(), board());
    assert_eq!(next.report(), None);
    last.unpark(MAIN, Time(seconds(10)));
    last.claim(9, &label("writer"), Duration::from_secs(5), Time(seconds(10)));
    last.park(9);
    for exit in [Exit::Code(77), Exit::Signal { signal: 11, core: true }, Exit::Signal { signal: 9, core: false }] {
        let ended = ExitRecord {
            exit,
            hung: Some(label("main")),
            failed: true,
            lived: Duration::from_secs(9),
            user: Duration::from_millis(8),
            system: Duration::from_micros(7),
            max_rss: 6,
        };
        next.set_report(&ended, &last, Time(seconds(14)));
        assert_eq!(next.report(), Some(ended));
    }
    let main = next.past_check(MAIN).unwrap();
    assert_eq!((main.label.as_str(), main.parked, main.silent), ("main", false, Duration::from_secs(4)));
    let writer = next.past_check(9).unwrap();
    assert_eq!((writer.label.as_str(), writer.parked, writer.deadline), ("writer", true, Duration::from_secs(5)));
    assert_eq!((next.past_check(1), next.past_check(CHECKS)), (None, None));
}

#[test]
fn both_sides_see_one_board_and_nothing_else_is_one() {
    let ours = board();
    let theirs = Board::map(ours.as_fd().try_clone_to_owned().unwrap()).unwrap();
    assert_eq!((theirs.instance(), theirs.interval()), (3, INTERVAL));
    theirs.set_failed();
    theirs.set_phase(Phase::Stopping);
    let seen = reading(&ours, 0);
    assert_eq!((seen.failed, seen.phase), (true, Phase::Stopping));
    assert!(Board::map(memory::sealed(NAME, 2 * LEN).unwrap()).is_err());
    ours.layout().layout.store(LAYOUT_VERSION - 1, Ordering::Relaxed);
    let other = Board::map(ours.as_fd().try_clone_to_owned().unwrap());
    assert_eq!(other.unwrap_err().kind(), io::ErrorKind::InvalidInput, "of another version");
}

#[test]
fn only_checks_that_were_ever_used_are_looked_at() {
    let board = board();
    assert_eq!(board.used().len(), 1);
    board.claim(CHECKS - 1, &label("last"), Duration::from_secs(1), Time(0));
    assert_eq!((board.used().len(), reading(&board, 0).due), (CHECKS, Time(seconds(1))));
    board.release(CHECKS - 1);
    board.claim(5, &label("other"), Duration::from_secs(1), Time(0));
    assert_eq!(board.used().len(), CHECKS);
    board.layout().used.store(u32::MAX, Ordering::Relaxed);
    assert_eq!(board.used().len(), CHECKS);
    // The first is in the first page, and the supervisor touches no other for it.
    assert!(std::mem::offset_of!(BoardLayout, checks) + size_of::<CheckLayout>() <= 4096);
}

/// Everything that a supervisor reads of a board; that it returns is the point.
fn read_all(board: &Board, now: Time) -> usize {
    let seen = board.reading(now, Some(INTERVAL), |_| Some(Excuse::Starved));
    assert!(usize::from(seen.check) < CHECKS);
    let other = board.reading(now, None, |_| None);
    assert!(usize::from(other.check) < CHECKS);
    if let Some(signal) = board.warn_signal() {
        assert!(can_warn(signal));
    }
    let _ = board.by_asking();
    let ended = ExitRecord {
        exit: Exit::Code(0),
        hung: None,
        failed: false,
        lived: Duration::MAX,
        user: Duration::MAX,
        system: Duration::MAX,
        max_rss: u64::MAX,
    };
    let next = Board::create(1, Duration::MAX, false).unwrap();
    next.set_report(&ended, board, now);
    let seen = next.report().unwrap();
    assert_eq!(seen.exit, Exit::Code(0));
    (0..=CHECKS).filter(|&index| board.check(index, now).is_some_and(|check| !check.label.as_str().is_empty())).count()
}

fn fill(board: &Board, bytes: impl Iterator<Item = u64>) {
    let words = board.mapping.address().cast::<AtomicU64>();
    for (index, word) in bytes.take(LEN / 8).enumerate() {
        // SAFETY: `index` is within the mapping.
        let at = unsafe { words.add(index) };
        // SAFETY: mapped, aligned, and touched as an atomic only.
        unsafe { at.as_ref() }.store(word, Ordering::Relaxed);
    }
}

#[test]
fn a_board_full_of_ones_harms_nobody() {
    for byte in 0..=255_u8 {
        let board = board();
        fill(&board, std::iter::repeat(u64::from_ne_bytes([byte; 8])));
        for now in [0, seconds(1), u64::MAX - 1] {
            read_all(&board, Time(now));
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_on_a_board_harm_nobody(seed: u64, now: u64) {
        let board = board();
        let mut random = fastrand::Rng::with_seed(seed);
        fill(&board, std::iter::repeat_with(|| random.u64(..)));
        read_all(&board, Time(now));
    }
}

#[test]
fn a_process_that_scribbles_while_the_supervisor_reads_harms_nobody() {
    let board = board();
    let child = fork(|| {
        let mut random = fastrand::Rng::with_seed(7);
        loop {
            fill(&board, std::iter::repeat_with(|| random.u64(..)));
        }
    });
    let mut seen = 0;
    while seen < 5_000 {
        seen += read_all(&board, now());
    }
    drop(child);
}

#[test]
fn a_hole_in_the_board_reads_as_a_new_one() {
    let board = board();
    board.set_failed();
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    use std::os::fd::AsRawFd;
    // SAFETY: a system call on our own descriptor; atomics may change at any time.
    assert_eq!(unsafe { libc::fallocate(board.fd.as_raw_fd(), mode, 0, LEN as libc::off_t) }, 0);
    assert!(!reading(&board, 5).failed);
    read_all(&board, Time(5));
}

/// A new deadline together with an old beat would be a hang that was none.
#[test]
fn a_slot_that_is_used_again_while_it_is_read_is_not_overdue() {
    let (old, new) = (Time(seconds(1)), Time(seconds(1_000_000)));
    let board = board();
    board.claim(1, &label("patient"), Duration::MAX, old);
    let check = &board.layout().checks[1];
    let due = due_when(check, new, None, || {
        board.release(1);
        // As far as `claim` may have come: the deadline is the new one's, the beat is not yet.
        check.deadline.store(seconds(5), Ordering::Relaxed);
    });
    assert!(due >= new, "overdue since {:?}", new.since(due));
    // And one that came all the way back to active.
    board.release(1);
    board.claim(1, &label("patient"), Duration::MAX, old);
    let due = due_when(check, new, None, || {
        board.release(1);
        board.claim(1, &label("hasty"), Duration::from_secs(5), new);
    });
    assert!(due >= new, "overdue since {:?}", new.since(due));
}

#[test]
fn slots_that_a_thread_uses_again_and_again_are_never_overdue() {
    let board = board();
    let (old, new) = (Time(seconds(1)), Time(seconds(1_000_000)));
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for index in 1..CHECKS {
                    board.claim(index, &label("patient"), Duration::MAX, old);
                    board.release(index);
                    board.claim(index, &label("hasty"), Duration::from_secs(5), new);
                    board.release(index);
                }
            }
        });
        for _ in 0..50_000 {
            let due = reading(&board, new.0).due;
            assert!(due >= new, "overdue since {:?}", new.since(due));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_supervisors_side_allocates_nothing() {
    let old = board();
    assert_eq!(allocations(|| drop((read_all(&old, Time(1)), board()))), 0);
    let wrong = memory::sealed(NAME, 2 * LEN).unwrap();
    assert_eq!(allocations(|| assert!(Board::map(wrong).is_err())), 0, "an error is no reason");
    assert_eq!(allocations(|| old.ask(1)), 0);
}
