//! PostgreSQL.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
};

use sam_tests::{Running, Subject, command::words, send, wait_until};
use tempfile::TempDir;

use super::{installed, main_process};

/// PostgreSQL's programs, which Debian keeps out of `PATH`, and a cluster for one test. PostgreSQL refuses to run
/// as root, so root runs it as the user `nobody`.
struct Postgres {
    programs: PathBuf,
    folder: TempDir,
}

impl Postgres {
    fn new() -> Option<Postgres> {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut found: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
        found.retain(|programs| programs.join("postgres").exists());
        found.sort();
        let Some(programs) = found.pop() else {
            eprintln!("postgres is not installed: how it fares under sam is not tested here");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // SAFETY: takes no pointers.
        if unsafe { libc::geteuid() } == 0 {
            unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let postgres = Postgres { programs, folder };
        let (program, arguments) = postgres.command("initdb", &["-U", "owner", "-A", "trust", "-N", "-D"]);
        let made = Command::new(program).args(arguments).arg(postgres.folder.path().join("data")).output().unwrap();
        assert!(made.status.success(), "{}", words(&made.stderr));
        Some(postgres)
    }

    /// The program and the arguments that execute one of PostgreSQL's programs.
    fn command(&self, name: &str, arguments: &[&str]) -> (String, Vec<String>) {
        let program = self.programs.join(name).to_str().unwrap().to_owned();
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        // SAFETY: takes no pointers.
        if unsafe { libc::geteuid() } != 0 {
            return (program, arguments.collect());
        }
        let user = ["--reuid=65534", "--regid=65534", "--clear-groups"].map(str::to_owned);
        (installed("setpriv").unwrap(), user.into_iter().chain([program]).chain(arguments).collect())
    }

    fn supervised(&self, options: &[&str]) -> Running {
        let folder = self.folder.path().to_str().unwrap();
        let data = format!("{folder}/data");
        let program = self.programs.join("postgres").to_str().unwrap().to_owned();
        let arguments = ["-D", &data, "-k", folder, "-c", "listen_addresses="];
        // SAFETY: takes no pointers.
        let user: &[&str] = if unsafe { libc::geteuid() } == 0 { &["--user", "65534:65534"] } else { &[] };
        let options = [&["--notify", "main"], user, options].concat();
        let mut subject = Subject::by_command(&options, &program, &arguments);
        subject.command().stderr(fs::File::create(self.folder.path().join("log")).unwrap());
        let running = subject.start();
        running.await_events("ready", 1);
        running
    }

    fn client(&self, questions: &[&str]) -> Command {
        let mut client = Command::new(self.programs.join("psql"));
        client.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "owner", "-d", "postgres", "-h"]);
        client.arg(self.folder.path()).stdin(Stdio::null());
        for question in questions {
            client.args(["-c", question]);
        }
        client
    }

    /// Sends a query, and returns the whole answer or the error.
    fn ask(&self, question: &str) -> Result<String, String> {
        let output = self.client(&[question]).output().unwrap();
        let text = words(&output.stdout).trim_end().to_owned();
        if output.status.success() { Ok(text) } else { Err(words(&output.stderr)) }
    }

    /// Starts a client, and returns while the server answers the client's second query. The answer is `done`.
    fn begin_to_ask(&self) -> Child {
        let mut client = self.client(&["SELECT pg_backend_pid()", "SELECT 'done' FROM pg_sleep(1.5)"]);
        let mut client = client.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pid = String::new();
        // Reads byte by byte, because the rest of the output belongs to the code that waits for the client.
        let mut byte = [0];
        while client.stdout.as_mut().unwrap().read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            pid.push(byte[0].into());
        }
        let sleeps = format!("SELECT wait_event FROM pg_stat_activity WHERE pid = {pid}");
        wait_until("the question is being answered", || self.ask(&sleeps).is_ok_and(|text| text == "PgSleep"));
        client
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
    }
}

