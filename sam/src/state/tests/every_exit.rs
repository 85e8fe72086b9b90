//! Every exit code and every signal through both policies; every signal in every stage.

use super::{rig::*, *};

#[test]
fn every_exit_code_through_both_policies() {
    let clean = Codes::new(&[3, 255]).unwrap();
    let fatal = Codes::new(&[64, 254]).unwrap();
    for code in 0..=255 {
        let exit = Exit::Code(code);
        let mut quit = Rig::running(Policy { recovery: Recovery::Quit, clean, fatal, ..policy() });
        assert_eq!(quit.end(exit), None);
        assert_eq!(quit.left(), Some(exit));
        let mut restart = Rig::running(Policy { clean, fatal, ..policy() });
        let ends = [0, 3, 255, 64, 254].contains(&code);
        assert_eq!(restart.end(exit), (!ends).then_some(NONE), "{code}");
        assert_eq!(restart.left(), ends.then_some(exit));
        assert_eq!(restart.state.instance(), if ends { 1 } else { 2 });
    }
}

#[test]
fn every_death_by_signal_through_both_policies() {
    for signal in 1..=64 {
        for core in [false, true] {
            let exit = Exit::Signal { signal, core };
            let mut quit = Rig::running(Policy { recovery: Recovery::Quit, ..policy() });
            assert_eq!(quit.end(exit), None);
            assert_eq!(quit.left(), Some(exit));
            let mut restart = Rig::running(policy());
            assert_eq!(restart.end(exit), Some(NONE));
            let mut spent = Rig::running(Policy { budget: Budget { restarts: 0, window: S }, ..policy() });
            assert_eq!(spent.end(exit), None);
            assert_eq!(spent.left(), Some(exit));
        }
    }
}

/// One rig in each stage, and whether an instance lives in it.
fn every_stage() -> Vec<(&'static str, Rig, bool)> {
    let waiting = Rig::new(policy());
    let mut spawning = Rig::new(policy());
    spawning.wake();
    let in_phase = |phase| {
        let mut rig = Rig::new(policy());
        rig.wake();
        rig.tell(Event::Spawned);
        rig.reading.phase = phase;
        rig.wake();
        rig
    };
    let mut warned = Rig::running(policy());
    warned.hang_until_warned();
    let mut killing = Rig::running(policy());
    killing.hang_until_warned();
    killing.sleep();
    let mut stopping = Rig::running(policy());
    stopping.tell(Event::Signal(libc::SIGTERM));
    let mut suspended = Rig::running(policy());
    suspended.tell(Event::Signal(libc::SIGTSTP));
    suspended.tell(Event::Halted(libc::SIGTSTP));
    let mut left = Rig::running(policy());
    left.end(Exit::Code(0));
    vec![
        ("waiting", waiting, false),
        ("spawning", spawning, false),
        ("starting", in_phase(Phase::Starting), true),
        ("ready", in_phase(Phase::Ready), true),
        ("running", in_phase(Phase::Running), true),
        ("stopping", in_phase(Phase::Stopping), true),
        ("warned", warned, true),
        ("killing", killing, true),
        ("stopping", stopping, true),
        ("suspended", suspended, true),
        ("left", left, false),
    ]
}

#[test]
fn every_signal_in_every_stage() {
    for signal in -1..=66 {
        for (name, mut rig, lives) in every_stage() {
            assert_eq!(rig.state.stage_name(), name);
            assert_eq!(rig.state.lives(), lives);
            let what = format!("signal {signal} while {name}");
            let halted = name == "suspended";
            let actions = rig.tell(Event::Signal(signal));
            let sent = Action::Send { signal, to: SignalTarget::Group };
            match signal {
                libc::SIGTERM | libc::SIGINT | libc::SIGQUIT => {
                    match name {
                        "waiting" => assert_eq!(actions, [Action::Exit(crash(signal))], "{what}"),
                        _ if lives => assert_eq!(actions[0], sent, "{what}"),
                        _ => assert_eq!(actions, [], "{what}"),
                    }
                    assert_eq!(rig.state.stop_signal().is_some(), name != "left", "{what}");
                    // However it goes on, it ends, and nothing new is made.
                    if name == "spawning" {
                        rig.tell(Event::Spawned);
                    }
                    if name != "left" && name != "waiting" {
                        assert_eq!(rig.end(Exit::Code(7)), None, "{what}");
                        assert_eq!(rig.left(), Some(Exit::Code(7)), "{what}");
                    }
                }
                libc::SIGTSTP => match name {
                    "waiting" | "suspended" => assert_eq!(actions, [Action::Suspend], "{what}"),
                    _ if matches!(rig.state.stage(), Stage::Living | Stage::Warned { .. }) => {
                        assert_eq!(actions, [sent], "{what}");
                    }
                    _ => assert_eq!(actions, [], "{what}"),
                },
                libc::SIGCHLD | libc::SIGKILL | libc::SIGSTOP | -1..=0 | 65..=66 => {
                    assert_eq!(actions, [], "{what}");
                }
                libc::SIGCONT if lives => assert_eq!(actions, [sent], "{what}"),
                _ if lives => assert_eq!(actions, [Action::Send { signal, to: SignalTarget::Main }], "{what}"),
                _ => assert_eq!(actions, [], "{what}"),
            }
            assert!(!halted || signal != libc::SIGCONT || rig.state.stage_name() == "running");
        }
    }
}

#[test]
fn an_interrupt_that_was_ignored_is_passed_on_and_no_stop() {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        let mut rig = Rig::running(Policy { ignored: [(signal, true), (libc::SIGTERM, false)], ..policy() });
        let to = policy().pass_to;
        assert_eq!(rig.tell(Event::Signal(signal)), [Action::Send { signal, to }]);
        assert_eq!((rig.state.stage_name(), rig.state.stop_signal()), ("running", None));
        rig.tell(Event::Signal(libc::SIGTERM));
        assert_eq!(rig.state.stop_signal(), Some(libc::SIGTERM));
    }
}
