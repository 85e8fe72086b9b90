//! The connection and the decoders of the control socket under any input, for the fuzzers.

use std::time::{Duration, Instant};

use super::{
    changes::Change,
    connection::Connection,
    protocol::{self, ANSWER_LIMIT, LINE_LIMIT, Received},
};

/// Plays a client that sends `bytes` and reads now and then; the bytes themselves say in which pieces, how much is
/// read, and how much time passes. Returns how many requests there were.
///
/// # Panics
/// If the connection keeps more than it may, takes more than it has room for, or does not end when its time is over.
pub(crate) fn fuzz(bytes: &[u8]) -> usize {
    drop(Received::read(bytes));
    let mut now = Instant::now();
    let mut connection = Connection::new(now);
    let mut requests = 0;
    let mut rest = bytes;
    // Each round moves the input, the output or the clock forward.
    for round in 0.. {
        assert!(round <= 200 * bytes.len() + 1_000, "the connection does not come forward");
        let dice = rest.first().copied().unwrap_or(0);
        let piece = connection.room().min(rest.len()).min(usize::from(dice) * 7 + 1);
        connection.receive(&rest[..piece], now);
        rest = &rest[piece..];
        while let Some(request) = connection.next(now) {
            requests += 1;
            let arguments = request.arguments::<Change>();
            if request.command == "events" {
                connection.stream(b"{}\n", now);
                while connection.takes_events() {
                    connection.push(&[b'e'; 60_000], now);
                }
            } else {
                let answer = arguments.and_then(|change| protocol::value(&change));
                let line = protocol::answer(Some(request.id), &answer);
                assert!(line.ends_with(b"\n") && line.iter().filter(|&&byte| byte == b'\n').count() == 1);
                drop(Received::read(&line).expect("the client reads what the server writes"));
                connection.answer(&line, now);
            }
        }
        assert!(connection.output().len() <= ANSWER_LIMIT + LINE_LIMIT);
        let waits = connection.output().len();
        let read = waits.min(waits / 8 + usize::from(dice) * 301 + 1);
        connection.wrote(read, now);
        if connection.is_over(now) {
            return requests;
        }
        if piece == 0 && read == 0 {
            match connection.limit() {
                Some(limit) => {
                    assert!(limit > now, "the time is over, and the connection is not");
                    assert!(connection.is_over(limit));
                    return requests;
                }
                // It streams to a client that reads and says nothing.
                None => return requests,
            }
        } else {
            now += Duration::from_millis(u64::from(dice));
        }
    }
    requests
}
