//! Well-known clients at their defaults, and the replies of Redis itself.
//!
//! A test whose program is missing prints that and passes; `.ci/run` installs the programs.
//! Clients for Python and Node are looked for in `LIVE_KV_CLIENTS`, or in `target/clients`: a Python
//! environment `venv` with `redis`, and `node_modules` with `redis` and `ioredis`. The client for Go, go-redis,
//! is Debian's package `golang-gopkg-redis.v5-dev`. Newer versions are had by Go's own registry only; this one
//! speaks the first version of the protocol.

use std::{
    env,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::live_kv::{
    commands_v2::CommandsV2,
    engine_hash::HashEngine,
    server::{Server, request::Limits},
};

fn start() -> Server {
    let commands = Arc::new(CommandsV2::over(HashEngine::default()));
    Server::start("127.0.0.1:0", 2, commands, Limits::default()).unwrap()
}

/// Sends `requests` to the server at once, and returns its answers.
fn ours(server: &Server, requests: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(requests).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut replies = Vec::new();
    stream.read_to_end(&mut replies).unwrap();
    replies
}

/// A Redis server on a socket without a port.
struct Redis {
    child: Child,
    directory: tempfile::TempDir,
}

impl Redis {
    fn start() -> Option<Redis> {
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(directory.path().join("socket"))
            .arg("--dir")
            .arg(directory.path())
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            eprintln!("redis-server is missing: replies are not compared with those of Redis");
            return None;
        };
        let redis = Redis { child, directory };
        let deadline = Instant::now() + Duration::from_secs(120);
        while UnixStream::connect(redis.socket()).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not listen");
            thread::sleep(Duration::from_millis(5));
        }
        Some(redis)
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// Sends `requests` to Redis, and returns its answers. The last request is `QUIT`.
    fn theirs(&self, requests: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.write_all(requests).unwrap();
        let mut replies = Vec::new();
        stream.read_to_end(&mut replies).unwrap();
        replies
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Requests to which both servers must reply alike.
const REQUESTS: &[&str] = &[
    "FLUSHALL",
    "GET a",
    "SET a 1",
    "GET a",
    "SET a 2 GET",
    "SET b 3 NX GET",
    "SET b 4 NX",
    "SETNX b 5",
    "SETNX e 5",
    "SETNX e",
    "SET c 4 XX",
    "SET c 4 XX GET",
    "SET a",
    "SET a 1 NX XX",
    "MGET a x b",
    "MSET k 1 l 2",
    "MSET k 1 l",
    "INCR k",
    "INCRBY k 10",
    "INCRBY k x",
    "DECRBY k -9223372036854775808",
    "DECR l",
    "SET text hello",
    "INCR text",
    "STRLEN text",
    "STRLEN nothing",
    "EXISTS a b a x",
    "DBSIZE",
    "DEL l x",
    "SCAN 0 MATCH nothing* COUNT 1000",
    "SCAN x",
    "PING",
    "PING hello",
    "PING a b",
    "ECHO x",
    "ECHO",
    "SELECT 0",
    "SELECT x",
    "CLIENT GETNAME",
    "CLIENT SETNAME me",
    "CLIENT GETNAME",
    "CLIENT SETNAME \"a b\"",
    "CLIENT SETNAME",
    "CLIENT GETNAME",
    "CONFIG GET appendonly",
    "CONFIG GET nothing",
    "CONFIG GET",
    "COMMAND INFO nothing",
    "COMMAND COUNT x",
    "HELLO 4",
    "HELLO x",
    "HELLO 3 NOTHING",
    "HELLO 3 AUTH nobody x",
    "HELLO 3 AUTH default",
    "HELLO 3 SETNAME \"a b\"",
    "RESET x",
    "CLIENT GETNAME",
    "NOTHING a b",
    "GET",
    "FLUSHALL now",
    "QUIT",
];

/// The replies of one server, cut where each `ECHO` of a mark ends.
fn pieces(replies: &[u8], begin: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(replies);
    text.split("$4\r\nMARK\r\n").skip(begin.lines().count()).map(str::to_owned).collect()
}

fn with_marks(begin: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in begin.lines().chain(REQUESTS.iter().copied()) {
        bytes.extend_from_slice(format!("{line}\r\n").as_bytes());
        if line != "QUIT" {
            bytes.extend_from_slice(b"ECHO MARK\r\n");
        }
    }
    bytes
}

#[test]
fn replies_are_those_of_redis_in_both_versions_of_the_protocol() {
    let Some(redis) = Redis::start() else { return };
    for begin in ["", "HELLO 2", "HELLO 3", "HELLO 3 AUTH default x SETNAME you\nRESET", "HELLO 3\nHELLO 2\nHELLO 3"] {
        let server = start();
        let requests = with_marks(begin);
        let ours = pieces(&ours(&server, &requests), begin);
        let theirs = pieces(&redis.theirs(&requests), begin);
        assert_eq!(ours.len(), REQUESTS.len(), "{ours:?}");
        for (request, (ours, theirs)) in REQUESTS.iter().zip(ours.iter().zip(&theirs)) {
            assert_eq!(ours, theirs, "{request} after {begin:?}");
        }
        server.stop();
    }
}

/// A reply without the letters and digits of its payloads, which may differ.
fn heads(reply: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(reply).into_owned();
    text.lines().filter(|line| line.starts_with(['*', '%', '~', '_'])).map(str::to_owned).collect()
}

#[test]
fn greetings_have_the_fields_and_the_form_that_redis_gives_them() {
    let Some(redis) = Redis::start() else { return };
    let server = start();
    for requests in ["HELLO\r\nQUIT\r\n", "HELLO 2\r\nQUIT\r\n", "HELLO 3\r\nQUIT\r\n", "HELLO 3\r\nHELLO\r\nQUIT\r\n"]
    {
        let (ours, theirs) = (ours(&server, requests.as_bytes()), redis.theirs(requests.as_bytes()));
        assert_eq!(heads(&ours), heads(&theirs), "{requests:?}");
        let text = String::from_utf8_lossy(&ours).into_owned();
        for field in ["server", "version", "proto", "id", "mode", "role", "modules"] {
            let line = format!("\r\n{field}\r\n");
            assert_eq!(text.matches(&line).count(), String::from_utf8_lossy(&theirs).matches(&line).count(), "{field}");
        }
    }
    for (version, kind) in [(2, '$'), (3, '=')] {
        let requests = format!("HELLO {version}\r\nECHO MARK\r\nINFO server\r\nQUIT\r\n");
        for replies in [ours(&server, requests.as_bytes()), redis.theirs(requests.as_bytes())] {
            let pieces = pieces(&replies, "HELLO");
            assert!(pieces[0].starts_with(kind), "{pieces:?}");
        }
    }
    server.stop();
}

#[test]
fn two_connections_have_two_numbers_and_a_protocol_each() {
    let server = start();
    let replies = |requests: &str| String::from_utf8(ours(&server, requests.as_bytes())).unwrap();
    let first = replies("CLIENT ID\r\nHELLO 3 SETNAME a\r\n");
    let second = replies("CLIENT ID\r\nGET nothing\r\nCLIENT GETNAME\r\n");
    assert_ne!(first.lines().next(), second.lines().next());
    assert!(second.ends_with("\r\n$-1\r\n$-1\r\n"), "{second}");
    let nulls = "GET x\r\nRESET\r\nGET x\r\nCLIENT SETINFO lib-name a\r\nCLIENT SETINFO lib-age a\r\n";
    let replies = replies(&format!("HELLO 3\r\nECHO MARK\r\n{nulls}"));
    let end = "MARK\r\n_\r\n+RESET\r\n$-1\r\n+OK\r\n-ERR Unrecognized option 'lib-age'\r\n";
    assert!(replies.ends_with(end), "{replies}");
    server.stop();
}

fn clients() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients");
    env::var_os("LIVE_KV_CLIENTS").map_or(installed, PathBuf::from)
}

/// The script of a client.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parts/clients").join(name)
}

