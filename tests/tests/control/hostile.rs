//! Clients that mean harm or are broken. Whatever they send, the socket serves on.

use std::thread;

use lcr_tests::{in_a_process_of_its_own, wait_until};

use super::*;

#[test]
fn what_is_no_request_is_answered_once_and_not_listened_to_any_further() {
    let seat = Seat::open();
    let deep =
        format!("{{\"id\":1,\"command\":\"status\",\"arguments\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
    let deep_command = format!("{{\"id\":1,\"command\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
    for line in [
        &b""[..],
        b"\0",
        b"{}",
        b"[]",
        b"nonsense",
        b"\xff\xfe{\"id\":1,\"command\":\"status\"}",
        b"{\"id\":1,\"command\":\"st\xc3\x28atus\"}",
        b"{\"id\":1,\"command\":\"status\",\"command\":\"commit\"}",
        b"{\"id\":1,\"id\":2,\"command\":\"status\"}",
        b"{\"id\":1,\"command\":\"status\",\"further\":true}",
        b"{\"id\":-1,\"command\":\"status\"}",
        b"{\"id\":1e400,\"command\":\"status\"}",
        b"{\"id\":99999999999999999999999999,\"command\":\"status\"}",
        b"{\"id\":9007199254740993,\"command\":\"status\"}",
        b"{\"id\":1.5,\"command\":\"status\"}",
        b"{\"id\":1,\"command\":7}",
        b"{\"id\":1,\"command\":\"status\"} trailing",
        deep_command.as_bytes(),
    ] {
        let mut raw = seat.raw().hello();
        raw.send([line, b"\n"].concat()).unwrap();
        raw.assert_refused("invalid");
    }
    // What a request says in its arguments is the business of that request alone.
    let mut raw = seat.raw().hello();
    for arguments in [
        "[]",
        "null",
        "7",
        "{\"a\":1}",
        "{\"replace\":[{\"file\":\"/x\",\"file\":\"/y\"}]}",
        "{\"remove\":[1]}",
        "{\"timeout_ms\":1e400}",
        "{\"timeout_ms\":18446744073709551616}",
        "{\"reason\":\"a\",\"reason\":\"b\"}",
    ] {
        let answer = raw.ask(&format!("{{\"id\":1,\"command\":\"commit\",\"arguments\":{arguments}}}"));
        assert_eq!(answer["error"]["kind"], "invalid", "{arguments}: {answer}");
    }
    let answer = raw.ask(&deep);
    assert_eq!(answer["error"]["kind"], "invalid", "{answer}");
    assert_eq!(raw.ask("{\"id\":2,\"command\":\"generation\"}")["ok"]["generation"], seat.rt.generation());
    seat.assert_serves();
}

#[test]
fn random_bytes_never_stop_the_socket() {
    let seat = Seat::open();
    let mut random = fastrand::Rng::with_seed(11);
    for round in 0..200 {
        let mut raw = if round % 2 == 0 { seat.raw() } else { seat.raw().hello() };
        let mut bytes: Vec<u8> = (0..random.usize(1..5_000)).map(|_| random.u8(..)).collect();
        if round % 3 == 0 {
            // The form of a request, with noise inside.
            bytes.iter_mut().for_each(|byte| *byte = b"{}[]\":,1e-\\u\n abcdtrue"[usize::from(*byte) % 22]);
        }
        // The server may have closed the connection on the way.
        let _ = raw.send(&bytes);
        let _ = raw.send("\n");
        let _ = raw.stream.shutdown(std::net::Shutdown::Write);
        while let Some(line) = raw.line() {
            assert!(line["error"]["kind"].is_string(), "{line}");
        }
    }
    seat.assert_serves();
}

#[test]
fn a_line_of_a_gibibyte_is_refused_after_its_first_64_kib_and_never_kept() {
    in_a_process_of_its_own(|| {
        let seat = Seat::open();
        seat.assert_serves();
        let before = peak_memory();
        let piece = vec![b'x'; 1 << 20];
        for greets in [false, true] {
            let mut raw = if greets { seat.raw().hello() } else { seat.raw() };
            let sent = (0..1 << 10).take_while(|_| raw.send(&piece).is_ok()).count();
            assert!(sent < 8, "the server took {sent} MiB");
        }
        // The longest line that is taken, and the first that is not.
        let mut raw = seat.raw().hello();
        let request = |len: usize| {
            let head = "{\"id\":1,\"command\":\"generation\",\"arguments\":{";
            format!("{head}{}}}}}", " ".repeat(len - head.len() - 3))
        };
        assert!(raw.ask(&request(64 << 10))["ok"]["generation"].is_number());
        let _ = raw.send(format!("{}\n", request((64 << 10) + 1)));
        raw.assert_refused("invalid");
        let grown = peak_memory() - before;
        assert!(grown < 16 << 20, "memory has grown by {grown} bytes");
        seat.assert_serves();
    });
}

#[test]
fn half_a_message_holds_up_nobody_and_is_given_up() {
    let seat = Seat::open();
    let mut halves = [seat.raw(), seat.raw().hello(), seat.raw().hello()];
    for (raw, half) in halves.iter_mut().zip(["{\"id\":1,", "{\"id\":1,\"command\":\"commit\"", "\x7b"]) {
        raw.send(half).unwrap();
    }
    seat.assert_serves();
    // The rest of a line may come in pieces.
    let mut slow = seat.raw().hello();
    for piece in ["{\"id\":9,", "\"comm", "and\":\"gener", "ation\"}", "\n"] {
        slow.send(piece).unwrap();
        seat.assert_serves();
    }
    assert_eq!(slow.line().unwrap()["id"], 9);
    for raw in &mut halves {
        assert_eq!(raw.line(), None, "half a line is given up after 10 s");
    }
    // A connection without a line in it stays.
    assert!(slow.ask("{\"id\":10,\"command\":\"generation\"}")["ok"].is_object());
}

#[test]
fn a_thousand_silent_connections_leave_room_for_the_next_one() {
    in_a_process_of_its_own(|| {
        more_descriptors();
        let seat = Seat::open();
        let mut at_work = seat.raw().hello();
        let _followed = seat.client().events().unwrap();
        let before = peak_memory();
        let silent: Vec<UnixStream> = (0..1_000).map(|_| UnixStream::connect(seat.path()).unwrap()).collect();
        for _ in 0..20 {
            seat.assert_serves();
        }
        // Those who said hello stay as long as there are others to make room.
        assert!(at_work.ask("{\"id\":1,\"command\":\"generation\"}")["ok"].is_object());
        let grown = peak_memory() - before;
        assert!(grown < 16 << 20, "memory has grown by {grown} bytes");
        assert!(open_descriptors() < 1_000 + 120, "the server keeps {} descriptors", open_descriptors());
        drop(silent);
        seat.assert_serves();
    });
}

#[test]
fn a_client_that_does_not_read_is_left_behind_and_costs_bounded_memory() {
    in_a_process_of_its_own(|| {
        let seat = Seat::open();
        let mut deaf = seat.raw().hello();
        assert!(deaf.ask("{\"id\":1,\"command\":\"events\"}")["ok"].is_object());
        let mut reader = seat.client().events().unwrap();
        let before = peak_memory();
        let name = "n".repeat(10_000);
        thread::scope(|scope| {
            // Whoever reads, and is not left behind for that, learns what he has, and what he has lost.
            let reading = scope.spawn(move || {
                let (mut events, mut lost) = (0, 0);
                while events + lost < 20_000 {
                    match reader.next::<Value>(LONG).unwrap() {
                        Some(lcr::control::Streamed::Event(_)) => events += 1,
                        Some(lcr::control::Streamed::Lost(count)) => lost += count,
                        other => panic!("{other:?} after {events} events and {lost} lost ones"),
                    }
                }
                events + lost
            });
            for _ in 0..20_000 {
                seat.rt.plan().remove(&name).commit().unwrap_err();
            }
            seat.assert_serves();
            assert_eq!(reading.join().unwrap(), 20_000);
        });
        let grown = peak_memory() - before;
        // The runtime itself keeps 1,024 events.
        assert!(grown < 96 << 20, "memory has grown by {grown} bytes");
        // The other one reads at last: what had been sent, and the end.
        wait_until("the client that does not read is left behind", || has_hung_up(&deaf.stream));
        seat.assert_serves();
    });
}

#[test]
fn requests_of_one_connection_are_answered_in_order_however_many_come_at_once() {
    let seat = Seat::open();
    let mut raw = seat.raw().hello();
    let requests: String = (1..=500)
        .map(|id| format!("{{\"id\":{id},\"command\":\"{}\"}}\n", ["generation", "status", "no_such"][id % 3]))
        .collect();
    let mut writer = raw.stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || writer.write_all(requests.as_bytes()).unwrap());
        for id in 1..=500 {
            let answer = raw.line().unwrap();
            assert_eq!(answer["id"], id, "{answer}");
            assert_eq!(answer["error"]["kind"].is_string(), id % 3 == 2, "{answer}");
        }
    });
}

