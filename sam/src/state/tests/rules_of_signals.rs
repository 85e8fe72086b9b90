//! The operator's stop, forwarding, Ctrl-Z.

use super::{rig::*, *};
use crate::time::Time;

fn group(signal: i32) -> Action {
    Action::Send { signal, to: SignalTarget::Group }
}

#[test]
fn a_stop_is_passed_on_waits_kills_and_leaves_with_the_instance_s_exit() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT] {
        let mut rig = Rig::running(policy());
        let from = rig.now;
        assert_eq!(rig.tell(Event::Signal(signal)), [group(signal)]);
        assert_eq!(rig.sleep(), [Action::Kill]);
        assert_eq!(rig.now, from.after(5 * S));
        assert_eq!(rig.end(crash(9)), None);
        assert_eq!(rig.left(), Some(crash(9)));
        assert_eq!(rig.state.stop_signal(), Some(signal));
    }
}

#[test]
fn a_stop_that_is_obeyed_leaves_with_what_the_instance_left_with() {
    for exit in [Exit::Code(0), Exit::Code(1), crash(15), crash(11)] {
        let mut rig = Rig::running(policy());
        rig.tell(Event::Signal(libc::SIGTERM));
        assert_eq!(rig.end(exit), None);
        assert_eq!(rig.left(), Some(exit));
        assert_eq!(rig.state.last().unwrap().decision, Decision::Stopped);
    }
}

#[test]
fn a_second_stop_is_passed_on_and_moves_no_limit() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Signal(libc::SIGTERM));
    let limit = rig.state.deadline();
    rig.pass(S);
    for signal in [libc::SIGTERM, libc::SIGQUIT] {
        assert_eq!(rig.tell(Event::Signal(signal)), [group(signal)]);
        assert_eq!(rig.state.deadline(), limit);
    }
}

#[test]
fn a_stop_between_instances_leaves_at_once_by_that_signal() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Ended(crash(11)));
    let leave = Action::Exit(crash(libc::SIGINT));
    assert_eq!(rig.tell(Event::Signal(libc::SIGINT)), [leave]);
}

#[test]
fn a_stop_while_one_is_made_is_passed_on_to_it() {
    let mut rig = Rig::new(policy());
    rig.wake();
    let from = rig.now;
    assert_eq!(rig.tell(Event::Signal(libc::SIGTERM)), []);
    rig.pass(S);
    assert_eq!(rig.tell(Event::Spawned), [group(libc::SIGTERM)]);
    assert_eq!(rig.sleep(), [Action::Kill]);
    assert_eq!(rig.now, from.after(5 * S));
}

#[test]
fn a_stop_while_one_cannot_be_made_leaves_by_that_signal() {
    let mut rig = Rig::new(policy());
    rig.wake();
    rig.tell(Event::Signal(libc::SIGTERM));
    assert_eq!(rig.tell(Event::NotSpawned(11)), [Action::Exit(crash(libc::SIGTERM))]);
}

#[test]
fn a_stop_of_a_warned_instance_does_not_prolong_its_life() {
    let mut rig = Rig::running(policy());
    rig.hang_until_warned();
    let limit = rig.state.deadline();
    rig.tell(Event::Signal(libc::SIGTERM));
    assert_eq!(rig.state.deadline(), limit);
    assert_eq!(rig.sleep(), [Action::Kill]);
    assert_eq!(rig.end(crash(9)), None);
}

#[test]
fn a_stop_of_one_that_is_being_killed_is_not_forgotten() {
    let mut rig = Rig::running(policy());
    rig.hang_until_warned();
    rig.sleep();
    assert_eq!(rig.tell(Event::Signal(libc::SIGTERM)), [group(libc::SIGTERM)]);
    assert_eq!(rig.end(crash(9)), None);
}

#[test]
fn a_stop_continues_who_is_halted() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Halted(libc::SIGSTOP));
    let stop = [group(libc::SIGTERM), group(libc::SIGCONT)];
    assert_eq!(rig.tell(Event::Signal(libc::SIGTERM)), stop);
}

#[test]
fn a_stop_without_a_limit_waits_for_ever() {
    let mut rig = Rig::running(Policy { stop_limit: std::time::Duration::MAX, ..policy() });
    rig.tell(Event::Signal(libc::SIGTERM));
    assert_eq!(rig.state.deadline(), Time::NEVER);
}

