//! Warnings, kills, excuses, questions and probes, one rule a test.

use super::{rig::*, *};
use crate::time::Time;

const WARN: Action = Action::Warn { signal: libc::SIGTERM };
const CONTINUE: Action = Action::Send { signal: libc::SIGCONT, to: SignalTarget::Main };

#[test]
fn a_hang_is_warned_when_due_and_killed_a_grace_later() {
    let mut rig = Rig::running(policy());
    rig.beat();
    let beat = rig.now;
    assert_eq!(rig.sleep(), [WARN]);
    assert_eq!(rig.now, beat.after(S));
    assert_eq!(rig.state.stage_name(), "warned");
    assert_eq!(rig.sleep(), [Action::Kill]);
    assert_eq!(rig.now, beat.after(2 * S));
    assert_eq!(rig.state.deadline(), Time::NEVER);
    assert_eq!(rig.end(crash(9)), Some(NONE));
    let last = rig.state.last().unwrap();
    assert_eq!(last.cause, Some(Cause::Overdue { check: 0 }));
    assert_eq!(last.lived, 2 * S);
}

#[test]
fn a_beat_moves_the_deadline() {
    let mut rig = Rig::running(policy());
    for _ in 0..100 {
        rig.beat();
        rig.pass(999 * MS);
        assert_eq!(rig.wake(), []);
    }
}

#[test]
fn a_grace_of_nothing_kills_at_the_same_wake_up() {
    let mut rig = Rig::running(Policy { grace: NONE, ..policy() });
    rig.beat();
    assert_eq!(rig.sleep(), [WARN, Action::Kill]);
}

#[test]
fn who_recovers_is_warned_again_at_the_next_miss() {
    let mut rig = Rig::running(policy());
    for _ in 0..5 {
        rig.hang_until_warned();
        rig.pass(500 * MS);
        rig.beat();
        assert_eq!(rig.state.stage(), Stage::Living);
    }
    rig.hang_until_warned();
    assert_eq!(rig.sleep(), [Action::Kill]);
}

#[test]
fn a_recovery_that_nobody_saw_earns_a_new_warning() {
    let mut rig = Rig::running(policy());
    rig.hang_until_warned();
    // One check's beat came, and it is overdue again when we look.
    rig.reading.due = Time(rig.now.0 + 1_000_000);
    rig.now = rig.state.deadline();
    assert_eq!(rig.wake(), [WARN]);
    assert_eq!(rig.sleep(), [Action::Kill]);
}

#[test]
fn a_long_grace_does_not_delay_the_next_warning() {
    let mut rig = Rig::running(Policy { grace: 60 * S, ..policy() });
    rig.hang_until_warned();
    rig.pass(10 * MS);
    let due = rig.now.after(S);
    rig.reading.due = due;
    assert_eq!(rig.sleep(), []);
    assert_eq!(rig.sleep(), [WARN]);
    assert_eq!(rig.now, due);
}

#[test]
fn parked_means_no_timer() {
    let mut rig = Rig::running(policy());
    rig.beat();
    assert_ne!(rig.state.deadline(), Time::NEVER);
    rig.reading = PARKED;
    rig.wake();
    assert_eq!(rig.state.deadline(), Time::NEVER);
}

#[test]
fn who_parks_after_a_warning_is_not_killed() {
    let mut rig = Rig::running(policy());
    rig.hang_until_warned();
    rig.reading = PARKED;
    assert_eq!(rig.sleep(), []);
    assert_eq!(rig.state.deadline(), Time::NEVER);
}

#[test]
fn an_interval_of_zero_has_no_main_check_but_named_ones() {
    let mut rig = Rig::running(Policy { interval: NONE, ..policy() });
    rig.reading.due = Time(1);
    assert_eq!(rig.wake(), []);
    assert_eq!(rig.state.deadline(), Time::NEVER);
    rig.reading.check = 7;
    rig.reading.due = rig.now.after(S);
    rig.wake();
    assert_eq!(rig.sleep(), [WARN]);
    rig.sleep();
    rig.end(crash(9));
    assert_eq!(rig.state.last().unwrap().cause, Some(Cause::Overdue { check: 7 }));
}

