//! The example programs that sam supervises, which these tests kill.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A supervisor, and the output of its instances.
struct Program {
    supervisor: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(name: &str, arguments: &[&str]) -> Program {
        let mut path = env::current_exe().unwrap();
        path.pop();
        path.pop();
        path.push("examples");
        path.push(name);
        let mut supervisor =
            Command::new(&path).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(supervisor.stdout.take().unwrap());
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Program { supervisor, lines }
    }

    /// Reads the next line, which must begin with `start`, and returns it.
    fn line(&self, start: &str) -> String {
        let line = self.lines.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(line.starts_with(start), "{start:?} expected, found {line:?}");
        line
    }

    /// Waits for the instance of that number. Returns its process id, and the rest of its line.
    fn instance(&self, number: u32) -> (Pid, String) {
        let start = format!("instance {number}, pid ");
        let line = self.line(&start);
        let (pid, rest) = line[start.len()..].split_once(',').unwrap_or((&line[start.len()..], ""));
        (Pid::from_raw(pid.parse().unwrap()), rest.to_owned())
    }

    /// Stops the supervisor, and waits for its end by status 0.
    fn stop(mut self) {
        kill(Pid::from_raw(self.supervisor.id().cast_signed()), Signal::SIGTERM).unwrap();
        let line = self.lines.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(line.starts_with("stopped"), "{line}");
        assert!(self.supervisor.wait().unwrap().success());
    }
}

impl Drop for Program {
    /// Kills the supervisor if a test fails, and so its instance.
    fn drop(&mut self) {
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

fn address(rest: &str) -> &str {
    rest.strip_prefix(" listens on ").unwrap()
}

#[test]
fn health_learns_of_a_hang_and_of_a_crash() {
    let program = Program::start("health", &[]);
    let (first, _) = program.instance(1);
    kill(first, Signal::SIGSTOP).unwrap();
    let (second, _) = program.instance(2);
    program.line("the instance before missed its check main");
    kill(second, Signal::SIGKILL).unwrap();
    program.instance(3);
    program.line("the instance before died of signal 9");
    program.stop();
}

#[test]
fn survive_refuses_no_client_and_loses_no_count() {
    let program = Program::start("survive", &[]);
    let (mut instance, rest) = program.instance(1);
    for client in 1..=20 {
        // Every fourth client connects while no instance lives.
        if client % 4 == 0 {
            kill(instance, Signal::SIGKILL).unwrap();
            // The supervisor has reaped the instance when this fails.
            while kill(instance, None).is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
        }
        let mut stream = TcpStream::connect(address(&rest)).unwrap();
        if client % 4 == 0 {
            let (next, again) = program.instance(client / 4 + 1);
            assert_eq!(again, rest, "another address");
            instance = next;
        }
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert_eq!(reply, format!("client {client}\n"));
    }
}

#[test]
fn tokio_server_serves_again_after_a_kill_and_ends_its_requests_at_a_stop() {
    let program = Program::start("tokio_server", &[]);
    let (first, rest) = program.instance(1);
    let ask = |line: &str| {
        let mut stream = TcpStream::connect(address(&rest)).unwrap();
        writeln!(stream, "{line}").unwrap();
        stream
    };
    let hear = |stream: &TcpStream| {
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply).unwrap();
        reply
    };
    assert_eq!(hear(&ask("before")), "before\n");
    kill(first, Signal::SIGKILL).unwrap();
    let stream = ask("after");
    program.instance(2);
    assert_eq!(hear(&stream), "after\n");
    // The connection is open at the stop, and ends before the limit.
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(50));
            drop(stream);
        });
        program.stop();
    });
}

/// How often each route of `axum_server` is replaced.
const REPLACEMENTS: usize = if cfg!(debug_assertions) { 25 } else { 500 };

/// The status and the body of an answer.
fn ask(address: &str, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn ask_well(address: &str, method: &str, path: &str) -> String {
    let (status, body) = ask(address, method, path);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// `wrk(1)` on one path. `None` if it is not installed.
fn wrk(address: &str, path: &str) -> Option<Child> {
    let mut command = Command::new("wrk");
    command.args(["--threads", "1", "--connections", "8", "--duration", "3600", "--timeout", "30"]);
    let child = command.arg(format!("http://{address}{path}")).stdout(Stdio::piped()).spawn();
    child.map_err(|error| println!("wrk sends no requests, because it did not start: {error}")).ok()
}

/// Ends `wrk`. Returns how many requests were answered, of which none failed.
fn answered(wrk: Child) -> u64 {
    // At this signal it prints its report.
    kill(Pid::from_raw(wrk.id().cast_signed()), Signal::SIGINT).unwrap();
    let said = String::from_utf8(wrk.wait_with_output().unwrap().stdout).unwrap();
    println!("{said}");
    assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
    said.lines().find_map(|line| line.trim().split_once(" requests in ")).unwrap().0.parse().unwrap()
}

#[test]
fn axum_server_answers_every_request_while_its_routes_are_replaced() {
    let program = Program::start("axum_server", &["--built"]);
    let (_, rest) = program.instance(1);
    let address = address(&rest);
    assert_eq!(ask_well(address, "GET", "/greeting/Ann"), "hello, Ann\n");
    let load = ["/greeting/Bob", "/visits/"].map(|path| wrk(address, path));
    // Clients of the test's own, which are there without `wrk`, too.
    let is_over = AtomicBool::new(false);
    let visits = thread::scope(|scope| {
        let client = || {
            let mut asked = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                ask_well(address, "GET", "/visits/");
                assert!(ask_well(address, "GET", "/greeting/Cid").ends_with(", Cid\n"));
                asked += 1;
            }
            asked
        };
        let clients = [scope.spawn(client), scope.spawn(client)];
        for round in 0..REPLACEMENTS {
            let library = if round % 2 == 0 { "greeting_v2" } else { "greeting" };
            for library in [library, "visits"] {
                ask_well(address, "POST", &format!("/replace/{library}"));
            }
        }
        is_over.store(true, Ordering::Relaxed);
        clients.map(|client| client.join().unwrap()).iter().sum::<u64>()
    });
    assert!(visits > 0);
    assert_eq!(ask(address, "POST", "/replace/nothing").0, 404);
    let [_, by_wrk] = load.map(|wrk| wrk.map_or(0, answered));
    let last = ask_well(address, "GET", "/visits/");
    let counted: u64 = last.trim().strip_prefix("visit ").unwrap().parse().unwrap();
    // `wrk` may leave before the last answers.
    assert!(counted > visits + by_wrk, "{counted} of {visits} and {by_wrk} visits were counted");
    assert_eq!(ask_well(address, "GET", "/greeting/Dot"), "hello, Dot\n".replace("hello", GREETING_AT_THE_END));
    program.stop();
}

/// What the library of the last replacement says.
const GREETING_AT_THE_END: &str = if REPLACEMENTS % 2 == 1 { "good day" } else { "hello" };
