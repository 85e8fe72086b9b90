//! Phases, beats, checks, questions, and children that have no part in them.

use std::time::Duration;

use crate::{
    app::{
        Question, WarningCause, app,
        attach::{self, Supervision},
    },
    error::ErrorKind,
    shared::{Board, MAIN, now},
    state::{Cause, Phase},
    testing::{Supervisor, fork},
    time::Time,
    wire::Turn,
};

use super::{LONG, null, phase, until};

/// The board of this instance: what its supervisor sees too.
fn board() -> &'static Board {
    match attach::supervision() {
        Supervision::Attached(attached) => &attached.board,
        supervision => panic!("{supervision:?}"),
    }
}

#[test]
fn each_change_of_phase_is_on_the_board_and_told() {
    let mut supervisor = Supervisor::new(1);
    let mut instance = supervisor.spawn(|| {
        let state = || {
            let reading = board().reading(now(), Some(LONG), |_| None);
            (reading.phase, reading.due != Time::NEVER, reading.failed)
        };
        assert_eq!(state(), (Phase::Starting, false, false));
        app().ready();
        assert_eq!(state(), (Phase::Ready, false, false));
        app().resume_checks();
        assert_eq!(state(), (Phase::Running, true, false));
        app().ready();
        assert_eq!(state(), (Phase::Running, true, false), "it is more than ready");
        app().pause_checks();
        assert_eq!(state(), (Phase::Ready, false, false));
        app().mark_failed();
        assert_eq!(state(), (Phase::Ready, false, true));
        app().finalize();
        assert_eq!(state(), (Phase::Stopping, false, true));
        app().resume_checks();
        assert_eq!(state(), (Phase::Stopping, false, true), "there is no way back");
    });
    let mut told = 0;
    assert_eq!(supervisor.serve(&mut instance, |_, turn: Turn| told += turn.packets - turn.garbage), Ok(0));
    assert_eq!(told, 5);
    assert_eq!(phase(&instance), Phase::Stopping);
}

#[test]
fn named_checks_park_nest_and_end() {
    let mut supervisor = Supervisor::new(1);
    let mut instance = supervisor.spawn(|| {
        let parked = || board().check(1, now()).map(|check| check.parked);
        let check = app().check("task", LONG).unwrap();
        assert_eq!(parked(), Some(false));
        let (outer, inner) = (check.parked(), check.parked());
        assert_eq!(parked(), Some(true));
        drop(outer);
        assert_eq!(parked(), Some(true));
        board().beat_at(1, Time(1));
        drop(inner);
        assert_eq!(parked(), Some(false));
        assert_eq!(board().check(1, Time(1 + 7)).unwrap().silent, Duration::ZERO, "the deadline begins anew");
        board().beat_at(1, Time(1));
        assert_eq!(board().check(1, Time(1 + 7)).unwrap().silent, Duration::from_nanos(7));
        check.beat();
        assert_eq!(board().check(1, Time(1 + 7)).unwrap().silent, Duration::ZERO, "a beat of later");
        drop(check);
        assert_eq!(parked(), None);
        let all: Vec<_> = (1..64).map(|_| app().check("many", LONG).unwrap()).collect();
        assert_eq!(app().check("one more", LONG).unwrap_err().kind(), ErrorKind::Full);
        drop(all);
        app().check("again", LONG).unwrap();
        for (name, deadline, kind) in [
            ("", LONG, ErrorKind::Invalid),
            ("a\nb", LONG, ErrorKind::Invalid),
            ("a", Duration::from_micros(999), ErrorKind::Invalid),
            (&*"x".repeat(49), LONG, ErrorKind::NameTooLong),
        ] {
            assert_eq!(app().check(name, deadline).unwrap_err().kind(), kind, "{name:?}");
        }
    });
    let mut told = 0;
    assert_eq!(supervisor.serve(&mut instance, |_, turn| told += turn.packets), Ok(0));
    assert_eq!(told, 1 + 1 + 63 + 1, "each beginning, and the end of the parking");
    assert!((1..64).all(|index| instance.board.check(index, now()).is_none()));
}

#[test]
fn an_instance_learns_why_it_was_warned() {
    let mut supervisor = Supervisor::new(1);
    let mut instance = supervisor.spawn(|| {
        assert_eq!(app().last_warning(), None);
        let _check = app().check("task", LONG).unwrap();
        until(|| app().last_warning().is_some());
        let warning = app().last_warning().unwrap();
        assert_eq!((warning.number, warning.cause), (1, WarningCause::Overdue("task".to_owned())));
    });
    let mut is_warned = false;
    let ended = supervisor.serve(&mut instance, |instance, _| {
        if !is_warned && instance.board.check(1, now()).is_some() {
            instance.board.set_warned(Cause::Overdue { check: 1 });
            is_warned = true;
        }
    });
    assert_eq!(ended, Ok(0));
}

