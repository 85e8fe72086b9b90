//! The example programs that sam supervises, which these tests kill.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
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
    fn start(name: &str) -> Program {
        let mut path = env::current_exe().unwrap();
        path.pop();
        path.pop();
        path.push("examples");
        path.push(name);
        let mut supervisor = Command::new(&path).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
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
    let program = Program::start("health");
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
    let program = Program::start("survive");
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
    let program = Program::start("tokio_server");
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
