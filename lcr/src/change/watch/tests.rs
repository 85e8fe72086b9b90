//! The meeting of a transaction's thread and its caller, step by step.

use super::*;

fn watch(limit: Duration) -> Watch {
    Watch::new(Deadline::after(Instant::now(), limit))
}

#[test]
fn a_committed_transaction_is_neither_refused_nor_given_up() {
    let watch = watch(Duration::ZERO);
    watch.decide().unwrap();
    watch.publish(7);
    assert_eq!(watch.refuse(), Outcome::Committed(7));
    assert!(watch.lock().state.give_up().is_none());
    assert_eq!(watch.committed(), Some(7));
}

#[test]
fn a_refused_transaction_is_not_committed() {
    let watch = watch(Duration::ZERO);
    assert_eq!(watch.refuse(), Outcome::Refused);
    assert!(watch.decide().is_err() && watch.lock().state.give_up().is_none());
    watch.publish(7);
    assert_eq!((watch.refuse(), watch.committed()), (Outcome::Refused, None));
}

#[test]
fn an_abandoned_transaction_is_neither_committed_nor_undone_by_its_thread() {
    let watch = watch(Duration::ZERO);
    assert!(watch.wait().is_err());
    assert!(watch.decide().is_err() && watch.check().is_err());
    watch.publish(7);
    assert_eq!((watch.refuse(), watch.committed()), (Outcome::Abandoned, None));
}

fn looks_at(watch: &Watch) -> Deadline {
    let watched = watch.lock();
    let State::Running(progress) = &watched.state else { panic!("the transaction does not run") };
    progress.looks_at
}

#[test]
fn the_caller_looks_at_the_earliest_deadline_and_never_gives_up_before_the_present_one() {
    let start = Instant::now();
    let after = |seconds| Deadline::after(start, Duration::from_secs(seconds));
    let watch = Watch::new(after(30));
    watch.enter(Phase::Drain, ThreadId::NONE, after(40)).unwrap();
    assert_eq!(looks_at(&watch), after(30), "nothing has woken the caller");
    watch.enter_before(Phase::Gate, ThreadId::NONE, after(3), after(2)).unwrap();
    assert_eq!(looks_at(&watch), after(2));
    watch.enter(Phase::HandOver, ThreadId::NONE, after(2)).unwrap();
    assert_eq!(looks_at(&watch), after(2));
    watch.enter_before(Phase::Gate, ThreadId::NONE, after(60), Deadline::after(start, Duration::ZERO)).unwrap();
    assert!(watch.lock().state.give_up().is_none(), "the deadline of the phase has not passed");
}

#[test]
fn a_caller_that_wakes_too_early_waits_for_the_deadline_of_the_phase() {
    let start = Instant::now();
    let deadline = Deadline::after(start, Duration::from_millis(20));
    let watch = watch(Duration::from_secs(30));
    watch.enter_before(Phase::Gate, ThreadId::NONE, deadline, Deadline::after(start, Duration::ZERO)).unwrap();
    let stalled = watch.wait().unwrap_err();
    assert!(stalled.phase == Phase::Gate && deadline.has_passed());
}

#[test]
fn a_caller_that_sleeps_is_woken_for_an_earlier_deadline() {
    let watch = watch(Duration::from_secs(3600));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| watch.wait());
        std::thread::sleep(Duration::from_millis(5));
        watch.enter(Phase::HandOver, ThreadId::NONE, Deadline::after(Instant::now(), Duration::ZERO)).unwrap();
        assert!(waiting.join().unwrap().is_err());
    });
}

#[test]
fn a_caller_gives_the_thread_a_moment_behind_the_deadline_and_again_if_it_comes_late_from_that() {
    let watch = watch(Duration::ZERO);
    let began = Instant::now();
    assert!(watch.wait().is_err());
    assert!(began.elapsed() >= LAST);
    // It sleeps, and the machine stands still for longer than that.
    let mut state = Watch::new(Deadline::after(began, Duration::ZERO)).watched.into_inner().unwrap().state;
    let deadline = |state: &State| match state {
        State::Running(progress) => progress.deadline,
        _ => panic!("it does not run"),
    };
    state.make_up(began);
    assert_eq!(deadline(&state), Deadline::after(began, LAST));
    std::thread::sleep(2 * LAST);
    let now = Instant::now();
    state.make_up(now);
    assert_eq!(deadline(&state), Deadline::after(now, LAST));
}

#[test]
fn a_transaction_that_has_decided_to_commit_is_not_given_up() {
    let watch = watch(Duration::ZERO);
    watch.decide().unwrap();
    assert!(watch.lock().state.give_up().is_none());
    assert_eq!(watch.refuse(), Outcome::Refused, "a panic before the publication is undone");
}
