//! What follows an end: restarts, backoff, budget, and the supervisor's own status.

use super::{rig::*, *};
use crate::time::Time;

#[test]
fn the_first_restart_is_at_once_and_then_they_back_off() {
    let mut rig = Rig::running(Policy { budget: Budget { restarts: 64, window: S }, ..policy() });
    let delays: Vec<_> = (0..7).map(|_| rig.end(crash(11)).unwrap().as_millis()).collect();
    assert_eq!(delays, [0, 100, 200, 400, 800, 1000, 1000]);
    assert_eq!(rig.state.instance(), 8);
    assert_eq!(rig.state.restarts(), 7);
}

#[test]
fn jitter_only_shortens_and_by_no_more_than_its_share() {
    let backoff = Backoff { at_once: 1, first: 100 * MS, max: 800 * MS, jitter: 30 };
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let budget = Budget { restarts: 64, window: NONE };
        let mut rig = Rig::running(Policy { backoff, seed, budget, ..policy() });
        for whole in [0, 100, 200, 400, 800, 800] {
            let delay = rig.end(crash(11)).unwrap();
            assert!(delay <= whole * MS && delay >= whole * MS * 7 / 10, "{delay:?} of {whole} ms");
            seen.insert(delay);
        }
    }
    assert!(seen.len() > 900, "only {} different delays", seen.len());
}

#[test]
fn health_resets_the_backoff() {
    let mut rig = Rig::running(policy());
    assert_eq!(rig.end(crash(11)), Some(NONE));
    assert_eq!(rig.end(crash(11)), Some(100 * MS));
    rig.pass(10 * S);
    assert_eq!(rig.end(crash(11)), Some(NONE));
    rig.pass(9_999 * MS);
    assert_eq!(rig.end(crash(11)), Some(100 * MS));
}

#[test]
fn starting_for_long_is_not_health() {
    let mut rig = Rig::new(Policy { start_limit: Some(100 * S), ..policy() });
    rig.wake();
    for delay in [0, 100, 200] {
        rig.tell(Event::Spawned);
        rig.reading.phase = Phase::Starting;
        rig.wake();
        rig.pass(50 * S);
        rig.wake();
        rig.tell(Event::Ended(Exit::Code(1)));
        assert_eq!(rig.state.deadline().since(rig.now), delay * MS);
        rig.sleep();
    }
}

#[test]
fn the_time_in_which_a_hang_went_unseen_is_not_health() {
    let mut rig = Rig::running(Policy { healthy_after: 900 * MS, ..policy() });
    rig.end(crash(11));
    rig.hang_until_warned();
    rig.sleep();
    assert_eq!(rig.end(crash(9)), Some(100 * MS));
}

#[test]
fn the_budget_spent_leaves_with_the_last_exit() {
    let mut rig = Rig::running(policy());
    for _ in 0..5 {
        assert!(rig.end(Exit::Code(3)).is_some());
    }
    assert_eq!(rig.end(Exit::Code(4)), None);
    assert_eq!(rig.left(), Some(Exit::Code(4)));
    assert_eq!(rig.state.last().unwrap().decision, Decision::Spent);
}

#[test]
fn the_budget_comes_back_with_time() {
    let budget = Budget { restarts: 2, window: 60 * S };
    let mut rig = Rig::running(Policy { budget, ..policy() });
    for _ in 0..100 {
        assert!(rig.end(crash(11)).is_some());
        rig.pass(31 * S);
    }
}

#[test]
fn a_budget_of_zero_never_restarts() {
    for window in [NONE, S] {
        let mut rig = Rig::running(Policy { budget: Budget { restarts: 0, window }, ..policy() });
        assert_eq!(rig.end(crash(11)), None);
    }
}

#[test]
fn giving_up_is_never_a_success() {
    let mut rig = Rig::running(Policy { budget: Budget { restarts: 0, window: S }, ..policy() });
    rig.hang_until_warned();
    assert_eq!(rig.end(Exit::Code(0)), None);
    assert_eq!(rig.left(), Some(Exit::Code(1)));
}

#[test]
fn a_clean_exit_ends_the_supervisor_with_the_same_status() {
    let clean = Codes::new(&[3, 4]).unwrap();
    for code in [0, 3, 4] {
        let mut rig = Rig::running(Policy { clean, ..policy() });
        assert_eq!(rig.end(Exit::Code(code)), None);
        assert_eq!(rig.left(), Some(Exit::Code(code)));
        assert_eq!(rig.state.last().unwrap().decision, Decision::Clean);
    }
    assert!(Rig::running(Policy { clean, ..policy() }).end(Exit::Code(5)).is_some());
}