/// Runs a client's program, which gets the port as its last argument.
fn run(mut client: Command) {
    let server = start();
    let output = client.arg(server.address().port().to_string()).output().expect("the client's program was found");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.ends_with("all is well\n"), "{said}");
    // A worker adds a turn to the tally after the turn's answers, so the tally may still lack the last turn.
    let tally = server.tally();
    assert_eq!((tally.faults(), tally.protocol_errors()), (0, 0));
    assert!(tally.connections() > 0 && tally.requests() < 1000);
    server.stop();
}

#[test]
fn the_newest_client_for_python_works_at_its_defaults() {
    let python = clients().join("venv/bin/python");
    let is_there = Command::new(&python).args(["-c", "import redis"]).stderr(Stdio::null()).status();
    if !is_there.is_ok_and(|status| status.success()) {
        eprintln!("redis-py is missing in {}; its test does nothing", clients().display());
        return;
    }
    let mut client = Command::new(python);
    client.arg(script("redis_py.py"));
    run(client);
}

#[test]
fn the_newest_clients_for_node_work_at_their_defaults() {
    let modules = clients().join("node_modules");
    let is_there = Command::new("node")
        .args(["-e", "require('redis'), require('ioredis')"])
        .env("NODE_PATH", &modules)
        .stderr(Stdio::null())
        .status();
    if !is_there.is_ok_and(|status| status.success()) {
        eprintln!("node, redis or ioredis is missing in {}: they are not tried", clients().display());
        return;
    }
    let mut client = Command::new("node");
    client.arg(script("node.js")).env("NODE_PATH", modules);
    run(client);
}

#[test]
fn a_client_for_go_works_at_its_defaults() {
    const PACKAGES: &str = "/usr/share/gocode";
    let go = |verb| {
        let mut go = Command::new("go");
        go.arg(verb).envs([("GOPATH", PACKAGES), ("GO111MODULE", "off"), ("GOFLAGS", ""), ("CGO_ENABLED", "0")]);
        go
    };
    let is_there = go("list").arg("gopkg.in/redis.v5").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !is_there.is_ok_and(|status| status.success()) {
        eprintln!("go, or go-redis in {PACKAGES}, is missing: its test does nothing");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("client");
    let built = go("build").arg("-o").arg(&program).arg(script("go_redis.go")).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    run(Command::new(program));
}
