//! The whole program as a user runs it: its exit statuses, its own client, and other clients.
//!
//! Cargo builds the program and its components before this test; `--components` tells
//! the program to take them as they are.

use std::{
    env, fs,
    fs::Permissions,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Output, Stdio},
    thread,
    time::Duration,
};

/// Requests of each kind that `redis-benchmark` sends.
const REQUESTS: &str = if cfg!(debug_assertions) { "100000" } else { "1000000" };

fn examples() -> PathBuf {
    let mut path = env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    assert!(path.join("live_kv").exists(), "live_kv is missing; `cargo build --examples` makes it");
    path
}

fn live_kv(arguments: &[&str]) -> Command {
    let mut command = Command::new(examples().join("live_kv"));
    command.args(arguments);
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A server process. `stop` stops it; if the test fails, dropping the value kills it.
struct Served {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Served {
    fn start(arguments: &[&str]) -> Served {
        let mut command = live_kv(&["--serve", "127.0.0.1:0", "--components"]);
        command.arg(examples()).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.split(' ').nth(2).expect("the first line names the address").to_owned();
        Served { child, output, address }
    }

    /// The process id that the next instance prints.
    fn instance(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.split(' ').nth(3).expect("an instance names its process").to_owned()
    }

    fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// Sends SIGTERM; the exit status must be 0. Returns what the program said.
    fn stop(mut self) -> String {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn live_kv_replaces_and_refuses_components_under_its_own_load_and_loses_nothing() {
    let mut command = live_kv(&["--seconds", "1", "--keys", "5000", "--replace-every", "30", "--components"]);
    let output = command.arg(examples()).output().unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in ["candidates refused 9", "connections refused 0", "reconnects 25"] {
        assert!(words.contains(line), "{line}: {text}");
    }
    // The program prints each line twice: for its own process, and for the server with injected faults.
    for line in ["requests failed 0", "acknowledged writes lost 0"] {
        assert_eq!(words.matches(line).count(), 2, "{line}: {text}");
    }
    for end in ["signal 9", "main hung, signal 9", "worker-", "signal 6"] {
        assert!(text.contains(end), "{end}: {text}");
    }
    assert_each_bad_version_is_caught(&text);
    assert_a_trial_that_ends_the_process_is_taken_back(&text);
}

/// The supervised server keeps a history: the instance after the trial begins with what served before.
fn assert_a_trial_that_ends_the_process_is_taken_back(text: &str) {
    let after = |start: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(start));
        line.unwrap_or_else(|| panic!("{start}: {text}")).trim()
    };
    let before = after("before the trial that ended the process: ");
    let row: Vec<&str> = after("| ended by a trial").split('|').map(str::trim).collect();
    assert_eq!((row[1], row[3]), ("signal 6", before), "{text}");
    assert!(before.starts_with("kv-commands ") && !before.contains("1.1.0"), "{text}");
    assert!(after("in quarantine after it: ").starts_with("kv-engine-hash 1.1.0, "), "{text}");
    assert!(after("offered once more, refused: ").starts_with("quarantined"), "{text}");
}

/// The rows of the table of trials say what caught each version, and what became of it. That nothing else failed, and
/// that the writes of their time were kept, is in the exit status.
fn assert_each_bad_version_is_caught(text: &str) {
    let row = |what: &str| -> Vec<String> {
        let row = text.lines().find(|line| line.starts_with("| kv-") && line.contains(what));
        let row = row.unwrap_or_else(|| panic!("{what}: {text}"));
        row.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    for (what, component, caught_by, fate, state) in [
        ("panics under load", "kv-commands 2.1.0", "its panic", "rolled back", "copied and back"),
        ("answers wrongly", "kv-engine-hash 1.1.0", "the program's check", "rolled back", "by pointer and back"),
        ("stops answering", "kv-engine-hash 1.1.0", "the program's check", "rolled back", "by pointer and back"),
        ("loses half of the state", "kv-engine-faulty 1.0.0", "its own check", "refused", "stayed"),
    ] {
        let row = row(what);
        let found = [&row[1], &row[3], &row[5], &row[6]];
        assert_eq!(found, [component, caught_by, fate, state], "{what}: {text}");
    }
    // A panic reaches the caller, and a call that stops makes it wait.
    let count = |what, cell: usize| row(what)[cell].parse::<u64>().unwrap();
    assert!(count("panics under load", 9) > 0 && count("stops answering", 10) > 0, "{text}");
    assert_eq!((count("stops answering", 9), count("loses half of the state", 9)), (0, 0), "{text}");
    for found in ["this version panics under load", "not \"the value of key ", "has not returned within", "are missing"]
    {
        assert!(text.contains(found), "{found}: {text}");
    }
}

#[test]
fn a_server_that_is_killed_goes_on_with_what_it_acknowledged_and_with_the_same_address() {
    let mut server = Served::start(&[]);
    let first = server.instance();
    let mut client = TcpStream::connect(&server.address).unwrap();
    client.write_all(b"SET a kept\r\n").unwrap();
    let mut reply = [0; 5];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+OK\r\n");
    let killed = Command::new("kill").args(["-9", &first]).status().unwrap();
    assert!(killed.success());
    // The connection is not refused, whether the next instance is there already or not.
    let mut client = TcpStream::connect(&server.address).unwrap();
    client.write_all(b"GET a\r\nQUIT\r\n").unwrap();
    let mut replies = String::new();
    client.read_to_string(&mut replies).unwrap();
    assert_eq!(replies, "$4\r\nkept\r\n+OK\r\n");
    assert_ne!(server.instance(), first);
    server.stop();
}

#[test]
fn clients_cannot_inject_faults_unless_the_server_was_started_for_that() {
    let server = Served::start(&[]);
    let mut client = TcpStream::connect(&server.address).unwrap();
    client.write_all(b"DEBUG ABORT\r\nDEBUG DEADLOCK\r\nQUIT\r\n").unwrap();
    let mut replies = String::new();
    client.read_to_string(&mut replies).unwrap();
    assert_eq!(replies.matches("-ERR unknown command 'DEBUG'").count(), 2, "{replies}");
    server.stop();
}

#[test]
fn other_clients_lose_nothing_while_components_are_replaced() {
    let server = Served::start(&["--replace-every", "5"]);
    let mut check = live_kv(&["--check", &server.address, "--keys", "5000", "--seconds", "3"]);
    let check = check.stdout(Stdio::piped()).spawn().unwrap();
    if has_redis_benchmark() {
        let mut benchmark = Command::new("redis-benchmark");
        benchmark.args(["-p", server.port(), "-t", "ping,set,get,incr,mset", "-n", REQUESTS]);
        let output = benchmark.args(["-c", "50", "-P", "16", "-q"]).output().unwrap();
        let text = text(&output);
        assert!(output.status.success() && !text.to_lowercase().contains("error"), "{text}");
        assert_eq!(text.matches("requests per second").count(), 6, "{text}");
    }
    let check = check.wait_with_output().unwrap();
    assert!(check.status.success(), "{}", text(&check));
    let said = server.stop();
    assert!(said.contains(" 0 protocol errors, 0 faults") && said.contains(" 0 refused"), "{said}");
}

/// Whether `redis-benchmark` is installed, which it must be in CI.
fn has_redis_benchmark() -> bool {
    let found = Command::new("redis-benchmark").arg("--version").output().is_ok();
    assert!(found || env::var_os("CI").is_none(), "redis-benchmark is missing; Debian's package is redis-tools");
    if !found {
        eprintln!("redis-benchmark is not installed; only our own client runs");
    }
    found
}

#[test]
fn a_check_notices_what_another_client_destroys() {
    let server = Served::start(&[]);
    let check =
        live_kv(&["--check", &server.address, "--keys", "1000", "--seconds", "2"]).stdout(Stdio::piped()).spawn();
    let mut check = check.unwrap();
    let mut vandal = TcpStream::connect(&server.address).unwrap();
    // As long as the check lasts, which may begin late.
    while check.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(50));
        vandal.write_all(b"FLUSHALL\r\n").unwrap();
    }
    let check = check.wait_with_output().unwrap();
    assert_eq!(check.status.code(), Some(1), "{}", text(&check));
    assert!(text(&check).contains("FAILED: "), "{}", text(&check));
    server.stop();
}

#[test]
fn the_table_of_holds_has_a_line_for_each_size_and_kind_of_replacement() {
    let mut command = live_kv(&["--sizes", "1,2", "--components"]);
    let output = command.arg(examples()).output().unwrap();
    let said = text(&output);
    assert!(
        output.status.success() && said.contains("No request failed and no acknowledged write was lost."),
        "{said}"
    );
    for (keys, state) in [(9_986, "1.0 MiB"), (19_972, "2.0 MiB")] {
        for what in ["another build", "another structure"] {
            let is_of = |line: &&str| line.contains(&keys.to_string()) && line.contains(state) && line.contains(what);
            let lines: Vec<&str> = said.lines().filter(is_of).collect();
            let way = if what == "another build" { "by pointer" } else { "copied ahead" };
            // Once when it is there, and once in the table of all.
            assert!(lines.len() == 2 && lines.iter().all(|line| line.contains(way)), "{said}");
        }
    }
}

/// The size of the state beside which `redis-benchmark` runs. `.ci/soak` has it run beside ten million keys.
const MIB: &str = if cfg!(debug_assertions) { "1" } else { "20" };

#[test]
fn redis_benchmark_meets_no_error_while_the_engine_is_replaced_both_ways() {
    if !has_redis_benchmark() {
        return;
    }
    let mut command = live_kv(&["--redis-benchmark", "--sizes", MIB, "--components"]);
    let output = command.arg(examples()).output().unwrap();
    let said = text(&output);
    assert!(output.status.success() && said.contains("redis-benchmark ran "), "{said}");
    assert!(said.contains("No request failed and no acknowledged write was lost."), "{said}");
    assert!(said.contains("by pointer") && said.contains("copied ahead"), "{said}");
}

#[test]
fn an_error_that_redis_benchmark_meets_fails_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("redis-benchmark");
    fs::write(
        &program,
        "#!/bin/sh\nfor i in 1 2 3 4 5 6; do echo 'X: 1.00 requests per second'; done\n\
                         echo 'Error from server: ERR it'\n",
    )
    .unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let mut command = live_kv(&["--redis-benchmark", "--sizes", "1", "--components"]);
    let output = command.arg(examples()).env("PATH", folder.path()).output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("redis-benchmark, run 1: ") && said.contains("Error from server: ERR it"), "{said}");
}