#[test]
fn one_that_had_finished_is_not_restarted_however_it_ends() {
    for exit in [Exit::Code(3), crash(11)] {
        let mut rig = Rig::running(policy());
        rig.reading.phase = Phase::Stopping;
        rig.wake();
        assert_eq!(rig.end(exit), None);
        assert_eq!(rig.left(), Some(exit));
        assert_eq!(rig.state.last().unwrap().decision, Decision::Finished);
    }
    let mut rig = Rig::running(policy());
    rig.reading = Reading { phase: Phase::Stopping, failed: true, ..PARKED };
    rig.wake();
    assert!(rig.end(crash(11)).is_some(), "it has failed as well");
}

#[test]
fn no_more_than_eight_codes_of_a_class() {
    assert!(Codes::new(&[1; 8]).is_some());
    assert_eq!(Codes::new(&[1; 9]), None);
}

#[test]
fn who_leaves_with_0_because_it_was_warned_or_failed_is_restarted() {
    let mut rig = Rig::running(policy());
    rig.hang_until_warned();
    assert!(rig.end(Exit::Code(0)).is_some());
    rig.hang_until_warned();
    rig.sleep();
    assert!(rig.end(Exit::Code(0)).is_some());
    rig.reading.failed = true;
    rig.tell(Event::Look(rig.reading));
    assert!(rig.end(Exit::Code(0)).is_some());
}

#[test]
fn one_that_recovers_on_its_way_out_was_ended_by_the_warning_whatever_it_leaves_with() {
    for exit in [Exit::Code(0), Exit::Code(3), Exit::Code(7), crash(15)] {
        for phase in [Phase::Running, Phase::Ready, Phase::Stopping] {
            let clean = Codes::new(&[3]).unwrap();
            let mut rig = Rig::running(Policy { clean, finalizes: false, ..policy() });
            rig.hang_until_warned();
            rig.pass(100 * MS);
            rig.beat();
            assert_eq!(rig.state.stage(), Stage::Living, "it has recovered");
            rig.reading.phase = phase;
            rig.wake();
            assert!(rig.end(exit).is_some(), "{exit:?} while {phase:?}");
            assert_eq!(rig.state.last().unwrap().cause, Some(Cause::Overdue { check: 0 }));
        }
    }
}

#[test]
fn health_for_long_enough_after_a_warning_clears_it() {
    for (healthy, is_cleared) in [(9_999 * MS, false), (10 * S, true)] {
        let mut rig = Rig::running(policy());
        rig.hang_until_warned();
        rig.beat();
        rig.reading = PARKED;
        rig.pass(healthy);
        assert_eq!(rig.end(Exit::Code(0)).is_none(), is_cleared, "{healthy:?}");
        assert_eq!(rig.state.last().unwrap().cause.is_none(), is_cleared);
    }
}

#[test]
fn to_be_on_the_way_to_an_end_is_not_health() {
    let mut rig = Rig::running(Policy { finalizes: false, ..policy() });
    rig.hang_until_warned();
    rig.reading = Reading { phase: Phase::Stopping, ..PARKED };
    rig.wake();
    rig.pass(60 * S);
    rig.wake();
    assert!(rig.end(Exit::Code(0)).is_some(), "a long shutdown is one that the warning began");
    // Long after it was cleared it ends of its own accord.
    rig.hang_until_warned();
    rig.beat();
    rig.reading = PARKED;
    rig.pass(10 * S);
    rig.reading.phase = Phase::Stopping;
    rig.wake();
    rig.pass(60 * S);
    assert_eq!(rig.end(Exit::Code(0)), None);
}

#[test]
fn one_that_wants_no_further_instance_has_none_whatever_it_was_warned_of() {
    let mut rig = Rig::running(policy());
    rig.hang_until_warned();
    rig.reading = Reading { phase: Phase::Stopping, ..PARKED };
    rig.wake();
    assert_eq!(rig.end(Exit::Code(3)), None);
    assert_eq!(rig.state.last().unwrap().decision, Decision::Finished);
}

#[test]
fn each_kind_of_warning_is_the_cause_of_what_follows() {
    let probe = Some(Probing { every: S, limit: S, failures: 1, tells_ready: false });
    let mut rig = Rig::running(Policy { probe, grace: 60 * S, ..policy() });
    while rig.sleep() != [Action::Probe] {}
    rig.tell(Event::Probed(false));
    while rig.sleep() != [Action::Probe] {}
    rig.tell(Event::Probed(true));
    rig.wake();
    assert!(rig.end(Exit::Code(0)).is_some());
    assert_eq!(rig.state.last().unwrap().cause, Some(Cause::Probe));
    rig.reading.failed = true;
    rig.wake();
    rig.reading.failed = false;
    rig.wake();
    assert!(rig.end(Exit::Code(0)).is_some());
    assert_eq!(rig.state.last().unwrap().cause, Some(Cause::Failed));
}

