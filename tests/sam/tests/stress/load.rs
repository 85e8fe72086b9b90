//! A server that is killed under load refuses no connection.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sam_tests::{
    Subject, in_a_process_of_its_own,
    proc::{adopt_orphans, reap_all},
    send, wait_until,
};

const KILLS: usize = 1_000;
const CLIENTS: usize = 4;

/// The counts of the clients.
#[derive(Debug, Default)]
struct Account {
    connections: AtomicU64,
    /// Connections that could not be made, for any reason.
    refused: AtomicU64,
    answers: AtomicU64,
    /// Connections that ended with an instance.
    broken: AtomicU64,
}

/// Connects, sends a few requests, and begins anew, until `is_over`.
fn ask(port: u16, account: &Account, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let mut stream = match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => stream,
            Err(error) => {
                eprintln!("not connected: {error}");
                account.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
        };
        account.connections.fetch_add(1, Ordering::Relaxed);
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        for question in 0..8 {
            let mut answer = [0];
            if stream.write_all(&[question]).and_then(|()| stream.read_exact(&mut answer)).is_err() {
                account.broken.fetch_add(1, Ordering::Relaxed);
                break;
            }
            assert_eq!(answer, [question]);
            account.answers.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_server_that_is_killed_a_thousand_times_refuses_no_connection() {
    in_a_process_of_its_own(|| {
        adopt_orphans();
        let subject = Subject::new(&[]);
        let file = subject.path("port");
        let mut subject = subject.set("SAM_BUDGET", "64/1ns").set("SAM_BACKOFF", "0s..0s");
        subject.command().arg(format!("listen {}", file.display()));
        let running = subject.start();
        wait_until("the server listens", || file.exists());
        let port: u16 = fs::read_to_string(&file).unwrap().parse().unwrap();

        let (account, is_over) = (Arc::new(Account::default()), Arc::new(AtomicBool::new(false)));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (account, is_over) = (Arc::clone(&account), Arc::clone(&is_over));
                thread::spawn(move || ask(port, &account, &is_over))
            })
            .collect();
        let (began, mut last) = (Instant::now(), 0);
        for kill in 0..KILLS {
            let mut next = last;
            wait_until("there is a next instance", || {
                next = running.status()["pid"].as_i64().map_or(last, |pid| pid as i32);
                next != last
            });
            // Every other instance is killed before it can serve, and the rest after clients were answered.
            if kill % 2 == 0 {
                let answers = account.answers.load(Ordering::Relaxed);
                wait_until("the server answers", || account.answers.load(Ordering::Relaxed) > answers + 2);
            }
            send(next, libc::SIGKILL);
            last = next;
        }
        let time = began.elapsed();
        is_over.store(true, Ordering::Relaxed);
        clients.into_iter().for_each(|client| client.join().unwrap());
        println!("{KILLS} kills in {time:.1?}: {account:?}");
        assert_eq!(account.refused.load(Ordering::Relaxed), 0);
        assert!(account.broken.load(Ordering::Relaxed) > 0, "no kill hit a connection: {account:?}");

        // If the stop came before the supervisor saw the last kill, the kill would count as the stop.
        running.await_events("started", KILLS + 1);
        running.signal(libc::SIGTERM);
        let seen = running.end();
        assert_eq!((seen.code(), seen.of("started").len()), (-libc::SIGTERM, KILLS + 1));
        assert_eq!(reap_all(), Ok(vec![]));
    });
}