#[test]
fn a_second_ctrl_c_kills_at_once_but_not_the_first_told_twice() {
    let mut rig = Rig::running(policy());
    assert_eq!(rig.tell(Event::Signal(libc::SIGINT)), [group(libc::SIGINT)]);
    rig.pass(20 * MS);
    assert_eq!(rig.tell(Event::Signal(libc::SIGINT)), [group(libc::SIGINT)]);
    rig.pass(200 * MS);
    assert_eq!(rig.tell(Event::Signal(libc::SIGTERM)), [group(libc::SIGTERM)]);
    assert_eq!(rig.tell(Event::Signal(libc::SIGINT)), [Action::Kill]);
    assert_eq!(rig.end(crash(9)), None);
    // A service manager's stop is no Ctrl-C.
    let mut rig = Rig::running(policy());
    rig.tell(Event::Signal(libc::SIGTERM));
    rig.pass(S);
    assert_eq!(rig.tell(Event::Signal(libc::SIGINT)), [group(libc::SIGINT)]);
}

#[test]
fn a_stop_is_told_by_the_signal_that_the_program_wants() {
    let mut rig = Rig::running(Policy { stop_signal: Some(libc::SIGQUIT), ..policy() });
    assert_eq!(rig.tell(Event::Signal(libc::SIGTERM)), [group(libc::SIGQUIT)]);
    assert_eq!(rig.state.stop_signal(), Some(libc::SIGTERM), "events tell what the operator did");
    let mut rig = Rig::new(Policy { stop_signal: Some(libc::SIGQUIT), ..policy() });
    rig.wake();
    rig.tell(Event::Signal(libc::SIGTERM));
    assert_eq!(rig.tell(Event::Spawned), [group(libc::SIGQUIT)]);
}

#[test]
fn always_means_after_a_clean_end_too_but_not_after_a_stop_or_a_fatal_one() {
    let always = Policy { recovery: Recovery::Always, fatal: Codes::new(&[78]).unwrap(), ..policy() };
    let mut rig = Rig::running(always);
    assert_eq!(rig.end(Exit::Code(0)), Some(NONE));
    assert_eq!(rig.end(Exit::Code(0)), Some(100 * MS), "as slowly as any other");
    assert_eq!(rig.end(Exit::Code(78)), None);
    let mut rig = Rig::running(always);
    rig.tell(Event::Signal(libc::SIGTERM));
    assert_eq!(rig.end(Exit::Code(0)), None);
}

#[test]
fn signals_that_are_passed_on_go_to_the_main_process_unless_the_group_is_to_have_them() {
    for to in [SignalTarget::Main, SignalTarget::Group] {
        let mut rig = Rig::running(Policy { pass_to: to, ..policy() });
        for signal in [libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2, libc::SIGWINCH, libc::SIGRTMIN()] {
            assert_eq!(rig.tell(Event::Signal(signal)), [Action::Send { signal, to }]);
        }
        assert_eq!(rig.tell(Event::Signal(libc::SIGCONT)), [group(libc::SIGCONT)], "as Ctrl-Z went to it");
    }
    assert_eq!(policy().pass_to, SignalTarget::Main, "unless told otherwise");
}

#[test]
fn ctrl_z_halts_the_group_then_us_and_a_continue_makes_all_due_anew() {
    let mut rig = Rig::running(Policy { probe: None, ..policy() });
    rig.beat();
    assert_eq!(rig.tell(Event::Signal(libc::SIGTSTP)), [group(libc::SIGTSTP)]);
    assert_eq!(rig.tell(Event::Halted(libc::SIGTSTP)), [Action::Suspend]);
    assert_eq!(rig.state.stage_name(), "suspended");
    assert_eq!(rig.state.deadline(), Time::NEVER);
    rig.pass(3600 * S);
    assert_eq!(rig.wake(), []);
    assert_eq!(rig.tell(Event::Signal(libc::SIGCONT)), [group(libc::SIGCONT)]);
    rig.tell(Event::Resumed);
    assert_eq!(rig.wake(), []);
    assert_eq!(rig.state.deadline(), rig.now.after(S));
    assert_eq!(rig.sleep(), [Action::Warn { signal: libc::SIGTERM }]);
}

