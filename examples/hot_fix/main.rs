//! A wrong answer of a server that runs: found by a trace, mended by a patch of one method, and all of it taken back,
//! while clients are connected.
//!
//! The server is `live_kv`, in a process of its own. A new version of its storage engine gets through its trial and
//! answers `EXISTS fruit fruit` with 1, where it must be 2. This program runs the command `lcr` as an operator types
//! it, and prints what it says. [`clients`] ask that question all the while, and `live_kv --check` writes, reads, and
//! checks every reply.
//!
//! The patch is `contains.rs`, a library of its own. `lcr edit kv.engine.contains` makes such a library from the
//! method's text.

mod clients;
#[path = "../libraries.rs"]
mod libraries;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use clients::Clients;
use lcr::BoxError;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// What is built: the command, the server and its components, the version with the fault, and the fix.
const BUILT: [&str; 9] = [
    "lcr",
    "live_kv",
    "kv_engine_hash",
    "kv_engine_hash_next",
    "kv_engine_tree",
    "kv_commands_v1",
    "kv_commands_v2",
    "kv_trial_engine_counts_once",
    "hot_fix_contains",
];

fn main() -> Result<(), BoxError> {
    let site = Site { libraries: libraries::built(&BUILT)?, sockets: tempfile::tempdir()? };
    let mut server = site.start(&["--serve", "127.0.0.1:0", "--control", "--components", "."])?;
    let address = server.line("serving on ")?;
    let check = site.start(&["--check", &address, "--keys", "5000", "--seconds", "3600"])?;
    let clients = Clients::connect(&address, 4)?;
    assert_eq!(clients.hear()?[0], 0);

    // A new version, with a trial in which it does what its check asks for.
    site.lcr("replace libkv_trial_engine_counts_once.so --trial 500ms --wait")?;
    assert_eq!(clients.hear()?[1], 0);

    // The engine answers 1, so it is not the command layer that is wrong.
    let traced = site.lcr("trace kv.engine.contains --args --count 2")?;
    assert_eq!(traced.matches("kv.engine.contains(keys: [").count(), 2);
    assert_eq!(traced.matches("= Ok(1)").count(), 2);

    // The fix of that one method. The engine stays as it is, and so does its map.
    site.lcr("replace libhot_fix_contains.so --reason EXISTS-counts-once")?;
    assert_eq!(clients.hear()?[0], 0);
    assert!(site.lcr("ls")?.contains("`count-each` stands around contains of kv.engine in `kv-engine-hash`"));

    // The fix is taken back, and then the version that needs it.
    site.lcr("rollback")?;
    assert_eq!(clients.hear()?[1], 0);
    site.lcr("rollback --original")?;
    assert_eq!(clients.hear()?[0], 0);

    let checked = check.stop()?;
    print!("live_kv --check, all the while:\n{checked}");
    let served = server.stop()?;
    assert!(served.contains(" 0 protocol errors, 0 faults"), "{served}");
    Ok(())
}

/// Where everything is.
struct Site {
    libraries: PathBuf,
    /// The directory of control sockets, in which there is no other program.
    sockets: TempDir,
}

impl Site {
    /// A program that begins in the directory of libraries.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.libraries).env("XDG_RUNTIME_DIR", self.sockets.path()).stdin(Stdio::null());
        command
    }

    /// Runs the command `lcr`. Returns what it printed.
    fn lcr(&self, arguments: &str) -> Result<String, BoxError> {
        println!("$ lcr {arguments}");
        let mut command = self.command(&self.libraries.join("../lcr"));
        let output = command.args(arguments.split(' ')).env_remove("LCR_SOCKET").stderr(Stdio::inherit()).output()?;
        let said = String::from_utf8(output.stdout)?;
        println!("{said}");
        if output.status.success() { Ok(said) } else { Err(format!("it ended with {}", output.status).into()) }
    }

    /// Starts `live_kv`.
    fn start(&self, arguments: &[&str]) -> Result<LiveKv, BoxError> {
        let mut command = self.command(&self.libraries.join("live_kv"));
        // Without a supervisor, signals reach the program itself.
        command.args(arguments).env("SAM_DISABLE", "1").stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(LiveKv { child, output })
    }
}

/// A process of `live_kv`. It is killed when this is dropped.
struct LiveKv {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl LiveKv {
    /// The word behind `start` in the next line.
    fn line(&mut self, start: &str) -> Result<String, BoxError> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let rest = line.strip_prefix(start).ok_or_else(|| format!("live_kv said {line:?}"))?;
        Ok(rest.split(' ').next().unwrap_or_default().to_owned())
    }

    /// Has it end, which must be with status 0. Returns what it printed.
    fn stop(mut self) -> Result<String, BoxError> {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?;
        let mut said = String::new();
        self.output.read_to_string(&mut said)?;
        let status = self.child.wait()?;
        if status.success() { Ok(said) } else { Err(format!("live_kv ended with {status}: {said}").into()) }
    }
}

impl Drop for LiveKv {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
