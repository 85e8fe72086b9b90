//! The commands on a server as programs are: `live_kv` of the examples, with clients over TCP that ask without end and
//! know each answer.
//!
//! Cargo builds the server and its components with the other examples of the workspace.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value as Json;

use crate::{
    harness::{Ended, built, end},
    scaffold,
    server::Place,
    watching::{wait_for_end_of_watches_of, wait_until_it_records},
};

/// How many clients ask.
const CLIENTS: usize = 4;

/// How long a test waits for what must come.
const LONG: Duration = Duration::from_secs(60);

/// What a client is answered where a call was made to fail.
const INJECTED: &str = "-ERR the storage engine failed: ";

/// The server. It is killed when this is dropped.
struct LiveKv {
    child: Child,
    /// Kept, so that the server has a reader.
    _output: BufReader<ChildStdout>,
    address: String,
}

impl LiveKv {
    fn start(place: &Place) -> LiveKv {
        let mut command = Command::new(built("live_kv"));
        command.args(["--serve", "127.0.0.1:0", "--control", "--components"]).arg(built("live_kv").parent().unwrap());
        command.arg("--history").arg(place.path().join("history"));
        // A supervisor would start the server again.
        command.env("XDG_RUNTIME_DIR", place.path()).env("SAM_DISABLE", "1");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.split(' ').nth(2).unwrap_or_else(|| panic!("{line:?}")).to_owned();
        LiveKv { child, _output: output, address }
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// The most memory that the server has had, in bytes.
    fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// What a new client is answered to requests.
    fn ask(&self, requests: &[&str]) -> Vec<String> {
        let mut stream = BufReader::new(TcpStream::connect(&self.address).unwrap());
        stream.get_mut().write_all((requests.join("\r\n") + "\r\n").as_bytes()).unwrap();
        requests.iter().map(|_| reply(&mut stream).unwrap()).collect()
    }
}

impl Drop for LiveKv {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A reply: its line, or of a value the value.
fn reply(stream: &mut impl io::BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.starts_with('$') && line != "$-1\r\n" {
        line.clear();
        stream.read_line(&mut line)?;
    }
    Ok(line.trim_end().to_owned())
}

/// Clients that ask without end.
struct Load {
    counts: Arc<Counts>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

#[derive(Default)]
struct Counts {
    is_over: AtomicBool,
    /// How many rounds of requests each client was answered.
    rounds: [AtomicU64; CLIENTS],
    /// How many requests were made to fail.
    injected: AtomicU64,
    /// What `EXISTS key key` was answered.
    exists: Mutex<BTreeSet<String>>,
    /// Answers that must not be.
    wrong: Mutex<Vec<String>>,
}

impl Load {
    /// Clients whose values have that many bytes.
    fn begin(server: &LiveKv, bytes: usize) -> Load {
        let counts = Arc::<Counts>::default();
        let begin = |client: usize| {
            let (counts, stream) = (Arc::clone(&counts), TcpStream::connect(&server.address).unwrap());
            thread::spawn(move || counts.ask(stream, client, bytes))
        };
        let threads = (0..CLIENTS).map(begin).collect();
        let load = Load { counts, threads };
        load.wait(1);
        load
    }