#[test]
fn exits_while_nothing_is_checked_are_passed_on_where_they_are_to_be() {
    for (phase, passes) in
        [(Phase::Starting, true), (Phase::Ready, true), (Phase::Stopping, true), (Phase::Running, false)]
    {
        let in_phase = || {
            let mut rig = Rig::running(Policy { passes_exits: true, ..policy() });
            rig.reading.phase = phase;
            rig.wake();
            rig
        };
        let mut rig = in_phase();
        assert_eq!(rig.end(Exit::Code(9)).is_none(), passes, "{phase:?}");
        assert_eq!(rig.left(), passes.then_some(Exit::Code(9)));
        // A crash is no exit.
        assert_eq!(in_phase().end(crash(11)).is_none(), phase == Phase::Stopping);
    }
}

#[test]
fn so_many_restarts_in_a_row_are_at_once_and_then_they_back_off() {
    let backoff = Backoff { at_once: 100, ..policy().backoff };
    let mut rig = Rig::running(Policy { backoff, budget: Budget { restarts: 1, window: NONE }, ..policy() });
    for _ in 0..100 {
        assert_eq!(rig.end(crash(11)), Some(NONE));
    }
    for delay in [100, 200, 400, 800, 1000, 1000] {
        assert_eq!(rig.end(crash(11)), Some(delay * MS));
    }
    rig.pass(10 * S);
    assert_eq!(rig.end(crash(11)), Some(NONE), "health makes all of them free again");
}

#[test]
fn a_fatal_code_is_never_restarted_even_after_a_warning() {
    let fatal = Codes::new(&[78]).unwrap();
    let mut rig = Rig::running(Policy { fatal, ..policy() });
    assert!(rig.end(Exit::Code(77)).is_some());
    rig.hang_until_warned();
    assert_eq!(rig.end(Exit::Code(78)), None);
    assert_eq!(rig.left(), Some(Exit::Code(78)));
    assert_eq!(rig.state.last().unwrap().decision, Decision::Fatal);
}

#[test]
fn quit_leaves_with_the_instance_s_own_exit() {
    for exit in [Exit::Code(0), Exit::Code(9), Exit::Signal { signal: 6, core: true }] {
        let mut rig = Rig::running(Policy { recovery: Recovery::Quit, ..policy() });
        assert_eq!(rig.end(exit), None);
        assert_eq!(rig.left(), Some(exit));
    }
}

#[test]
fn a_hang_under_quit_is_warned_killed_and_left_by_sigkill() {
    let mut rig = Rig::running(Policy { recovery: Recovery::Quit, ..policy() });
    rig.hang_until_warned();
    assert_eq!(rig.sleep(), [Action::Kill]);
    assert_eq!(rig.end(crash(9)), None);
    assert_eq!(rig.left(), Some(crash(9)));
}

#[test]
fn what_could_not_be_made_is_tried_again_within_the_budget_and_keeps_its_number() {
    let mut rig = Rig::new(policy());
    let mut tries = 0;
    while rig.left().is_none() {
        assert_eq!(rig.sleep(), [Action::Spawn { instance: 1 }]);
        rig.tell(Event::NotSpawned(libc::EAGAIN));
        tries += 1;
    }
    assert_eq!(tries, 6);
    assert_eq!(rig.left(), Some(Exit::Code(71)));
    assert_eq!(rig.state.last().unwrap().exit, Err(libc::EAGAIN));
}

#[test]
fn quit_does_not_try_again_to_make_one() {
    let mut rig = Rig::new(Policy { recovery: Recovery::Quit, ..policy() });
    rig.sleep();
    assert_eq!(rig.tell(Event::NotSpawned(libc::ENOMEM)), [Action::Exit(Exit::Code(71))]);
}

#[test]
fn after_the_end_nothing_moves() {
    let mut rig = Rig::running(policy());
    rig.end(Exit::Code(0));
    let end = rig.state;
    rig.pass(1000 * S);
    for event in [
        Event::Tick,
        Event::Spawned,
        Event::NotSpawned(1),
        Event::Look(PARKED),
        Event::Ended(crash(9)),
        Event::Halted(19),
        Event::Resumed,
        Event::Signal(15),
        Event::Probed(false),
    ] {
        assert_eq!(rig.tell(event), []);
        assert_eq!(rig.state, end);
    }
    assert_eq!(end.deadline(), Time::NEVER);
}