#[test]
fn mark_failed_is_a_miss_that_nothing_excuses() {
    for interval in [NONE, S] {
        let mut rig = Rig::running(Policy { interval, ..policy() });
        rig.reading = Reading { failed: true, excuse: Some(Excuse::Traced), ..PARKED };
        assert_eq!(rig.wake(), [WARN]);
        let warned = rig.now;
        while rig.state.stage_name() == "warned" {
            rig.sleep();
        }
        assert_eq!(rig.now, warned.after(S));
        rig.end(crash(9));
        assert_eq!(rig.state.last().unwrap().cause, Some(Cause::Failed));
    }
}

#[test]
fn who_takes_mark_failed_back_lives() {
    let mut rig = Rig::running(policy());
    rig.reading.failed = true;
    assert_eq!(rig.wake(), [WARN]);
    rig.reading.failed = false;
    assert_eq!(rig.sleep(), []);
    assert_eq!(rig.state.stage(), Stage::Living);
}

#[test]
fn our_own_lateness_excuses_once_and_only_above_the_slack() {
    for (late, excused) in [(250 * MS, false), (251 * MS, true), (3600 * S, true)] {
        let mut rig = Rig::running(policy());
        rig.beat();
        rig.now = rig.state.deadline().after(late);
        assert_eq!(rig.wake().is_empty(), excused, "{late:?}");
        if excused {
            assert_eq!(rig.state.deadline(), rig.now.after(S));
            rig.now = rig.state.deadline().after(late);
            assert_eq!(rig.wake(), [WARN]);
        }
    }
}

#[test]
fn our_lateness_is_excused_again_after_a_beat() {
    let mut rig = Rig::running(policy());
    for _ in 0..20 {
        rig.beat();
        rig.now = rig.state.deadline().after(S);
        assert_eq!(rig.wake(), []);
    }
}

#[test]
fn the_slack_is_at_least_50_ms() {
    let mut rig = Rig::running(Policy { interval: 10 * MS, ..policy() });
    rig.reading.due = rig.now.after(10 * MS);
    rig.wake();
    rig.now = rig.state.deadline().after(50 * MS);
    assert_eq!(rig.wake(), [WARN]);
}

#[test]
fn the_starved_are_excused_ten_times_in_a_row() {
    let mut rig = Rig::running(policy());
    for _ in 0..2 {
        rig.beat();
        rig.reading.excuse = Some(Excuse::Starved);
        for _ in 0..10 {
            assert_eq!(rig.sleep(), []);
            assert_eq!(rig.state.deadline(), rig.now.after(S));
        }
        rig.reading.excuse = None;
    }
    rig.reading.excuse = Some(Excuse::Starved);
    assert_eq!(rig.sleep(), [WARN]);
}

#[test]
fn the_traced_are_excused_without_end() {
    let mut rig = Rig::running(policy());
    rig.beat();
    rig.reading.excuse = Some(Excuse::Traced);
    for _ in 0..1000 {
        assert_eq!(rig.sleep(), []);
    }
    rig.reading.excuse = None;
    assert_eq!(rig.sleep(), [WARN]);
}

#[test]
fn who_is_stopped_by_sigstop_and_overdue_is_hung_and_woken_for_the_warning() {
    let mut rig = Rig::running(Policy { terminal: true, ..policy() });
    rig.beat();
    assert_eq!(rig.tell(Event::Halted(libc::SIGSTOP)), []);
    assert_eq!(rig.sleep(), [WARN, CONTINUE]);
    assert_eq!(rig.sleep(), [Action::Kill]);
}

#[test]
fn who_is_not_ready_in_time_is_warned_and_killed() {
    let mut rig = Rig::new(Policy { start_limit: Some(3 * S), ..policy() });
    rig.wake();
    rig.tell(Event::Spawned);
    rig.reading.phase = Phase::Starting;
    let spawned = rig.now;
    rig.wake();
    assert_eq!(rig.state.stage_name(), "starting");
    assert_eq!(rig.sleep(), [WARN]);
    assert_eq!(rig.now, spawned.after(3 * S));
    assert_eq!(rig.sleep(), [Action::Kill]);
    rig.end(crash(9));
    assert_eq!(rig.state.last().unwrap().cause, Some(Cause::Start));
}

#[test]
fn who_is_ready_in_time_has_no_start_limit_any_more() {
    let mut rig = Rig::running(Policy { start_limit: Some(3 * S), ..policy() });
    assert_eq!(rig.state.deadline(), Time::NEVER);
    rig.reading.phase = Phase::Starting;
    rig.pass(10 * S);
    assert_eq!(rig.wake(), []);
}

