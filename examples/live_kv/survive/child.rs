//! A supervised server in a process of its own.

use std::{
    env,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{args::Args, artifacts::Artifacts, setup::Fatal};

/// How long the next instance may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The supervisor, and its present instance.
pub(crate) struct Supervised {
    child: Child,
    news: Receiver<Instance>,
    /// Reads the output, and returns the lines that announce no instance.
    reader: JoinHandle<Vec<String>>,
    pub(crate) address: SocketAddr,
    pub(crate) instance: Instance,
}

/// The line that an instance prints when it begins.
pub(crate) struct Instance {
    pub(crate) number: u32,
    pub(crate) process: Pid,
    /// How the one before it ended.
    pub(crate) before: String,
}

impl Supervised {
    /// Starts this program as a server that obeys requests for faults.
    ///
    /// # Errors
    /// The server does not serve.
    pub(crate) fn start(args: &Args, artifacts: &Artifacts, pause: Duration) -> Result<Supervised, Fatal> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--serve", "127.0.0.1:0", "--inject-faults"]);
        command.args(["--threads", &args.threads.to_string()]);
        command.args(["--replace-every", &pause.as_millis().max(1).to_string()]);
        command.arg("--components").arg(artifacts.directory().ok_or("the components are in no directory")?);
        // The table reports what happens.
        command.env_remove("SAM_DISABLE").env("SAM_LOG", "0");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?);
        let address = first_address(&mut lines);
        let (tell, news) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut rest = Vec::new();
            for line in lines.lines().map_while(Result::ok) {
                match Instance::read(&line) {
                    Some(instance) => drop(tell.send(instance)),
                    None => rest.push(line),
                }
            }
            rest
        });
        let instance = news.recv_timeout(TIMEOUT);
        match (address, instance) {
            (Ok(address), Ok(instance)) => Ok(Supervised { child, news, reader, address, instance }),
            _ => {
                child.kill()?;
                child.wait()?;
                Err("the supervised server does not serve".into())
            }
        }
    }

    /// Sends a signal to the instance, past its supervisor.
    ///
    /// # Errors
    /// The process is gone.
    pub(crate) fn signal(&self, signal: Signal) -> nix::Result<()> {
        kill(self.instance.process, signal)
    }

    /// Waits for the next instance.
    ///
    /// # Errors
    /// None comes.
    pub(crate) fn next(&mut self) -> Result<(), Fatal> {
        let next = self.news.recv_timeout(TIMEOUT).map_err(|_| "no next instance came")?;
        self.instance = next;
        Ok(())
    }

    /// Stops it as an operator does: the status, and what was printed.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub(crate) fn stop(mut self) -> Result<(ExitStatus, Vec<String>), Fatal> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        let status = self.child.wait()?;
        Ok((status, self.reader.join().map_err(|_| "the reading thread panicked")?))
    }
}

fn first_address(lines: &mut BufReader<ChildStdout>) -> io::Result<SocketAddr> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let address = line.strip_prefix("serving on ").and_then(|rest| rest.split(' ').next());
    address.and_then(|address| address.parse().ok()).ok_or_else(|| io::Error::other(line))
}

impl Instance {
    /// `instance 2 process 4711 has 10 keys from 30 records: signal 9`.
    fn read(line: &str) -> Option<Instance> {
        let (head, before) = line.strip_prefix("instance ")?.split_once(": ")?;
        let mut words = head.split(' ');
        let number = words.next()?.parse().ok()?;
        let process = words.nth(1)?.parse().ok()?;
        Some(Instance { number, process: Pid::from_raw(process), before: before.to_owned() })
    }
}
