//! The behaviour of `live_kv` on the wire: cut requests, pipelines, limits, refusals.
//!
//! The server is mounted as a module and serves the command layer and an engine that
//! are linked as plain modules too.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use kv::{Answer, CommandError, Commands, Touched};

use crate::live_kv::{
    commands_v1::CommandsV1,
    engine_hash::HashEngine,
    server::{Server, request::Limits},
};

fn start(limits: Limits) -> Server {
    let commands = Arc::new(CommandsV1::over(HashEngine::default()));
    Server::start("127.0.0.1:0", 2, commands, limits).unwrap()
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).unwrap()
}

/// Waits for a condition: a worker adds a turn to the tally only after it sent the turn's answers.
fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition did not become true within 120 s");
        thread::yield_now();
    }
}

/// Sends `input`, closes the client's half, and returns what the server answers until it closes the connection.
fn answer(server: &Server, input: &[u8]) -> String {
    let mut stream = connect(server);
    stream.write_all(input).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    rest(stream)
}

fn rest(mut stream: TcpStream) -> String {
    let mut output = Vec::new();
    stream.read_to_end(&mut output).unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn requests_of_both_kinds_are_answered_in_order_also_after_the_client_stopped_sending() {
    let server = start(Limits::default());
    let input = b"PING\r\n*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n\r\n*0\r\nset a 'b c'\nget a\r\n*1\r\n$4\r\nPI";
    assert_eq!(answer(&server, input), "+PONG\r\n$1\r\nx\r\n+OK\r\n$3\r\nb c\r\n");
    server.stop();
}

#[test]
fn a_request_sent_byte_by_byte_is_answered() {
    let server = start(Limits::default());
    let mut stream = connect(&server);
    stream.set_nodelay(true).unwrap();
    for byte in b"*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\nQUIT\r\n" {
        stream.write_all(&[*byte]).unwrap();
        thread::yield_now();
    }
    assert_eq!(rest(stream), "$5\r\nhello\r\n+OK\r\n");
    server.stop();
}

#[test]
fn after_quit_and_after_a_protocol_error_the_connection_is_closed() {
    let server = start(Limits::default());
    assert_eq!(answer(&server, b"QUIT\r\nPING\r\n"), "+OK\r\n");
    assert_eq!(answer(&server, b"PING\r\n*1\r\nPING\r\n"), "+PONG\r\n-ERR Protocol error: expected '$', got 'P'\r\n");
    assert_eq!(answer(&server, b"*1\r\n\r\n"), "-ERR Protocol error: expected '$', got ' '\r\n");
    wait_for(|| server.tally().protocol_errors() == 2);
    server.stop();
}

#[test]
fn a_request_that_is_too_large_is_refused_before_it_is_received() {
    let server = start(Limits { bulk: 10, words: 3, line: 100, request: 100 });
    assert_eq!(answer(&server, b"*2\r\n$4\r\nECHO\r\n$10\r\n0123456789\r\n"), "$10\r\n0123456789\r\n");
    assert_eq!(answer(&server, b"*1\r\n$11\r\n"), "-ERR Protocol error: invalid bulk length\r\n");
    assert_eq!(answer(&server, b"*4\r\n"), "-ERR Protocol error: invalid multibulk length\r\n");
    server.stop();
}

#[test]
fn a_large_value_comes_back_as_it_was_sent() {
    let server = start(Limits::default());
    let value = "v".repeat(20 << 20);
    let input = format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${}\r\n{value}\r\nget a\r\nquit\r\n", value.len());
    let mut stream = connect(&server);
    stream.write_all(input.as_bytes()).unwrap();
    assert_eq!(rest(stream), format!("+OK\r\n${}\r\n{value}\r\n+OK\r\n", value.len()));
    server.stop();
}

#[test]
fn a_client_that_does_not_read_is_held_back_and_loses_nothing() {
    const REQUESTS: usize = 3_000;
    let server = start(Limits::default());
    let value = "v".repeat(64 << 10);
    answer(&server, format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${}\r\n{value}\r\n", value.len()).as_bytes());
    let mut stream = connect(&server);
    let mut writer = stream.try_clone().unwrap();
    let sender = thread::spawn(move || {
        // Padding makes the requests larger than the kernel's buffers.
        let request = format!("*2\r\n$3\r\nGET\r\n$1\r\na\r\n{}", "\r\n".repeat(4_000));
        (0..REQUESTS).for_each(|_| writer.write_all(request.as_bytes()).unwrap());
        writer.shutdown(Shutdown::Write).unwrap();
    });
    // While nothing is read, the server stops executing well before the end.
    let mut before = 0;
    while server.tally().requests() > before || before == 0 {
        before = server.tally().requests();
        thread::sleep(Duration::from_millis(50));
    }
    assert!(before < REQUESTS as u64 / 2, "{before} requests were executed for a client that reads nothing");
    assert_eq!(answer(&server, b"PING\r\n"), "+PONG\r\n", "other clients are served meanwhile");
    let mut output = Vec::new();
    stream.read_to_end(&mut output).unwrap();
    assert_eq!(output.len(), REQUESTS * (value.len() + "$65536\r\n\r\n".len()));
    sender.join().unwrap();
    server.stop();
}

#[test]
fn a_command_layer_that_fails_costs_its_request_an_error_line_and_nothing_else() {
    struct Failing;
    impl Commands for Failing {
        fn execute(&self, words: Vec<&[u8]>) -> Result<Answer, CommandError> {
            match words[0] {
                b"fail" => Err(CommandError { why: "it was\r\nasked to".to_owned() }),
                _ => Ok(Answer { reply: b"+OK\r\n".to_vec(), touched: Touched::Nothing }),
            }
        }

        fn may_write(&self, _: &[u8]) -> Result<bool, CommandError> {
            Ok(false)
        }
    }
    let server = Server::start("127.0.0.1:0", 1, Arc::new(Failing), Limits::default()).unwrap();
    let expected = "+OK\r\n-ERR the command layer failed: it was  asked to\r\n+OK\r\n";
    assert_eq!(answer(&server, b"a\r\nfail\r\nb\r\n"), expected);
    wait_for(|| (server.tally().requests(), server.tally().faults()) == (3, 1));
    server.stop();
}

#[test]
fn many_connections_are_served_at_once() {
    let server = start(Limits::default());
    let mut streams: Vec<TcpStream> = (0..300).map(|_| connect(&server)).collect();
    for stream in &mut streams {
        stream.write_all("INCR n\r\n".repeat(20).as_bytes()).unwrap();
    }
    for stream in streams {
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(stream).lines().count(), 20);
    }
    assert_eq!(answer(&server, b"GET n\r\n"), "$4\r\n6000\r\n");
    assert_eq!(server.tally().connections(), 301);
    server.stop();
}