/// The user and the group that own nothing.
const NOBODY: u32 = 65534;

#[test]
fn postgres_reloads_without_a_lost_query_and_a_smart_stop_waits_for_its_clients() {
    let Some(postgres) = Postgres::new() else { return };
    let running = postgres.supervised(&["--stop-signal", "TERM", "--stop-limit", "60s"]);
    let configure = |version: u32| {
        let file = postgres.folder.path().join("data/postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
        writeln!(file, "the.version = '{version}'").unwrap();
    };
    let (is_over, answers) = (AtomicBool::new(false), AtomicU32::new(0));
    let slow = postgres.begin_to_ask();
    let wrong: Vec<_> = thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut wrong = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                match postgres.ask("SELECT count(*) > 0 FROM pg_class") {
                    Ok(answer) if answer == "t" => drop(answers.fetch_add(1, Ordering::Relaxed)),
                    other => wrong.push(other),
                }
            }
            wrong
        });
        for version in 1..4 {
            configure(version);
            running.signal(libc::SIGHUP);
            let question = "SELECT current_setting('the.version', true)";
            wait_until("the new version serves", || postgres.ask(question).unwrap() == version.to_string());
        }
        is_over.store(true, Ordering::Relaxed);
        client.join().unwrap()
    });
    assert!(answers.into_inner() > 0 && wrong.is_empty(), "{wrong:?}");
    let slow = slow.wait_with_output().unwrap();
    assert_eq!((words(&slow.stdout), words(&slow.stderr)), ("done\n".to_owned(), String::new()));
    let slow = postgres.begin_to_ask();
    running.signal(libc::SIGINT);
    let slow = slow.wait_with_output().unwrap();
    assert_eq!((words(&slow.stdout), words(&slow.stderr)), ("done\n".to_owned(), String::new()));
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len(), seen.of("killed").len()), (0, 1, 0), "{:?}", seen.events);
}

#[test]
fn postgres_keeps_what_was_committed_when_it_is_killed_or_hangs_and_a_fast_stop_waits_for_no_client() {
    let Some(postgres) = Postgres::new() else { return };
    let ready = postgres.programs.join("pg_isready");
    let probe = format!("{} -q -t 4 -h {}", ready.display(), postgres.folder.path().display());
    let watched = ["--probe", &probe, "--probe-every", "100ms", "--probe-failures", "2", "--warn-signal", "QUIT"];
    let running = postgres.supervised(&[&watched[..], &["--stop-signal", "INT"]].concat());
    postgres.ask("CREATE TABLE kept (number int)").unwrap();
    let keep = |number: u32| postgres.ask(&format!("INSERT INTO kept VALUES ({number})")).unwrap();
    let kept = || postgres.ask("SELECT string_agg(number::text, ' ' ORDER BY number) FROM kept").unwrap();
    keep(1);
    // PostgreSQL's processes have sessions of their own. While one of them lived, the next instance would
    // refuse to begin.
    let slow = postgres.begin_to_ask();
    send(main_process(&running), libc::SIGKILL);
    assert!(!slow.wait_with_output().unwrap().status.success());
    running.await_events("ready", 2);
    assert_eq!(kept(), "1");
    keep(2);
    // The main process hangs.
    send(main_process(&running), libc::SIGSTOP);
    running.await_events("ready", 3);
    // Warned and ended; and warned, if it answered late once.
    assert!(running.events().iter().filter(|event| event["cause"] == "probe").count() >= 2);
    assert_eq!(kept(), "1 2");
    keep(3);
    let slow = postgres.begin_to_ask();
    running.signal(libc::SIGTERM);
    assert!(words(&slow.wait_with_output().unwrap().stderr).contains("administrator command"));
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len(), seen.of("killed").len()), (0, 3, 0), "{:?}", seen.events);
    let running = postgres.supervised(&[]);
    assert_eq!(kept(), "1 2 3");
    running.signal(libc::SIGINT);
    assert_eq!(running.end().code(), 0);
}
