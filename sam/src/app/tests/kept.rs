//! What an instance leaves to the next, whatever ends it.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    sync::Barrier,
};

use crate::{
    app::app,
    error::ErrorKind,
    shared::{Writer, now},
    testing::{Supervisor, fork, open_descriptors},
};

use super::{LONG, null, runs};

#[test]
fn threads_store_keep_and_check_at_once() {
    let mut supervisor = Supervisor::new(1 << 20);
    runs(&mut supervisor, || {
        const THREADS: usize = 8;
        let start = Barrier::new(THREADS);
        let value =
            |thread: usize, round: usize| vec![thread as u8 + 1; 1 + (thread * 7919 + round * 104_729) % 200_000];
        let whole = |data: &[u8]| data.iter().all(|byte| *byte == data[0]);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let name = format!("thread {thread}");
                    for round in 0..50 {
                        let check = app().check(&name, LONG).unwrap();
                        app().store(&value(thread, round)).unwrap();
                        assert!(whole(&app().stored().unwrap().unwrap()));
                        app().keep_fd(&name, null()).unwrap();
                        drop(check.parked());
                        assert!(app().take_fd(&name).unwrap().is_some());
                        assert!(app().drop_fd(&name).unwrap());
                    }
                });
            }
        });
        assert!(app().kept_fds().unwrap().is_empty());
    });
    let writer = Writer::open(supervisor.vault.as_fd().try_clone_to_owned().unwrap()).unwrap();
    let mut data = vec![0; writer.stored_len().unwrap().unwrap()];
    writer.restore(&mut data).unwrap();
    assert!(!data.is_empty() && data.iter().all(|byte| *byte == data[0]));
}

#[test]
fn a_store_that_does_not_fit_is_no_space() {
    let mut supervisor = Supervisor::new(1);
    runs(&mut supervisor, || {
        app().store(b"old").unwrap();
        assert_eq!(app().store(&vec![0; 1 << 20]).unwrap_err().kind(), ErrorKind::NoSpace);
        assert_eq!(app().stored().unwrap().unwrap(), b"old");
        assert_eq!(app().restore(&mut [0; 2]).unwrap_err().kind(), ErrorKind::Invalid);
    });
}

#[test]
fn names_and_signals_are_checked() {
    let mut supervisor = Supervisor::new(1);
    runs(&mut supervisor, || {
        assert_eq!(app().keep_fd("", null()).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(app().take_fd(&"x".repeat(64)).unwrap_err().kind(), ErrorKind::NameTooLong);
        for index in 0..64 {
            app().keep_fd(&index.to_string(), null()).unwrap();
        }
        assert_eq!(app().keep_fd("one more", null()).unwrap_err().kind(), ErrorKind::Full);
        for signal in [libc::SIGSTOP, -1, 65, 1000] {
            assert_eq!(app().set_warn_signal(signal).unwrap_err().kind(), ErrorKind::Invalid, "{signal}");
        }
        app().set_warn_signal(libc::SIGUSR2).unwrap();
        // Which leaves it no time.
        app().set_warn_signal(libc::SIGKILL).unwrap();
    });
}

#[test]
fn a_listener_outlives_its_instance_and_its_queue_too() {
    let mut supervisor = Supervisor::new(1 << 10);
    runs(&mut supervisor, || {
        let listener = app().listener("127.0.0.1:0").unwrap();
        app().store(&listener.local_addr().unwrap().port().to_ne_bytes()).unwrap();
    });
    // No instance lives: no process accepts connections, and none is refused.
    let writer = Writer::open(supervisor.vault.as_fd().try_clone_to_owned().unwrap()).unwrap();
    let mut port = [0; 2];
    writer.restore(&mut port).unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", u16::from_ne_bytes(port))).unwrap();
    runs(&mut supervisor, || {
        let listener = app().listener("127.0.0.1:0").unwrap();
        assert_eq!(listener.local_addr().unwrap().port().to_ne_bytes(), port);
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(b"second").unwrap();
    });
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "second");
    runs(&mut supervisor, || {
        app().keep_fd("tcp:127.0.0.1:0", null()).unwrap();
        app().listener("127.0.0.1:0").unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = app().listener(taken.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
    });
}

#[test]
fn attaching_and_asking_leaves_no_descriptor_behind() {
    let mut supervisor = Supervisor::new(1);
    runs(&mut supervisor, || {
        let before = open_descriptors();
        for _ in 0..100 {
            app().keep_fd("a", null()).unwrap();
            app().take_fd("a").unwrap();
            app().kept_fds().unwrap();
            app().store(b"x").unwrap();
            drop(app().check("c", LONG).unwrap());
        }
        assert_eq!(open_descriptors(), before);
    });
}

/// Bytes that say of themselves whether they are whole.
fn sealed_data(version: u32, len: usize) -> Vec<u8> {
    version.to_ne_bytes().into_iter().cycle().take(len.max(4)).collect()
}

#[test]
fn kills_at_any_moment_leave_everything_whole() {
    let mut child = fork(|| {
        let mut random = fastrand::Rng::with_seed(0xdead);
        let mut supervisor = Supervisor::new(2 << 20);
        runs(&mut supervisor, || drop(app().listener("127.0.0.1:0").unwrap()));
        let before = open_descriptors();
        let mut last = 0;
        for round in 0..200 {
            let seed = random.u64(..);
            let mut instance = supervisor.spawn(|| {
                let mut random = fastrand::Rng::with_seed(seed);
                let mut version = last;
                app().resume_checks();
                loop {
                    version += 1;
                    let longest = 1 << random.u32(3..21);
                    app().store(&sealed_data(version, random.usize(..longest))).unwrap();
                    let check = app().check("round", LONG).unwrap();
                    let name = random.u32(..50).to_string();
                    match random.u32(..4) {
                        0 => drop(app().drop_fd(&name).unwrap()),
                        1 => drop(app().take_fd(&name).unwrap()),
                        _ => app().keep_fd(&name, null()).unwrap(),
                    }
                    drop(check.parked());
                    app().beat();
                    app().listener("127.0.0.1:0").unwrap();
                }
            });
            // From before it has its seat to long after.
            let (mut goal, kept_for) = (random.u32(..60), random.u32(..30_000));
            let ended = supervisor.serve(&mut instance, |instance, turn| {
                goal = goal.saturating_sub(turn.packets.max(1));
                if goal == 0 {
                    for _ in 0..kept_for {
                        std::hint::spin_loop();
                    }
                    instance.child.kill();
                }
                let reading = instance.board.reading(now(), Some(LONG), |_| panic!("no check is overdue"));
                assert!(!reading.failed && reading.due > now());
            });
            assert_eq!(ended, Err(libc::SIGKILL));
            drop(instance);
            assert_eq!(open_descriptors() - supervisor.kept.len(), before - 1, "round {round}");
            let writer = Writer::open(supervisor.vault.as_fd().try_clone_to_owned().unwrap()).unwrap();
            let mut data = vec![0; writer.stored_len().unwrap().unwrap()];
            writer.restore(&mut data).unwrap();
            if let Some(version) = data.first_chunk() {
                let version = u32::from_ne_bytes(*version);
                assert!(version >= last, "version {version} after {last}");
                assert!(data == sealed_data(version, data.len()), "version {version} is not whole");
                last = version;
            }
        }
        assert!(last > 200, "too few stores to show anything");
    });
    assert_eq!(child.wait(), Ok(0));
}