#[test]
fn a_hand_over_is_no_end_and_keeps_no_halt_of_the_process_before() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Halted(libc::SIGSTOP));
    let before = rig.state;
    assert_eq!(rig.tell(Event::HandedOver), []);
    assert_eq!((rig.state.stage(), rig.state.instance(), rig.state.last()), (before.stage(), 1, None));
    assert_eq!(rig.state.hand_overs(), 1);
    // Who is not stopped needs no SIGCONT.
    rig.hang_until_warned();
    // What was wrong stays wrong: the other process owes what the one before owed.
    assert_eq!(rig.tell(Event::HandedOver), []);
    assert_eq!(rig.sleep(), [Action::Kill]);
}

#[test]
fn a_restart_that_is_asked_for_is_a_stop_that_the_next_follows_whatever_it_ended_with() {
    let budget = Budget { restarts: 0, window: 60 * S };
    for recovery in [Recovery::Restart, Recovery::Quit] {
        for exit in [Exit::Code(0), Exit::Code(64), crash(15)] {
            let fatal = Codes::new(&[64]).unwrap();
            let mut rig = Rig::running(Policy { recovery, budget, fatal, ..policy() });
            let from = rig.now;
            assert_eq!(rig.tell(Event::Restart), [Action::Send { signal: libc::SIGTERM, to: SignalTarget::Group }]);
            assert_eq!(rig.tell(Event::Restart), [], "once is enough");
            assert_eq!(rig.state.deadline(), from.after(5 * S));
            assert_eq!(rig.end(exit), Some(NONE));
            assert_eq!((rig.state.instance(), rig.state.restarts(), rig.state.is_restart_asked()), (2, 1, false));
        }
    }
}

#[test]
fn one_that_does_not_obey_a_restart_is_killed_and_a_stop_is_stronger() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Restart);
    assert_eq!(rig.sleep(), [Action::Kill]);
    assert_eq!(rig.end(crash(9)), Some(NONE));
    rig.tell(Event::Restart);
    assert_eq!(
        rig.tell(Event::Signal(libc::SIGTERM)),
        [Action::Send { signal: libc::SIGTERM, to: SignalTarget::Group }]
    );
    assert_eq!(rig.tell(Event::Restart), []);
    assert_eq!(rig.end(Exit::Code(0)), None);
    assert_eq!(rig.state.last().unwrap().decision, Decision::Stopped);
}

#[test]
fn a_restart_ends_a_delay_and_the_delays_begin_anew() {
    let mut rig = Rig::running(policy());
    assert_eq!(rig.end(crash(11)), Some(NONE));
    rig.tell(Event::Ended(crash(11)));
    let at = rig.now;
    assert!(rig.state.deadline() > at);
    assert_eq!(rig.tell(Event::Restart), []);
    assert_eq!(rig.sleep(), [Action::Spawn { instance: 3 }]);
    assert_eq!(rig.now, at);
    rig.tell(Event::Spawned);
    rig.wake();
    assert_eq!(rig.end(crash(11)), Some(NONE));
}

#[test]
fn each_end_that_is_a_failure_is_told_and_no_other() {
    let policy = Policy { tells_failures: true, fatal: Codes::new(&[64]).unwrap(), ..policy() };
    let told = |policy: Policy, prepare: &[Event], exit| {
        let mut rig = Rig::running(policy);
        prepare.iter().for_each(|event| drop(rig.tell(*event)));
        rig.tell(Event::Ended(exit)).contains(&Action::Failed)
    };
    let none: &[Event] = &[];
    for (exit, is_failure) in [(crash(11), true), (Exit::Code(1), true), (Exit::Code(64), true), (Exit::Code(0), false)]
    {
        assert_eq!(told(policy, none, exit), is_failure, "{exit:?}");
        assert_eq!(told(Policy { recovery: Recovery::Quit, ..policy }, none, exit), is_failure, "{exit:?}");
        assert_eq!(told(Policy { recovery: Recovery::Always, ..policy }, none, exit), is_failure, "{exit:?}");
        assert!(!told(policy, &[Event::Signal(15)], exit) && !told(policy, &[Event::Restart], exit), "{exit:?}");
        assert!(!told(Policy { tells_failures: false, ..policy }, none, exit));
    }
    // Who gives up tells it, too, and before the end.
    let mut rig = Rig::running(Policy { budget: Budget { restarts: 0, window: S }, ..policy });
    assert_eq!(rig.tell(Event::Ended(crash(9))), [Action::Failed, Action::Exit(crash(9))]);
    let mut rig = Rig::new(policy);
    rig.wake();
    assert_eq!(rig.tell(Event::NotSpawned(11)), [Action::Failed]);
}