    /// Waits until each client has been answered that many rounds more.
    #[track_caller]
    fn wait(&self, more: u64) {
        let rounds = || self.counts.rounds.each_ref().map(|rounds| rounds.load(Ordering::Relaxed));
        let (before, until) = (rounds(), Instant::now() + LONG);
        while rounds().iter().zip(before).any(|(now, before)| *now < before + more) {
            assert!(Instant::now() < until, "clients are not answered");
            assert!(!self.threads.iter().any(JoinHandle::is_finished), "a client has lost its connection");
            thread::sleep(Duration::from_millis(1));
        }
        let wrong = self.counts.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    /// What `EXISTS key key` is answered from now on.
    #[track_caller]
    fn exists(&self) -> Vec<String> {
        // The next round may have begun before.
        self.wait(2);
        self.counts.exists.lock().unwrap().clear();
        self.wait(20);
        self.counts.exists.lock().unwrap().iter().cloned().collect()
    }

    fn injected(&self) -> u64 {
        self.counts.injected.load(Ordering::Relaxed)
    }

    /// Ends the load, in which nothing else may have failed than what was made to.
    #[track_caller]
    fn end(self) {
        self.wait(2);
        self.counts.is_over.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
        assert_eq!(*self.counts.wrong.lock().unwrap(), [""; 0]);
    }
}

impl Counts {
    /// Asks as one client, until the load is over.
    fn ask(&self, stream: TcpStream, client: usize, bytes: usize) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LONG))?;
        let mut stream = BufReader::new(stream);
        for round in 1_u64.. {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let value = format!("{round:0>bytes$}");
            let (key, counter) = (format!("key-{client}"), format!("counter-{client}"));
            let requests = [
                format!("SET {key} {value}"),
                format!("GET {key}"),
                format!("INCR {counter}"),
                format!("EXISTS {key} {key}"),
            ];
            stream.get_mut().write_all((requests.join("\r\n") + "\r\n").as_bytes())?;
            for (request, expected) in requests.iter().zip(["+OK", &value, &format!(":{round}"), ""]) {
                let answer = reply(&mut stream)?;
                if request.starts_with("EXISTS") {
                    self.exists.lock().unwrap().insert(answer);
                } else if request.starts_with("GET")
                    && answer.starts_with(INJECTED)
                    && answer.contains("by an operator")
                {
                    self.injected.fetch_add(1, Ordering::Relaxed);
                } else if answer != expected {
                    self.wrong.lock().unwrap().push(format!("{request}: {answer}"));
                }
            }
            self.rounds[client].fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The generation, and how many patches the engine has, and their number.
fn patches(place: &Place) -> (u64, u64, u64) {
    let status = place.run(["status", "--json"]).with(0).json();
    let engine = status["components"].as_array().unwrap().iter().find(|each| each["name"] == "kv-engine-hash").unwrap();
    (
        status["generation"].as_u64().unwrap(),
        engine["patches"].as_u64().unwrap(),
        engine["patch_number"].as_u64().unwrap(),
    )
}

#[test]
fn an_operator_calls_traces_records_breaks_and_edits_a_server_under_load_and_takes_it_all_back() {
    let place = Place::new();
    let server = LiveKv::start(&place);
    let load = Load::begin(&server, 8);
    let (exports, history) = (place.run(["exports"]).with(0).stdout, place.run(["history"]).with(0).stdout);
    let (generation, none, number) = patches(&place);
    assert_eq!((none, load.exists()), (0, vec![":2".to_owned()]));

    // Calls, of which one changes the map that clients see.
    let set = ["call", "kv.engine.set", r#"["by-hand","1"]"#];
    place.run(set).with(77).complains("--yes");
    place.run(set.into_iter().chain(["--yes"])).with(0);
    assert_eq!(place.run(["call", "kv.engine.get", r#"["by-hand"]"#]).with(0).stdout, "{\"Ok\":\"1\"}\n");
    assert_eq!(server.ask(&["GET by-hand", "INCR by-hand"]), ["1", ":2"]);
    let swap = ["call", "kv.engine.swap", r#"["by-hand","1","Sometimes"]"#, "--yes"];
    place.run(swap).with(64).complains("argument 3 `condition`");

    // A trace and a record; what was recorded is answered the same way again.
    let traced = place.run(["trace", "kv.engine.*", "--args", "--count", "200"]).with(0);
    assert_eq!(traced.stdout.lines().count(), 200, "{traced:?}");
    assert!(traced.stdout.contains("kv.engine.contains(keys: [b\"key-"), "{traced:?}");
    let file = place.path().join("calls.jsonl");
    let file = file.to_str().unwrap();
    place.run(["record", file, "kv.engine.contains", "--count", "50"]).with(0);
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 51);
    assert!(place.run(["replay", file]).with(0).stdout.contains("50 calls: 0 differ"));
    load.wait(2);
    assert_eq!(load.injected(), 0);

    // Failures, which clients see as such, and none when the command has ended.
    let failed = place.run(["--json", "fail", "kv.engine.get", "--rate", "20%", "--time", "500ms"]).with(0).json();
    wait_for_end_of_watches_of(&server.pid());
    load.wait(2);
    let (told, seen) = (failed["failed"].as_u64().unwrap(), load.injected());
    // A call that had begun to fail when the numbers were made may be missing in them.
    assert!(told > 0 && (told..=told + CLIENTS as u64).contains(&seen), "{seen} of {told}");
    load.wait(20);
    assert_eq!(load.injected(), seen);

    // None of these is a change.
    assert_eq!(patches(&place), (generation, 0, number));
    assert_eq!(place.run(["history"]).with(0).stdout, history);

    // An edit is one, and so is the way back.
    let text = place.path().join("contains.rs");
    let new = "fn contains(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {\n    \
               self.contains(keys).map(|count| count + 40)\n}\n";
    fs::write(&text, new).unwrap();
    let put = edit(&place, "kv.engine.contains", &text).with(0);
    assert!(put.stdout.contains("edit-kv.engine.contains 0.0.1"), "{put:?}");
    assert_eq!(load.exists(), [":42"]);
    assert_eq!(patches(&place), (generation + 1, 1, number + 1));
    let patched = place.run(["exports", "kv-engine-hash"]).with(0).stdout;
    assert!(patched.contains("patched by edit-kv.engine.contains"), "{patched}");
    place.run(["rollback", "--reason", "enough"]).with(0);
    assert_eq!(load.exists(), [":2"]);
    assert_eq!(patches(&place), (generation + 2, 0, number + 2));
    assert_eq!(place.run(["exports"]).with(0).stdout, exports);
    let entries = place.run(["history", "--json", "-c", "2"]).with(0).json();
    let said = |entry: usize, member: &str| entries["entries"][entry][member].clone();
    assert_eq!((said(0, "reason"), said(1, "reason")), ("ticket 7".into(), "enough".into()), "{entries}");
    assert!(said(0, "members").to_string().contains("edit-kv.engine.contains"), "{entries}");
    assert_eq!(said(1, "what"), "rollback", "{entries}");
    assert_eq!(load.injected(), seen);
    load.end();
}

/// Edits a method of the server to what a file has.
fn edit(place: &Place, method: &str, file: &Path) -> Ended {
    let _turn = scaffold::turn();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut command = place.lcr();
    command.args(["edit", method, "--file"]).arg(file).arg("--manifest-path").arg(&examples).args([
        "--reason",
        "ticket 7",
        "--",
        "--offline",
    ]);
    // Where the tests of `edit` and `new` build, too.
    command.envs(scaffold::environment(&examples.join("..")));
    end(&mut command)
}

#[test]
fn a_trace_of_all_calls_of_a_busy_server_has_a_bounded_queue_and_goes_with_the_killed_command() {
    let place = Place::new();
    let server = LiveKv::start(&place);
    let load = Load::begin(&server, 1_000);
    load.wait(50);
    let before = server.peak_memory();
    let mut trace = place.lcr();
    trace.args(["--json", "trace", "*", "--args", "--width", "2000", "--per-second", "1000000"]);
    let mut trace = trace.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(trace.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Json>(&lines.next().unwrap().unwrap()).unwrap();
    // For each line that is read, 32 calls are made.
    for _ in 0..200 {
        assert!(next()["method"].is_string());
        load.wait(1);
    }
    let lost = loop {
        if let Some(lost) = next()["lost"].as_u64() {
            break lost;
        }
    };
    assert!(lost > 0);
    let grown = server.peak_memory() - before;
    assert!(grown < 64 << 20, "memory has grown by {grown} bytes");
    trace.kill().unwrap();
    trace.wait().unwrap();
    let killed = Instant::now();
    wait_for_end_of_watches_of(&server.pid());
    println!("{lost} lines lost, {grown} bytes more; the hooks were gone {:?} after the kill", killed.elapsed());
    assert_eq!(load.exists(), [":2"]);
    assert_eq!(load.injected(), 0);
    load.end();
}

#[test]
fn a_record_of_a_server_differs_against_the_version_with_a_fault_in_what_is_wrong_with_it() {
    let place = Place::new();
    let server = LiveKv::start(&place);
    let file = place.path().join("calls.jsonl");
    let requests =
        ["SET a 1", "EXISTS a", "EXISTS a a", "SET b 2", "EXISTS a b none", "EXISTS b a b b", "INCR a", "GET a"];
    let mut record = place.lcr();
    record.arg("record").arg(&file).args(["kv.engine.*", "--count", &requests.len().to_string()]);
    let mut record = record.stdout(Stdio::null()).spawn().unwrap();
    wait_until_it_records(&file);
    assert_eq!(server.ask(&requests), ["+OK", ":1", ":2", "+OK", ":2", ":4", ":2", "2"]);
    assert!(record.wait().unwrap().success());
    let replay = |library: &str, component: &str| {
        let library = built(library);
        let replay = ["--json", "replay", file.to_str().unwrap(), "--library", library.to_str().unwrap()];
        place.run(replay.into_iter().chain(["--component", component]))
    };
    for (same, component) in [("libkv_engine_hash.so", "kv-engine-hash"), ("libkv_engine_tree.so", "kv-engine-tree")] {
        let replayed = replay(same, component).with(0).json();
        assert_eq!((&replayed["calls"], &replayed["differ"]), (&requests.len().into(), &0.into()), "{replayed}");
    }
    let replayed = replay("libkv_trial_engine_counts_once.so", "kv-engine-hash").with(1);
    let lines: Vec<Json> = replayed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: Vec<_> = lines[..2].iter().map(|line| (line["line"].as_u64(), &line["was"], &line["is"])).collect();
    let [one, two, four] = ["1", "2", "4"].map(Json::from);
    assert_eq!(found, [(Some(4), &two, &one), (Some(7), &four, &two)], "{replayed:?}");
    assert_eq!(lines[2]["differ"], 2, "{replayed:?}");
}