#[test]
fn a_process_out_of_descriptors_serves_again_when_it_has_some() {
    in_a_process_of_its_own(|| {
        let seat = Seat::open();
        seat.assert_serves();
        let waiting = UnixStream::connect(seat.path()).unwrap();
        let mut taken: Vec<std::fs::File> = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        // There is room for the client's end alone, unless the server takes it for the one that waits.
        let further = loop {
            assert!(taken.pop().is_some(), "no further client connects");
            if let Ok(further) = UnixStream::connect(seat.path()) {
                break further;
            }
        };
        drop(taken);
        drop((waiting, further));
        seat.assert_serves();
    });
}

#[test]
fn a_client_that_is_gone_raises_no_signal() {
    in_a_process_of_its_own(|| {
        // SAFETY: sets the default disposition, which ends the process.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let seat = Seat::open();
        for _ in 0..200 {
            let mut raw = seat.raw().hello();
            raw.send("{\"id\":1,\"command\":\"status\"}\n{\"id\":2,\"command\":\"status\"}\n").unwrap();
        }
        let (server, client) = (seat.path().to_owned(), seat.client());
        seat.assert_serves();
        drop(seat);
        // The client's end, too.
        assert!(!server.exists());
        let mut client = client;
        assert_eq!(client.status().unwrap_err().kind(), lcr::ErrorKind::Closed);
    });
}