#[test]
fn a_wrong_command_line_is_explained_and_ends_with_status_2() {
    for (arguments, expected) in [
        (&["--serv", "x"][..], "there is no flag --serv; --help lists them"),
        (&["--keys", "many"], "--keys takes a number of at least 1, not \"many\""),
        (&["--keys", "0"], "--keys takes a number of at least 1, not \"0\""),
        (&["--keys", "3", "--connections", "4"], "3 keys are too few for 4 connections"),
        (&["--serve", "a:1", "--check", "a:1"], "--serve, --check and --sizes exclude each other"),
        (&["--sizes", "20,x"], "--sizes takes a number of at least 1, not \"20,x\""),
        (&["--serve"], "missing argument for option '--serve'"),
        (&["word"], "unexpected argument \"word\""),
    ] {
        let output = live_kv(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output).contains(expected), "{arguments:?}: {}", text(&output));
    }
    let help = live_kv(&["--help"]).output().unwrap();
    assert!(help.status.success() && text(&help).contains("--replace-every MS"));
    let missing = live_kv(&["--components", "/nonexistent"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    let unserved = live_kv(&["--check", "127.0.0.1:1", "--seconds", "1"]).output().unwrap();
    assert_eq!(unserved.status.code(), Some(1), "{}", text(&unserved));
}
