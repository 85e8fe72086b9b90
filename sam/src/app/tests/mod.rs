//! Applications in real instances, with a supervisor that serves them.

mod health;
mod kept;

use std::{
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use crate::{
    app::app,
    error::ErrorKind,
    shared::{Board, ExitRecord, Label, now},
    state::{Exit, Phase},
    testing::{Instance, Supervisor, fork},
};

const LONG: Duration = Duration::from_secs(3600);

/// Runs `body` as an instance that is served until its end, which must be a good one.
fn runs(supervisor: &mut Supervisor, body: impl FnOnce()) {
    let mut instance = supervisor.spawn(body);
    assert_eq!(supervisor.serve(&mut instance, |_, _| {}), Ok(0));
}

/// Waits until a process that shares memory with this one has done what is waited for.
fn until(mut it: impl FnMut() -> bool) {
    while !it() {
        std::thread::yield_now();
    }
}

fn phase(instance: &Instance) -> Phase {
    instance.board.phase()
}

fn null() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

#[test]
fn alone_every_call_works_within_the_process() {
    let mut child = fork(|| {
        let app = app();
        app.ready();
        app.resume_checks();
        app.beat();
        app.pause_checks();
        app.mark_failed();
        app.set_warn_signal(libc::SIGUSR1).unwrap();
        app.set_callback(|| panic!("no supervisor asks")).unwrap();
        assert_eq!((app.instance(), app.is_supervised(), app.interval()), (1, false, None));
        assert_eq!((app.previous_exit(), app.asked()), (None, None));
        assert!(app.questions().is_none());
        let check = app.check("alone", LONG).unwrap();
        check.beat();
        drop(check.parked());
        let mut room = [0; 9];
        assert_eq!(
            (app.stored_len().unwrap(), app.stored().unwrap(), app.restore(&mut []).unwrap()),
            (None, None, None)
        );
        app.store(b"").unwrap();
        assert_eq!((app.stored_len().unwrap(), app.stored().unwrap()), (Some(0), Some(Vec::new())));
        app.store(b"data").unwrap();
        assert_eq!((app.stored_len().unwrap(), app.stored().unwrap()), (Some(4), Some(b"data".to_vec())));
        assert_eq!(app.restore(&mut [0; 3]).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!((app.restore(&mut room).unwrap(), &room[..4]), (Some(4), &b"data"[..]));
        app.keep_fd("a", null()).unwrap();
        assert!(app.take_fd("a").unwrap().is_some());
        assert_eq!(app.kept_fds().unwrap(), ["a"]);
        assert!(app.drop_fd("a").unwrap());
        assert!(!app.drop_fd("a").unwrap());
        assert!(app.take_fd("a").unwrap().is_none());
        assert!(!app.is_stopping());
        app.finalize();
        assert!(app.is_stopping());
    });
    assert_eq!(child.wait(), Ok(0));
}

#[test]
fn a_second_instance_finds_what_the_first_one_left() {
    let mut supervisor = Supervisor::new(1 << 20);
    let before = now();
    let mut first = supervisor.spawn(|| {
        assert_eq!((app().instance(), app().previous_exit()), (1, None));
        assert_eq!((app().stored_len().unwrap(), app().stored().unwrap()), (None, None));
        assert_eq!(app().restore(&mut []).unwrap(), None);
        app().store(b"").unwrap();
        assert_eq!((app().stored_len().unwrap(), app().stored().unwrap()), (Some(0), Some(Vec::new())));
        app().store(b"from the first").unwrap();
        app().keep_fd("null", null()).unwrap();
        app().resume_checks();
        std::mem::forget(app().check("writer", LONG).unwrap());
        // SAFETY: ends this process by a signal.
        unsafe { libc::raise(libc::SIGKILL) };
    });
    let ended = supervisor.serve(&mut first, |_, _| {});
    assert_eq!(ended, Err(libc::SIGKILL));
    let ended = ExitRecord {
        exit: Exit::Signal { signal: libc::SIGKILL, core: false },
        hung: Label::new("main"),
        failed: false,
        lived: now().since(before),
        user: Duration::ZERO,
        system: Duration::ZERO,
        max_rss: 2,
    };
    let report = |board: &Board| board.set_report(&ended, &first.board, now());
    let mut second = supervisor.spawn_after(report, || {
        let app = app();
        assert_eq!((app.instance(), app.is_supervised()), (2, true));
        let report = app.previous_exit().unwrap();
        assert_eq!(report.exit, Exit::Signal { signal: libc::SIGKILL, core: false });
        assert_eq!((report.hung.as_deref(), report.max_rss), (Some("main"), 2048));
        let names: Vec<_> = report.checks.iter().map(|check| (check.name.as_str(), check.parked)).collect();
        assert_eq!(names, [("main", false), ("writer", false)]);
        assert_eq!(report.checks[1].deadline, LONG);
        assert_eq!(app.stored().unwrap().unwrap(), b"from the first");
        assert!(app.take_fd("null").unwrap().is_some());
        assert_eq!(app.kept_fds().unwrap(), ["null"]);
        assert!(app.drop_fd("null").unwrap());
    });
    assert_eq!(supervisor.serve(&mut second, |_, _| {}), Ok(0));
    assert_eq!(supervisor.kept.len(), 0);
}

#[test]
fn a_supervisor_that_reads_nothing_blocks_no_beat_and_no_store() {
    let mut supervisor = Supervisor::new(1 << 20);
    let mut instance = supervisor.spawn(|| {
        for round in 0..20_000_u32 {
            app().resume_checks();
            app().beat();
            app().store(&round.to_ne_bytes()).unwrap();
            app().pause_checks();
        }
        app().resume_checks();
        let error = app().keep_fd("a", null()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "there is no room for the question");
    });
    assert_eq!(instance.child.wait(), Ok(0));
    // And when it reads at last, it finds reason to look, and the newest state.
    assert!(supervisor.kept.serve(instance.socket.as_fd()).packets > 0);
    assert_eq!(phase(&instance), Phase::Running);
    assert!(instance.board.reading(now(), Some(LONG), |_| None).due > now());
    assert_eq!(supervisor.kept.len(), 0);
}

#[test]
fn a_process_is_attached_once() {
    let mut supervisor = Supervisor::new(1);
    let mut child = fork(|| {
        let mut attach = || {
            let vault = supervisor.vault.as_fd().try_clone_to_owned().unwrap();
            let board = Board::create(1, LONG, false).unwrap().as_fd().try_clone_to_owned().unwrap();
            let (ours, socket) = crate::wire::pair().unwrap();
            let (bell, heard) = crate::wire::Bell::new().unwrap();
            std::mem::forget((ours, bell));
            supervisor.kept = crate::wire::Kept::new();
            crate::app::InstanceFds { board, vault, socket, bell: heard }
        };
        crate::app::attach(attach()).unwrap();
        assert_eq!(crate::app::attach(attach()).unwrap_err().kind(), ErrorKind::Exists);
        assert!(crate::app::attach(crate::app::InstanceFds { board: null(), ..attach() }).is_err());
    });
    assert_eq!(child.wait(), Ok(0));
}

#[test]
fn when_the_supervisor_is_gone_questions_say_so() {
    let mut child = fork(|| {
        let vault = crate::shared::Vault::create(1).unwrap().into();
        let board = Board::create(1, LONG, false).unwrap().as_fd().try_clone_to_owned().unwrap();
        let (ours, socket) = crate::wire::pair().unwrap();
        let (bell, heard) = crate::wire::Bell::new().unwrap();
        crate::app::attach(crate::app::InstanceFds { board, vault, socket, bell: heard }).unwrap();
        drop((ours, bell));
        assert_eq!(app().keep_fd("a", null()).unwrap_err().kind(), ErrorKind::Gone);
        app().resume_checks();
        app().beat();
        app().store(b"still here").unwrap();
        assert_eq!(app().stored().unwrap().unwrap(), b"still here");
    });
    assert_eq!(child.wait(), Ok(0));
}