fn asked(actions: &[Action]) -> u64 {
    match *actions {
        [Action::Ask(number)] => number,
        _ => panic!("no question alone in {actions:?}"),
    }
}

#[test]
fn a_question_comes_each_interval_while_running_and_each_has_its_own_number() {
    let mut rig = Rig::new(Policy { checks: Checks::Asks, ..policy() });
    rig.wake();
    rig.tell(Event::Spawned);
    let mut numbers = vec![asked(&rig.wake())];
    for _ in 0..100 {
        let last = rig.now;
        rig.pass(400 * MS);
        rig.reading.answered = *numbers.last().unwrap();
        assert_eq!(rig.wake(), []);
        numbers.push(asked(&rig.sleep()));
        assert_eq!(rig.now, last.after(S));
    }
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 101);
    assert!(!numbers.contains(&0));
}

#[test]
fn no_answer_and_a_wrong_answer_are_a_hang() {
    for wrong in [0, 1, u64::MAX] {
        let mut rig = Rig::running(Policy { checks: Checks::Asks, ..policy() });
        let from = rig.now;
        rig.reading.answered = wrong;
        assert_eq!(rig.sleep(), [WARN]);
        assert_eq!(rig.now, from.after(S));
        assert_eq!(rig.sleep(), [Action::Kill]);
        rig.end(crash(9));
        assert_eq!(rig.state.last().unwrap().cause, Some(Cause::Unanswered));
    }
}

#[test]
fn nobody_is_asked_while_not_running() {
    let mut rig = Rig::running(Policy { checks: Checks::Asks, ..policy() });
    rig.reading.phase = Phase::Ready;
    assert_eq!(rig.wake(), []);
    assert_eq!(rig.state.deadline(), Time::NEVER);
    rig.reading.phase = Phase::Running;
    asked(&rig.wake());
}

fn probed() -> Policy {
    Policy { probe: Some(Probing { every: 10 * S, limit: 2 * S, failures: 3, tells_ready: false }), ..policy() }
}

#[test]
fn so_many_failed_probes_in_a_row_are_a_complaint() {
    let mut rig = Rig::running(probed());
    for well in [false, false, true, false, false] {
        assert_eq!(rig.sleep(), [Action::Probe]);
        rig.pass(S);
        assert_eq!(rig.tell(Event::Probed(well)), []);
    }
    assert_eq!(rig.sleep(), [Action::Probe]);
    assert_eq!(rig.tell(Event::Probed(false)), [WARN]);
    while rig.state.stage_name() == "warned" {
        rig.sleep();
    }
    rig.end(crash(9));
    assert_eq!(rig.state.last().unwrap().cause, Some(Cause::Probe));
}

#[test]
fn a_good_probe_after_the_warning_saves() {
    let mut rig = Rig::running(Policy { grace: 60 * S, ..probed() });
    while rig.state.stage_name() == "running" {
        rig.sleep();
    }
    while rig.sleep() != [Action::Probe] {}
    rig.tell(Event::Probed(true));
    rig.wake();
    assert_eq!(rig.state.stage(), Stage::Living);
}

#[test]
fn a_probe_that_takes_too_long_is_stopped_and_has_failed() {
    let mut rig = Rig::running(probed());
    for _ in 0..2 {
        assert_eq!(rig.sleep(), [Action::Probe]);
        let from = rig.now;
        assert_eq!(rig.sleep(), [Action::StopProbe]);
        assert_eq!(rig.now, from.after(2 * S));
    }
    assert_eq!(rig.sleep(), [Action::Probe]);
    assert_eq!(rig.sleep(), [Action::StopProbe, WARN]);
}

#[test]
fn a_probe_that_takes_too_long_under_no_grace_kills_at_the_same_tick() {
    let probe = Some(Probing { every: S, limit: S, failures: 1, tells_ready: false });
    let mut rig = Rig::running(Policy { grace: NONE, probe, ..policy() });
    assert_eq!(rig.sleep(), [Action::Probe]);
    assert_eq!(rig.sleep(), [Action::StopProbe, WARN, Action::Kill]);
}