/// The most memory that this process has had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Lets this process open 4,096 files.
fn more_descriptors() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is valid.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    limit.rlim_cur = limit.rlim_max.min(4_096);
    // SAFETY: as above.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    assert!(result == 0 && limit.rlim_cur >= 2_500, "this test opens 2,000 files");
}

/// Whether the other end of a socket is closed, without reading from it.
fn has_hung_up(socket: &UnixStream) -> bool {
    use std::os::fd::AsRawFd as _;
    let mut asked = libc::pollfd { fd: socket.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: the pointer is that of one element.
    unsafe { libc::poll(&raw mut asked, 1, 0) };
    asked.revents & libc::POLLHUP != 0
}

/// A server that greets, answers the first request with `answer`, and then sends `flood` for as long as it is read.
fn flooding(answer: &'static str, flood: &'static str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seat.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        lines.next().unwrap().unwrap();
        let hello = "{\"protocol\":1,\"lcr\":\"0\",\"program\":\"x\",\"pid\":1,\"uid\":1,\"read_only\":false,\
                     \"generation\":1,\"commands\":[]}";
        writeln!(stream, "{{\"id\":1,\"ok\":{hello}}}").unwrap();
        lines.next().unwrap().unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        let flood = flood.repeat(100);
        while stream.write_all(flood.as_bytes()).is_ok() {}
    });
    (directory, path)
}

#[test]
fn a_server_that_never_stops_talking_keeps_no_client_beyond_its_time() {
    let time = Duration::from_millis(200);
    let (_directory, path) = flooding("", "{\"id\":77,\"ok\":1}\n");
    let mut client = Client::connect(path).unwrap();
    client.timeout(time);
    assert_eq!(client.status().unwrap_err().kind(), lcr::ErrorKind::Deadline);
    assert_eq!(client.status().unwrap_err().kind(), lcr::ErrorKind::Closed, "what else comes answers nothing");

    let (_directory, path) = flooding("{\"id\":2,\"ok\":{}}\n", "{\"id\":2,\"later\":1}\n");
    let mut events = Client::connect(path).unwrap().events().unwrap();
    assert!(events.next::<Value>(time).unwrap().is_none());

    // A time without end is one that ends late.
    let seat = Seat::open();
    let mut client = seat.client();
    client.timeout(Duration::MAX);
    client.status().unwrap();
}
