//! What `lcr ls` costs as a command: from the start of its process to its end, with everything printed, beside a
//! program that does nothing.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};

use lcr::{Runtime, control::Server};
use serde_json::Value;

use crate::{Outcome, show};

const ROUNDS: usize = 200;

#[lcr::interface(name = "bench.bell", version = 1)]
trait Bell {
    fn rings(&self) -> u64;
}

struct Silent;

impl Bell for Silent {
    fn rings(&self) -> u64 {
        0
    }
}

pub(crate) fn measure(socket: &Path) -> Outcome<()> {
    let lcr = build()?;
    let rt = Arc::new(Runtime::builder().build()?);
    for number in 0..20 {
        rt.provide::<dyn Bell, _>(&format!("bell-{number}"), Arc::new(Silent))?;
    }
    let server = Server::builder().path(socket).serve(&rt)?;
    let (mut nothing, mut ls, mut json) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        nothing.push(run(&mut Command::new("true"), 0)?);
        let command = || {
            let mut command = Command::new(&lcr);
            command.env("LCR_SOCKET", server.path()).arg("ls");
            command
        };
        ls.push(run(&mut command(), 20)?);
        json.push(run(command().arg("--json"), 1)?);
    }
    println!("| `lcr ls` of 20 components | median | 99 % | most |");
    show("the process `true`", &mut nothing);
    show("the process `lcr ls`", &mut ls);
    show("the process `lcr ls --json`", &mut json);
    Ok(())
}

/// Runs a command to its end, and requires so many lines.
fn run(command: &mut Command, lines: usize) -> Outcome<std::time::Duration> {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let took = began.elapsed();
    let found = output.stdout.iter().filter(|&&byte| byte == b'\n').count();
    if !output.status.success() || found < lines {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} printed {found} lines, and {said}: {}", output.status).into());
    }
    Ok(took)
}

/// Builds the command in the release profile. Cargo's output goes to the terminal.
fn build() -> Outcome<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "-p", "lcr-cli", "--bin", "lcr", "--message-format=json-render-diagnostics"]);
    let output = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("cargo could not build the command: {}", output.status).into());
    }
    let messages = output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let mut paths = messages.filter_map(|message: Value| Some(PathBuf::from(message["executable"].as_str()?)));
    let path = paths.next_back();
    path.ok_or_else(|| "cargo built no command".into())
}
