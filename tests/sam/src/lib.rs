//! Runs supervised programs as real processes, and reads their output and the events of their supervisor.

pub use own_process::in_a_process_of_its_own;
use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

pub mod churn;
pub mod command;
#[path = "../../src/own_process.rs"]
mod own_process;
pub mod page;
pub mod proc;
pub mod tty;

/// How long a test waits for any one thing.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder of programs that were built to abort at a panic. Cargo builds programs for tests with unwinding, so
/// these are built apart.
fn aborting_programs() -> Option<PathBuf> {
    env::var_os("SAM_TEST_ABORTING").map(PathBuf::from)
}

/// Whether programs abort at a panic.
pub fn panics_abort() -> bool {
    aborting_programs().is_some()
}

/// A program of `programs/`, which cargo built before it ran the test.
///
/// # Panics
/// If the file is not there.
pub fn program(name: &str) -> PathBuf {
    let built_beside = || {
        let mut directory = env::current_exe().expect("a test binary has a path");
        directory.pop();
        if directory.ends_with("deps") {
            directory.pop();
        }
        directory.join("examples")
    };
    let path = aborting_programs().unwrap_or_else(built_beside).join(name);
    assert!(path.exists(), "{} is missing: `cargo build -p sam-tests --examples` makes it", path.display());
    path
}

/// Waits until `condition` holds.
///
/// # Panics
/// If `condition` does not hold within 120 s.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Does the jobs, a few at a time, because most of them wait most of the time.
pub fn side_by_side<T: Send>(jobs: impl IntoIterator<Item = T>, work: impl Fn(T) + Sync) {
    let jobs: Mutex<Vec<T>> = Mutex::new(jobs.into_iter().collect());
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).pop();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(job) = next() {
                    work(job);
                }
            });
        }
    });
}

/// A supervised program that is not yet started.
pub struct Subject {
    command: Command,
    folder: TempDir,
}

/// A supervised program that runs.
pub struct Running {
    child: Child,
    folder: TempDir,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

/// What was seen of a supervised program until it ended.
pub struct Seen {
    /// How the supervisor ended.
    pub status: ExitStatus,
    /// The lines that the instances printed, each after the instance's number.
    pub lines: Vec<String>,
    /// The events that the supervisor wrote.
    pub events: Vec<Value>,
}

impl Subject {
    /// The program `subject`, whose instances each follow a script; the last script is for all further
    /// instances.
    ///
    /// # Panics
    /// If there is no temporary directory.
    pub fn new(scripts: &[&str]) -> Subject {
        Subject::of("subject", scripts)
    }

    /// Another linked program of `programs/`.
    ///
    /// # Panics
    /// If there is no temporary directory.
    pub fn of(name: &str, arguments: &[&str]) -> Subject {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let mut command = Command::new(program(name));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        command.env("SAM_EVENTS", folder.path().join("events")).env("SAM_STATUS", folder.path().join("status"));
        command.env("SAM_LOG", "0");
        // The program has a group of its own, as a shell gives it one, so a signal to the group misses the test.
        command.process_group(0);
        Subject { command, folder }
    }

    /// A program that `sam run` supervises with these options. A name without `/` is that of a program of
    /// `programs/`.
    ///
    /// # Panics
    /// If there is no temporary directory.
    pub fn by_command(options: &[&str], name: &str, arguments: &[&str]) -> Subject {
        let mut subject = Subject::of("sam", &["run", "--quiet", "--events"]);
        subject.command.arg(subject.folder.path().join("events")).arg("--status");
        subject.command.arg(subject.folder.path().join("status")).args(options).arg("--");
        subject.command.arg(if name.contains('/') { name.into() } else { program(name) }).args(arguments);
        subject
    }

    /// Sets a variable of the environment.
    pub fn set(mut self, name: &str, value: &str) -> Subject {
        self.command.env(name, value);
        self
    }

    /// The command, for further settings.
    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the program.
    ///
    /// # Panics
    /// If the program does not start.
    pub fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("the subject starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (into, out) = (Arc::clone(&lines), child.stdout.take());
        let reader = out.map(|out| {
            thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    into.lock().expect("no reader panics").push(line);
                }
            })
        });
        Running { child, folder: self.folder, lines, reader }
    }

    /// Runs the program to its end.
    pub fn run(self) -> Seen {
        self.start().end()
    }
}

impl Running {
    /// The process id of the supervisor.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// The lines that the instances have printed so far.
    ///
    /// # Panics
    /// Never.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no reader panics").clone()
    }

    /// Waits until an instance prints this line.
    ///
    /// # Panics
    /// If no instance does within 120 s.
    pub fn await_line(&self, line: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.lines().iter().any(|other| other == line) {
            let (lines, events) = (self.lines(), self.events());
            assert!(Instant::now() < deadline, "no instance printed {line:?}: {lines:#?} {events:#?}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for a line of an instance that begins with `start`, and returns the rest of the line.
    pub fn await_value(&self, start: &str) -> String {
        let mut found = None;
        wait_until(start, || {
            found = self.lines().iter().find_map(|line| line.strip_prefix(start).map(str::to_owned));
            found.is_some()
        });
        found.unwrap_or_default()
    }

    /// The events that the supervisor has written so far.
    pub fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("events")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// Waits for `count` events of that name.
    pub fn await_events(&self, name: &str, count: usize) {
        wait_until(&format!("{count} events {name}"), || {
            self.events().iter().filter(|event| event["event"] == name).count() >= count
        });
    }

    /// The status file.
    ///
    /// # Panics
    /// If it is not there or not whole.
    pub fn status(&self) -> Value {
        let text = fs::read_to_string(self.folder.path().join("status")).expect("the status file can be read");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signals the supervisor.
    pub fn signal(&self, signal: i32) {
        send(self.pid(), signal);
    }

    /// Waits for the supervisor's end, and for the end of all output.
    ///
    /// # Panics
    /// If it does not end within 120 s.
    pub fn end(mut self) -> Seen {
        let status = self.await_end();
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no reader panics");
        }
        Seen { status, lines: self.lines(), events: self.events() }
    }

    /// Waits for the supervisor's end, and not for processes that outlive it and may go on to print.
    ///
    /// # Panics
    /// If it does not end within 120 s.
    pub fn end_before_its_output(mut self) -> Seen {
        let status = self.await_end();
        Seen { status, lines: self.lines(), events: self.events() }
    }

    fn await_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the subject can be waited for") {
                return status;
            }
            if Instant::now() > deadline {
                let (lines, events) = (self.lines(), self.events());
                panic!("the subject does not end: {lines:#?} {events:#?}");
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Seen {
    /// The names of the events, in order.
    pub fn names(&self) -> Vec<&str> {
        self.events.iter().filter_map(|event| event["event"].as_str()).collect()
    }

    /// The events of one name.
    pub fn of(&self, name: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["event"] == name).collect()
    }

    /// The exit code, or the signal as a negative number.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| -self.status.signal().unwrap_or(0))
    }
}

/// Sends a signal.
pub fn send(pid: i32, signal: i32) {
    // SAFETY: takes no pointers.
    unsafe { libc::kill(pid, signal) };
}

/// Whether a process runs: it is there and no zombie.
pub fn lives(pid: i32) -> bool {
    state_of(pid).is_some_and(|state| state != 'Z' && state != 'X')
}

/// The state of a process as `/proc` has it: R, S, T, Z ...
pub fn state_of(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
