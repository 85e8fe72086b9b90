use super::*;

const SECOND: Duration = Duration::from_secs(1);
const HELLO: &[u8] = b"{\"id\":1,\"command\":\"hello\"}\n";

/// A connection that has been greeted at `now`.
fn greeted(now: Instant) -> Connection {
    let mut connection = Connection::new(now);
    connection.receive(HELLO, now);
    assert_eq!(connection.next(now).unwrap().command, "hello");
    connection.answer(b"{}\n", now);
    connection.wrote(3, now);
    connection
}

fn text(connection: &Connection) -> String {
    String::from_utf8(connection.output().to_vec()).unwrap()
}

#[test]
fn a_request_comes_in_pieces_and_several_come_at_once() {
    let now = Instant::now();
    let mut connection = Connection::new(now);
    for byte in &HELLO[..HELLO.len() - 1] {
        connection.receive(&[*byte], now);
        assert!(connection.next(now).is_none());
    }
    connection.receive(b"\n{\"id\":2,\"command\":\"a\"}\n{\"id\":3,\"com", now);
    assert_eq!(connection.next(now).unwrap().id, 1);
    // One at a time: the next one waits for the answer, and for that to be sent.
    assert!(connection.next(now).is_none() && connection.room() == 0);
    connection.answer(b"{}\n", now);
    assert!(connection.next(now).is_none() && connection.room() == 0);
    connection.wrote(3, now);
    assert_eq!(connection.next(now).unwrap().id, 2);
    connection.answer(b"{}\n", now);
    connection.wrote(3, now);
    assert!(connection.next(now).is_none());
    connection.receive(b"mand\":\"b\"}\n", now);
    assert_eq!(connection.next(now).unwrap().id, 3);
}

#[test]
fn no_more_than_the_longest_request_is_kept() {
    let now = Instant::now();
    let mut connection = greeted(now);
    while connection.room() > 0 {
        connection.receive(&vec![b' '; connection.room().min(1_000)], now);
        assert!(connection.next(now).is_none());
    }
    assert!(text(&connection).contains("65536 bytes") && connection.input.capacity() == 0);
    let len = connection.output().len();
    connection.wrote(len, now);
    assert!(connection.is_over(now));
}

#[test]
fn each_silence_has_its_limit() {
    let begun = Instant::now();
    let silent = Connection::new(begun);
    assert!(!silent.is_over(begun + PROMPT - SECOND) && silent.is_over(begun + PROMPT));
    let mut idle = greeted(begun);
    assert!(!idle.is_over(begun + IDLE - SECOND) && idle.is_over(begun + IDLE));
    // A line has its own limit from its first byte on, however slowly the next ones come.
    let half = begun + SECOND * 100;
    idle.receive(b"{", half);
    idle.receive(b"\"", half + PROMPT - SECOND);
    assert!(!idle.is_over(half + PROMPT - SECOND) && idle.is_over(half + PROMPT));
    // A request at work may take as long as it takes.
    let mut at_work = greeted(begun);
    at_work.receive(b"{\"id\":2,\"command\":\"a\"}\n", begun);
    assert!(at_work.next(begun).is_some());
    let late = begun + SECOND * 100_000;
    assert!(!at_work.is_over(late));
    // Its answer must be read.
    at_work.answer(b"0123456789\n", late);
    assert!(!at_work.is_over(late + PROMPT - SECOND) && at_work.is_over(late + PROMPT));
    at_work.wrote(1, late + PROMPT - SECOND);
    assert!(!at_work.is_over(late + PROMPT) && at_work.is_over(late + 2 * PROMPT));
}

#[test]
fn whoever_did_not_say_hello_makes_room_first_and_who_is_at_work_never_does() {
    let now = Instant::now();
    let mut at_work = greeted(now);
    at_work.receive(b"{\"id\":2,\"command\":\"a\"}\n", now);
    assert!(at_work.next(now).is_some() && at_work.may_make_room().is_none());
    let (idle, late) = (greeted(now).may_make_room(), Connection::new(now + SECOND).may_make_room());
    assert!(late.unwrap() < idle.unwrap());
}

#[test]
fn a_stream_takes_events_up_to_its_limit_and_again_when_they_are_read() {
    let now = Instant::now();
    let mut connection = greeted(now);
    connection.push(b"before\n", now);
    assert!(connection.output().is_empty() && !connection.takes_events());
    connection.receive(b"{\"id\":2,\"command\":\"events\"}\n", now);
    assert!(connection.next(now).is_some());
    connection.stream(b"{}\n", now);
    let line = [b'x'; 1_000];
    let mut pushed = 0;
    while connection.takes_events() {
        connection.push(&line, now);
        pushed += 1;
    }
    assert!((260..=263).contains(&pushed), "{pushed}");
    assert_eq!(connection.limit(), Some(now + PROMPT));
    let len = connection.output().len();
    connection.wrote(len, now);
    assert!(connection.takes_events() && connection.limit().is_none());
}

#[test]
fn the_first_request_is_hello() {
    let now = Instant::now();
    let mut connection = Connection::new(now);
    connection.receive(b"{\"id\":7,\"command\":\"status\"}\n{\"id\":8,\"command\":\"status\"}\n", now);
    assert!(connection.next(now).is_none());
    assert!(text(&connection).starts_with("{\"id\":7,\"error\":{\"kind\":\"invalid\""), "{}", text(&connection));
    assert_eq!(text(&connection).lines().count(), 1);
}