#[test]
fn ctrl_z_after_a_warning_gives_a_whole_grace_anew() {
    let mut rig = Rig::running(policy());
    rig.hang_until_warned();
    rig.tell(Event::Signal(libc::SIGTSTP));
    assert_eq!(rig.tell(Event::Halted(libc::SIGSTOP)), [Action::Suspend]);
    rig.pass(3600 * S);
    assert_eq!(rig.wake(), []);
    rig.tell(Event::Signal(libc::SIGCONT));
    rig.tell(Event::Resumed);
    let from = rig.now;
    assert_eq!(rig.sleep(), [Action::Kill]);
    assert_eq!(rig.now, from.after(S));
}

#[test]
fn ctrl_z_in_the_instance_s_own_terminal_stops_us_too() {
    for signal in [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU] {
        let mut rig = Rig::running(Policy { terminal: true, ..policy() });
        assert_eq!(rig.tell(Event::Halted(signal)), [Action::Suspend]);
        let mut rig = Rig::running(policy());
        assert_eq!(rig.tell(Event::Halted(signal)), []);
    }
}

#[test]
fn a_halt_long_after_ctrl_z_is_no_answer_to_it() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Signal(libc::SIGTSTP));
    rig.pass(6 * S);
    assert_eq!(rig.tell(Event::Halted(libc::SIGSTOP)), []);
}

#[test]
fn ctrl_z_on_one_that_is_halted_already_suspends_at_once() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Halted(libc::SIGSTOP));
    assert_eq!(rig.tell(Event::Signal(libc::SIGTSTP)), [Action::Suspend]);
}

#[test]
fn ctrl_z_between_instances_suspends_at_once() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Ended(crash(11)));
    assert_eq!(rig.tell(Event::Signal(libc::SIGTSTP)), [Action::Suspend]);
    assert_eq!(rig.sleep(), [Action::Spawn { instance: 2 }]);
}

#[test]
fn ctrl_z_does_not_hold_up_a_stop() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Signal(libc::SIGTERM));
    assert_eq!(rig.tell(Event::Signal(libc::SIGTSTP)), []);
    assert_eq!(rig.tell(Event::Halted(libc::SIGTSTP)), []);
    assert_eq!(rig.sleep(), [Action::Kill]);
}

#[test]
fn a_stop_of_the_suspended_ends_in_time() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Signal(libc::SIGTSTP));
    rig.tell(Event::Halted(libc::SIGTSTP));
    rig.pass(3600 * S);
    rig.tell(Event::Signal(libc::SIGTERM));
    rig.tell(Event::Signal(libc::SIGCONT));
    let from = rig.now;
    assert_eq!(rig.sleep(), [Action::Kill]);
    assert_eq!(rig.now, from.after(5 * S));
}

#[test]
fn the_next_instance_is_not_suspended_with_the_last() {
    let mut rig = Rig::running(policy());
    rig.tell(Event::Signal(libc::SIGTSTP));
    rig.tell(Event::Halted(libc::SIGTSTP));
    rig.end(crash(9));
    assert_eq!(rig.state.stage_name(), "running");
    rig.hang_until_warned();
}

#[test]
fn a_stop_is_for_the_main_process_alone_where_the_operator_says_so() {
    let policy = Policy { stop_to: SignalTarget::Main, ..policy() };
    let main = Action::Send { signal: libc::SIGTERM, to: SignalTarget::Main };
    let mut rig = Rig::running(policy);
    assert_eq!(rig.tell(Event::Signal(libc::SIGTERM)), [main]);
    assert_eq!(rig.tell(Event::Signal(libc::SIGTERM)), [main]);
    assert_eq!(rig.sleep(), [Action::Kill]);
    // What a Ctrl-Z has stopped is the whole group.
    let mut rig = Rig::running(policy);
    rig.tell(Event::Halted(libc::SIGSTOP));
    assert_eq!(rig.tell(Event::Signal(libc::SIGTERM)), [main, group(libc::SIGCONT)]);
    let mut rig = Rig::new(policy);
    rig.wake();
    rig.tell(Event::Signal(libc::SIGTERM));
    assert_eq!(rig.tell(Event::Spawned), [main]);
}