#[test]
fn a_child_of_the_application_does_nothing() {
    let mut supervisor = Supervisor::new(1 << 20);
    let mut instance = supervisor.spawn(|| {
        app().store(b"mine").unwrap();
        app().resume_checks();
        let check = app().check("mine", LONG).unwrap();
        let at = Time(1);
        let supervision = attach::supervision();
        let Supervision::Attached(attached) = supervision else { panic!("{supervision:?}") };
        attached.board.beat_at(MAIN, at);
        attached.board.beat_at(1, at);
        // Threads that hold every lock at the fork, as if they were in the middle of a call.
        let vault = attached.vault.lock().unwrap();
        let claimed = attached.claimed.lock().unwrap();
        // The child drops it, and this process must not: it holds the lock.
        let check = std::mem::ManuallyDrop::new(check);
        let mut child = fork(|| {
            let check = std::mem::ManuallyDrop::into_inner(check);
            let app = app();
            assert!(!app.is_supervised());
            app.beat();
            check.beat();
            drop(check.parked());
            drop(check);
            app.ready();
            app.pause_checks();
            app.resume_checks();
            app.finalize();
            app.mark_failed();
            app.clear_callback();
            app.answer(Question(1));
            assert_eq!((app.previous_exit(), app.asked(), app.interval()), (None, None, None));
            assert_eq!(app.last_warning(), None);
            let kinds = [
                app.store(b"not mine").unwrap_err(),
                app.stored().unwrap_err(),
                app.stored_len().unwrap_err(),
                app.restore(&mut [0; 99]).unwrap_err(),
                app.keep_fd("a", null()).unwrap_err(),
                app.take_fd("a").unwrap_err(),
                app.drop_fd("a").unwrap_err(),
                app.kept_fds().unwrap_err(),
                app.listener("127.0.0.1:0").unwrap_err(),
                app.check("a", LONG).unwrap_err(),
                app.set_callback(|| true).unwrap_err(),
                app.set_warn_signal(libc::SIGUSR1).unwrap_err(),
            ];
            assert!(kinds.iter().all(|error| error.kind() == ErrorKind::BadState), "{kinds:?}");
        });
        assert_eq!(child.wait(), Ok(0));
        drop((vault, claimed));
        // One that no fork handler saw: as libc's `fork`, without libc.
        // SAFETY: a child with a copy of everything, which only calls `beat` and leaves.
        match unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } {
            0 => {
                app().beat();
                // SAFETY: ends the process.
                unsafe { libc::_exit(0) }
            }
            pid => {
                assert!(pid > 0);
                // SAFETY: reaps the child that was just made.
                assert_eq!(unsafe { libc::waitpid(pid as i32, std::ptr::null_mut(), 0) }, pid as i32);
            }
        }
        for index in [MAIN, 1] {
            // A beat of now would be one of the future at that time, and no silence at all.
            let silent = attached.board.check(index, Time(8)).unwrap().silent;
            assert_eq!(silent, Duration::from_nanos(7), "the child has beaten");
        }
        assert_eq!(attached.board.phase(), Phase::Running);
        assert_eq!(app().stored().unwrap().unwrap(), b"mine");
        assert!(app().take_fd("a").unwrap().is_none());
        app().beat();
        let silent = attached.board.check(MAIN, Time(8)).unwrap().silent;
        assert_eq!(silent, Duration::ZERO, "the parent still beats");
    });
    assert_eq!(supervisor.serve(&mut instance, |_, _| {}), Ok(0));
    assert!(!instance.board.reading(now(), Some(LONG), |_| None).failed);
}

#[test]
fn a_callback_answers_as_long_as_it_says_well() {
    let mut supervisor = Supervisor::new(1);
    let mut instance = supervisor.spawn(|| {
        let well = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(2));
        let left = well.clone();
        let order = std::sync::atomic::Ordering::SeqCst;
        app().set_callback(move || left.fetch_update(order, order, |left| left.checked_sub(1)).is_ok()).unwrap();
        app().resume_checks();
        until(|| well.load(order) == 0);
        app().keep_fd("unwell", null()).unwrap();
        until(|| app().is_stopping());
    });
    let mut nonce = 0;
    let mut asked_when_unwell = 0;
    let ended = supervisor.serve(&mut instance, |instance, _| {
        if !instance.board.by_asking() {
            return;
        }
        let answered = instance.board.reading(now(), None, |_| None).answered;
        if answered == nonce && nonce < 3 {
            nonce += 1;
            instance.board.ask(nonce);
            instance.bell.ring();
        }
        assert!(answered <= 2, "an unwell application answered");
        if nonce == 3 {
            asked_when_unwell += 1;
            instance.bell.ring();
        }
        if asked_when_unwell > 50 {
            instance.board.set_stop_asked();
        }
    });
    assert_eq!(ended, Ok(0));
    assert_eq!((nonce, instance.board.reading(now(), None, |_| None).answered), (3, 2));
}

#[test]
fn an_event_loop_answers_where_it_waits() {
    let mut supervisor = Supervisor::new(1);
    let mut instance = supervisor.spawn(|| {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let bell = app().questions().unwrap();
        for _ in 0..20 {
            poll(&mut [PollFd::new(bell, PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
            while let Some(question) = app().asked() {
                app().answer(question);
            }
        }
    });
    let mut nonce = 0;
    let ended = supervisor.serve(&mut instance, |instance, _| {
        let reading = instance.board.reading(now(), None, |_| None);
        if instance.board.by_asking() && reading.answered == nonce {
            nonce += 1;
            instance.board.ask(nonce);
            instance.bell.ring();
        }
    });
    assert_eq!(ended, Ok(0));
    assert!(nonce >= 20);
}