#[test]
fn a_probe_ends_with_its_instance() {
    let mut rig = Rig::running(probed());
    assert_eq!(rig.sleep(), [Action::Probe]);
    assert_eq!(rig.tell(Event::Ended(crash(11))), [Action::StopProbe]);
    // An event about it that comes late has no effect.
    assert_eq!(rig.tell(Event::Probed(false)), []);
}

#[test]
fn times_of_zero_do_not_spin() {
    let mut rig = Rig::running(Policy {
        probe: Some(Probing { every: NONE, limit: NONE, failures: 0, tells_ready: false }),
        interval: NONE,
        ..policy()
    });
    while rig.state.stage_name() != "killing" {
        let from = rig.now;
        rig.sleep();
        assert!(rig.state.deadline() > from);
    }
}

#[test]
fn failed_probes_of_one_that_boots_do_not_count_and_the_first_good_one_ends_the_start_limit() {
    let probe = Some(Probing { every: 10 * S, limit: 2 * S, failures: 1, tells_ready: true });
    let mut rig = Rig::new(Policy { probe, start_limit: Some(30 * S), interval: NONE, ..policy() });
    rig.wake();
    rig.tell(Event::Spawned);
    rig.reading.phase = Phase::Starting;
    rig.wake();
    for _ in 0..20 {
        let from = rig.now;
        assert_eq!(rig.sleep(), [Action::Probe]);
        assert_eq!(rig.now, from.after(S), "at least once a second");
        assert_eq!(rig.tell(Event::Probed(false)), []);
        assert_eq!(rig.wake(), []);
        assert_eq!(rig.state.stage_name(), "starting");
    }
    rig.sleep();
    rig.tell(Event::Probed(true));
    // As the supervisor has it then.
    rig.reading.phase = Phase::Ready;
    rig.wake();
    assert_eq!(rig.state.stage_name(), "ready");
    while rig.sleep() != [Action::Probe] {}
    assert_eq!(rig.tell(Event::Probed(false)), [WARN], "from here on they count");
}

#[test]
fn one_that_no_probe_finds_well_has_its_start_limit_and_no_more() {
    let probe = Some(Probing { every: S, limit: 2 * S, failures: 1, tells_ready: true });
    let mut rig = Rig::new(Policy { probe, start_limit: Some(3 * S), ..policy() });
    rig.wake();
    rig.tell(Event::Spawned);
    rig.reading.phase = Phase::Starting;
    let spawned = rig.now;
    let mut actions = rig.wake();
    while !actions.contains(&WARN) {
        actions = rig.sleep();
        if actions.contains(&Action::Probe) {
            rig.tell(Event::Probed(false));
        }
    }
    assert_eq!(rig.now, spawned.after(3 * S));
}

#[test]
fn a_probe_that_could_not_be_started_says_nothing() {
    let mut rig = Rig::running(probed());
    for _ in 0..10 {
        assert_eq!(rig.sleep(), [Action::Probe]);
        assert_eq!(rig.tell(Event::Unprobed), []);
    }
    assert_eq!(rig.state.stage_name(), "running");
}

#[test]
fn one_that_says_itself_when_it_is_ready_is_not_probed_before() {
    let probe = Some(Probing { every: S, limit: S, failures: 1, tells_ready: false });
    let mut rig = Rig::new(Policy { probe, says_ready: true, interval: NONE, ..policy() });
    rig.reading.phase = Phase::Starting;
    rig.wake();
    rig.tell(Event::Spawned);
    rig.wake();
    assert_eq!(rig.state.deadline(), Time::NEVER);
    rig.reading.phase = Phase::Ready;
    rig.wake();
    assert_eq!(rig.sleep(), [Action::Probe]);
}

#[test]
fn an_interval_may_change_while_the_instance_runs() {
    let mut rig = Rig::running(policy());
    rig.beat();
    rig.state.set_interval(NONE);
    // What its board says of the main check is nothing then.
    assert_eq!((rig.wake(), rig.state.deadline()), (vec![], Time::NEVER));
    rig.pass(10 * S);
    assert_eq!(rig.wake(), []);
    rig.state.set_interval(3 * S);
    rig.reading.due = rig.now.after(3 * S);
    rig.wake();
    let from = rig.now;
    assert_eq!(rig.sleep(), [Action::Warn { signal: libc::SIGTERM }]);
    assert_eq!(rig.now, from.after(3 * S));
}
